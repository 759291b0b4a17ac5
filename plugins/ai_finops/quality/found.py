"""What an audit found, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Broken:
    """One expectation that did not hold."""

    mart: str
    check: str
    severity: str
    """`fail` or `warn`."""
    expectation: str
    observed: str
    why: str

    def __str__(self) -> str:
        return f"{self.check}: {self.expectation}, observed {self.observed}"


@dataclass(frozen=True, slots=True)
class Held:
    """One check, held against the candidate."""

    mart: str
    check: str
    expectation_count: int
    broken: tuple[Broken, ...]
