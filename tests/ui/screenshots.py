"""Take the pictures of docs/images/: every view of the published marts at 1280 pixels, some of them on a phone and dark.

    python -m tests.ui.screenshots [home] [images]

`home` is where the marts are published, by default `var/`; the day that their age is counted to is that of their clock.
`images` is where the pictures go, by default docs/images/; then docs/page.md gets a link to each.
"""

from __future__ import annotations

import io
import math
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import numpy
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from ai_finops.config import REPOSITORY, Settings
from ai_finops.ui.published import open_build
from ai_finops.ui.views import TITLES, VIEWS
from tests.ui.chromium import ARGUMENTS, chromium_path, serve
from tests.ui.conftest import make_root

IMAGES = REPOSITORY / "docs" / "images"
PAGE = REPOSITORY / "docs" / "page.md"
TALLEST = 1800
"""Pixels of one picture; a longer view is cut into several."""
MOST_PICTURES = 3
"""Of one view; below lie tables, which the third has shown already."""
MOST_BYTES = 150_000
COLOURS = (255, 128, 64, 32)
"""How many a picture may have, the most that keep it small."""
ON_A_PHONE = ("weekly", "features")
DARK = ("weekly", "projection")
_BEGIN, _END = "<!-- pictures, written by make screenshots -->", "<!-- end of the pictures -->"


def take(
    browser: Browser, address: str, folder: Path, *, name: str, width: int = 1280, scheme: str = "light"
) -> Iterator[Path]:
    """Write a view as `page-<name>.png`, what does not fit into it as `page-<name>-2.png` and on; yield the files."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(address)
    whole = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    page.close()
    for number, (top, bottom) in enumerate(cuts(whole.height), start=1):
        part = whole.crop((0, top, whole.width, bottom))
        file = folder / f"page-{name}{f'-{number}' if number > 1 else ''}.png"
        save_small(part, file)
        print(f"{file.name}  {part.width} x {part.height}  {file.stat().st_size:,} bytes")
        yield file


def cuts(height: int) -> list[tuple[int, int]]:
    """Return from where to where each picture of a view goes, all about as tall: a last one of a few lines tells nothing."""
    shown = min(height, TALLEST * MOST_PICTURES)
    part = math.ceil(shown / math.ceil(shown / TALLEST))
    return [(top, min(top + part, shown)) for top in range(0, shown, part)]


def save_small(image: Image.Image, file: Path) -> None:
    """Write a picture with few colours, so that it stays small.

    Raises:
        ValueError: It is too large even with the fewest.
    """
    for colours in COLOURS:
        with_colours(image, colours).save(file, optimize=True)
        if file.stat().st_size <= MOST_BYTES:
            return
    raise ValueError(f"{file.name} has {file.stat().st_size:,} bytes with {colours} colours; take less of the view")


def with_colours(image: Image.Image, colours: int) -> Image.Image:
    """Return the picture with no more than so many of its own colours; averages would shift its grounds.

    Three quarters are those that it has most of; the others lie farthest from all before them, as the swatch of a legend
    does. What is between, at the edges of letters, becomes the nearest.
    """
    pixels = numpy.asarray(image.convert("RGB"), dtype=numpy.int64)
    own, places, counts = numpy.unique(
        pixels @ numpy.array([1 << 16, 1 << 8, 1]), return_inverse=True, return_counts=True
    )
    found = numpy.stack([own >> 16, (own >> 8) & 255, own & 255], axis=1)
    kept = list(numpy.argsort(-counts, kind="stable")[: max(1, colours * 3 // 4)])
    away = numpy.array([((found - found[each]) ** 2).sum(axis=1) for each in kept])
    nearest, distance = away.argmin(axis=0), away.min(axis=0)
    while len(kept) < colours and distance.max() > 0:
        kept.append(distance.argmax())
        to_newest = ((found - found[kept[-1]]) ** 2).sum(axis=1)
        nearest = numpy.where(to_newest < distance, len(kept) - 1, nearest)
        distance = numpy.minimum(distance, to_newest)
    reduced = Image.fromarray(nearest[places].reshape(pixels.shape[:2]).astype(numpy.uint8), "P")
    reduced.putpalette(found[kept].astype(numpy.uint8).tobytes())
    return reduced


def links(names: Iterable[str]) -> str:
    """Return a line of Markdown for each view, with a link to each of its pictures.

    Args:
        names: Of files, `page-weekly.png`; the first of the first view is not linked but shown, at the top of the page.
    """
    by_view: dict[str, list[str]] = {}
    for name in sorted(names, key=_order):
        by_view.setdefault(_view_of(name), []).append(name)
    return "\n".join(
        f"- {TITLES[slug]}: {', '.join(f'[{_words(name)}](images/{name})' for name in own)}"
        for slug, own in by_view.items()
    )


def write_links(page: Path, names: Iterable[str]) -> None:
    """Put the links between the two comments that docs/page.md has for them."""
    text = page.read_text(encoding="utf-8")
    begin, end = text.index(_BEGIN) + len(_BEGIN), text.index(_END)
    page.write_text(f"{text[:begin]}\n{links(names)}\n{text[end:]}", encoding="utf-8")


def _view_of(name: str) -> str:
    return name.removeprefix("page-").removesuffix(".png").partition("-")[0]


def _order(name: str) -> tuple[int, bool, bool, int]:
    return list(TITLES).index(_view_of(name)), "-phone" in name, "-dark" in name, _number(name)


def _number(name: str) -> int:
    """Return which picture of its view it is, from 1 on."""
    number = re.search(r"-(\d+)\.png$", name)
    return int(number[1]) if number else 1


def _words(name: str) -> str:
    kind = "on a phone" if "-phone" in name else "in the dark" if "-dark" in name else ""
    number = _number(name)
    return f"{kind} ({number})" if kind and number > 1 else kind or str(number)


def main(home: Path, images: Path) -> None:
    settings = Settings.from_env({"AI_FINOPS_HOME": str(home)})
    with open_build(settings) as (_, build):
        today: date = build.as_of_date
    images.mkdir(parents=True, exist_ok=True)
    made: list[Path] = []
    with serve(make_root(settings, today=today)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        shots = [
            *((slug, {"name": slug}) for slug in VIEWS),
            *((slug, {"name": f"{slug}-phone", "width": 390}) for slug in ON_A_PHONE),
            *((slug, {"name": f"{slug}-dark", "scheme": "dark"}) for slug in DARK),
        ]
        for slug, how in shots:
            made += take(browser, f"{address}/ai-cost/{slug}", images, **how)
        browser.close()
    for old in set(images.glob("page-*.png")) - set(made):
        old.unlink()
    if images == IMAGES:
        write_links(PAGE, [file.name for file in made])


if __name__ == "__main__":
    home, images = (*map(Path, sys.argv[1:3]), *(REPOSITORY / "var", IMAGES)[len(sys.argv[1:3]) :])
    main(home, images)
