"""How often the rule of the coin recommends a policy that knows nothing: `make bench BENCH=coin_rule`.

800 questions whose lengths are lognormal, with marks and routes by chance. Asked one by one, and counted in rows by route and
marks: with the squares of their lengths, without, and as if all questions of a row were equally long.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

from ai_finops.analyse.coin_rule import compare_with_coin
from ai_finops.analyse.routing_policies import Kind, MarkedQuestions, ModelPrice, Prices, Route

PRICES = Prices(ModelPrice(1, 1, 10), ModelPrice(10, 10, 10))
TRIALS, QUESTIONS = 400, 800
Routed = list[tuple[MarkedQuestions, Route]]


def by_chance(draw: random.Random, *, sigma: float, count: int = QUESTIONS) -> Routed:
    """Return questions whose route has nothing to do with their marks."""
    routed: Routed = []
    for _ in range(count):
        length = draw.lognormvariate(6, sigma)
        marks = draw.random() < 0.3, draw.random() < 0.9
        route: Route = "cheap" if draw.random() < 0.5 else "strong"
        routed.append((MarkedQuestions(Kind("", ""), *marks, 1, length), route))
    return routed


def in_rows(routed: Routed, *, squares: Callable[[Sequence[float]], float | None]) -> Routed:
    """Count questions of one route and the same marks together."""
    rows: dict[tuple[bool, bool, Route], list[float]] = defaultdict(list)
    for each, route in routed:
        rows[each.is_cheap_right, each.is_strong_right, route].append(each.input_tokens)
    return [
        (MarkedQuestions(Kind("", ""), cheap, strong, len(lengths), sum(lengths), None, squares(lengths)), route)
        for (cheap, strong, route), lengths in rows.items()
    ]


def squared(lengths: Sequence[float]) -> float:
    return sum(length**2 for length in lengths)


def equal(lengths: Sequence[float]) -> float:
    return sum(lengths) ** 2 / len(lengths)


def main() -> None:
    """Print a line for each spread of the lengths."""
    for sigma in (0.5, 1.0, 1.5):
        draw = random.Random(9)
        better: dict[str, int] = defaultdict(int)
        for _ in range(TRIALS):
            single = by_chance(draw, sigma=sigma)
            ways = {
                "one by one": single,
                "rows with squares": in_rows(single, squares=squared),
                "rows without": in_rows(single, squares=lambda _: None),
                "rows as if equally long": in_rows(single, squares=equal),
            }
            for name, routed in ways.items():
                better[name] += compare_with_coin(routed, prices=PRICES).finding == "better"
        said = ", ".join(f"{name} {better[name] / TRIALS:.1%}" for name in ways)
        print(f"sigma {sigma}: recommended {said}", flush=True)


if __name__ == "__main__":
    main()
