"""A user is forgotten where much is made of what landed: closed months, finance's files, PostgreSQL; also killed midway.

In May `support_chat` pays $3.00 of a bill of $4.00 that is invoiced, so May is closed; June is open. Alice made one call of May
and one of June, and so did Bob.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ai_finops import finance
from ai_finops.build import build_all
from ai_finops.closing.closed_ledger import read_closed
from ai_finops.config import Settings
from ai_finops.demo.run import nobodys_environment
from ai_finops.lake import Lake
from ai_finops.privacy import user_keys
from ai_finops.privacy.forgetting import forget
from ai_finops.privacy.sweep import files_naming
from ai_finops.publish import current_build, open_published, publish_to_postgres
from tests.build.tiny_lake import land
from tests.chaos.forks import Ended, Stations
from tests.chaos.lab import spread
from tests.chaos.snapshots import bring_in_step
from tests.chaos.stations import Faults
from tests.dbt_forks import fork_builds, leave_generic_tests_out
from tests.publish.postgres_cluster import READER, airflow_connection, cluster
from tests.warehouse.tiny_lake import ACCOUNT, SONNET, line, span

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]
MAY, JUNE = date(2025, 5, 2), date(2025, 6, 15)
NOW = datetime(2025, 6, 20, 12, tzinfo=UTC)
ALICE, BOB = "alice@example.com", "bob@example.com"
SAID = "the words that she wrote"
RESOURCE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{SONNET}"


def deployment(home: Path) -> Settings:
    return replace(Settings.from_env({"AI_FINOPS_HOME": str(home)}), sources=("traces", "billing"))


def fill(settings: Settings) -> dict[str, str]:
    """Land the two months; return the users' pseudonyms."""
    with user_keys.landing(settings) as keys:
        pseudonyms = keys.pseudonyms([ALICE, BOB])
    for day, tokens in ((MAY, 375_000), (JUNE, 500_000)):
        spans = [call(day, hour, tokens, pseudonyms[user]) for hour, user in ((10, ALICE), (11, BOB))]
        land(settings, "traces", day, key=str(day), spans=spans)
        said = [{name: spans[0][name] for name in ("trace_id", "span_id", "landing_date")} | {"content": SAID}]
        land(settings, "trace_contents", day, key=str(day), span_contents=said)
        Path(settings.lake / "outcomes" / "trace_contents" / f"{day}.json").unlink()
    bill = [bill_line("2025-05-02", "4", invoice_id="i1"), bill_line("2025-06-15", "3")]
    for each in bill:
        total = each | {"is_landed": True, "line_count": 1}
        land(settings, "billing", JUNE, key=each["billing_period"], line_items=[each], invoice_totals=[total])
    return pseudonyms


def call(day: date, hour: int, tokens: int, user: str) -> dict:
    number = f"{day:%m%d}{hour:02}"
    return span(
        number.zfill(16),
        f"{day} {hour}:00",
        SONNET,
        trace_id=number.zfill(32),
        journey_id=f"conversation {number}",
        user_id=user,
        uncached_input_tokens=tokens,
        output_tokens=0,
        landing_date=day,
    )


def bill_line(usage_date: str, cost_usd: str, *, invoice_id: str = "") -> dict:
    made = line(usage_date, "USE1-Claude4Sonnet-input-tokens", "1M tokens", 0, 0)
    made |= {"bill_invoice_id": invoice_id, "line_item_resource_id": RESOURCE}
    cost = Decimal(cost_usd)
    made |= {"line_item_unblended_cost": cost, "pricing_public_on_demand_cost": cost}
    return made | {"line_item_usage_amount": Decimal(1)}


def naming(settings: Settings, *needles: str) -> list[str]:
    found = files_naming(settings.home, needles, leaving_out=settings.home / "nothing")
    return [str(path.relative_to(settings.home)) for path in found]


def amounts(settings: Settings) -> dict[str, list[tuple]]:
    """All money by month, and by call with its trace."""
    asked = {
        "months": "select * from fct_monthly_feature_costs order by all",
        "days": "select * exclude (user_count) from fct_daily_feature_costs order by all",
        "bill": "select * from fct_daily_reconciliations order by all",
        "closed": "select * from dim_closed_periods order by all",
        "calls": "select call_id, trace_id, allocated_cost_usd from fct_llm_calls order by all",
    }
    with open_published(settings) as marts:
        return {name: marts.execute(query).fetchall() for name, query in asked.items()}


def hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def quick(monkeypatch):
    fork_builds(monkeypatch)
    leave_generic_tests_out(monkeypatch)


@pytest.fixture(scope="module")
def postgres():
    with cluster() as started:
        yield started


def test_closed_months_finances_files_and_postgresql(tmp_path, monkeypatch, quick, postgres):
    postgres.empty("marts")
    monkeypatch.setenv("AIRFLOW_CONN_MARTS_DB", airflow_connection(postgres, "marts"))
    settings = replace(deployment(tmp_path / "var"), postgres_connection="marts_db", postgres_readers=(READER,))
    pseudonyms = fill(settings)
    build_all(settings=settings)
    publish_to_postgres(settings=settings)
    told = finance.export(settings=settings)
    june = f"2025-06: provisional, open: aws.bedrock, account {ACCOUNT}"
    assert [each.split("; ")[0] for each in told] == ["2025-05: final, version 1", june]
    (period,) = read_closed(Lake(settings.lake).closed).current()
    assert period.usage_month == date(2025, 5, 1)
    before, ledger = amounts(settings), hashes(settings.lake / "closed")
    files = hashes(finance.finance_folder(settings))
    assert before["closed"] and any(".csv" in name for name in files)
    assert naming(settings, pseudonyms[ALICE]) and in_postgres(postgres, pseudonyms[ALICE])

    forget(ALICE, settings=settings, now=NOW)  # its build is audited as any other

    assert amounts(settings) == before
    assert hashes(settings.lake / "closed") == ledger
    assert hashes(finance.finance_folder(settings)) == files
    assert finance.verify(date(2025, 5, 1), settings=settings)
    again = finance.export(settings=settings)
    assert [each.split("; ")[0] for each in again] == [each.split("; ")[0] for each in told]
    assert naming(settings, ALICE, pseudonyms[ALICE], SAID, "conversation 050210") == []
    assert in_postgres(postgres, pseudonyms[ALICE], ALICE) == [] and in_postgres(postgres, pseudonyms[BOB])
    with postgres.connect("marts", user=READER) as reader:
        ((build,),) = reader.execute("select build_id from ai_finops.dim_builds").fetchall()
        users = reader.execute("select distinct user_id from ai_finops.fct_llm_calls order by 1").fetchall()
    assert build == current_build(settings).name
    assert users == [("forgotten_user",), (pseudonyms[BOB],)]


@contextmanager
def forgetting(tmp_path: Path, home: Path) -> Iterator[Callable]:
    """Give what forgets Alice in a process of its own, killed where it is told to be."""
    environment = nobodys_environment() | {"AI_FINOPS_HOME": str(home), "AI_FINOPS_SOURCES": "traces,billing"}
    stations = Stations(tmp_path / "processes", environment=environment)

    def run(**faults) -> Ended:
        return stations.run("forget", "--user", ALICE, watched=str(home), faults=Faults(**faults))

    try:
        yield run
    finally:
        stations.stop()


def require_half_forgotten(settings: Settings) -> None:
    """What holds wherever it was killed before its end: landings honour it, or nothing has happened yet."""
    with user_keys.opened(settings) as keys:
        if keys.forgotten_on(ALICE) is None:
            assert keys.pseudonym(ALICE)
        elif keys.pseudonym(ALICE):
            assert keys.is_half_forgotten(ALICE)
        files = Lake(settings.lake).files("traces", "spans")
    tokens = sum(sum(pq.read_table(file, partitioning=None)["uncached_input_tokens"].to_pylist()) for file in files)
    assert tokens == 1_750_000


def require_forgotten(settings: Settings, pseudonyms: dict[str, str]) -> None:
    assert naming(settings, ALICE, pseudonyms[ALICE], SAID) == [] and naming(settings, pseudonyms[BOB])
    with user_keys.opened(settings) as keys:
        assert keys.pseudonym(ALICE) is None and not keys.is_half_forgotten(ALICE) and keys.forgotten_on(ALICE)


def test_killed_before_each_thing_that_it_does_to_the_lake(tmp_path):
    settings, kept = deployment(tmp_path / "var"), tmp_path / "kept"
    pseudonyms = fill(settings)
    bring_in_step(settings.home, kept)
    with forgetting(tmp_path, settings.home) as forget_alice:
        whole = forget_alice()
        assert whole.code == 0, whole.errors
        point_count = int(whole.note.split()[0])
        points = spread(point_count, 40)
        assert len(points) == 40
        for point in points:
            bring_in_step(kept, settings.home)
            killed = forget_alice(stop_before=point)
            assert killed.was_killed, (point, killed.errors)
            require_half_forgotten(settings)
            again = forget_alice()
            assert again.code == 0, (point, killed.note, again.errors)
            require_forgotten(settings, pseudonyms)


def test_killed_while_its_build_is_audited_and_after_that(tmp_path, quick):
    """Each kill leaves what it leaves to the next; readers have one whole build, and all of the money, all along."""
    settings = deployment(tmp_path / "var")
    pseudonyms = fill(settings)
    build_all(settings=settings)
    before = amounts(settings)
    with forgetting(tmp_path, settings.home) as forget_alice:
        for point in (40, 80, 120):  # in the lake, and twice in the audit
            killed = forget_alice(stop_before=point)
            assert killed.was_killed, killed.errors
            require_half_forgotten(settings)
            assert amounts(settings) == before
        whole = forget_alice()
        assert whole.code == 0, whole.errors
    assert amounts(settings) == before
    require_forgotten(settings, pseudonyms)


def in_postgres(server, *needles: str) -> list[str]:
    """Tables of the database in which one of the texts stands."""
    query = (
        "select table_schema, table_name from information_schema.tables "
        "where table_schema not in ('pg_catalog', 'information_schema')"
    )
    found = []
    with server.connect("marts") as connection:
        for schema, table in connection.execute(query).fetchall():
            for needle in needles:
                held = f'select 1 from "{schema}"."{table}" as rows where rows::text like %s limit 1'
                if connection.execute(held, [f"%{needle}%"]).fetchall():
                    found.append(f"{schema}.{table}")
    return found
