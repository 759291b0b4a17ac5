"""What arrived from each source on each day, and on which days nothing did: rows, pictures and what is to be said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ai_finops.report.wording import counted
from ai_finops.ui.rows import Record, column
from ai_finops.ui.view import Chart, Column, Series, Table, Warn

OUTCOMES = "fct_daily_extract_outcomes"
NOT_LANDED = "not landed"
BROUGHT = ("loaded_count", "ignored_count", "duplicate_count")
_COUNT_WORDS = {"loaded_count": "loaded", "ignored_count": "ignored", "duplicate_count": "duplicates"}
_SAID = {
    "empty": ("Came empty", "watch"),
    "missing": ("Was not there to be read", "watch"),
    "expired": ("Is past what its source keeps", "warning"),
    NOT_LANDED: ("Did not land", "warning"),
}
"""What is said of days whose landing brought nothing; what failed is said with its error (`health.py`)."""
_MOST_RUNS = 4
"""Runs of days that a sentence names."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How each day's landing of each source ended."""

    sources: tuple[str, ...]
    days: tuple[date, ...]
    """From the first landing on to the day before the build's clock, landed or not."""
    landings: list[Record]
    """Rows of `fct_daily_extract_outcomes`, the newest first."""
    first_dates: dict[str, date]
    """The first day that a source has ever landed: before it, nobody waited for it."""

    def of(self, source: str) -> dict[date, Record]:
        """Return the landings of a source by day."""
        return {row["landing_date"]: row for row in self.landings if row["source"] == source}

    def statuses(self, source: str) -> dict[date, str]:
        """Return how each day ended since the source's first landing; `not landed` where there was none."""
        own, first = self.of(source), self.first_dates.get(source)
        return {
            day: own[day]["status"] if day in own else NOT_LANDED
            for day in self.days
            if day in own or first is None or day > first
        }

    def silent_days(self, status: str) -> dict[str, list[date]]:
        """Return the days that ended so, by source; a source that never brings anything is empty without being news."""
        found = {}
        for source in self.sources:
            statuses = self.statuses(source)
            if set(statuses.values()) - {"empty"} and source in self.first_dates:
                found[source] = [day for day, ended in statuses.items() if ended == status]
        return {source: days for source, days in found.items() if days}


def days_shown(landings: list[Record], as_of: date | None) -> tuple[date, ...]:
    """Return every day from the first landing on to the one before the build's clock."""
    if not landings or as_of is None:
        return ()
    seen = [row["landing_date"] for row in landings]
    first, last = min(seen), max(max(seen), as_of - timedelta(days=1))
    return tuple(first + timedelta(days=number) for number in range((last - first).days + 1))


def matrix(arrivals: Arrivals) -> Table:
    """Return a row for each day and a column for each source: how its landing ended, or that there was none."""
    by_source = [arrivals.statuses(source) for source in arrivals.sources]
    columns = (
        column("landing_date", "Day", "date"),
        *(Column(f"{source}_status", source, "status", f"{OUTCOMES}.status") for source in arrivals.sources),
    )
    rows = tuple((day, *(statuses.get(day) for statuses in by_source)) for day in reversed(arrivals.days))
    return Table(
        "outcomes",
        "How each day's landing ended, by source",
        OUTCOMES,
        columns,
        rows,
        note="loaded, empty (asked and got nothing), missing (nothing there to ask), failed, expired (past the retention), not "
        "landed (nobody asked). A dash stands before a source's first landing.",
        empty="Nothing has landed in these days. Rows come with ai-finops run, or the extract DAGs.",
    )


def source_charts(arrivals: Arrivals) -> tuple[Chart, ...]:
    """Return a picture for each source, on a scale of its own: a small feed that fell silent is not hidden by a large one."""
    return tuple(_source_chart(arrivals, source) for source in arrivals.sources if arrivals.days)


def _source_chart(arrivals: Arrivals, source: str) -> Chart:
    landings, statuses = arrivals.of(source), arrivals.statuses(source)
    counts = {name: tuple(_count(landings.get(day), name) for day in arrivals.days) for name in BROUGHT}
    sums = {name: sum(filter(None, values)) for name, values in counts.items()}
    silent = tuple(_silence(landings.get(day), statuses.get(day)) for day in arrivals.days)
    # All of them, also without a record: a colour means the same in the picture of each source.
    bars = [Series(_COUNT_WORDS[name].capitalize(), values, "bar") for name, values in counts.items()]
    marks = Series("No new records", (None,) * len(silent), "mark", words=silent)
    ended = Counter(statuses.values())
    told = ", ".join(f"{ended.pop(status)} {status}" for status in ("loaded", *sorted(ended)) if ended[status])
    brought = " and ".join(
        f"{sums[name]:,.0f} {_COUNT_WORDS[name]}" for name in BROUGHT if sums[name] or name == BROUGHT[0]
    )
    return Chart(
        f"records-{source.replace('_', '-')}",
        f"{source}: {told} of {counted(len(statuses), 'day')}",
        f"{brought} in {counted(len(statuses), 'day')}{_silence_told(statuses)}.",
        arrivals.days,
        (*bars, marks) if any(silent) else tuple(bars),
        kind="count",
        is_stacked=True,
        empty="Nothing has landed in these days.",
    )


def _count(row: Record | None, name: str) -> float | None:
    return None if row is None or row[name] is None else float(row[name])


def _silence(row: Record | None, status: str | None) -> str | None:
    """Return how a day ended that brought nothing new; an attempt that failed keeps the records of the landing before."""
    return status if status != "loaded" or (row is not None and not row["loaded_count"]) else None


def _silence_told(statuses: dict[date, str]) -> str:
    ends = sorted(set(statuses.values()) - {"loaded"})
    return "".join(f"; {end} on {runs([day for day, own in statuses.items() if own == end])}" for end in ends)


def silence_warns(arrivals: Arrivals, *, newest: dict[str, date | None]) -> Iterator[Warn]:
    """Say which sources brought nothing on which days.

    Args:
        arrivals: What is shown.
        newest: The newest day that each source has landed; that the days after it did not land is said elsewhere.
    """
    for status, (words, severity) in _SAID.items():
        by_source = {
            source: [day for day in days if status != NOT_LANDED or day < (newest.get(source) or date.min)]
            for source, days in arrivals.silent_days(status).items()
        }
        told = ", ".join(f"{source} ({runs(days)})" for source, days in by_source.items() if days)
        if told:
            yield Warn(f"{words}: {told}.", severity)


def runs(days: Iterable[date]) -> str:
    """Write days with those that follow each other as one: `2025-06-02 to 2025-06-05, 2025-06-09`."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1].append(day)
        else:
            found.append([day])
    told = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in found[-_MOST_RUNS:]]
    left_out = sum(len(run) for run in found[:-_MOST_RUNS])
    return ", ".join([*([f"{counted(left_out, 'day')} before"] if left_out else []), *told])
