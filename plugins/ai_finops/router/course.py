"""The course of one request: which model is asked next, when it is over, and what was tried. No call is made here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ai_finops.instrument.reading import Reading
from ai_finops.router.answer import Answer
from ai_finops.router.breaker import Breakers
from ai_finops.router.confidence import is_enough
from ai_finops.router.costs import cost_usd
from ai_finops.router.decision import Decision, Request, decide
from ai_finops.router.faults import Fault
from ai_finops.router.policy import Model, Policy


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call of a model."""

    model: Model
    fault: str | None = None
    """Why it failed; None: it answered."""
    confidence: float | None = None
    """Of its answer, where it was checked and could be told."""
    cost_usd: float | None = None
    """None: not known. A call that failed at once costs nothing; of one that timed out nobody knows."""


@dataclass(frozen=True, slots=True)
class Routed:
    """An answer, and how it came about."""

    answer: Answer
    model: Model
    """That gave the answer."""
    decision: Decision
    attempts: tuple[Attempt, ...]
    reason: str
    """The decision's, and what happened after it: `task type extraction; then low confidence`."""
    is_escalated: bool
    """Whether the answer is of a model that was asked because the one before was not confident enough."""
    is_fallback: bool
    """Whether a model failed, or was passed over because it keeps failing."""
    confidence: float | None
    """Of the last answer that was checked."""
    estimated_cost_usd: float | None
    """Of all attempts together."""
    capable_cost_usd: float | None
    """Of this answer's tokens on the most capable model."""
    reading: Reading | None = None
    """What the answer's own call used; None where that cannot be read."""


class Course:
    """What happens to one request. Made for it, used by one thread or task."""

    def __init__(self, request: Request, policy: Policy, breakers: Breakers) -> None:
        self.policy = policy
        self._breakers = breakers
        unhealthy = breakers.unhealthy()
        self.decision = decide(request, policy, unhealthy=unhealthy)
        while (permit := breakers[self.decision.model.name].acquire()) is None:
            if len(unhealthy) >= len(policy.models):
                permit = breakers[self.decision.model.name].force()  # all are open: the most capable is tried once
                break
            unhealthy |= {self.decision.model.name}
            self.decision = decide(request, policy, unhealthy=unhealthy)
        self._permit = permit
        self.attempts: list[Attempt] = []
        self.next_model: Model | None = self.decision.model
        """Asked next, and let through by its breaker; None: it is over."""
        self.taken: tuple[Answer, Model, Reading | None] | None = None
        """The last answer that came."""
        self.is_checked = False
        """Whether the confidence of that answer decides about another call."""
        self._turns: list[str] = []
        self._is_next_escalated = False
        self._is_escalated = False

    def came(self, answer: Answer, *, reading: Reading | None) -> None:
        """The model answered, whatever the answer is worth: it is paid, and is the answer if nothing better comes."""
        model = self._asked()
        self._breakers[model.name].succeeded(self._permit)
        self.is_checked = self._is_checked(model)
        self.attempts.append(Attempt(model, None, None, cost_usd(reading, model)))
        self.taken, self._is_escalated = (answer, model, reading), self._is_next_escalated

    def weighed(self, confidence: float | None) -> None:
        """Take the answer that came; the next model is asked where it is checked and not confident enough."""
        model = self._asked()
        self.attempts[-1] = replace(self.attempts[-1], confidence=confidence)
        self.next_model = None
        check = self.decision.check
        if check is None or not self.is_checked or is_enough(confidence, check):
            return
        self._turns.append("low confidence" if confidence is not None else "no confidence told")
        self._is_next_escalated = True
        self.next_model = self._claim(self._above(model))

    def failed(self, fault: Fault) -> None:
        """The model failed; another that was not asked yet follows, unless the fault is the request's.

        In an escalation those of its tier come first. Then, as after a first model, the most capable.
        """
        model = self._asked()
        breaker = self._breakers[model.name]
        if fault.is_of_request or not fault.is_counted:
            breaker.abandoned(self._permit)
        else:
            breaker.failed(self._permit)
        cost = None if fault.reason == "timeout" else 0.0
        self.attempts.append(Attempt(model, fault.reason, None, cost))
        self._turns.append(fault.reason)
        self.next_model = None
        if not fault.is_of_request or self.policy.fallback.is_request_error_retried:
            siblings = self.policy.tiers[model.tier].models if self._is_next_escalated else ()
            self.next_model = self._claim((*siblings, *reversed(self.policy.models)))

    def abandoned(self) -> None:
        """The call was cancelled."""
        self._breakers[self._asked().name].abandoned(self._permit)
        self.next_model = None

    def _is_checked(self, model: Model) -> bool:
        check = self.decision.check
        return (
            check is not None
            and model.tier in check.escalate
            and bool(self._above(model))
            and len(self.attempts) + 1 < self.policy.fallback.max_attempts
        )

    @property
    def reason(self) -> str:
        """Why it went as it went, in words of which there are not many."""
        return "; then ".join((self.decision.reason, *dict.fromkeys(self._turns)))

    @property
    def is_fallback(self) -> bool:
        """Whether a model failed, or was passed over because it keeps failing."""
        return self.decision.is_rerouted or any(attempt.fault for attempt in self.attempts)

    @property
    def confidence(self) -> float | None:
        """Of the last answer that was checked."""
        return next((each.confidence for each in reversed(self.attempts) if each.confidence is not None), None)

    @property
    def estimated_cost_usd(self) -> float | None:
        """Of all attempts together; None where one is not known."""
        costs = [attempt.cost_usd for attempt in self.attempts]
        return None if not costs or None in costs else sum(costs)  # type: ignore[arg-type]

    @property
    def capable_cost_usd(self) -> float | None:
        """Of the answer's tokens on the most capable model."""
        return None if self.taken is None else cost_usd(self.taken[2], self.policy.most_capable)

    def routed(self) -> Routed:
        """Return the answer with its history; there is one.

        Raises:
            LookupError: No model has answered.
        """
        if self.taken is None:
            raise LookupError("no model has answered yet")
        answer, model, reading = self.taken
        return Routed(
            answer, model, self.decision, tuple(self.attempts), self.reason, self._is_escalated, self.is_fallback,
            self.confidence, self.estimated_cost_usd, self.capable_cost_usd, reading,
        )  # fmt: skip

    @property
    def is_escalated(self) -> bool:
        """Whether the answer is of a model that was asked because the one before was not confident enough."""
        return self._is_escalated

    def _asked(self) -> Model:
        if self.next_model is None:
            raise LookupError("no model is being asked")
        return self.next_model

    def _above(self, model: Model) -> list[Model]:
        return [each for each in self.decision.escalation if each.capability > model.capability]

    def _claim(self, models: Iterable[Model]) -> Model | None:
        """Return the first model that was not asked yet, could answer better than what is there, and is let through."""
        if len(self.attempts) >= self.policy.fallback.max_attempts:
            return None
        asked = {attempt.model.name for attempt in self.attempts}
        least = 0 if self.taken is None else self.taken[1].capability
        for model in models:
            is_new = model.name not in asked and model.capability > least
            if is_new and (permit := self._breakers[model.name].acquire()) is not None:
                self._permit = permit
                return model
        return None
