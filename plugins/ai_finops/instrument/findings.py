"""What the doctor found: one fact each, whether it is as it should be, and what to do where it is not."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["ok", "hint", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact; `hint` is for what may be meant so."""

    level: Level
    topic: str
    what: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All of them, in the order in which they are told."""

    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; hints do not count."""
        return all(finding.level != "wrong" for finding in self.findings)

    def of(self, topic: str) -> tuple[Finding, ...]:
        """Return what was found of a topic."""
        return tuple(finding for finding in self.findings if finding.topic == topic)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {"is_well": self.is_well, "findings": [asdict(finding) for finding in self.findings]}


def ok(topic: str, what: str) -> Finding:
    """It is as it should be."""
    return Finding("ok", topic, what)


def hint(topic: str, what: str, advice: str = "") -> Finding:
    """It may be meant so."""
    return Finding("hint", topic, what, advice)


def wrong(topic: str, what: str, advice: str) -> Finding:
    """Something is lost by it."""
    return Finding("wrong", topic, what, advice)
