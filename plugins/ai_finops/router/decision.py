"""Which model a request goes to first, and what follows: a pure function of request and policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, NamedTuple

from ai_finops.router.complexity import TOKENS_OF_FULL_LENGTH, Complexity, measure_complexity
from ai_finops.router.policy import (
    ComplexityStrategy,
    ConfidenceStrategy,
    Model,
    Policy,
    TaskTypeStrategy,
)

_DEEPEST = 5
"""Levels in which a prompt is looked for texts: a list of messages, of parts, of texts."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: str
    """`user` or `assistant`; instructions are the request's `system`."""
    text: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. Of it `decide` reads the task type, the text, and what is known of its length and complexity."""

    prompt: str | Sequence[Message] = ""
    system: str | None = None
    """Instructions; no part of the text whose complexity counts, as they are the same in every request."""
    task_type: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    input_tokens: int | None = None
    """Length where it is known; else it is estimated from the text."""
    complexity_score: float | None = None
    """0 to 1 where it is known, as in a replay of logs that hold no texts; then the text is not looked at."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """More for the client, by provider name: what `{"openai": {"seed": 1}}` holds goes to models of that provider only."""

    @property
    def text(self) -> str:
        """All that was said in the conversation, the instructions aside."""
        prompt = self.prompt
        return prompt if isinstance(prompt, str) else _words_of(prompt)


class Decision(NamedTuple):
    """Where a request begins, why, and what is asked next. A named tuple: it is made for each request."""

    policy_id: str
    policy_version: str
    strategy: str
    """The strategy that chose the tier: `task_type`, `complexity`, `confidence` or `default`."""
    reason: str
    """Why, in a few words of which there are not many: `task type extraction`, `complexity below 0.35, most by length`."""
    tier: str
    """Of `model`; another one than the strategy chose when that tier has no healthy model."""
    model: Model
    """Asked first."""
    escalation: tuple[Model, ...] = ()
    """Asked in this order as long as the answer before is not confident enough; without the unhealthy."""
    check: ConfidenceStrategy | None = None
    """How the first answer is checked; None: it is taken as it is."""
    complexity: Complexity | None = None
    """Set where a complexity strategy was asked, whether it decided or not."""
    is_rerouted: bool = False
    """Whether the tier's first model was passed over because it is unhealthy, or all are."""


def decide(request: Request, policy: Policy, *, unhealthy: frozenset[str] = frozenset()) -> Decision:
    """Choose the model that is asked first and those that follow. Never raises, and the same every time.

    Args:
        unhealthy: Names of models in the policy that are not to be asked. When it names all, the most capable is chosen: one
            has to be tried.
    """
    strategy, reason, tier, complexity = _choose_tier(request, policy)
    first = policy.tiers[tier].models[0]
    healthy = _healthy_model(policy, tier, unhealthy) if unhealthy else first
    model = healthy or policy.most_capable
    is_rerouted = healthy is not first
    if is_rerouted:
        reason = f"{reason}; then unhealthy" if healthy else f"{reason}; then all unhealthy"
    check = policy.confidence
    if check is not None and not (check.checks_every_answer or strategy == "confidence"):
        check = None
    escalation = _escalation(policy, check, model.tier, unhealthy) if check else ()
    return Decision(
        policy.policy_id, policy.version, strategy, reason, model.tier, model,
        escalation, check if escalation else None, complexity, is_rerouted,
    )  # fmt: skip


def _choose_tier(request: Request, policy: Policy) -> tuple[str, str, str, Complexity | None]:
    """Ask the strategies in order: which of them decided, why, the tier, and the complexity if it was measured."""
    complexity = None
    for strategy in policy.strategies:
        if isinstance(strategy, TaskTypeStrategy):
            task_type = request.task_type
            tier = strategy.tiers.get(task_type) if isinstance(task_type, str) else None
            if tier is not None:
                return "task_type", f"task type {task_type}", tier, complexity
        elif isinstance(strategy, ComplexityStrategy):
            complexity = _complexity(request, strategy)
            tier, words = _step(strategy, complexity.score)
            if tier is not None:
                known = _number_or_none(request.complexity_score) is not None
                return "complexity", words if known else f"{words}, most by {complexity.largest_part}", tier, complexity
        else:
            return "confidence", "confidence first", strategy.first_tier, complexity
    return "default", "no strategy decides", policy.default_tier, complexity


def _complexity(request: Request, strategy: ComplexityStrategy) -> Complexity:
    score = _number_or_none(request.complexity_score)
    if score is not None:
        return Complexity(score)
    tokens = _number_or_none(request.input_tokens)
    if tokens is not None:
        tokens = min(tokens, TOKENS_OF_FULL_LENGTH)
    return measure_complexity(request.text, scale=strategy.scale, input_tokens=tokens)


def _number_or_none(value: Any) -> Any:
    """Return a number as it is; None for what is none, NaN among it: the text is measured then."""
    return value if isinstance(value, Real) and value == value else None


def _words_of(prompt: Any, depth: int = 0) -> str:
    """Return the text of what is no text: messages, objects of ours or the dicts of an SDK; what holds none is empty."""
    text = prompt.text if isinstance(prompt, Message) else prompt
    if isinstance(text, str):
        return text
    if isinstance(text, bytes | bytearray):
        return text.decode("utf-8", "replace")
    if depth == _DEEPEST:
        return ""
    if isinstance(text, Mapping):
        return _words_of(text.get("text") or text.get("content"), depth + 1)
    if isinstance(text, Sequence):
        return "\n".join(_words_of(each, depth + 1) for each in text)
    return _words_of(getattr(text, "text", None), depth + 1)


def _step(strategy: ComplexityStrategy, score: float) -> tuple[str | None, str]:
    """Return the tier of a score (None: left to the next strategy), and the words for it."""
    for step in strategy.steps:
        if score < step.below:
            return step.tier, f"complexity below {step.below:g}"
    return strategy.otherwise, f"complexity {strategy.steps[-1].below:g} or more"


def _healthy_model(policy: Policy, tier: str, unhealthy: frozenset[str]) -> Model | None:
    """Return the first healthy model of a tier, else of the more capable ones, else of those below it; None: there is none."""
    names = list(policy.tiers)
    place = names.index(tier)
    for name in (*names[place:], *reversed(names[:place])):
        for model in policy.tiers[name].models:
            if model.name not in unhealthy:
                return model
    return None


def _escalation(policy: Policy, check: ConfidenceStrategy, tier: str, unhealthy: frozenset[str]) -> tuple[Model, ...]:
    """Follow the escalation from a tier up; a tier without a healthy model is passed over."""
    models = []
    while (tier := check.escalate.get(tier, "")) != "":
        model = next((each for each in policy.tiers[tier].models if each.name not in unhealthy), None)
        if model is not None:
            models.append(model)
    return tuple(models)
