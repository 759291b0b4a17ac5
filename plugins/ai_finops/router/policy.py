"""What a routing policy is: models in tiers, strategies in order, and what happens when a model fails.

A policy comes from a file or a mapping through `read_policy`, which checks it; these are the values after that. All are
frozen, so one policy serves all threads and tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ai_finops.router.complexity import DEFAULT_SCALE, Scale

if TYPE_CHECKING:
    from ai_finops.router.shadow_policy import ShadowPolicy

Source = Literal["logprobs", "self_assessment", "verifier"]
Statistic = Literal["mean", "min"]


@dataclass(frozen=True, slots=True)
class ModelPrice:
    """A price of the deployment's own, instead of the catalog's; USD per million tokens, by a name that says whose it is."""

    name: str
    input_usd_per_mtok: float
    output_usd_per_mtok: float
    cache_read_usd_per_mtok: float | None = None
    """None: as other input."""
    cache_write_usd_per_mtok: float | None = None
    """None: as other input."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model that a request may go to."""

    name: str
    """In the policy: what breakers, clients and `unhealthy` call it."""
    provider_name: str
    """As in `gen_ai.provider.name`: `aws.bedrock`, `openai`, …"""
    model_id: str
    """As the provider calls it."""
    tier: str
    capability: int
    """Its place in the order of capability: more is more capable, and only one model has the most."""
    price: ModelPrice | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """Models that stand in for each other, in the order in which they are asked."""

    name: str
    models: tuple[Model, ...]

    @property
    def capability(self) -> int:
        """That of its most capable model; tiers are ordered by it."""
        return max(model.capability for model in self.models)


@dataclass(frozen=True, slots=True)
class TaskTypeStrategy:
    """The tier by what the caller says the task is. A task type that is not listed is left to the next strategy."""

    tiers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ComplexityStep:
    """Scores below a bound (0 to 1, the bound itself is not in it) and their tier."""

    below: float
    tier: str


@dataclass(frozen=True, slots=True)
class ComplexityStrategy:
    """The tier by how hard the text looks. A score at or above the last bound goes to `otherwise`, or to the next strategy."""

    steps: tuple[ComplexityStep, ...]
    """Bounds rise from one to the next."""
    otherwise: str | None = None
    scale: Scale = DEFAULT_SCALE
    """What the score is made of: weights and words."""


@dataclass(frozen=True, slots=True)
class ConfidenceStrategy:
    """Cheap first: an answer whose confidence is below the threshold is asked for again, one tier up."""

    source: Source
    threshold: float
    """From 0 to 1; a confidence that equals it is enough."""
    first_tier: str
    """Where requests begin that no strategy before this one decided."""
    escalate: Mapping[str, str]
    """From a tier whose answers are checked to the tier that is asked next. What is not named here is not checked."""
    statistic: Statistic = "mean"
    """Of the tokens' probabilities; `logprobs` only."""
    answer_field: str = "confidence"
    """Of the structured answer, holding a number from 0 to 1; `self_assessment` only."""
    is_missing_enough: bool = False
    """Whether an answer whose confidence cannot be told counts as good enough."""
    checks_every_answer: bool = True
    """Whether answers are checked that an earlier strategy sent to a tier; else only those that began here."""


Strategy = TaskTypeStrategy | ComplexityStrategy | ConfidenceStrategy


@dataclass(frozen=True, slots=True)
class FallbackLimits:
    """What happens when a model fails."""

    max_attempts: int = 3
    """Calls of models for one request, escalations included."""
    is_request_error_retried: bool = False
    """Whether another model is asked when the fault is the request's own (malformed, refused by a content policy)."""
    attempt_timeout_s: float | None = None
    """How long one call is waited for in coroutines; None: as long as the client does."""


@dataclass(frozen=True, slots=True)
class BreakerLimits:
    """When a model is left alone, and for how long. Seconds of a monotonic clock."""

    failure_count: int = 5
    """This many failures within the window, and …"""
    failure_ratio: float = 0.5
    """… this share of the calls within it, open the breaker."""
    window_s: float = 60.0
    open_s: float = 30.0
    """After it one request may try the model again."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a decision is made from."""

    policy_id: str
    version: str
    """First 12 hex digits of the SHA-256 of the file, or of the mapping as canonical JSON."""
    models: tuple[Model, ...]
    """From the least capable to the most."""
    tiers: Mapping[str, Tier]
    """From the least capable to the most."""
    strategies: tuple[Strategy, ...]
    """In the order in which they are asked; at most one of each kind, confidence last."""
    default_tier: str
    """Where requests go that no strategy decides."""
    fallback: FallbackLimits = field(default_factory=FallbackLimits)
    breaker: BreakerLimits = field(default_factory=BreakerLimits)
    shadow: ShadowPolicy | None = None
    """Which requests are also asked of a cheaper model, and how answers are compared; None: none."""

    @property
    def most_capable(self) -> Model:
        """The model that is asked when others fail, and whose price savings are told against."""
        return self.models[-1]

    @property
    def confidence(self) -> ConfidenceStrategy | None:
        """The strategy that checks answers, if the policy has one."""
        last = self.strategies[-1] if self.strategies else None
        return last if isinstance(last, ConfidenceStrategy) else None

    def model(self, name: str) -> Model:
        """Return a model by its name in the policy.

        Raises:
            KeyError: The policy has no such model.
        """
        return next((model for model in self.models if model.name == name), None) or _missing(name)


def _missing(name: str) -> Model:
    raise KeyError(name)
