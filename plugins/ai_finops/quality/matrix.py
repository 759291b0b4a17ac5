"""Mart by kind: how many expectations stop a build, how many warn, and why there is none where there is none."""

from __future__ import annotations

from dataclasses import dataclass

from ai_finops.build.marts import MARTS
from ai_finops.quality.kinds import Kind, kind_of
from ai_finops.quality.suites import all_checks
from ai_finops.quality.watched import WATCHED

MADE_BY_PUBLISHING = {
    "dim_builds": "written by publishing, after the audit: one row, made of the build's own record",
    "dim_closed_periods": "written by publishing, after the audit: the ledger of closed months as it stands then",
}
"""Published tables that no candidate has, so that nothing can be held against them before they are published."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What is held of one mart in one kind."""

    fail_count: int
    warn_count: int
    reason: str | None
    """Why there is nothing, where there is nothing."""

    @property
    def is_silent(self) -> bool:
        """Whether it is a hole: neither an expectation nor a reason."""
        return not (self.fail_count or self.warn_count or self.reason)

    @property
    def is_contradicted(self) -> bool:
        """Whether a reason is given for a kind that is held all the same."""
        return bool((self.fail_count or self.warn_count) and self.reason)

    def __str__(self) -> str:
        counts = [f"{self.fail_count} fail"] * bool(self.fail_count) + [f"{self.warn_count} warn"] * bool(
            self.warn_count
        )
        return " · ".join(counts) or "–"


def matrix() -> dict[str, dict[Kind, Cell]]:
    """Return the cells by mart and kind, counted from the suites themselves."""
    counts = {(mart, kind): [0, 0] for mart in MARTS for kind in Kind}
    for check in all_checks():
        for expectation in check.expectations:
            is_warning = expectation.meta["severity"] == "warn"
            counts[check.mart, kind_of(check, expectation)][is_warning] += 1
    return {mart: {kind: Cell(*counts[mart, kind], WATCHED[mart].reasons.get(kind)) for kind in Kind} for mart in MARTS}
