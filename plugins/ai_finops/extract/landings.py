"""What every source does with what it read: refuse to empty a partition, and say how the landing ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from ai_finops.api_calls import ApiCalls
from ai_finops.errors import SourceBroken
from ai_finops.lake import Lake, Outcome, PartitionVersion


def refuse_emptying(lake: Lake, source: str, key: str, *, table: str, row_count: int, allow_empty: bool) -> None:
    """Stop before a partition that has rows would lose all of them.

    Raises:
        SourceBroken: It had rows, `row_count` is 0, and nobody allowed it.
    """
    current = lake.current_version(source, key)
    had = current.row_counts[table] if current else 0
    if had and not row_count and not allow_empty:
        raise SourceBroken(
            f"{source} {key} had {had} rows and the source now gives none; the old partition stays; "
            "check the source, and land the day with --allow-empty if it is right"
        )


def outcome(
    source: str,
    day: date,
    *,
    as_of: date,
    totals: Mapping[str, int],
    partitions: tuple[str, ...],
    api_calls: tuple[ApiCalls, ...],
    status: str | None = None,
    error: str | None = None,
) -> Outcome:
    """Return the outcome of a landing that came to its end; with nothing loaded it is `empty` unless `status` says."""
    return Outcome(
        source=source,
        landing_date=day,
        status=status or ("loaded" if totals["loaded_count"] else "empty"),
        as_of_date=as_of,
        extracted_at=now(),
        partitions=partitions,
        api_call_count=sum(each.call_count for each in api_calls),
        api_calls=api_calls,
        error=error,
        **totals,
    )


def partitions_around(lake: Lake, source: str, *, day: date, each_way: int) -> list[PartitionVersion]:
    """Return the current versions nearest to `day`, at most so many before it and from it on, in key order.

    What an older landing learnt may be asked for there; the number of partitions read does not grow with the history.

    Raises:
        LakeError: A version cannot be read.
    """
    keys = lake.keys(source)
    near = [key for key in keys if key < str(day)][-each_way:] + [key for key in keys if key >= str(day)][:each_way]
    versions = (lake.current_version(source, key) for key in near)
    return [version for version in versions if version is not None]


def now() -> datetime:
    """Return the wall clock, for run columns only: no decision may depend on it."""
    return datetime.now(UTC)
