"""What was spent in a day, a week or a mean day: by caller, prompt version and model, or by whose it is without a caller."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from ai_finops.analyse.factors import Usage
from ai_finops.analyse.known_costs import CallCounts

MICROS = 1_000_000
"""Millionths of a dollar in a dollar."""
ModelUsage = dict[str, Usage]
"""Usage by model."""


class Caller(NamedTuple):
    """Who called what: the unit that can be new or lost."""

    feature_id: str
    pipeline_id: str
    service_name: str
    journey_name: str = ""
    """Empty where the calls name no journey."""

    def __str__(self) -> str:
        journey = f" in journey {self.journey_name}" if self.journey_name else ""
        return f"{self.feature_id} calls pipeline {self.pipeline_id} from {self.service_name}{journey}"


class Untraced(NamedTuple):
    """Usage without a caller: whose it is, and why."""

    feature_id: str
    driver: str
    detail: str

    def __str__(self) -> str:
        return self.detail


Part = Caller | Untraced


class Group(NamedTuple):
    """Calls that have all in common that a change is told apart by; an empty prompt version is one that nobody named."""

    caller: Caller
    prompt_version: str
    model_id: str


@dataclass(slots=True)
class Spend:
    """Usage of one or more days; `counts` are those of all its days, also in a mean of them."""

    usage: dict[Group, Usage] = field(default_factory=lambda: defaultdict(Usage))
    untraced_micros: dict[Untraced, int | Fraction] = field(default_factory=lambda: defaultdict(int))
    counts: dict[Part, CallCounts] = field(default_factory=lambda: defaultdict(CallCounts))

    @classmethod
    def sum_of(cls, spends: Iterable[Spend]) -> Spend:
        """Add up spends."""
        summed = cls()
        for spend in spends:
            for group, usage in spend.usage.items():
                summed.usage[group].add(usage)
            for part, micros in spend.untraced_micros.items():
                summed.untraced_micros[part] += micros
            for part, counts in spend.counts.items():
                summed.counts[part].add(counts)
        return summed

    def times(self, factor: Fraction) -> Spend:
        """Return `factor` times as much usage and cost; the counts, of which only ratios count, stay."""
        return Spend(
            {group: usage.times(factor) for group, usage in self.usage.items()},
            {part: micros * factor for part, micros in self.untraced_micros.items()},
            self.counts,
        )

    def cost_micros(self) -> int | Fraction:
        """Return the known cost; micro-dollars."""
        return sum(usage.cost_micros for usage in self.usage.values()) + sum(self.untraced_micros.values())
