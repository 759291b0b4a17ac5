"""A reranker that changes nothing, or does harm: what it costs a month.

The verdict is `rpt_weekly_rerankers`' own, of the last complete week. **Saving** is what all its reranks of that week cost:
without it as many documents go into the prompt, in the retriever's order. **Low and high** are the cheapest and the dearest
of the trailing complete weeks, since volume is what is not known. A useful one is rejected with its numbers, and one of
which nothing is proven with that: it saves nothing that can be shown, and at most its cost. A week that found it useful
speaks against a verdict of redundant: that is not measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.efforts import Efforts
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, Opportunity, too_small

LEVER = "redundant_reranker"
NOT_WORTH_IT = ("redundant", "harmful")
USEFUL = "useful"


def find(
    rows: Iterable[Mapping[str, Any]], *, as_of: date, assumptions: Assumptions, efforts: Efforts
) -> list[Opportunity]:
    """Find what rerankers that are not worth it cost, one opportunity per feature that reranked in the last complete week.

    Args:
        rows: Rows of `rpt_weekly_rerankers`, of any weeks.
        as_of: Date of issue; weeks that end on it or before count.
        assumptions: For how many weeks count.
        efforts: For what it takes.
    """
    monday = as_of - timedelta(days=as_of.weekday())
    weeks: dict[str, dict[date, Mapping[str, Any]]] = defaultdict(dict)
    for row in rows:
        if row["feature_id"] not in ("total", "unattributed") and row["is_complete_week"]:
            weeks[row["feature_id"]][row["week_start_date"]] = row
    effort = efforts.of(LEVER).implementation
    found = []
    for feature in sorted(weeks):
        count = int(assumptions.value("reranker_trailing_weeks", feature))
        trailing = [monday - timedelta(weeks=back) for back in range(1, count + 1)]
        known = [weeks[feature][week] for week in trailing if week in weeks[feature]]
        if known and known[0]["week_start_date"] == trailing[0]:
            found.append(_opportunity(feature, known, effort=effort))
    return found


def _opportunity(feature: str, weeks: Sequence[Mapping[str, Any]], *, effort: str) -> Opportunity:
    """Judge a feature's reranker by its trailing weeks, the last one first."""
    last = weeks[0]
    costs = [float(week["allocated_cost_usd"]) for week in weeks if week["allocated_cost_usd"] is not None]
    is_known = last["allocated_cost_usd"] is not None
    cost = float(last["allocated_cost_usd"]) * WEEKS_PER_MONTH if is_known else 0.0
    is_proven = last["verdict"] in (*NOT_WORTH_IT, USEFUL)
    is_settled = last["verdict"] in NOT_WORTH_IT and not _useful_weeks(weeks)
    most = max(costs) * WEEKS_PER_MONTH if is_known else 0.0
    found = Opportunity(
        lever=LEVER,
        feature_id=feature,
        about=(),
        current_usd=cost,
        target_usd=(0.0 if is_proven else cost) if is_known else None,
        saving_usd=cost if is_proven else 0.0,
        low_saving_usd=min(costs) * WEEKS_PER_MONTH if is_known and is_settled else 0.0,
        high_saving_usd=most if is_proven else cost,
        ratio_name="reranker_change_ratio",
        ratio=last["change_ratio"],
        evidence=_evidence(weeks),
        missing_evidence=_missing_evidence(weeks),
        effort=effort,
        is_measured=is_known and is_settled,
    )
    if (reason := _reason_against(last)) is not None:
        return found.rejected(reason)
    return too_small(found)


def _useful_weeks(weeks: Sequence[Mapping[str, Any]]) -> list[date]:
    return [week["week_start_date"] for week in weeks if week["verdict"] == USEFUL]


def _reason_against(last: Mapping[str, Any]) -> str | None:
    if last["verdict"] == USEFUL:
        return (
            f"it is useful: of {last['judged_count']:,} reranks in traces that cite, "
            f"{last['gained_hit_count']:,} gained a hit and {last['lost_hit_count']:,} lost one, beyond chance"
        )
    if last["verdict"] not in NOT_WORTH_IT:
        return f"the verdict is {last['verdict']}: {last['reason']}"
    if last["allocated_cost_usd"] is None:
        return "the cost of too many of its reranks is not known"
    return None


def _evidence(weeks: Sequence[Mapping[str, Any]]) -> str:
    last = weeks[0]
    changed = f"the top {last['top_k']} changed in {last['changed_count']:,} of {last['compared_count']:,} reranks"
    hits = f"{last['gained_hit_count']:,} gained and {last['lost_hit_count']:,} lost hits in {last['judged_count']:,}"
    verdicts = ", ".join(f"{week['verdict']} ({week['week_start_date']})" for week in weeks)
    cost = f"cost of all {last['rerank_count']:,} reranks of the week, times 365/12/7"
    return f"{changed} that tell both orders; {hits} that cite; verdicts: {verdicts}; {cost}"


def _missing_evidence(weeks: Sequence[Mapping[str, Any]]) -> str | None:
    last = weeks[0]
    if last["verdict"] in NOT_WORTH_IT and (useful := _useful_weeks(weeks)):
        return f"it was useful in the week of {useful[0]}: one week speaks against another"
    return None
