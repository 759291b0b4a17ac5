"""Whether a way of routing knows more than a coin flip between the two models that comes to the same cost, or only seems to.

The coin sends each question to the strong model with the one probability at which the bill is the same. On each question
the route is right or not, and the coin is right in a share of its flips; the difference of the two, question by question, has
a mean and an error. The probability is itself made of the questions' costs, which the error takes in (delta method).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt
from statistics import NormalDist
from typing import Literal

from ai_finops.analyse.routing_policies import MarkedQuestions, Prices, Route, route_cost_usd

Z_95 = NormalDist().inv_cdf(0.975)
LEAST_DIFFERING_COUNT = 30
"""Questions that only one model got right; with fewer no interval of a normal distribution means anything."""
_NOTHING = 1e-12
Finding = Literal["better", "within_noise", "too_few", "no_better"]


@dataclass(frozen=True, slots=True)
class CoinComparison:
    """A way of routing beside the coin of its cost."""

    strong_probability: float
    """At which the coin costs the same; 1 where the route costs as much as always the strong model, or more."""
    coin_accuracy_ratio: float
    difference_ratio: float
    """Accuracy of the route less that of the coin."""
    low_ratio: float
    """Low end of the difference's 95 % interval."""
    high_ratio: float
    differing_count: int
    """Questions that only one of the models got right: all others tell nothing of any route."""
    finding: Finding


def compare_with_coin(routed: Sequence[tuple[MarkedQuestions, Route]], *, prices: Prices) -> CoinComparison:
    """Hold a way of routing against the coin of its cost.

    Raises:
        ValueError: There are fewer than two questions, or the strong model is not dearer on them.
    """
    count = sum(each.question_count for each, _ in routed)
    extra = fsum(_cost(each, "strong", prices) - _cost(each, "cheap", prices) for each, _ in routed)
    if count < 2 or extra <= 0:
        raise ValueError("a coin needs two questions or more, and a strong model that costs more than the cheap one")
    spent = fsum(_cost(each, route, prices) - _cost(each, "cheap", prices) for each, route in routed)
    probability = min(1.0, max(0.0, spent / extra))
    gain = sum(each.question_count * (each.is_strong_right - each.is_cheap_right) for each, _ in routed) / count
    # A probability that is held at 1 does not move with the costs of the questions.
    pull = gain * count / extra if 0 < probability < 1 else 0.0
    differences = [
        _difference(each, route, probability) - pull * _overspent(each, route, probability, prices)
        for each, route in routed
    ]
    weights = [each.question_count for each, _ in routed]
    mean = fsum(w * x for w, x in zip(weights, differences, strict=True)) / count
    square = fsum(w * (x - mean) ** 2 for w, x in zip(weights, differences, strict=True))
    margin = Z_95 * sqrt(square / (count - 1) / count)
    right_by_cheap = sum(each.question_count * each.is_cheap_right for each, _ in routed) / count
    differing = sum(each.question_count for each, _ in routed if each.is_cheap_right != each.is_strong_right)
    return CoinComparison(
        strong_probability=probability,
        coin_accuracy_ratio=right_by_cheap + probability * gain,
        difference_ratio=mean,
        low_ratio=mean - margin,
        high_ratio=mean + margin,
        differing_count=differing,
        finding=_finding(mean, low=mean - margin, differing_count=differing),
    )


def _finding(mean: float, *, low: float, differing_count: int) -> Finding:
    if mean <= _NOTHING:
        return "no_better"
    if differing_count < LEAST_DIFFERING_COUNT:
        return "too_few"
    return "better" if low > _NOTHING else "within_noise"


def _difference(each: MarkedQuestions, route: Route, probability: float) -> float:
    """Accuracy of the route on a question less that of the coin."""
    right = each.is_cheap_right if route == "cheap" else each.is_strong_right
    return right - each.is_cheap_right - probability * (each.is_strong_right - each.is_cheap_right)


def _overspent(each: MarkedQuestions, route: Route, probability: float, prices: Prices) -> float:
    """What the route costs on one question more than the coin does; of all questions together it is nothing."""
    cheap, strong = _cost(each, "cheap", prices), _cost(each, "strong", prices)
    return (_cost(each, route, prices) - cheap - probability * (strong - cheap)) / each.question_count


def _cost(each: MarkedQuestions, route: Route, prices: Prices) -> float:
    return route_cost_usd(each, route, prices=prices)
