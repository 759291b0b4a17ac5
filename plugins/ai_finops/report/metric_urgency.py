"""Which slices of a metric need somebody, and which of them most: the same in the message and on the page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Protocol, TypeVar

NOT_HEALTHY = ("warning", "watch")
"""From the more serious on."""
VERDICTS = ("locked", "worsening")
"""What a verdict says that the status does not; from the more serious on."""
TOTAL = "total"
_STATUSES = (*NOT_HEALTHY, "insufficient", "healthy")


class Judged(Protocol):
    """A row of `fct_weekly_metrics`, as far as its rank goes."""

    metric_name: str
    feature_id: str
    dimension: str
    status: str
    verdict: str | None
    owner: str | None
    action: str | None
    cost_at_stake_usd: Decimal | None


Row = TypeVar("Row", bound=Judged)


def not_healthy(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the rows of each metric, owner and action that are not healthy; groups and their rows the most serious first.

    The row of all features together is there only where no feature has one: it is made of theirs.
    """
    told = [sorted(kept, key=seriousness) for group in _groups(rows) if (kept := _kept(group))]
    return sorted(told, key=lambda group: (seriousness(group[0]), _problem(group[0])))


def by_feature(rows: Sequence[Row]) -> list[list[Row]]:
    """Return what is known of each metric, owner, action and feature: its slices, and with them the most serious first.

    `tier=cheap` at 0% and `tier=expensive` at 100% are one problem, not two. All features together are there only where
    no feature says it: where they are not healthy and every feature is, or where no feature has a row.
    """
    found = []
    for group in _groups(rows):
        of_features = [
            sorted(own, key=seriousness)
            for _, own in groupby(sorted(group, key=lambda row: row.feature_id), key=lambda row: row.feature_id)
        ]
        found += [own for own in of_features if own[0].feature_id != TOTAL or not _is_said(own[0], of_features)]
    return sorted(found, key=lambda own: (seriousness(own[0]), _problem(own[0])))


def seriousness(row: Judged) -> tuple[int, int, Decimal, str, str]:
    """Return what rows sort by: status, verdict, dollars at stake, names."""
    return (
        _STATUSES.index(row.status) if row.status in _STATUSES else len(_STATUSES),
        VERDICTS.index(row.verdict) if row.verdict in VERDICTS else len(VERDICTS),
        -(row.cost_at_stake_usd or Decimal(0)),
        row.feature_id,
        row.dimension,
    )


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    return [list(group) for _, group in groupby(sorted(rows, key=_problem), key=_problem)]


def _problem(row: Judged) -> tuple[str, str, str]:
    return row.metric_name, row.owner or "", row.action or ""


def _kept(group: Sequence[Row]) -> list[Row]:
    rows = [row for row in group if row.status in NOT_HEALTHY]
    return [row for row in rows if row.feature_id != TOTAL] or rows


def _is_said(total: Judged, of_features: Sequence[Sequence[Judged]]) -> bool:
    others = [own[0].status for own in of_features if own[0].feature_id != TOTAL]
    return any(status in NOT_HEALTHY for status in others) if total.status in NOT_HEALTHY else bool(others)
