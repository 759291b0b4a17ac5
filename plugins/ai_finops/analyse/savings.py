"""What would be saved by sending a task type's calls to a cheaper model, on the very tokens those calls used.

**Per month** is the trailing 7 days * 365/12/7. **Current cost** is the estimated cost of the calls on an expensive
model, from the price table; **target cost** is the price of the same tokens on the target, on the day of each call.
**Saving** is their difference * the share of shadow comparisons in which the target did no worse; low and high use the
ends of that share's 95 % Wilson interval. Without any comparison the whole difference stands as saving and high end, 0
as the low, and the row says what evidence is missing; such a row never ranks above a measured one.

**Not measured here:** the target may use other numbers of tokens for the same question. Long-context prices are not
used. Calls without a cost or a feature are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.analyse.agreement import Agreement, Route, count_agreement
from ai_finops.analyse.price_book import TOKEN_CLASSES, PriceBook
from ai_finops.analyse.schemas import SAVINGS, to_money, to_table

LEVER = "routing_by_task_type"
WINDOW_DAYS = 7
WEEKS_PER_MONTH = 365 / 12 / 7
SMALLEST_SAVING_USD = Decimal(1)
_KEYS = ["usage_date", "feature_id", "task_type", "provider_name", "model_id", "region_scope", "processing"]
_TOKENS = [f"{name}_tokens" for name in TOKEN_CLASSES]
CALL_COLUMNS = (*_KEYS, *_TOKENS, "estimated_cost_usd", "model_tier", "is_generating")
"""What `find` reads of a call; of others than expensive, generating ones nothing."""


class Group(NamedTuple):
    """Calls that would be moved together."""

    feature_id: str
    task_type: str
    model_id: str


@dataclass(slots=True)
class WeekOfCalls:
    """A group's priced calls of the trailing week, and the same tokens on the target; USD."""

    days: set[date]
    call_count: int = 0
    current_usd: float = 0.0
    target_usd: float | None = 0.0
    filled_in: frozenset[str] = frozenset()


def find(
    calls: pa.Table,
    *,
    prices: pa.Table,
    routing_targets: pa.Table,
    comparisons: pa.Table,
    features: pa.Table,
    as_of_dates: Collection[date],
) -> pa.Table:
    """Find what routing by task type would save, as it would have been found on each of `as_of_dates`.

    Args:
        calls: Rows of `fct_llm_calls`, at least `CALL_COLUMNS`; calls without a cost are left out of both sides.
        prices: `raw.prices`.
        routing_targets: Seed: task_type, target_model_id, min_agreement_ratio, min_samples, effort.
        comparisons: Rows of `int_shadow_comparisons_resolved`.
        features: Seed: feature_id, owner.
        as_of_dates: Dates of issue; each sees only calls and comparisons before it.
    Returns:
        Per as_of_date by rank: open and measured, open and not, rejected; the larger saving first.
    """
    book = PriceBook.from_table(prices)
    routes = sorted(routing_targets.to_pylist(), key=lambda row: (row["task_type"], row["target_model_id"]))
    owners = dict(zip(features["feature_id"].to_pylist(), features["owner"].to_pylist(), strict=True))
    sums = _summed_by_day(calls)
    rows = []
    for as_of in sorted(set(as_of_dates)):
        agreement = count_agreement(comparisons, before=as_of)
        window = [row for row in sums if as_of - timedelta(days=WINDOW_DAYS) <= row["usage_date"] < as_of]
        found = [
            {"as_of_date": as_of, "owner": owners.get(group.feature_id) or "nobody named"}
            | _opportunity(group, week, target=target, agreement=agreement)
            for target in routes
            for group, week in sorted(_priced(window, target=target, book=book).items())
        ]
        rows += _ranked(found)
    return to_table(rows, schema=SAVINGS)


def _summed_by_day(calls: pa.Table) -> list[dict[str, Any]]:
    """Sum the tokens and cost of expensive, priced, generating calls by day and all that decides their price."""
    wanted = (
        (pc.field("model_tier") == "expensive")
        & pc.field("is_generating")
        & pc.field("estimated_cost_usd").is_valid()
        & pc.field("feature_id").is_valid()
        & (pc.field("feature_id") != "unattributed")
    )
    table = calls.filter(wanted)
    sums = table.group_by(_KEYS, use_threads=False).aggregate(
        [(name, "sum") for name in [*_TOKENS, "estimated_cost_usd"]] + [("usage_date", "count")]
    )
    # What is added up as floats has to come in one order, or a micro-dollar differs between two builds of one lake.
    return sums.sort_by([(key, "ascending") for key in _KEYS]).to_pylist()


def _priced(window: list[dict[str, Any]], *, target: Mapping[str, Any], book: PriceBook) -> dict[Group, WeekOfCalls]:
    """Price the window's calls of the target's task type on the target, by feature and present model."""
    groups: dict[Group, WeekOfCalls] = {}
    model = target["target_model_id"]
    for row in window:
        if row["task_type"] != target["task_type"] or row["model_id"] == model:
            continue
        week = groups.setdefault(Group(row["feature_id"], row["task_type"], row["model_id"]), WeekOfCalls(set()))
        week.days.add(row["usage_date"])
        week.call_count += row["usage_date_count"]
        week.current_usd += float(row["estimated_cost_usd_sum"])
        quote = book.quote(
            row["provider_name"],
            model,
            {name: row[f"{name}_tokens_sum"] or 0 for name in TOKEN_CLASSES},
            region_scope=row["region_scope"],
            processing=row["processing"],
            day=row["usage_date"],
        )
        if quote is None or week.target_usd is None:
            week.target_usd = None
            continue
        week.target_usd += quote.cost_usd
        week.filled_in |= set(quote.filled_in_classes)
    return groups


def _opportunity(
    group: Group, week: WeekOfCalls, *, target: Mapping[str, Any], agreement: Mapping[Route, Agreement]
) -> dict[str, Any]:
    """Judge one group against one target."""
    model = target["target_model_id"]
    measured = agreement.get(Route(group.task_type, group.model_id, model))
    shares = (measured.ratio, *measured.interval) if measured else (1.0, 0.0, 1.0)
    # Without a price there is no difference: 0 is the saving that can be shown, and the row is rejected.
    difference = 0.0 if week.target_usd is None else (week.current_usd - week.target_usd) * WEEKS_PER_MONTH
    saving, low, high = (to_money(difference * share) for share in shares)
    reason = _reason_against(week, saving=saving, target=target, agreement=measured)
    return {
        "opportunity_id": ":".join((LEVER, *group, model)),
        "feature_id": group.feature_id,
        "lever": LEVER,
        "task_type": group.task_type,
        "current_model_id": group.model_id,
        "target_model_id": model,
        "current_cost_usd_per_month": to_money(week.current_usd * WEEKS_PER_MONTH),
        "target_cost_usd_per_month": None if week.target_usd is None else to_money(week.target_usd * WEEKS_PER_MONTH),
        "saving_usd_per_month": saving,
        "low_saving_usd_per_month": min(low, high),
        "high_saving_usd_per_month": max(low, high),
        "agreement_ratio": measured.ratio if measured else None,
        "agreement_sample_count": measured.sample_count if measured else 0,
        "evidence": _evidence(week, agreement=measured),
        "missing_evidence": _missing_evidence(week, target=target, agreement=measured),
        "effort": target["effort"],
        "status": "rejected" if reason else "open",
        "reason": reason,
        "is_measured": bool(measured and measured.sample_count >= target["min_samples"]),
    }


def _reason_against(
    week: WeekOfCalls, *, saving: Decimal, target: Mapping[str, Any], agreement: Agreement | None
) -> str | None:
    """Say why this is not worth doing; None when nothing speaks against it."""
    if week.target_usd is None:
        return "the target has no price for tokens these calls used"
    if week.target_usd >= week.current_usd:
        prices = f"${week.target_usd:,.2f} against ${week.current_usd:,.2f} a week"
        return f"the target is not cheaper: {prices} on the same tokens"
    limit = float(target["min_agreement_ratio"])
    if agreement and agreement.sample_count >= target["min_samples"] and agreement.interval[0] < limit:
        return f"no worse in {agreement.interval[0]:.1%} of comparisons at least, wanted are {limit:.1%}"
    if saving < SMALLEST_SAVING_USD:
        return f"saves less than ${SMALLEST_SAVING_USD} a month"
    return None


def _evidence(week: WeekOfCalls, *, agreement: Agreement | None) -> str:
    days = f"{len(week.days)} of the trailing {WINDOW_DAYS} days"
    text = f"{week.call_count:,} calls on {days}, same tokens at list prices, times 365/12/7 for a month"
    if agreement is None:
        return text
    low, high = agreement.interval
    compared = f"{agreement.no_worse_count:,} of {agreement.sample_count:,} shadow comparisons"
    return f"{text}; no worse in {compared} ({agreement.ratio:.1%}, 95 % interval {low:.1%} to {high:.1%})"


def _missing_evidence(week: WeekOfCalls, *, target: Mapping[str, Any], agreement: Agreement | None) -> str | None:
    missing = []
    if agreement is None:
        missing.append("no shadow comparison of these two models on this task type: quality is not known")
    elif agreement.sample_count < target["min_samples"]:
        missing.append(f"{agreement.sample_count} of the {target['min_samples']} shadow comparisons wanted")
    if week.filled_in:
        classes = ", ".join(sorted(week.filled_in))
        missing.append(f"the target has no price of its own for {classes}: taken as other input")
    return "; ".join(missing) or None


def _ranked(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Number the opportunities of one date: open and measured, open and not, rejected; the larger saving first.

    Calls can be moved only once: of several open targets for the same calls the first stays open.
    """
    open_target: dict[tuple[str, ...], str] = {}
    for row in sorted(found, key=_order):
        calls = tuple(row[name] for name in ("feature_id", "task_type", "current_model_id"))
        first = open_target.setdefault(calls, row["target_model_id"]) if row["status"] == "open" else None
        if first not in (None, row["target_model_id"]):
            row |= {"status": "rejected", "reason": f"{first} is the better target for the same calls"}
    return [
        {name: value for name, value in row.items() if name != "is_measured"} | {"rank": rank}
        for rank, row in enumerate(sorted(found, key=_order), 1)
    ]


def _order(row: Mapping[str, Any]) -> tuple:
    return row["status"] != "open", not row["is_measured"], -row["saving_usd_per_month"], row["opportunity_id"]
