"""A closed month stands still: real builds of a small lake, over the closing of May and of June 2025.

In May `support_chat` calls for $3.00 of a bill of $4.00 (1,000,000 input tokens billed, 750,000 traced); $1.00 is nobody's.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ai_finops import finance
from ai_finops.build import prepare
from ai_finops.build.dbt import run_dbt
from ai_finops.build.raw_views import open_warehouse
from ai_finops.build.recost import recost
from ai_finops.closing.closed_ledger import Period, read_closed
from ai_finops.closing.closing import plan_closings, record_closings
from ai_finops.closing.frozen_rows import FROZEN_TABLES
from ai_finops.config import REPOSITORY, Settings
from ai_finops.errors import BuildError, PublishError
from ai_finops.finance.invoices import read_invoices
from ai_finops.finance.month_state import known_months, read_state
from ai_finops.finance.reconciliation import reconcile, require_tie
from ai_finops.finance.tables import FEATURE_COSTS, month_table
from ai_finops.lake import Lake
from ai_finops.publish import current_build, open_published, publish
from tests.build.tiny_lake import land
from tests.dbt_forks import fork_builds, leave_generic_tests_out
from tests.warehouse.tiny_lake import ACCOUNT, SONNET, line, span

MAY, JUNE, JULY = date(2025, 5, 1), date(2025, 6, 1), date(2025, 7, 1)
USAGE_TYPE = "USE1-Claude4Sonnet-input-tokens"
RESOURCE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{SONNET}"


def usd(text: str) -> Decimal:
    return Decimal(text)


@pytest.fixture(autouse=True)
def _quick_builds(monkeypatch):
    fork_builds(monkeypatch)
    leave_generic_tests_out(monkeypatch)


@pytest.fixture
def settings(tmp_path):
    """A deployment with the real dbt project in a copy, whose overlay a test may edit; traces and bills."""
    project = tmp_path / "dbt_project"
    shutil.copytree(REPOSITORY / "dbt_project", project, ignore=shutil.ignore_patterns("logs"))
    home = {"AI_FINOPS_HOME": str(tmp_path / "var"), "AI_FINOPS_DBT_PROJECT": str(project)}
    return replace(Settings.from_env(home), sources=("traces", "billing"))


def land_calls(settings: Settings, day: date, *calls: tuple[str, str, int]) -> None:
    """Land a day of traces: span id, when it started, input tokens."""
    spans = [
        span(span_id, started, SONNET, uncached_input_tokens=tokens, output_tokens=0, landing_date=day)
        for span_id, started, tokens in calls
    ]
    land(settings, "traces", day, key=str(day), spans=spans)


def bill_line(usage_date: str, cost_usd: str, *, tokens: int = 1_000_000, invoice_id: str = "", **changes) -> dict:
    """Return a line of input tokens."""
    changes = {"bill_invoice_id": invoice_id, "line_item_resource_id": RESOURCE} | changes
    made = line(usage_date, USAGE_TYPE, "1M tokens", 0, 0, **changes)
    cost = usd(cost_usd)
    amounts = {"line_item_unblended_cost": cost, "pricing_public_on_demand_cost": cost}
    return made | amounts | {"line_item_usage_amount": usd(str(tokens)) / 1_000_000}


def land_bill(settings: Settings, day: date, *lines: dict, others: tuple[dict, ...] = ()) -> None:
    """Land the bill of one period; `others` are lines that do not concern AI."""
    totals = [each | {"is_landed": each not in others, "line_count": 1} for each in (*lines, *others)]
    land(settings, "billing", day, key=lines[0]["billing_period"], line_items=list(lines), invoice_totals=totals)


def build_and_close(settings: Settings) -> Path:
    """Do what a build and its publication do for phase 1, without the analyses and the audit; return the warehouse."""
    build = prepare(settings=settings)
    run_dbt("phase_1", settings=settings, build=build)
    warehouse = Path(build["warehouse"])
    with open_warehouse(warehouse, read_only=True) as connection:
        folder = Lake(settings.lake).closed
        planned = plan_closings(connection, database="warehouse", build_id=build["build_id"], folder=folder)
    record_closings(folder, planned)
    return warehouse


def publish_phase_1(settings: Settings, monkeypatch) -> dict[str, object]:
    """Build and publish the marts of costs alone, which no analysis or audit has seen: for a state to start from."""
    build = prepare(settings=settings)
    run_dbt("phase_1", settings=settings, build=build)
    with monkeypatch.context() as patched:
        patched.setattr("ai_finops.publish.swap.require_passed", lambda build: None)
        assert publish(settings=settings, build=build) == publish(settings=settings, build=build)
    return build


def query(warehouse: Path, statement: str) -> list[tuple]:
    with open_warehouse(warehouse, read_only=True) as connection:
        return connection.execute(statement).fetchall()


def may_rows(warehouse: Path) -> dict[str, list[tuple]]:
    """Return all that the marts which stand still say of May."""
    rows = "usage_date < date '2025-06-01' order by all"
    return {
        name: query(warehouse, f"select {', '.join(schema.names)} from marts.{name} where {rows}")
        for name, schema in FROZEN_TABLES.items()
    }


def require_ties(warehouse: Path) -> None:
    """Hold what finance pulls of each month against its bill and its invoices."""
    with open_warehouse(warehouse, read_only=True) as connection:
        for month in known_months(connection):
            rows = month_table(connection, FEATURE_COSTS, month=month).dicts()
            invoices = read_invoices(connection, month)
            require_tie(month, reconcile(connection, month, feature_costs=rows, invoices=invoices))


CORRECTIONS = """
select
    usage_date, corrected_month, corrected_charge_category, unattributed_reason, request_count, allocated_cost_usd, cost_status
from marts.fct_daily_allocated_costs where charge_category = 'correction' order by all
"""
MONTHS = """
select usage_month, feature_id, charge_category, cost_status, is_closed, version, billed_cost_usd
from marts.fct_monthly_feature_costs order by all
"""


def test_a_closed_month_stands_still_and_the_open_one_takes_what_comes_later(settings):
    may_bill = {"usage_date": "2025-05-02", "cost_usd": "4"}
    land_calls(settings, date(2025, 5, 2), ("a", "2025-05-02 10:00", 750_000))
    # On the 3rd there is a call and no line: while the month is open, its estimate stands in.
    land_calls(settings, date(2025, 5, 3), ("b", "2025-05-03 10:00", 1000))
    land_calls(settings, date(2025, 6, 15), ("c", "2025-06-15 10:00", 1_000_000))
    land_bill(settings, date(2025, 6, 15), bill_line(**may_bill))
    not_invoiced = build_and_close(settings)
    assert read_closed(Lake(settings.lake).closed).closings == ()
    assert query(not_invoiced, MONTHS)[:2] == [
        (MAY, "support_chat", "usage", "estimated", False, 0, usd("3.000000")),
        (MAY, "unattributed", "usage", "billed", False, 0, usd("1.000000")),
    ]

    land_bill(settings, date(2025, 6, 15), bill_line(**may_bill, invoice_id="i1"))
    closing = build_and_close(settings)
    (closed,) = read_closed(Lake(settings.lake).closed).closings
    assert closed.closing.period == Period("aws.bedrock", ACCOUNT, MAY)
    assert closed.closing.closed_at == date(2025, 6, 16)
    assert query(closing, MONTHS) == [
        (MAY, "support_chat", "usage", "final", True, 1, usd("3.000000")),
        (MAY, "unattributed", "usage", "final", True, 1, usd("1.000000")),
        (JUNE, "support_chat", "usage", "estimated", False, 0, None),
    ]
    when_closed = may_rows(closing)
    # What nobody billed by the time that the month closed is not paid by anybody.
    (late_day,) = query(
        closing,
        "select sum(estimated_cost_usd), sum(allocated_cost_usd), max(unattributed_reason) "
        "from marts.fct_daily_allocated_costs where usage_date = date '2025-05-03'",
    )
    assert late_day == (usd("0.003000"), usd("0.000000"), "not_on_bill")

    # The bill is restated by $2.50, with a credit; a call of May arrives; and the calls of the 2nd name another feature.
    restated = bill_line("2025-05-02", "6.5", tokens=2_000_000, invoice_id="i1")
    credit = bill_line("2025-05-04", "-0.5", tokens=0, invoice_id="i1", line_item_line_item_type="Credit")
    land_bill(settings, date(2025, 6, 16), restated, credit)
    land_calls(settings, date(2025, 6, 16), ("late", "2025-05-02 11:00", 250_000))
    later = build_and_close(settings)
    assert may_rows(later) == when_closed
    require_ties(later)
    assert query(later, CORRECTIONS) == [
        (JUNE, MAY, "credit", "bill_restated", 0, usd("-0.500000"), "billed"),
        (JUNE, MAY, "usage", "bill_restated", 0, usd("2.500000"), "billed"),
        (JUNE, MAY, "usage", "late_after_close", 1, usd("0.000000"), "billed"),
    ]
    restatements = query(
        later,
        "select feature_id, charge_category, closed_request_count, restated_request_count, closed_allocated_cost_usd, "
        "restated_allocated_cost_usd, allocated_cost_difference_usd from marts.fct_monthly_cost_restatements order by all",
    )
    assert restatements == [
        ("not_allocated", "credit", 0, 0, usd("0.000000"), usd("-0.500000"), usd("-0.500000")),
        ("support_chat", "usage", 2, 3, usd("3.000000"), usd("3.250000"), usd("0.250000")),
        ("unattributed", "usage", 0, 0, usd("1.000000"), usd("3.250000"), usd("2.250000")),
    ]
    assert len(read_closed(Lake(settings.lake).closed).closings) == 1

    # June closes with what it took of May; a bill of May that moves again is July's.
    june = bill_line("2025-06-15", "3", tokens=1_000_000, invoice_id="i2")
    land_bill(settings, date(2025, 7, 15), june)
    land_calls(settings, date(2025, 7, 15), ("d", "2025-07-15 10:00", 10))
    second = build_and_close(settings)
    assert query(second, CORRECTIONS) == [(*row[:-1], "final") for row in query(later, CORRECTIONS)]
    land_bill(settings, date(2025, 7, 16), replace_cost(restated, "7"), credit)
    third = build_and_close(settings)
    assert may_rows(third) == when_closed
    require_ties(third)
    assert query(third, CORRECTIONS) == [
        *query(second, CORRECTIONS),
        (JULY, MAY, "usage", "bill_restated", 0, usd("0.500000"), "billed"),
    ]
    assert [str(period) for period in read_closed(Lake(settings.lake).closed).current()] == [
        f"2025-05 of aws.bedrock, account {ACCOUNT}",
        f"2025-06 of aws.bedrock, account {ACCOUNT}",
    ]


ENDED, GONE = "444455556666", "777788889999"
STANDING = """
select billing_account_id, usage_date, charge_category, sum(allocated_cost_usd), min(cost_status)
from marts.fct_daily_allocated_costs where billing_account_id in ('444455556666', '777788889999')
group by all order by all
"""
BOOKS = "select billing_account_id, sum(billed_cost_usd) from marts.fct_monthly_feature_costs group by 1 order by 1"


@pytest.mark.long
def test_corrections_of_accounts_without_a_bill_keep_no_month_open_and_are_in_every_sum(settings):
    """Three accounts pay for May. In June one has AI, `ENDED` only a machine, and `GONE` is on no bill at all.

    May is restated by $2 for ENDED and by $3 for GONE, and once more by $1 for each when June is closed.
    """

    def land_may(day: date, ended: str, gone: str) -> None:
        lines = [("4", ACCOUNT), (ended, ENDED), (gone, GONE)]
        of_accounts = [bill_line("2025-05-02", usd, invoice_id="i1", line_item_usage_account_id=a) for usd, a in lines]
        land_bill(settings, day, *of_accounts)

    land_calls(settings, date(2025, 6, 15), ("c", "2025-06-15 10:00", 1_000_000))
    land_may(date(2025, 6, 15), "5", "6")
    build_and_close(settings)

    machine = bill_line("2025-06-15", "80", invoice_id="i2", line_item_usage_account_id=ENDED)
    land_bill(settings, date(2025, 7, 15), bill_line("2025-06-15", "3", invoice_id="i2"), others=(machine,))
    land_calls(settings, date(2025, 7, 15), ("d", "2025-07-15 10:00", 10))
    land_may(date(2025, 7, 15), "7", "9")
    closing = build_and_close(settings)
    # What corrects ENDED is final with June; GONE has no June that could close, so its correction is in the month after.
    assert query(closing, STANDING) == [
        (ENDED, date(2025, 5, 2), "usage", usd("5"), "final"),
        (ENDED, JUNE, "correction", usd("2"), "final"),
        (GONE, date(2025, 5, 2), "usage", usd("6"), "final"),
        (GONE, JULY, "correction", usd("3"), "billed"),
    ]
    assert states_of(closing) == {MAY: (True, 3), JUNE: (True, 2), JULY: (False, 0)}
    require_ties(closing)

    land_may(date(2025, 7, 16), "8", "10")
    later = build_and_close(settings)
    assert query(later, STANDING) == [
        *query(closing, STANDING)[:2],
        (ENDED, JULY, "correction", usd("1"), "billed"),
        (GONE, date(2025, 5, 2), "usage", usd("6"), "final"),
        (GONE, JULY, "correction", usd("4"), "billed"),
    ]
    assert states_of(later) == states_of(closing)
    require_ties(later)
    # All months of an account together are all of its bills.
    assert query(later, BOOKS) == [(ACCOUNT, usd("7")), (ENDED, usd("8")), (GONE, usd("10"))]


def states_of(warehouse: Path) -> dict[date, tuple[bool, int]]:
    """Return of each month whether its files would be final, and how many accounts are closed in it."""
    with open_warehouse(warehouse) as connection:
        # As publishing writes them; a closing is noted in the build that finds it.
        connection.execute("""
            create or replace table marts.dim_builds as select 'b' as build_id, date '2025-07-16' as as_of_date;
            create or replace table marts.dim_closed_periods as
            select *, closed_at as closed_at_date, true as is_current, '' as costs_sha256, '' as reconciliations_sha256
            from raw.closed_periods
        """)
        states = [read_state(connection, month) for month in known_months(connection)]
    return {state.month: (state.is_final, len(state.closed)) for state in states}


def add_alias(settings: Settings, alias: str, feature_id: str) -> None:
    path = settings.dbt_project / "seeds" / "feature_aliases.csv"
    path.write_text(f"{path.read_text()}{alias},{feature_id},,,a rename with its history\n")


@pytest.mark.long
def test_a_rename_does_not_reach_into_a_closed_month(settings):
    land_calls(settings, date(2025, 5, 2), ("a", "2025-05-02 10:00", 750_000))
    land_calls(settings, date(2025, 6, 15), ("c", "2025-06-15 10:00", 1_000_000))
    land_bill(settings, date(2025, 6, 15), bill_line("2025-05-02", "4", invoice_id="i1"))
    when_closed = may_rows(build_and_close(settings))

    add_alias(settings, "support_chat", "ticket_triage")
    later = build_and_close(settings)
    assert may_rows(later) == when_closed
    # No money moved between bill and features, so there is nothing to correct; the list says whose it would be now.
    assert query(later, CORRECTIONS) == []
    assert query(later, MONTHS) == [
        (MAY, "support_chat", "usage", "final", True, 1, usd("3.000000")),
        (MAY, "unattributed", "usage", "final", True, 1, usd("1.000000")),
        (JUNE, "ticket_triage", "usage", "estimated", False, 0, None),
    ]
    moved = "select feature_id, closed_allocated_cost_usd, restated_allocated_cost_usd"
    assert query(later, f"{moved} from marts.fct_monthly_cost_restatements order by all") == [
        ("support_chat", usd("3.000000"), usd("0.000000")),
        ("ticket_triage", usd("0.000000"), usd("3.000000")),
    ]


def replace_cost(bill: dict, cost_usd: str) -> dict:
    return bill | {"line_item_unblended_cost": usd(cost_usd)}


def set_price(settings: Settings, usd_per_mtok: str) -> None:
    path = settings.dbt_project / "seeds" / "price_overlay.csv"
    key = "aws.bedrock,anthropic.claude-sonnet-4-20250514-v1:0,uncached_input,any,on_demand,0"
    price = f"{usd_per_mtok},1M tokens,2025-01-01,,a contract,2025-05-01"
    path.write_text(f"{path.read_text()}{key},{price}\n")


@pytest.mark.long
def test_a_closed_month_is_priced_again_only_by_force_and_as_another_version(settings, monkeypatch):
    land_calls(settings, date(2025, 5, 2), ("a", "2025-05-02 10:00", 750_000))
    land_calls(settings, date(2025, 6, 15), ("c", "2025-06-15 10:00", 1_000_000))
    land_bill(settings, date(2025, 6, 15), bill_line("2025-05-02", "4", invoice_id="i1"))
    built = publish_phase_1(settings, monkeypatch)
    ledger = read_closed(Lake(settings.lake).closed)
    (first,) = ledger.closings
    assert [line.split("; ")[0] for line in finance.export(settings=settings)] == [
        "2025-05: final, version 1",
        "2025-06: provisional, open: all",
    ]
    with open_published(settings) as marts:
        assert marts.execute(
            "select usage_month, version, costs_sha256, build_id, is_current, closed_at_date from dim_closed_periods"
        ).fetchall() == [
            (MAY, 1, first.tables["fct_daily_allocated_costs"].sha256, built["build_id"], True, date(2025, 6, 16))
        ]

    set_price(settings, "6")
    second = publish_phase_1(settings, monkeypatch)
    assert costs_of_may(settings) == (1, usd("2.250000"), usd("3.000000"))
    with pytest.raises(
        BuildError, match=r"closed months \(2025-05 of aws\.bedrock, account 111122223333\), which do not move"
    ):
        recost(date(2025, 5, 31), date(2025, 6, 1), settings=settings)
    assert current_build(settings).name == second["build_id"]
    assert read_closed(Lake(settings.lake).closed) == ledger

    done = recost(MAY, date(2025, 5, 2), settings=settings, is_applied=True, is_forced=True)
    (change,) = done.changes
    assert (change.usage_month, change.estimated_before_usd, change.estimated_after_usd) == (
        MAY,
        usd("2.25"),
        usd("4.5"),
    )
    assert costs_of_may(settings) == (2, usd("4.500000"), usd("3.000000"))
    (line, _) = finance.export(settings=settings)
    assert line.startswith("2025-05: final, version 2; $4.00 billed; written")
    assert len(finance.verify(MAY, settings=settings)) == 2
    kept, again = read_closed(Lake(settings.lake).closed).closings
    assert kept == first
    assert (again.closing.version, again.build_id) == (2, done.published["build_id"])
    assert again.closing.rule == f"priced again on purpose; before: {first.closing.rule}"
    # From the same lake the same marts, the closed month as it stands now included.
    build = prepare(settings=settings)
    run_dbt("phase_1", settings=settings, build=build)
    frozen = may_rows(Path(build["warehouse"]))
    with open_published(settings) as marts:
        for name, schema in FROZEN_TABLES.items():
            rows = f"select {', '.join(schema.names)} from {name} where usage_date < date '2025-06-01' order by all"
            assert marts.execute(rows).fetchall() == frozen[name]
        (inputs,) = marts.execute("select inputs_sha256 from dim_builds").fetchone()
    assert inputs == json.loads((Path(build["build_dir"]) / "build.json").read_text())["inputs_sha256"]


def costs_of_may(settings: Settings) -> tuple:
    with open_published(settings) as marts:
        return marts.execute(
            "select version, estimated_cost_usd, billed_cost_usd from fct_monthly_feature_costs "
            "where usage_month = date '2025-05-01' and feature_id = 'support_chat'"
        ).fetchone()


def test_a_build_does_not_close_what_was_closed_since_it_was_prepared(settings, tmp_path):
    land_calls(settings, date(2025, 5, 2), ("a", "2025-05-02 10:00", 750_000))
    build = prepare(settings=settings)
    other = {
        "provider_name": "aws.bedrock",
        "billing_account_id": "1",
        "usage_month": "2025-04-01",
        "version": 1,
        "closed_at": "2025-05-16",
        "rule": "because",
        "build_id": "000009-2025-05-16-0123abcd",
        "tables": {},
    }
    folder = Lake(settings.lake).closed
    folder.replace("ledger.json", json.dumps({"closings": [other]}).encode())
    with (
        open_warehouse(Path(build["warehouse"]), read_only=True) as connection,
        pytest.raises(PublishError, match=f"other periods are closed in .* than when {build['build_id']} was prepared"),
    ):
        plan_closings(connection, database="warehouse", build_id=build["build_id"], folder=folder)
