"""What a model's client is to the router, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ai_finops.router.decision import Request
from ai_finops.router.policy import Model


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered."""

    text: str
    raw: object = None
    """What the provider's client returned, untouched: usage is read from it."""
    structured: Mapping[str, Any] | None = None
    """Structured output that is no text, such as a tool's input."""
    token_logprobs: Sequence[float] | None = None
    """Natural logarithms of the probabilities of the answer's tokens, where the provider gives them."""
    finish_reason: str | None = None


class UnreadableAnswer(Exception):
    """What a provider sent holds no answer: another model is asked."""


class ModelClient(Protocol):
    """A client of one provider. One that is asked in coroutines may also have `acomplete`; else it is asked in a thread.

    One that has an attribute `gives_logprobs` which is False is refused where a policy takes confidence from log-probabilities.
    """

    def complete(self, request: Request, *, model: Model) -> Answer:
        """Ask a model and wait for its whole answer.

        Raises:
            Exception: Whatever the provider's client raises; it is handed on as it is.
        """


@runtime_checkable
class AsyncModelClient(Protocol):
    """A client that is asked in coroutines."""

    async def acomplete(self, request: Request, *, model: Model) -> Answer:
        """Ask a model and wait for its whole answer. Raises what the provider's client raises."""
