"""Verbose output: what answers of a known shape cost beyond the length that such an answer needs.

**Saving** is what output beyond the warning bound of `token_amplification` cost, call by call, at what the call's own
output tokens cost (`int_excess_outputs_priced`): the least that answers as short as that would save, and so the low end
too. **High** is the cost of what lies beyond the healthy bound. Only task types whose answer is data of a known shape (seed
`task_types`) are looked at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ai_finops.analyse.levers.efforts import Efforts
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, WINDOW_DAYS, Opportunity, too_small

LEVER = "verbose_output"
_TASK = "task_type="


def find(rows: Iterable[Mapping[str, Any]], *, efforts: Efforts) -> list[Opportunity]:
    """Find what output beyond its bound cost, one opportunity per feature and task type with any.

    Args:
        rows: The trailing week of `int_excess_outputs_priced` with its bounds and `smallest_sample_count` of seed
            `metric_thresholds`.
        efforts: For what it takes.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["usage_date"]):
        if row["feature_id"] not in ("total", "unattributed"):
            groups[row["feature_id"], row["dimension"]].append(row)
    effort = efforts.of(LEVER).implementation
    return [
        _opportunity(feature, dimension.removeprefix(_TASK), days, effort=effort)
        for (feature, dimension), days in sorted(groups.items())
        if any(day["excess_call_count"] for day in days)
    ]


def _opportunity(feature: str, task_type: str, days: Sequence[Mapping[str, Any]], *, effort: str) -> Opportunity:
    known = [day for day in days if day["excess_output_cost_usd"] is not None]
    saving = float(sum(day["excess_output_cost_usd"] for day in known)) * WEEKS_PER_MONTH
    over_healthy = float(sum(day["over_healthy_output_cost_usd"] or 0 for day in known)) * WEEKS_PER_MONTH
    calls = sum(day["excess_call_count"] for day in known)
    tokens = sum(day["excess_output_tokens"] for day in known)
    wanted = days[0]["smallest_sample_count"]
    most = max(saving, over_healthy)
    found = Opportunity(
        lever=LEVER,
        feature_id=feature,
        about=(task_type,),
        task_type=task_type,
        current_usd=most,
        target_usd=most - saving,
        saving_usd=saving,
        low_saving_usd=saving,
        high_saving_usd=most,
        evidence=(
            f"{calls:,} calls on {len(known)} of the trailing {WINDOW_DAYS} days answered with more than "
            f"{days[0]['warning_bound']:g} output tokens for each input token, {tokens:,.0f} tokens beyond it at what those "
            f"calls' output tokens cost, times 365/12/7 for a month; high is all output beyond {days[0]['healthy_bound']:g}"
        ),
        missing_evidence=_missing_evidence(calls, wanted=wanted, unknown_day_count=len(days) - len(known)),
        effort=effort,
        is_measured=calls >= wanted,
    )
    return too_small(found)


def _missing_evidence(calls: int, *, wanted: int, unknown_day_count: int) -> str | None:
    missing = []
    if calls < wanted:
        missing.append(f"{calls} of the {wanted} such calls wanted")
    if unknown_day_count:
        missing.append(f"the cost of such output on {unknown_day_count} further days is not known")
    return "; ".join(missing) or None
