"""Reconciliation: what was billed, what of it features pay, and what nobody can be named for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from ai_finops.report.wording import counted, share
from ai_finops.ui.axes import every_day, on_axis
from ai_finops.ui.choosing import Chosen, choose_one, month_of, months, or_all, plain, value_of
from ai_finops.ui.rows import Record, column, feature_names, fill, floats, records
from ai_finops.ui.view import Chart, Fact, Filter, Section, Series, Table, View, Warn
from ai_finops.ui.words import usd_said

if TYPE_CHECKING:
    import duckdb

    from ai_finops.config import Settings

CELLS = "fct_daily_reconciliations"
_ONE_LINE = 0.005
"""How far two shares may be apart and still lie on each other in a picture."""
_SAME_LINE = (
    "What features pay is within half a percent of it on every day, and has no line of its own; the table has it."
)
INVOICE_TOLERANCE_USD = Decimal("0.01")
"""Within which the sum of a month has to meet its bill (docs/architecture.md, P1)."""

# The cells that the filters leave, and whether they have a bill; $provider and $account are NULL for all of them.
_CELLS = """
with cells as (
    select
        *,
        billed_cost_usd is not null as has_bill,
        if(charge_category = 'usage' and billed_cost_usd is not null, billed_cost_usd, null) as usage_cost_usd
    from fct_daily_reconciliations
    where
        usage_date >= $month and usage_date < $month + interval 1 month
        and ($provider is null or provider_name = $provider)
        and ($account is null or billing_account_id = $account)
)
"""

# Shares are of usage alone: tax and credits are on no model, and nobody could trace them. What a bill has nothing of is 0; not
# known is only what has no bill.
_SUMS = """
    sum(billed_cost_usd) as billed_cost_usd,
    sum(allocated_cost_usd) as allocated_cost_usd,
    sum(unattributed_cost_usd) as unattributed_cost_usd,
    sum(billed_cost_usd - allocated_cost_usd - unattributed_cost_usd) as untied_cost_usd,
    count(*) filter (where billed_cost_usd <> allocated_cost_usd + unattributed_cost_usd) as untied_cell_count,
    sum(usage_cost_usd) as billed_usage_cost_usd,
    sum(allocated_cost_usd) filter (where usage_cost_usd is not null) as allocated_usage_cost_usd,
    case
        when count(usage_cost_usd) > 0 then sum(unattributed_cost_usd) filter (where usage_cost_usd is not null)
        when count(*) filter (where charge_category = 'usage' and not has_bill) = 0 and count(billed_cost_usd) > 0 then 0
    end as unattributed_usage_cost_usd,
    case
        when count(billed_cost_usd) > 0
            then coalesce(sum(unattributed_cost_usd) filter (where charge_category <> 'usage'), 0)
    end as other_charges_cost_usd,
    sum(unattributed_cost_usd) filter (where charge_category = 'tax') as tax_cost_usd,
    sum(unattributed_cost_usd) filter (where charge_category in ('credit', 'refund')) as credits_cost_usd,
    sum(unattributed_cost_usd) filter (where charge_category not in ('usage', 'tax', 'credit', 'refund'))
        as rest_cost_usd,
    if(count(*) filter (where not has_bill) = 0, 0, sum(estimated_cost_usd) filter (where not has_bill))
        as unbilled_estimated_cost_usd,
    sum(usage_cost_usd * coverage_pct) filter (where coverage_pct is not null)
        / nullif(sum(usage_cost_usd) filter (where coverage_pct is not null), 0) / 100 as traced_ratio,
    sum(allocated_cost_usd) filter (where usage_cost_usd is not null)
        / nullif(sum(usage_cost_usd), 0) as allocated_ratio
"""

_DAYS = Table(
    "reconciliation-days",
    "By day",
    CELLS,
    (
        column("usage_date", "Day", "date"),
        column("billed_cost_usd", "Billed", "usd"),
        column("allocated_cost_usd", "Allocated to features", "usd"),
        column("unattributed_usage_cost_usd", "Usage unattributed", "usd", f"{CELLS}.unattributed_cost_usd"),
        column("other_charges_cost_usd", "Tax, credits and others", "usd", f"{CELLS}.unattributed_cost_usd"),
        column("untied_cost_usd", "Billed less the three", "usd", f"{CELLS}.billed_cost_usd"),
        column("unbilled_estimated_cost_usd", "Estimated, no bill yet", "usd", f"{CELLS}.estimated_cost_usd"),
        column("traced_ratio", "Coverage", "ratio", f"{CELLS}.coverage_pct"),
        column("allocated_ratio", "Allocated share", "ratio", f"{CELLS}.allocated_cost_usd"),
        column("is_settled", "Settled", "flag"),
    ),
    (),
    note="Billed holds all charges, tax and credits too, which no feature pays. Coverage and share are of usage alone.",
    empty="No cell of a bill or of traced usage in this month. Rows come with a landed bill or landed traces.",
)

_MODELS = Table(
    "reconciliation-models",
    "By provider, account and model",
    CELLS,
    (
        column("model_id", "Model"),
        column("charge_category", "Charge", "name"),
        column("billed_cost_usd", "Billed", "usd"),
        column("allocated_cost_usd", "Allocated", "usd"),
        column("unattributed_cost_usd", "Unattributed", "usd"),
        column("untied_cost_usd", "Billed less both", "usd", f"{CELLS}.billed_cost_usd"),
        column("traced_ratio", "Coverage", "ratio", f"{CELLS}.coverage_pct"),
        column("estimated_cost_usd", "Estimate of what was traced", "usd"),
        column("error_ratio", "Estimate off the bill by", "ratio", f"{CELLS}.error_pct"),
        column("provider_name", "Provider"),
        column("billing_account_id", "Account"),
    ),
    (),
    note="The estimate is at list prices and of traced usage alone; its error is against the traced share of the bill.",
    empty="No cell of a bill in this month.",
)

_MONTHS = Table(
    "reconciliation-months",
    "Months, and whether they tie to the bill",
    "fct_monthly_feature_costs",
    (
        column("usage_month", "Month", "month"),
        column("provider_name", "Provider"),
        column("bill_cost_usd", "On the bill", "usd", f"{CELLS}.billed_cost_usd"),
        column("billed_cost_usd", "In the features' table", "usd"),
        column("bill_difference_cost_usd", "Difference", "usd", f"{CELLS}.billed_cost_usd"),
        column("billing_account_id", "Account"),
        column("allocated_cost_usd", "Cost, estimates too", "usd"),
        column("is_closed", "Closed", "flag"),
        column("closed_at_date", "Closed on", "date"),
        column("version", "Version", "count"),
        column("rule", "Closed by rule", "name", "dim_closed_periods.rule"),
        column("costs_sha256", "Checksum of its costs", "text", "dim_closed_periods.costs_sha256"),
        column("reconciliations_sha256", "Checksum of its cells", "text", "dim_closed_periods.reconciliations_sha256"),
    ),
    (),
    note=(
        "On the bill: cells summed with what rounding to micro-dollars took away. A month is closed once its bill is "
        "invoiced and the days of seed closing_rules have passed; from then on nothing in it moves."
    ),
    empty="No month yet. Rows come with the first landed bill or traces.",
)

_PRICES = Table(
    "price-differences",
    "Billed rates that differ from the price table",
    "fct_daily_price_differences",
    (
        column("model_id", "Model"),
        column("token_class", "Token class", "name"),
        column("billed_cost_usd", "Billed", "usd"),
        column("difference_cost_usd", "Beyond the listed price", "usd"),
        column("difference_ratio", "Rate off by", "ratio"),
        column("reason", "Why", "name"),
        column("day_count", "Days", "count", "fct_daily_price_differences.usage_date"),
        column("region_scope", "Region", "name"),
        column("processing", "Processing", "name"),
        column("price_catalog", "Price table"),
        column("price_catalog_version", "Its version"),
        column("provider_name", "Provider"),
        column("billing_account_id", "Account"),
    ),
    (),
    note="A discount shows as a negative difference. Nothing is costed with these rates: they are a second opinion.",
    empty="No billed rate differs from the price table by more than the bound in seed reporting_bounds.",
)

_RESTATED = Table(
    "restatements",
    "What closed months would be by now",
    "fct_monthly_cost_restatements",
    (
        column("feature_id", "Feature", "name"),
        column("usage_month", "Month", "month"),
        column("allocated_cost_difference_usd", "Difference", "usd"),
        column("closed_allocated_cost_usd", "When it closed", "usd"),
        column("restated_allocated_cost_usd", "As read now", "usd"),
        column("charge_category", "Charge", "name"),
        column("closed_version", "Version", "count"),
        column("provider_name", "Provider"),
        column("billing_account_id", "Account"),
        column("closed_request_count", "Calls when it closed", "count"),
        column("restated_request_count", "Calls as read now", "count"),
    ),
    (),
    note="The closed month stays as it was; the difference is a correction in the open month.",
    empty="No closed month reads otherwise than it did when it closed. Rows come with late calls or a restated bill.",
)


def reconciliation(connection: duckdb.DuckDBPyConnection, *, chosen: Chosen, settings: Settings) -> View:
    """Return the view of one month: `?month=2025-06&provider=aws.bedrock&account=111122223333`."""
    filters = _filters(connection, chosen)
    month, provider, account = month_of(filters[0]), value_of(filters[1]), value_of(filters[2])
    bound = {"month": month, "provider": provider, "account": account}
    days = _days(connection, bound) if month else []
    total = _total(connection, bound) if month else None
    axis = _axis(connection, month) if month and days else ()
    tied = _months(connection, provider, account)
    called = {"feature_id": feature_names(connection)}
    of = "" if month is None else f", {month:%B %Y}"
    return View(
        slug="reconciliation",
        title="Reconciliation",
        lead="Does what features are charged add up to the bill, and how much of the bill can nobody be named for?",
        facts=_facts(total, of),
        filters=filters,
        warns=_warns(total, days, tied),
        sections=(
            Section(
                f"Billed = allocated + unattributed{of}",
                charts=tuple(on_axis(each, axis) for each in (_cost_chart(days, total), _coverage_chart(days, total))),
                tables=(fill(_DAYS, days), fill(_MODELS, _models(connection, bound) if month else [])),
            ),
            Section("Months and closing", tables=(fill(_MONTHS, tied),), sentences=_tie_sentences(tied)),
            Section(f"Prices{of}", tables=(fill(_PRICES, _prices(connection, bound) if month else []),)),
            Section("Restatements", tables=(fill(_RESTATED, _restated(connection, provider, account), names=called),)),
        ),
    )


def _filters(connection: duckdb.DuckDBPyConnection, chosen: Chosen) -> tuple[Filter, Filter, Filter]:
    found = records(
        connection,
        f"select distinct date_trunc('month', usage_date)::date as month, provider_name, billing_account_id from {CELLS}",  # noqa: S608 - our own name
    )
    return (
        choose_one(chosen, "month", "Month", months(sorted({row["month"] for row in found}, reverse=True))),
        choose_one(
            chosen, "provider", "Provider", or_all(plain(_values(found, "provider_name")), label="All providers")
        ),
        choose_one(
            chosen, "account", "Account", or_all(plain(_values(found, "billing_account_id")), label="All accounts")
        ),
    )


def _values(found: list[Record], name: str) -> list[str]:
    return sorted({row[name] for row in found if row[name] is not None})


def _days(connection: duckdb.DuckDBPyConnection, bound: dict[str, object]) -> list[Record]:
    query = f"{_CELLS} select usage_date, {_SUMS}, bool_and(is_settled) as is_settled from cells group by 1 order by 1"  # noqa: S608 - our own words
    return records(connection, query, **bound)


def _axis(connection: duckdb.DuckDBPyConnection, month: date) -> tuple[date, ...]:
    """Return the days of a month, as far as any cell reaches."""
    newest = records(connection, f"select max(usage_date) as day from {CELLS}")[0]["day"]  # noqa: S608 - our own name
    month_end = (month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return every_day(month, min(month_end, newest))


def _total(connection: duckdb.DuckDBPyConnection, bound: dict[str, object]) -> Record:
    return records(connection, f"{_CELLS} select {_SUMS} from cells", **bound)[0]  # noqa: S608 - our own words


def _models(connection: duckdb.DuckDBPyConnection, bound: dict[str, object]) -> list[Record]:
    # error_pct is of the traced share of the bill: the estimates of cells that have both, over that share of these cells.
    query = f"""{_CELLS}
        select
            provider_name, billing_account_id, model_id, charge_category, {_SUMS},
            sum(estimated_cost_usd) as estimated_cost_usd,
            sum(estimated_cost_usd) filter (where error_pct is not null)
                / nullif(sum(estimated_cost_usd / (1 + error_pct / 100)) filter (where error_pct > -100), 0)
                - 1 as error_ratio
        from cells group by 1, 2, 3, 4
        order by coalesce(sum(billed_cost_usd), 0) desc, 1, 2, 3, 4"""  # noqa: S608 - our own words
    return records(connection, query, **bound)


def _months(connection: duckdb.DuckDBPyConnection, provider: str | None, account: str | None) -> list[Record]:
    query = """
        with features as (
            select
                usage_month, provider_name, billing_account_id, sum(billed_cost_usd) as billed_cost_usd,
                sum(allocated_cost_usd) as allocated_cost_usd, bool_and(is_closed) as is_closed, max(version) as version,
                max(closed_at_date) as closed_at_date
            from fct_monthly_feature_costs group by 1, 2, 3
        ),
        bills as (
            select
                date_trunc('month', usage_date)::date as usage_month, provider_name, billing_account_id,
                sum(billed_cost_usd + rounding_cost_usd) as bill_cost_usd
            from fct_daily_reconciliations group by 1, 2, 3
        )
        select
            features.*, bills.bill_cost_usd, closed.rule, closed.costs_sha256, closed.reconciliations_sha256,
            round(bills.bill_cost_usd - features.billed_cost_usd, 6) as bill_difference_cost_usd
        from features
        left join bills using (usage_month, provider_name, billing_account_id)
        left join (from dim_closed_periods where is_current) as closed using (usage_month, provider_name, billing_account_id)
        where ($provider is null or provider_name = $provider) and ($account is null or billing_account_id = $account)
        order by usage_month desc, provider_name, billing_account_id"""
    return records(connection, query, provider=provider, account=account)


def _prices(connection: duckdb.DuckDBPyConnection, bound: dict[str, object]) -> list[Record]:
    query = """
        select
            provider_name, billing_account_id, model_id, token_class, region_scope, processing, reason, price_catalog,
            price_catalog_version, count(distinct usage_date) as day_count, sum(billed_cost_usd) as billed_cost_usd,
            sum(difference_cost_usd) as difference_cost_usd,
            sum(difference_cost_usd) / nullif(sum(billed_cost_usd - difference_cost_usd), 0) as difference_ratio
        from fct_daily_price_differences
        where
            usage_date >= $month and usage_date < $month + interval 1 month
            and ($provider is null or provider_name = $provider)
            and ($account is null or billing_account_id = $account)
        group by all order by abs(coalesce(sum(difference_cost_usd), 0)) desc, 1, 2, 3, 4, 5, 6, 7, 8, 9"""
    return records(connection, query, **bound)


def _restated(connection: duckdb.DuckDBPyConnection, provider: str | None, account: str | None) -> list[Record]:
    query = """
        select * from fct_monthly_cost_restatements
        where ($provider is null or provider_name = $provider) and ($account is null or billing_account_id = $account)
        order by usage_month desc, abs(allocated_cost_difference_usd) desc, feature_id, charge_category"""
    return records(connection, query, provider=provider, account=account)


def _facts(total: Record | None, of: str) -> tuple[Fact, ...]:
    if total is None:
        return ()
    unattributed = total["unattributed_usage_cost_usd"]
    others = (
        ("Tax", total["tax_cost_usd"], "is no feature's"),
        ("Credits and refunds", total["credits_cost_usd"], "are no feature's"),
        ("Other charges", total["rest_cost_usd"], "support, fees, corrections: no feature's"),
    )
    return (
        Fact("Billed", total["billed_cost_usd"], "usd", f"all charges{of}", source=f"{CELLS}.billed_cost_usd"),
        Fact("Allocated to features", total["allocated_cost_usd"], "usd", source=f"{CELLS}.allocated_cost_usd"),
        Fact("Usage that is unattributed", unattributed, "usd", source=f"{CELLS}.unattributed_cost_usd"),
        # With the two above they add up to what is billed; a kind of charge that the month lacks is left out.
        *(
            Fact(label, usd, "usd", note, source=f"{CELLS}.unattributed_cost_usd")
            for label, usd, note in others
            if usd is not None
        ),
        Fact("Coverage", total["traced_ratio"], "ratio", "of billed usage was traced", source=f"{CELLS}.coverage_pct"),
        Fact(
            "Cells that do not tie",
            total["untied_cell_count"],
            "count",
            status="warning" if total["untied_cell_count"] else "healthy",
            source=f"{CELLS}.billed_cost_usd",
        ),
    )


def _warns(total: Record | None, days: list[Record], tied: list[Record]) -> tuple[Warn, ...]:
    warns = []
    unbilled = [row["usage_date"] for row in days if row["billed_cost_usd"] is None]
    unsettled = [row["usage_date"] for row in days if row["billed_cost_usd"] is not None and not row["is_settled"]]
    if total and total["untied_cell_count"]:
        cells = counted(total["untied_cell_count"], "cell")
        warns.append(Warn(f"In {cells} billed is not allocated plus unattributed; see the table by model.", "warning"))
    if unbilled:
        warns.append(Warn(f"{_days_said(unbilled)} without a bill: only the estimate of traced usage is known."))
    if unsettled:
        warns.append(Warn(f"{_days_said(unsettled)} not settled: the bill does not reach past the end yet."))
    if any(_difference(row) > INVOICE_TOLERANCE_USD for row in tied):
        warns.append(Warn("A month's features do not add up to its bill; see the table of months.", "warning"))
    return tuple(warns)


def _difference(row: Record) -> Decimal:
    return abs(row["bill_difference_cost_usd"] or Decimal(0))


def _tie_sentences(tied: list[Record]) -> tuple[str, ...]:
    billed = [row for row in tied if row["bill_difference_cost_usd"] is not None]
    if not billed:
        return ()
    largest = max(map(_difference, billed))
    months = counted(len(billed), "month")
    return (
        f"{months} by provider and account with a bill; at most {usd_said(largest)} between the features' sum and it.",
    )


def _days_said(days: list[date]) -> str:
    between = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"{counted(len(days), 'day')} ({between})"


def _cost_chart(days: list[Record], total: Record | None) -> Chart:
    series = [
        Series("Allocated to features", floats(days, "allocated_cost_usd"), "bar"),
        Series("Usage unattributed", floats(days, "unattributed_usage_cost_usd"), "bar", is_nobodys=True),
    ]
    for name, label in (
        ("other_charges_cost_usd", "Tax, credits and others"),
        ("unbilled_estimated_cost_usd", "Estimated, no bill yet"),
    ):
        if any(row[name] for row in days):
            series.append(Series(label, floats(days, name), "bar"))
    return Chart(
        "billed-by-day",
        "Billed by day: what features pay, what nobody can be named for, and what is no usage",
        _cost_summary(total),
        tuple(row["usage_date"] for row in days),
        tuple(series),
        is_stacked=True,
        empty="No bill and no traced usage in this month.",
    )


def _lie_on_each_other(first: Sequence[float | None], second: Sequence[float | None]) -> bool:
    """Return whether two lines cannot be told apart anywhere; one without a value hides none that has one."""
    pairs = [(one, other) for one, other in zip(first, second, strict=True) if one is not None or other is not None]
    return bool(pairs) and all(
        one is not None and other is not None and abs(one - other) <= _ONE_LINE for one, other in pairs
    )


def _cost_summary(total: Record | None) -> str:
    if total is None or total["billed_cost_usd"] is None:
        return "Nothing is billed yet."
    billed, allocated = usd_said(total["billed_cost_usd"]), usd_said(total["allocated_cost_usd"])
    parts = f"Of {billed} billed, features pay {allocated}"
    if total["unattributed_usage_cost_usd"] is not None:
        parts += f", {usd_said(total['unattributed_usage_cost_usd'])} of usage is unattributed"
    if total["other_charges_cost_usd"]:
        parts += f", {usd_said(total['other_charges_cost_usd'])} is tax, credits and others"
    return f"{parts}."


def _coverage_chart(days: list[Record], total: Record | None) -> Chart:
    ratio = total["traced_ratio"] if total else None
    traced, paid = Series("Traced", floats(days, "traced_ratio")), floats(days, "allocated_ratio")
    is_same = _lie_on_each_other(traced.values, paid)
    return Chart(
        "coverage-by-day",
        "Coverage: how much of billed usage was traced, and how much features pay",
        "Coverage is not known." if ratio is None else f"{share(ratio)} of the month's billed usage was traced.",
        tuple(row["usage_date"] for row in days),
        (traced,) if is_same else (traced, Series("Paid by features", paid, "dashed")),
        kind="ratio",
        subtitle=_SAME_LINE if is_same else "",
        empty="No billed usage in this month, so there is nothing to cover.",
    )
