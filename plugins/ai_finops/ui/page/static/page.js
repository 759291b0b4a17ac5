// Shows a picture's values beside the pointer and, with the arrow keys, place by place. Without it the titles do the first.
"use strict";
for (const plot of document.querySelectorAll(".plot")) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("role", "status");
  plot.append(tip);
  plot.tabIndex = 0;
  plot.setAttribute("role", "group");
  const caption = plot.closest("figure").querySelector("figcaption");
  plot.setAttribute("aria-label", `${caption.textContent}: arrow keys go through its values`);
  const places = new Map();
  for (const svg of plot.querySelectorAll("svg")) {
    const own = [...svg.querySelectorAll(".place")];
    for (const place of own) {
      const title = place.querySelector("title");
      place.words = title.textContent;
      title.remove();
    }
    places.set(svg, own);
  }
  let current = -1;
  const shown = () => places.get([...places.keys()].find((svg) => svg.getBoundingClientRect().width > 0)) ?? [];
  const hide = () => {
    tip.hidden = true;
    for (const place of plot.querySelectorAll(".place.on")) place.classList.remove("on");
  };
  const show = (place) => {
    hide();
    place.classList.add("on");
    tip.textContent = place.words;
    tip.hidden = false;
    const frame = plot.getBoundingClientRect();
    const box = place.querySelector(".hit").getBoundingClientRect();
    const left = Math.min(Math.max(box.left + box.width / 2 - frame.left - tip.offsetWidth / 2, 0), frame.width - tip.offsetWidth);
    const isTall = box.height > frame.height / 2;
    tip.style.left = `${Math.max(left, 0)}px`;
    tip.style.top = isTall ? "0px" : `${box.bottom - frame.top + 2}px`;
  };
  plot.addEventListener("pointermove", (event) => {
    const place = event.target.closest(".place");
    if (place) show(place);
    else hide();
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const own = shown();
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Escape") return hide();
    if (event.key === "Home") current = 0;
    else if (event.key === "End") current = own.length - 1;
    else if (event.key in moves) current = Math.min(Math.max(current + moves[event.key], 0), own.length - 1);
    else return;
    event.preventDefault();
    if (own[current]) show(own[current]);
  });
}
// An open filter closes by Escape and when another place is pressed.
for (const field of document.querySelectorAll("details.field")) {
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      field.open = false;
      field.querySelector("summary").focus();
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!field.contains(event.target)) field.open = false;
  });
}
