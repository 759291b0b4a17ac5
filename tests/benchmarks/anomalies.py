"""Measure precision and recall of the anomaly rule beside other rules, on labelled days and on incidents put into real ones.

    make bench BENCH=anomalies

Labelled days are those of the Numenta Anomaly Benchmark's CloudWatch series (tests/fixtures/nab_daily). The real days are those
of clients of an LLM service (tests/fixtures/servegen_daily), each taken for a feature: requests times tokens at a list price,
scaled so that its median day costs $40. Incidents are put in with a fixed seed, one a client and draw; nothing else is
labelled, so that every other flagged day counts against precision, also where the client itself did surge.

An incident is found when one of its days is flagged, of one that stays one of its first three. Precision is by flagged days:
such days ÷ all. All rules have the same floor and want the same number of known days.
"""

from __future__ import annotations

import csv
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from ai_finops.analyse.anomalies import judge
from ai_finops.analyse.anomaly_rules import AnomalyRule, AnomalyRules

REPOSITORY = Path(__file__).resolve().parents[2]
FIXTURES = REPOSITORY / "tests" / "fixtures"
FIRST = date(2025, 6, 2)
DRAWS = 20
MEDIAN_DAY_USD = 40.0
WATCHED_DAYS = 3
USD_PER_MTOK = {"m-large": (3.0, 15.0), "m-small": (0.8, 4.0)}
"""List prices of Claude Sonnet 4 and Claude 3.5 Haiku on Bedrock, June 2025, input and output."""
INCIDENTS = {
    "spike of a day": (1.5, 2.5, 4.0),
    "step that stays": (1.5, 2.5, 4.0),
    "new caller that stays": (0.5, 1.5, 3.0),
}
"""How many times a day's cost it then is; of a new caller, how many times the median day it adds."""

Flags = Callable[[Sequence[float]], list[bool]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A series by day with the incidents in it, each the numbers of its days."""

    usd: tuple[float, ...]
    incidents: tuple[range | tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """What a rule found."""

    incident_count: int
    found_count: int
    flagged_day_count: int
    right_day_count: int

    @property
    def recall(self) -> float:
        return self.found_count / self.incident_count

    @property
    def precision(self) -> float | None:
        return self.right_day_count / self.flagged_day_count if self.flagged_day_count else None


def main() -> None:
    """Print the tables."""
    print("\n\n".join(tables()))


def tables() -> Iterator[str]:
    """Yield the tables as they stand in docs/anomalies.md."""
    rule = shipped_rule()
    yield _table("Labelled days (NAB)", _rows(list(nab_series()), rule=replace(rule, smallest_excess_micros=0)))
    clients = client_costs()
    steady = [usd for usd in clients if statistics.pstdev(usd) < 0.5 * statistics.fmean(usd)]
    for name, of_clients in (("All clients", clients), ("Steady clients", steady)):
        yield _table(f"{name} ({len(of_clients)}), incidents put in", _rows(list(injected(of_clients)), rule=rule))
    yield _by_incident(steady, rule=rule)


def shipped_rule() -> AnomalyRule:
    """Return the rule for every feature, as seed anomaly_rules has it."""
    import pyarrow as pa

    whole = ("trailing_day_count", "same_weekday_count", "smallest_known_day_count", "step_day_count")
    with (REPOSITORY / "dbt_project" / "seeds" / "anomaly_rules.csv").open() as file:
        rows = [row | {name: int(row[name]) for name in whole} for row in csv.DictReader(file)]
    return AnomalyRules.from_table(pa.Table.from_pylist(rows)).of("*")


def nab_series() -> Iterator[Labelled]:
    """Yield each labelled series; an incident is the days of a window."""
    with (FIXTURES / "nab_daily" / "aws_cloudwatch_days.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name in sorted({row["series"] for row in rows}):
        days = [row for row in rows if row["series"] == name]
        windows = sorted({row["window_number"] for row in days} - {""})
        places = (tuple(n for n, row in enumerate(days) if row["window_number"] == window) for window in windows)
        yield Labelled(tuple(float(row["mean_value"]) for row in days), tuple(places))


def client_costs() -> list[tuple[float, ...]]:
    """Return the daily cost of each client, USD, its median day at `MEDIAN_DAY_USD`."""
    by_client: dict[tuple[str, str], list[float]] = {}
    with (FIXTURES / "servegen_daily" / "client_days.csv").open() as file:
        for row in csv.DictReader(file):
            prices = USD_PER_MTOK[row["model_tier"]]
            tokens = (float(row[f"{side}_tokens_per_request"]) for side in ("input", "output"))
            per_request = sum(price * count for price, count in zip(prices, tokens, strict=True)) / 1e6
            by_client.setdefault((row["model_tier"], row["client"]), []).append(int(row["request_count"]) * per_request)
    return [
        tuple(usd * MEDIAN_DAY_USD / statistics.median(days) for usd in days) for _, days in sorted(by_client.items())
    ]


def injected(
    clients: Sequence[Sequence[float]], *, kinds: Sequence[tuple[str, float]] | None = None
) -> Iterator[Labelled]:
    """Yield each client's series with one incident in it, `DRAWS` times; drawn from `kinds`, or from all."""
    kinds = kinds or [(kind, size) for kind, sizes in INCIDENTS.items() for size in sizes]
    rng = random.Random(20250602)
    for _ in range(DRAWS):
        for usd in clients:
            kind, size = rng.choice(kinds)
            start = rng.randrange(7, len(usd) - WATCHED_DAYS + 1)
            yield Labelled(_with_incident(usd, kind, size, start=start), (_watched(kind, start=start),))


def _with_incident(usd: Sequence[float], kind: str, size: float, *, start: int) -> tuple[float, ...]:
    last = start if kind == "spike of a day" else len(usd) - 1
    added = size * statistics.median(usd) if kind == "new caller that stays" else 0.0
    factor = 1.0 if added else size
    return tuple(cost * factor + added if start <= day <= last else cost for day, cost in enumerate(usd))


def _watched(kind: str, *, start: int) -> range:
    return range(start, start + (1 if kind == "spike of a day" else WATCHED_DAYS))


def rules(rule: AnomalyRule) -> dict[str, Flags]:
    """Return the rules that are measured: ours, and plain ones on the mean of the days before."""
    return {
        "ours": lambda usd: _ours(usd, rule=rule),
        "ours at 3 ×": lambda usd: _ours(usd, rule=replace(rule, anomaly_ratio=Fraction(3))),
        "plain 2 × mean": lambda usd: _plain(usd, rule=rule, bound=lambda days: 2 * statistics.fmean(days)),
        "plain 3 × mean": lambda usd: _plain(usd, rule=rule, bound=lambda days: 3 * statistics.fmean(days)),
        "z-score, mean + 3 sd": lambda usd: _plain(
            usd, rule=rule, bound=lambda days: statistics.fmean(days) + 3 * statistics.stdev(days)
        ),
    }


def _ours(usd: Sequence[float], *, rule: AnomalyRule) -> list[bool]:
    costs = {FIRST + timedelta(days=number): int(Decimal(str(cost)) * 1_000_000) for number, cost in enumerate(usd)}
    return [verdict.is_anomaly for verdict in judge(costs, rule=rule)]


def _plain(usd: Sequence[float], *, rule: AnomalyRule, bound: Callable[[Sequence[float]], float]) -> list[bool]:
    flags = []
    for number, cost in enumerate(usd):
        days = usd[max(0, number - rule.trailing_day_count) : number]
        is_enough = len(days) >= rule.smallest_known_day_count
        floor = rule.smallest_excess_micros / 1e6
        flags.append(is_enough and cost > bound(days) and cost - statistics.fmean(days) > floor)
    return flags


def score(several: Sequence[Labelled], *, flags: Flags) -> Score:
    """Count what a rule finds in several series."""
    counts = [0, 0, 0, 0]
    for labelled in several:
        flagged = {day for day, flag in enumerate(flags(labelled.usd)) if flag}
        days = {day for incident in labelled.incidents for day in incident}
        found = sum(any(day in flagged for day in incident) for incident in labelled.incidents)
        for place, count in enumerate((len(labelled.incidents), found, len(flagged), len(flagged & days))):
            counts[place] += count
    return Score(*counts)


def _rows(several: Sequence[Labelled], *, rule: AnomalyRule) -> list[tuple[str, Score]]:
    return [(name, score(several, flags=flags)) for name, flags in rules(rule).items()]


def _table(title: str, rows: Sequence[tuple[str, Score]]) -> str:
    lines = [f"| {title} | precision | recall | flagged days | incidents found |", "|---|---|---|---|---|"]
    for name, found in rows:
        incidents = f"{found.found_count:,} of {found.incident_count:,}"
        precision = "–" if found.precision is None else f"{found.precision:.2f}"
        lines.append(f"| {name} | {precision} | {found.recall:.2f} | {found.flagged_day_count:,} | {incidents} |")
    return "\n".join(lines)


def _by_incident(clients: Sequence[Sequence[float]], *, rule: AnomalyRule) -> str:
    names = list(rules(rule))
    lines = [f"| Recall by incident, steady clients | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for kind, sizes in INCIDENTS.items():
        for size in sizes:
            several = list(injected(clients, kinds=[(kind, size)]))
            found = (score(several, flags=flags).recall for flags in rules(rule).values())
            added = "+" if kind == "new caller that stays" else "×"
            lines.append(f"| {kind}, {added} {size} | {' | '.join(f'{recall:.2f}' for recall in found)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
