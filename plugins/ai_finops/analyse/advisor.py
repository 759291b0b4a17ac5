"""Cache, distil, both or neither: what suits a feature's queries, beside what a rule of thumb would say of them.

**Recommended** is the open strategy that saves most, if its low end saves something too; else to keep things as they are.
Every figure is that of the levers, and so is the judgement whether the work comes back in time.

**The rule of thumb** is the article's that levers follow: cache where queries are alike and 40 % of them hit; distil where
they are many and stable and there are 2,000 pairs; both where both hold. Its thresholds are rows of seed
`lever_assumptions`. Where the two differ, the reason says why: mostly because the break-even at today's prices lies
elsewhere, or because hosting eats the saving.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.distillation import Queries
from ai_finops.analyse.levers.efforts import Effort, Efforts
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, WINDOW_DAYS
from ai_finops.analyse.levers.payback import work_usd
from ai_finops.analyse.schemas import CACHING_ADVICE, to_money, to_table

CACHE, DISTIL, BOTH, KEEP = "semantic_cache", "distillation", "cache_and_distillation", "keep_as_is"
STRATEGIES = (CACHE, DISTIL, BOTH, KEEP)
_NOTHING = Effort("none", 0.0, "none", 0.0)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Premises:
    """What the rule of thumb asks of a feature's queries; None where it was not measured."""

    query_count: int | None
    """Of the last complete week."""
    diversity_ratio: float | None
    diversity_basis: str
    hit_ratio: float | None
    drift_ratio: float | None
    pair_count: int


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of thumb's answer, and its premises in words."""

    strategy: str
    because: str


def advise(
    savings: Iterable[Row],
    *,
    queries: Queries,
    durations: Sequence[Row],
    assumptions: Assumptions,
    efforts: Efforts,
    as_of: date,
) -> pa.Table:
    """Return rows of `CACHING_ADVICE`: each strategy for each feature of which a cache or a distillation was found.

    Args:
        savings: Rows of `schemas.SAVINGS` as of the date.
        queries: Drifts and training pairs.
        durations: Answers by day and feature: call_count, median_duration_ms.
        assumptions: Thresholds of the rule of thumb, latencies, the price of work.
        efforts: Of seed `lever_efforts`.
        as_of: Date of issue.
    """
    found: dict[str, dict[str, Row]] = {}
    for row in savings:
        if row["as_of_date"] == as_of and row["lever"] in STRATEGIES:
            found.setdefault(row["feature_id"], {})[row["lever"]] = row
    rows: list[dict[str, Any]] = []
    for feature, by_strategy in sorted(found.items()):
        premises = _premises(feature, by_strategy.get(CACHE), queries=queries, as_of=as_of)
        latency = _median_ms(durations, feature=feature, as_of=as_of)
        judged = [
            _judged(strategy, by_strategy.get(strategy), feature=feature, assumptions=assumptions, efforts=efforts)
            for strategy in STRATEGIES
        ]
        rows += _rows(judged, premises, median_ms=latency, feature=feature, assumptions=assumptions, as_of=as_of)
    return to_table(rows, schema=CACHING_ADVICE)


@dataclass(frozen=True, slots=True)
class Judged:
    """A strategy for a feature, and what speaks against it; None while nothing does."""

    strategy: str
    row: Row | None
    """Of its lever; None where it found nothing."""
    effort: Effort
    upfront_usd: float
    break_even_weeks: float | None
    against: str | None

    @property
    def saving_usd(self) -> float:
        """USD a month."""
        return float(self.row["saving_usd_per_month"]) if self.row else 0.0


def _judged(strategy: str, row: Row | None, *, feature: str, assumptions: Assumptions, efforts: Efforts) -> Judged:
    if strategy == KEEP:
        return Judged(KEEP, None, _NOTHING, 0.0, None, None)
    effort = efforts.of(strategy)
    if row is None:
        labour = work_usd(strategy, feature, efforts=efforts, assumptions=assumptions)
        return Judged(strategy, None, effort, labour, None, "too little is known of its queries or calls")
    against = row["reason"]
    if against is None and row["low_saving_usd_per_month"] <= 0:
        against = f"its low end saves nothing: {row['missing_evidence'] or row['evidence']}"
    return Judged(strategy, row, effort, float(row["upfront_cost_usd"]), row["break_even_weeks"], against)


def _premises(feature: str, cache: Row | None, *, queries: Queries, as_of: date) -> Premises:
    week, drift = queries.week(feature, as_of=as_of), queries.drift(feature, as_of=as_of)
    diversity, basis = None, "not measured"
    if week is not None and drift is not None and week["embedder_id"] is not None:
        diversity, basis = 1 - drift.self_covered_count / drift.asked_count, "no alike query in its week"
    elif week is not None and week["query_count"]:
        diversity, basis = week["distinct_query_count"] / week["query_count"], "distinct texts"
    return Premises(
        query_count=week["query_count"] if week else None,
        diversity_ratio=diversity,
        diversity_basis=basis,
        hit_ratio=cache["ratio"] if cache else None,
        drift_ratio=drift.ratio if drift else None,
        pair_count=queries.pairs(feature, as_of=as_of).count,
    )


def rule_of_thumb(premises: Premises, *, feature: str, assumptions: Assumptions) -> Rule:
    """Return what the article's rule says of these queries."""

    def limit(name: str) -> float:
        return assumptions.value(name, feature)

    hits, pairs = limit("cache_break_even_hit_ratio"), limit("distillation_min_training_pairs")
    low, drift = limit("advisor_low_diversity_ratio"), limit("distillation_max_drift_ratio")
    volume = limit("advisor_high_volume_queries_per_month")
    suits_cache = _below(premises.diversity_ratio, low) and (premises.hit_ratio or 0.0) >= hits
    is_stable = premises.drift_ratio is not None and premises.drift_ratio <= drift
    suits_model = is_stable and premises.pair_count >= pairs and (premises.query_count or 0) * WEEKS_PER_MONTH >= volume
    because = (
        f"diversity {_said(premises.diversity_ratio)} (low below {low:.0%}), hits {_said(premises.hit_ratio)} ({hits:.0%} "
        "wanted), "
        f"drift {_said(premises.drift_ratio)} (stable up to {drift:.0%}), {premises.pair_count:,} pairs ({pairs:,.0f} wanted), "
        f"{(premises.query_count or 0) * WEEKS_PER_MONTH:,.0f} queries a month ({volume:,.0f} wanted)"
    )
    names = {(True, False): CACHE, (False, True): DISTIL, (True, True): BOTH, (False, False): KEEP}
    return Rule(names[suits_cache, suits_model], because)


def _below(value: float | None, bound: float) -> bool:
    return value is not None and value < bound


def _said(ratio: float | None) -> str:
    return "not known" if ratio is None else f"{ratio:.1%}"


def _rows(
    judged: Sequence[Judged],
    premises: Premises,
    *,
    median_ms: float | None,
    feature: str,
    assumptions: Assumptions,
    as_of: date,
) -> Iterable[dict[str, Any]]:
    rule = rule_of_thumb(premises, feature=feature, assumptions=assumptions)
    fit = [each for each in judged if each.strategy != KEEP and each.against is None]
    best = max(fit, key=lambda each: (each.saving_usd, -STRATEGIES.index(each.strategy)), default=judged[-1])
    ruled = next(each for each in judged if each.strategy == rule.strategy)
    hits = next((each.row["ratio"] for each in judged if each.strategy == CACHE and each.row), None)
    for each in judged:
        row, is_best, is_rule = each.row or {}, each is best, each is ruled
        yield {
            "as_of_date": as_of,
            "feature_id": feature,
            "strategy": each.strategy,
            "diversity_basis": premises.diversity_basis,
            "implementation_effort": each.effort.implementation,
            "maintenance_effort": each.effort.maintenance,
            "expected_ratio_name": row.get("ratio_name"),
            "reason": _why(each, best, judged)
            + _beside_the_rule(each, best, ruled, rule.because, feature=feature, assumptions=assumptions),
            "query_count": premises.query_count,
            "training_pair_count": premises.pair_count,
            "query_diversity_ratio": premises.diversity_ratio,
            "drift_ratio": premises.drift_ratio,
            "expected_ratio": row.get("ratio"),
            "break_even_ratio": row.get("break_even_ratio"),
            "default_break_even_ratio": assumptions.value("cache_break_even_hit_ratio", feature)
            if each.strategy == CACHE
            else None,
            "latency_change_ms": _latency_change(each, median_ms, hits=hits, feature=feature, assumptions=assumptions),
            "implementation_person_days": each.effort.implementation_person_days,
            "maintenance_person_days_per_month": each.effort.maintenance_person_days_per_month,
            "saving_usd_per_month": to_money(each.saving_usd),
            "low_saving_usd_per_month": row.get("low_saving_usd_per_month", to_money(0.0)),
            "high_saving_usd_per_month": row.get("high_saving_usd_per_month", to_money(0.0)),
            "upfront_cost_usd": to_money(each.upfront_usd),
            "break_even_weeks": each.break_even_weeks,
            "is_measured": bool(row.get("is_measured", False)),
            "is_recommended": is_best,
            "is_rule_of_thumb": is_rule,
            "differs_from_rule": is_best != is_rule,
        }


def _latency_change(
    judged: Judged, median_ms: float | None, *, hits: float | None, feature: str, assumptions: Assumptions
) -> float | None:
    """Return the change of a query's mean time, ms: answers that are not waited for, and lookups that all wait for.

    Of a cache every hit counts, right or wrong: nobody waits for either.
    """
    if judged.strategy == KEEP:
        return 0.0
    if median_ms is None or judged.row is None or judged.row["ratio"] is None:
        return None
    row = judged.row
    head = 0.0 if judged.strategy == DISTIL else hits or 0.0
    torso = {DISTIL: row["ratio"], BOTH: row["torso_ratio"]}.get(judged.strategy, 0.0)
    torso = min(torso, 1 - head)
    lookup = 0.0 if judged.strategy == DISTIL else assumptions.value("cache_lookup_latency_ms", feature)
    faster = 1 - assumptions.value("distilled_latency_ratio", feature)
    return lookup - median_ms * (head + torso * faster)


def _median_ms(durations: Sequence[Row], *, feature: str, as_of: date) -> float | None:
    """Return the medians of the trailing week's days, weighed by their calls."""
    first = as_of - timedelta(days=WINDOW_DAYS)
    rows = [row for row in durations if row["feature_id"] == feature and first <= row["usage_date"] < as_of]
    calls = sum(row["call_count"] for row in rows)
    return sum(row["median_duration_ms"] * row["call_count"] for row in rows) / calls if calls else None


def _why(judged: Judged, best: Judged, strategies: Sequence[Judged]) -> str:
    """Say why this strategy is the one, or is not."""
    if judged is best:
        return _why_kept(strategies) if judged.strategy == KEEP else _why_best(judged)
    if judged.strategy == KEEP:
        return f"{best.strategy} saves ${best.saving_usd:,.2f} a month"
    return judged.against or f"saves ${judged.saving_usd:,.2f} a month, {best.strategy} ${best.saving_usd:,.2f}"


def _why_kept(strategies: Sequence[Judged]) -> str:
    """Name the strategy that would save most, and what speaks against it."""
    most = max(strategies, key=lambda each: each.saving_usd)
    if most.saving_usd <= 0:
        return "no strategy saves anything that can be relied on"
    return f"{most.strategy} would save most, ${most.saving_usd:,.2f} a month, but {most.against}"


def _why_best(judged: Judged) -> str:
    row, weeks = judged.row, judged.break_even_weeks
    ends = f"${row['low_saving_usd_per_month']:,.2f} to ${row['high_saving_usd_per_month']:,.2f}"
    back = "" if weeks is None else f", and breaks even after {weeks:,.1f} weeks"
    return f"saves ${judged.saving_usd:,.2f} a month ({ends}), more than any other{back}"


def _beside_the_rule(
    judged: Judged, best: Judged, ruled: Judged, because: str, *, feature: str, assumptions: Assumptions
) -> str:
    """Return what the sentence adds: where a cache breaks even, and why the figures and the rule of thumb part ways."""
    parts = []
    if judged.strategy == CACHE and judged.row and judged.row["break_even_ratio"] is not None:
        default = assumptions.find("cache_break_even_hit_ratio", feature)
        parts.append(
            f"at today's prices it breaks even at {judged.row['break_even_ratio']:.1%} of hits and not at "
            f"{default.value:.0%} ({default.source}), and {judged.row['ratio']:.1%} hit"
        )
    if judged is best and ruled is not best:
        instead = "" if ruled.strategy == KEEP else f", but {ruled.against or f'that saves ${ruled.saving_usd:,.2f}'}"
        parts.append(f"the rule of thumb would say {ruled.strategy} ({because}){instead}")
    elif judged is ruled and ruled is not best:
        parts.append(f"the rule of thumb would recommend it ({because})")
    return "".join(f"; {part}" for part in parts)
