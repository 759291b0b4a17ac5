"""A routing policy tried on questions that two models were marked on: what it costs, what it gets right, and next to what.

The router's own `decide` sends each question on its way. Beside the policy stand always the cheap model, always the strong one,
an oracle that knows every mark before, and the coin that comes to the policy's cost (`coin_rule`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ai_finops.analyse.coin_rule import CoinComparison, compare_with_coin
from ai_finops.analyse.replay_rows import ReplayRow
from ai_finops.analyse.routing_policies import (
    Kind,
    MarkedQuestions,
    ModelPrice,
    Outcome,
    Prices,
    Route,
    try_always,
    try_oracle,
    try_routes,
)
from ai_finops.errors import ReplayError
from ai_finops.instrument.reading import Reading
from ai_finops.router.decision import Decision, Request, decide
from ai_finops.router.policy import Model, Policy, TaskTypeStrategy

_SAMPLE_TOKENS = 1000
"""Prices are asked at so many tokens: below every model's dearer tier for long contexts."""
_FIRST_DAY = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of one replay."""

    policy: Policy
    cheap: Model
    strong: Model
    prices: Prices
    always_cheap: Outcome
    always_strong: Outcome
    oracle: Outcome
    routed: Outcome
    coin: CoinComparison
    strategies: Mapping[str, int]
    """Questions by the strategy that decided."""
    escalated_count: int

    @property
    def is_recommended(self) -> bool:
        """Whether the policy is surely better than a coin of its cost."""
        return self.coin.finding == "better"

    @property
    def way_to_oracle_ratio(self) -> float | None:
        """Where its accuracy lies between always cheap (0) and the oracle (1); None when these are equally right."""
        way = self.oracle.accuracy_ratio - self.always_cheap.accuracy_ratio
        return (self.routed.accuracy_ratio - self.always_cheap.accuracy_ratio) / way if way else None

    @property
    def saved_ratio(self) -> float:
        """Share of always strong's cost that it saves."""
        return 1 - self.routed.cost_usd / self.always_strong.cost_usd

    @property
    def lost_ratio(self) -> float:
        """Accuracy that it loses against always strong."""
        return self.always_strong.accuracy_ratio - self.routed.accuracy_ratio


def replay(
    rows: Sequence[ReplayRow],
    *,
    policy: Policy,
    day: date,
    output_tokens: float,
    cheap_name: str | None = None,
    strong_name: str | None = None,
    has_task_types: bool = True,
) -> Replay:
    """Try a policy on questions.

    Args:
        day: Whose list prices count, where the policy gives a model none of its own.
        output_tokens: Of an answer, on rows that do not say.
        cheap_name: The policy's model that `cheap_correct` is about; its least capable one when left out.
        strong_name: The one that `strong_correct` is about; its most capable one when left out.
        has_task_types: False: requests come without, so a policy by task type goes on to its next strategy.
    Raises:
        ReplayError: A model is not in the policy, has no price or is not the cheaper one, or the questions lack what
            the policy looks at.
    """
    cheap = _model(policy, cheap_name) if cheap_name else policy.models[0]
    strong = _model(policy, strong_name) if strong_name else policy.most_capable
    if cheap is strong:
        raise ReplayError(f"policy {policy.policy_id}: {cheap.name} is both the cheap and the strong model; name two")
    prices = Prices(*(_price(model, day=day, output_tokens=output_tokens) for model in (cheap, strong)))
    goes_by_task_type = has_task_types and any(isinstance(each, TaskTypeStrategy) for each in policy.strategies)
    if goes_by_task_type and rows and all(row.task_type is None for row in rows):
        raise _without_task_type(rows[0])
    strategies: Counter[str] = Counter()
    routed: list[tuple[MarkedQuestions, Route]] = []
    for row in rows:
        decision = decide(_request(row), policy)
        if goes_by_task_type and row.task_type is None and decision.strategy == "default":
            raise _without_task_type(row)
        _check_has(row, decision)
        strategies[decision.strategy] += row.question_count
        routed.append((_marked(row), _route(row, decision, policy, cheap=cheap, strong=strong)))
    questions = [each for each, _ in routed]
    try:
        coin = compare_with_coin(routed, prices=prices)
    except ValueError as error:
        raise ReplayError(f"policy {policy.policy_id} cannot be compared on these questions: {error}") from error
    return Replay(
        policy=policy,
        cheap=cheap,
        strong=strong,
        prices=prices,
        always_cheap=try_always(questions, is_strong=False, prices=prices),
        always_strong=try_always(questions, is_strong=True, prices=prices),
        oracle=try_oracle(questions, prices=prices),
        routed=try_routes(routed, prices=prices),
        coin=coin,
        strategies=dict(sorted(strategies.items())),
        escalated_count=sum(each.question_count for each, route in routed if route == "cheap_then_strong"),
    )


def _request(row: ReplayRow) -> Request:
    return Request(
        prompt=row.prompt or "",
        task_type=row.task_type,
        # What was not said the router estimates itself, as it does for a request.
        input_tokens=round(row.input_tokens / row.question_count) if row.has_input_tokens else None,
        complexity_score=row.complexity_score,
    )


def _marked(row: ReplayRow) -> MarkedQuestions:
    return MarkedQuestions(
        Kind(row.task_type or "", ""),
        is_cheap_right=row.is_cheap_correct,
        is_strong_right=row.is_strong_correct,
        question_count=row.question_count,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        squared_input_tokens=row.squared_input_tokens,
    )


def _route(row: ReplayRow, decision: Decision, policy: Policy, *, cheap: Model, strong: Model) -> Route:
    """Who answers: the first model, or the one above it where the first is not sure enough; as the router's course goes."""
    _check_marked(row, decision.model, cheap=cheap, strong=strong)
    above = _asked_above(decision.model, decision, policy, asked_count=1)
    if decision.model is strong:
        _check_ends(row, above, strong)
        return "strong"
    if above is None or _is_enough(row, decision):
        return "cheap"
    _check_marked(row, above, cheap=cheap, strong=strong)
    _check_ends(row, _asked_above(above, decision, policy, asked_count=2), strong)
    return "cheap_then_strong"


def _asked_above(model: Model, decision: Decision, policy: Policy, *, asked_count: int) -> Model | None:
    """Return who is asked when the answer of this model is not sure enough; None where it is not checked."""
    check = decision.check
    if check is None or model.tier not in check.escalate or asked_count >= policy.fallback.max_attempts:
        return None
    return next((each for each in decision.escalation if each.capability > model.capability), None)


def _is_enough(row: ReplayRow, decision: Decision) -> bool:
    check = decision.check
    if check is None:
        return True
    if row.confidence is not None:
        return row.confidence >= check.threshold
    if not check.is_missing_enough:
        raise ReplayError(
            f"{row.place}: it has no confidence, and the policy asks again below {check.threshold:g}; give a column "
            "confidence, or say in the policy that an answer without one is good enough"
        )
    return True


def _check_ends(row: ReplayRow, above: Model | None, strong: Model) -> None:
    """Raise where the strong model's own answer would be checked: of that there is neither a confidence nor a mark above."""
    if above is not None:
        raise ReplayError(
            f"{row.place}: the policy checks the answer of {strong.name} too and goes on to {above.name}, which the questions "
            "have no marks of; name the last model with --strong, or replay a policy that ends there"
        )


def _check_marked(row: ReplayRow, model: Model, *, cheap: Model, strong: Model) -> None:
    if model is not cheap and model is not strong:
        raise ReplayError(
            f"{row.place}: the policy sends it to {model.name}, and the questions have marks of {cheap.name} and "
            f"{strong.name} alone; name others with --cheap and --strong, or replay a policy of these two"
        )


def _without_task_type(row: ReplayRow) -> ReplayError:
    return ReplayError(
        f"{row.place}: it has no task_type, which the policy goes by; name the column with --column task_type=<column>, or "
        "where files are named by task type the words before it with --task-type-prefix, or say --no-task-types where requests "
        "come without"
    )


def _check_has(row: ReplayRow, decision: Decision) -> None:
    """Raise where a row lacks what decided about it."""
    if decision.complexity is not None and row.prompt is None and row.complexity_score is None:
        raise ReplayError(f"{row.place}: it has no prompt and no complexity_score, and the policy goes by complexity")


def _model(policy: Policy, name: str) -> Model:
    try:
        return policy.model(name)
    except KeyError:
        known = ", ".join(model.name for model in policy.models)
        raise ReplayError(f"policy {policy.policy_id} has no model {name}; it has {known}") from None


def _price(model: Model, *, day: date, output_tokens: float) -> ModelPrice:
    """Return a model's price: the policy's own, else the catalog's of that day.

    Raises:
        ReplayError: Nobody has a price for it.
    """
    if model.price is not None:
        return ModelPrice(model.price.input_usd_per_mtok, model.price.output_usd_per_mtok, output_tokens)
    rates = [
        _list_price(model, Reading(provider_name=model.provider_name, **tokens), day=day)
        for tokens in (
            {"input_tokens": _SAMPLE_TOKENS, "output_tokens": 0},
            {"input_tokens": 0, "output_tokens": _SAMPLE_TOKENS},
        )
    ]
    return ModelPrice(*rates, output_tokens)


def _list_price(model: Model, reading: Reading, *, day: date) -> float:
    from ai_finops.instrument.price import estimate_cost_usd

    usd, gap = estimate_cost_usd(reading, model=model.model_id, day_number=(day - _FIRST_DAY).days)
    if usd is None:
        raise ReplayError(
            f"model {model.name} ({model.provider_name}, {model.model_id}) has no price on {day}: {gap}; give it one in "
            "the policy (price)"
        )
    return usd / _SAMPLE_TOKENS * 1e6
