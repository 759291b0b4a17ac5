"""Which kinds of question a cheap model may answer: chosen on questions that both models were marked on, tried on others.

A kind is a task type and a complexity, which is all that is known before a model is called. A policy names the kinds that go to
the cheap model; whatever it does not name goes to the strong one, so a kind that nobody has seen costs money and no quality.

**What a route loses** is the share of questions that the strong model got right less that of the cheap one. A kind with few
questions tells little by itself: its loss is drawn towards that of its task type, and that towards all questions', as if
`PRIOR_COUNT` questions of the wider group had been seen in it too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import fsum, inf
from typing import Literal, NamedTuple

PRIOR_COUNT = 50
"""Questions of the wider group that a kind's loss begins with; a starting value and not derived."""


class Kind(NamedTuple):
    """What is known of a question before a model answers it."""

    task_type: str
    complexity: str


@dataclass(frozen=True, slots=True)
class MarkedQuestions:
    """Questions of one kind on which the two models had the same marks, and their length."""

    kind: Kind
    is_cheap_right: bool
    is_strong_right: bool
    question_count: int
    input_tokens: float
    """Of all of them together."""
    output_tokens: float | None = None
    """Of all answers together; None: as many as each model's price assumes."""
    squared_input_tokens: float | None = None
    """Sum of the squares of each question's length; None: not known, but of a single question it is."""


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """List price of a model, and how much it answers."""

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    output_tokens_per_answer: float

    def cost_usd(self, questions: MarkedQuestions) -> float:
        """Cost of answering these questions."""
        output_tokens = questions.output_tokens
        if output_tokens is None:
            output_tokens = questions.question_count * self.output_tokens_per_answer
        return (questions.input_tokens * self.input_usd_per_mtok + output_tokens * self.output_usd_per_mtok) / 1e6


@dataclass(frozen=True, slots=True)
class Prices:
    """What the two models cost."""

    cheap: ModelPrice
    strong: ModelPrice


@dataclass(frozen=True, slots=True)
class Outcome:
    """A way of routing, tried on questions."""

    question_count: int
    accuracy_ratio: float
    cost_usd: float
    strong_share_ratio: float
    """Share of the questions that the strong model answered."""


Route = Literal["cheap", "strong", "cheap_then_strong"]
"""Who is asked; the last one's answer counts, and both are paid."""


def choose_cheap_kinds(
    train: Iterable[MarkedQuestions], *, prices: Prices, smallest_kept_ratio: float, prior_count: float = PRIOR_COUNT
) -> frozenset[Kind]:
    """Choose the kinds to answer cheaply, so that the accuracy stays at `smallest_kept_ratio` of always the strong model's.

    Kinds move in the order of dollars saved per right answer lost, those that lose none first. One that would break the limit
    stays, and a smaller one after it may still move.

    Args:
        train: Questions with both marks.
        prices: Of the two models; where the cheap one is not cheaper for a kind, that kind stays.
        smallest_kept_ratio: Share, 0 to 1, of the strong model's right answers to be kept on `train`, by the drawn losses.
        prior_count: Questions of the wider group that each loss begins with.
    """
    by_kind = _by_kind(train)
    losses = _losses(by_kind, prior_count=prior_count)
    counts = {kind: sum(each.question_count for each in questions) for kind, questions in by_kind.items()}
    saved = {kind: sum(_saved_usd(each, prices) for each in questions) for kind, questions in by_kind.items()}
    lost = {kind: losses[kind] * counts[kind] for kind in by_kind}
    strong_right = sum(
        each.question_count for questions in by_kind.values() for each in questions if each.is_strong_right
    )
    budget = (1 - smallest_kept_ratio) * strong_right
    chosen = []
    for kind in sorted(by_kind, key=lambda kind: (-_worth(saved[kind], lost[kind]), kind)):
        if saved[kind] > 0 and lost[kind] <= budget + 1e-9:
            budget -= lost[kind]
            chosen.append(kind)
    return frozenset(chosen)


def try_policy(questions: Iterable[MarkedQuestions], *, cheap_kinds: frozenset[Kind], prices: Prices) -> Outcome:
    """Answer kinds of `cheap_kinds` with the cheap model and all others with the strong one."""
    return _try(questions, prices=prices, is_strong=lambda each: each.kind not in cheap_kinds)


def try_always(questions: Iterable[MarkedQuestions], *, is_strong: bool, prices: Prices) -> Outcome:
    """Answer each question with the same model."""
    return _try(questions, prices=prices, is_strong=lambda _: is_strong)


def try_oracle(questions: Iterable[MarkedQuestions], *, prices: Prices) -> Outcome:
    """Ask the strong model only where it is right and the cheap one is not: more than anybody can know before."""
    return _try(questions, prices=prices, is_strong=lambda each: each.is_strong_right and not each.is_cheap_right)


def coin_accuracy_ratio(cost_usd: float, *, cheap: Outcome, strong: Outcome) -> float:
    """Return the accuracy of a coin that sends as many questions to the strong model as come to the same cost.

    A policy that knows anything is better. It lies on the straight line between always `cheap` and always `strong`.
    """
    if strong.cost_usd == cheap.cost_usd:
        return cheap.accuracy_ratio
    share = (cost_usd - cheap.cost_usd) / (strong.cost_usd - cheap.cost_usd)
    return cheap.accuracy_ratio + share * (strong.accuracy_ratio - cheap.accuracy_ratio)


def try_routes(routed: Iterable[tuple[MarkedQuestions, Route]], *, prices: Prices) -> Outcome:
    """Answer each of the questions by its own route.

    Raises:
        ValueError: There are no questions.
    """
    count = right = strong_count = 0
    costs = []
    for each, route in routed:
        is_strong = route != "cheap"
        count += each.question_count
        strong_count += each.question_count * is_strong
        right += each.question_count * (each.is_strong_right if is_strong else each.is_cheap_right)
        costs.append(route_cost_usd(each, route, prices=prices))
    if not count:
        raise ValueError("a way of routing cannot be tried on no questions")
    # `fsum` is exact, so the order of the questions is nothing to the sum.
    return Outcome(count, right / count, fsum(costs), strong_count / count)


def route_cost_usd(questions: MarkedQuestions, route: Route, *, prices: Prices) -> float:
    """Return what asking these questions along a route costs."""
    cheap = prices.cheap.cost_usd(questions) if route != "strong" else 0.0
    return cheap + (prices.strong.cost_usd(questions) if route != "cheap" else 0.0)


def _try(
    questions: Iterable[MarkedQuestions], *, prices: Prices, is_strong: Callable[[MarkedQuestions], bool]
) -> Outcome:
    return try_routes(((each, "strong" if is_strong(each) else "cheap") for each in questions), prices=prices)


def _by_kind(questions: Iterable[MarkedQuestions]) -> dict[Kind, list[MarkedQuestions]]:
    found: dict[Kind, list[MarkedQuestions]] = defaultdict(list)
    for each in sorted(questions, key=lambda each: (each.kind, each.is_cheap_right, each.is_strong_right)):
        found[each.kind].append(each)
    return dict(found)


def _losses(by_kind: Mapping[Kind, list[MarkedQuestions]], *, prior_count: float) -> dict[Kind, float]:
    """Right answers lost per question of each kind, drawn towards its task type's, and that towards all questions'."""
    by_task: dict[str, list[MarkedQuestions]] = defaultdict(list)
    for kind, questions in by_kind.items():
        by_task[kind.task_type] += questions
    overall = _drawn([each for questions in by_task.values() for each in questions], towards=0.0, prior_count=0)
    tasks = {task: _drawn(questions, towards=overall, prior_count=prior_count) for task, questions in by_task.items()}
    return {
        kind: _drawn(questions, towards=tasks[kind.task_type], prior_count=prior_count)
        for kind, questions in by_kind.items()
    }


def _drawn(questions: Iterable[MarkedQuestions], *, towards: float, prior_count: float) -> float:
    lost = count = 0
    for each in questions:
        lost += each.question_count * (each.is_strong_right - each.is_cheap_right)
        count += each.question_count
    return (lost + prior_count * towards) / (count + prior_count) if count + prior_count else 0.0


def _saved_usd(questions: MarkedQuestions, prices: Prices) -> float:
    return prices.strong.cost_usd(questions) - prices.cheap.cost_usd(questions)


def _worth(saved_usd: float, lost_count: float) -> float:
    return saved_usd / lost_count if lost_count > 0 else inf
