"""What an audit found, as plain values."""

from __future__ import annotations

from dataclasses import dataclass

NOTE_PREFIX = "note_"
"""Columns of a check of this name are told in the Data Docs and held against nothing."""


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
    kind: str = "schema"
    """Of `kinds.Kind`; a query that does not run has lost a column or a mart."""

    def __str__(self) -> str:
        return f"{self.check}: {self.expectation}, observed {self.observed}"


@dataclass(frozen=True, slots=True)
class Held:
    """One check, held against the candidate."""

    mart: str
    check: str
    expectation_count: int
    broken: tuple[Broken, ...]
    kinds: tuple[str, ...] = ()
    """Of `kinds.Kind`, one for each expectation."""
    notes: tuple[str, ...] = ()
    """What was not judged, and why: told, and held against nothing."""
