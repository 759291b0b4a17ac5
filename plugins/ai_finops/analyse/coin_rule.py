"""Whether a way of routing knows more than a coin flip between the two models that comes to the same cost, or only seems to.

The coin sends each question to the strong model with the one probability at which the bill is the same. On each question
the route is right or not, and the coin is right in a share of its flips; the difference of the two, question by question, has
a mean and an error. The probability is itself made of the questions' costs, which the error takes in (delta method), those of
questions that share a row too: by the squares of their lengths. Where these are not known nothing is called better.

A coin cannot be better than the better of the two models where that is also no dearer, so a route is held against that too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, isnan, nan, sqrt
from statistics import NormalDist
from typing import Literal

from ai_finops.analyse.routing_policies import MarkedQuestions, Prices, Route, route_cost_usd

Z_95 = NormalDist().inv_cdf(0.975)
LEAST_DIFFERING_COUNT = 30
"""Questions that only one model got right; with fewer no interval of a normal distribution means anything."""
_NOTHING = 1e-12
Finding = Literal["better", "within_noise", "unknown_spread", "too_few", "dominated", "no_better"]


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
    dominated_by: Literal["cheap", "strong"] | None
    """The model that, asked always, is right as often or more and costs no more."""
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
    pulls = [-pull * _overspent(each, route, probability, prices) for each, route in routed]
    differences = [
        _difference(each, route, probability) + moved for (each, route), moved in zip(routed, pulls, strict=True)
    ]
    spreads = [pull**2 * _cost_spread(each, route, probability, prices) if pull else 0.0 for each, route in routed]
    mean, margin = _mean_and_margin(routed, differences, spread=fsum(x for x in spreads if not isnan(x)))
    right_by_cheap = sum(each.question_count * each.is_cheap_right for each, _ in routed) / count
    coin = right_by_cheap + probability * gain
    dominated_by = _dominated_by(coin + mean, spent, extra, cheap=right_by_cheap, strong=right_by_cheap + gain)
    low = mean - margin
    if gain < 0:  # always cheap is better than any coin, so the route has to be surely better than that
        low = min(low, _low_above_cheap(routed))
    differing = sum(each.question_count for each, _ in routed if each.is_cheap_right != each.is_strong_right)
    return CoinComparison(
        strong_probability=probability,
        coin_accuracy_ratio=coin,
        difference_ratio=mean,
        low_ratio=mean - margin,
        high_ratio=mean + margin,
        dominated_by=dominated_by,
        differing_count=differing,
        finding=_finding(
            mean,
            low=low,
            differing_count=differing,
            is_dominated=dominated_by is not None,
            is_spread_known=not any(map(isnan, spreads)),
        ),
    )


def _finding(mean: float, *, low: float, differing_count: int, is_dominated: bool, is_spread_known: bool) -> Finding:
    if mean <= _NOTHING:
        return "no_better"
    if is_dominated:
        return "dominated"
    if differing_count < LEAST_DIFFERING_COUNT:
        return "too_few"
    if low <= _NOTHING:
        return "within_noise"
    return "better" if is_spread_known else "unknown_spread"


def _mean_and_margin(
    routed: Sequence[tuple[MarkedQuestions, Route]], differences: Sequence[float], *, spread: float = 0.0
) -> tuple[float, float]:
    """Return the mean of the questions' differences, a value of each row, and half of its 95 % interval.

    Args:
        spread: Sum of squares of what the questions of a row differ by among themselves.
    """
    weights = [each.question_count for each, _ in routed]
    count = sum(weights)
    mean = fsum(w * x for w, x in zip(weights, differences, strict=True)) / count
    square = fsum(w * (x - mean) ** 2 for w, x in zip(weights, differences, strict=True)) + spread
    return mean, Z_95 * sqrt(square / (count - 1) / count)


def _dominated_by(
    accuracy: float, spent: float, extra: float, *, cheap: float, strong: float
) -> Literal["cheap", "strong"] | None:
    if cheap >= accuracy - _NOTHING and spent >= -_NOTHING * extra:
        return "cheap"
    return "strong" if strong >= accuracy - _NOTHING and spent >= extra * (1 - _NOTHING) else None


def _low_above_cheap(routed: Sequence[tuple[MarkedQuestions, Route]]) -> float:
    mean, margin = _mean_and_margin(routed, [_difference(each, route, 0.0) for each, route in routed])
    return mean - margin


def _difference(each: MarkedQuestions, route: Route, probability: float) -> float:
    """Accuracy of the route on a question less that of the coin."""
    right = each.is_cheap_right if route == "cheap" else each.is_strong_right
    return right - each.is_cheap_right - probability * (each.is_strong_right - each.is_cheap_right)


def _overspent(each: MarkedQuestions, route: Route, probability: float, prices: Prices) -> float:
    """What the route costs on one question more than the coin does; of all questions together it is nothing."""
    cheap, strong = _cost(each, "cheap", prices), _cost(each, "strong", prices)
    return (_cost(each, route, prices) - cheap - probability * (strong - cheap)) / each.question_count


def _cost_spread(each: MarkedQuestions, route: Route, probability: float, prices: Prices) -> float:
    """Sum of squares of what the questions of a row overspend more or less than their mean; NaN where it is not known.

    They differ by their lengths alone: answers of a row are as long as each other.
    """
    cheap, strong = (price.input_usd_per_mtok / 1e6 for price in (prices.cheap, prices.strong))
    paid = {"cheap": cheap, "strong": strong, "cheap_then_strong": cheap + strong}[route]
    usd_per_token = paid - cheap - probability * (strong - cheap)
    if each.question_count == 1 or usd_per_token == 0:
        return 0.0
    if each.squared_input_tokens is None:
        return nan
    return usd_per_token**2 * max(0.0, each.squared_input_tokens - each.input_tokens**2 / each.question_count)


def _cost(each: MarkedQuestions, route: Route, prices: Prices) -> float:
    return route_cost_usd(each, route, prices=prices)
