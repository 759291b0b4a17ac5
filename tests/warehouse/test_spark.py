"""The same models on Spark: unit tests, data tests and marts equal to DuckDB's, down to how a quotient and a half are rounded.

Takes minutes, most of them Spark's planning of queries over a few rows. Needs requirements-spark.txt and Java 17.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

import duckdb
import pytest

from ai_finops.build.spark_session import missing_for_spark
from tests.warehouse import worked_days
from tests.warehouse.on_spark import differences, run_dbt_on_spark
from tests.warehouse.tiny_lake import make_raw, run_dbt

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(missing_for_spark() is not None, reason=str(missing_for_spark())),
]

EMPTIED = date(2025, 6, 2)


@pytest.fixture(scope="module")
def spark_folder(tmp_path_factory) -> Path:
    """Folder of the worked days' warehouse, built on Spark with all tests of the project."""
    folder = tmp_path_factory.mktemp("spark")
    make_worked_days(folder / "warehouse.duckdb")
    return folder


@pytest.fixture(scope="module")
def built(spark_folder) -> list[dict]:
    """Reports of both phases."""
    return [build(spark_folder, phase) for phase in ("phase_1", "phase_2")]


def make_worked_days(path: Path, *, without: date | None = None) -> None:
    """Write the raw schema of the worked days; `without` is a day of which nothing happened after all."""
    make_raw(
        path,
        spans=[span for span in worked_days.SPANS if span["started_at"].date() != without],
        lines=[line for line in worked_days.LINES if line["line_item_usage_start_date"].date() != without],
        outcomes=worked_days.OUTCOMES,
        analyses=worked_days.ANALYSES,
    )


def build(folder: Path, phase: str, *arguments: str) -> dict:
    report, output = run_dbt_on_spark(
        folder, "build", f"--select=tag:{phase}", *arguments, as_of_date=worked_days.AS_OF_DATE
    )
    assert report["failed"] == [], output[-4000:]
    assert report["success"], output[-4000:]
    return report


def test_every_unit_test_and_data_test_passes(built):
    statuses = [set(report["counts"]) for report in built]
    assert statuses == [{"success", "pass"}, {"success", "pass"}]
    assert sum(report["counts"]["pass"] for report in built) > 400


@pytest.mark.parametrize("schema", ["marts", "intermediate", "seeds"])
def test_worked_days_are_the_same(built, spark_folder, warehouse, schema):
    """Types too, where a contract names them; between the models a whole number has what room the engine gives it."""
    found = differences(
        spark_folder / "warehouse.duckdb",
        warehouse,
        schema=schema,
        are_types_compared=schema != "intermediate",
        # Checksums of rows, each by its engine's own hash.
        leaving_out=("int_days_compared",),
    )
    assert found == []


# What the models calculate with, and what it gives by hand: macros first, then casts and products of the engines themselves.
ARITHMETIC = [
    ("{{ whole_quotient('7', '2') }}", "3"),
    ("{{ whole_quotient('-7', '2') }}", "-3"),
    ("{{ whole_quotient('7', '-2') }}", "-3"),
    ("{{ whole_quotient('-6', '2') }}", "-3"),
    ("{{ whole_quotient('cast(null as bigint)', '2') }}", None),
    ("{{ whole_quotient('7', 'cast(null as bigint)') }}", None),
    # Past 64 bits, where Spark's `div` wraps around: 12345 x 8000440025101380576021681 + 2376.
    ("""{{ whole_quotient(whole_number("'98765432109876543210987654321'"), '12345') }}""", "8000440025101380576021681"),
    (
        """{{ whole_quotient(whole_number("'-98765432109876543210987654321'"), '12345') }}""",
        "-8000440025101380576021681",
    ),
    # Half away from zero, and what is less than half.
    ("{{ divide_rounded('5', '10') }}", "1"),
    ("{{ divide_rounded('-5', '10') }}", "-1"),
    ("{{ divide_rounded('4', '10') }}", "0"),
    ("{{ divide_rounded('-4', '10') }}", "0"),
    ("{{ divide_rounded('-15', '10') }}", "-2"),
    ("""{{ to_micro_usd("cast('0.0000005' as decimal(38, 12))") }}""", "1"),
    ("""{{ to_micro_usd("cast('-0.0000005' as decimal(38, 12))") }}""", "-1"),
    ("""{{ to_micro_usd("cast('0.000000499999' as decimal(38, 12))") }}""", "0"),
    ("""{{ to_pico_usd("cast('-1.000000000001' as decimal(38, 12))") }}""", "-1000000000001"),
    ("{{ pico_to_usd('cast(-1000000000001 as bigint)') }}", "-1.000000000001"),
    ("{{ micro_to_usd('cast(1500000 as bigint)') }}", "1.5"),
    ("""{{ usd_per("cast('0.000005' as decimal(18, 6))", '2') }}""", "0.000003"),
    ("""{{ usd_per("cast('-0.000005' as decimal(18, 6))", '2') }}""", "-0.000003"),
    ("""{{ usd_per("cast('1' as decimal(18, 6))", '0') }}""", None),
    ("""{{ sign_of("cast('-0.5' as decimal(18, 6))") }}""", "-1"),
    # Two milliseconds begin between them, though less than one passes.
    (
        """{{ milliseconds_between("timestamp '2025-06-02 00:00:00.0009'", "timestamp '2025-06-02 00:00:00.0011'") }}""",
        "1",
    ),
    ("""{{ with_dashed_dates("'claude-20250514-v1'") }}""", "claude-2025-05-14-v1"),
    ("cast(cast('2.5' as decimal(38, 12)) as decimal(18, 0))", "3"),
    ("cast(cast('-2.5' as decimal(38, 12)) as decimal(18, 0))", "-3"),
    ("cast(cast('0.0000015' as decimal(38, 12)) as decimal(18, 6))", "0.000002"),
    ("cast(cast('-0.0000015' as decimal(38, 12)) as decimal(18, 6))", "-0.000002"),
    ("round(cast('-1.5' as decimal(38, 12)) * 1, 0)", "-2"),
    # A bill's amount by a rate: all 24 places count before one rounding to the twelfth.
    (
        "cast(cast('0.000000000001' as decimal(38, 12)) * cast('0.5' as decimal(18, 12)) as decimal(38, 12))",
        "0.000000000001",
    ),
    (
        "cast(cast('0.000000000001' as decimal(38, 12)) * cast('0.499999999999' as decimal(18, 12)) as decimal(38, 12))",
        "0",
    ),
    ("cast('1.000000000001' as decimal(38, 12)) - cast('1' as decimal(18, 6))", "0.000000000001"),
    ("-7 % 2", "-1"),
]


def test_quotients_and_halves_are_rounded_alike(spark_folder, tmp_path):
    """By hand, on both engines: quotients of negative numbers, and what lies just at the half."""
    query = " union all ".join(
        f"select {number} as number, cast({expression} as string) as said"
        for number, (expression, _) in enumerate(ARITHMETIC)
    )
    command = ("show", f"--inline={query}", "--output=json", "--limit=-1", "--quiet")
    report, on_spark = run_dbt_on_spark(spark_folder, *command, as_of_date=worked_days.AS_OF_DATE)
    assert report["success"], report
    on_duck = run_dbt(tmp_path / "warehouse.duckdb", *command, as_of_date=worked_days.AS_OF_DATE).stdout
    by_hand = {expression: _plain(expected) for expression, expected in ARITHMETIC}
    assert dict(zip(by_hand, _shown(on_duck), strict=True)) == by_hand
    assert dict(zip(by_hand, _shown(on_spark), strict=True)) == by_hand


def _shown(output: str) -> list[Decimal | str | None]:
    """Return column `said` of what `dbt show` printed, in the order of column `number`."""
    rows = json.loads(output[output.index("{") : output.rindex("}") + 1])["show"]
    return [_plain(row["said"]) for row in sorted(rows, key=lambda row: row["number"])]


def _plain(said: str | None) -> Decimal | str | None:
    """Return a number as one: Spark writes 1E-12 where DuckDB writes zeros."""
    try:
        return None if said is None else Decimal(str(said))
    except InvalidOperation:
        return said


def test_a_number_past_its_room_stops_the_build(spark_folder):
    """Never a wrong figure: a quotient of 26 digits, a divisor of 27, and a division by zero."""
    for dividend, divisor in (("1" + "0" * 25, "1"), ("1", "1" + "0" * 26), ("1", "0")):
        query = f"select {{{{ whole_quotient('cast({dividend} as decimal(38, 0))', '{divisor}') }}}} as quotient"
        report, _ = run_dbt_on_spark(spark_folder, "show", f"--inline={query}", as_of_date=worked_days.AS_OF_DATE)
        assert not report["success"], (dividend, divisor)


def test_a_null_that_a_contract_forbids_fails_a_data_test(tmp_path):
    """DuckDB refuses the row itself; Spark takes it, and the test that stands in for the contract finds it."""
    analyses = {
        name: [row | {"method": None} for row in rows] if name == "analysis_projections" else rows
        for name, rows in worked_days.ANALYSES.items()
    }
    make_raw(tmp_path / "warehouse.duckdb", analyses=analyses)
    command = ("build", "--select=stg_analysis__projections fct_cost_projections")
    report, _ = run_dbt_on_spark(tmp_path, *command, as_of_date=worked_days.AS_OF_DATE)
    assert "keeps_its_not_nulls_fct_cost_projections" in " ".join(node["unique_id"] for node in report["failed"])
    duck = tmp_path / "duck" / "warehouse.duckdb"
    duck.parent.mkdir()
    make_raw(duck, analyses=analyses)
    on_duck = run_dbt(duck, *command, as_of_date=worked_days.AS_OF_DATE)
    assert "NOT NULL constraint failed" in on_duck.stdout


# The last one: it builds over what the others look at.
def test_emptied_day_leaves_nothing_behind(built, spark_folder, tmp_path):
    """The catalog holds the day; after it was emptied no mart does, as on DuckDB."""
    duck = tmp_path / "warehouse.duckdb"
    make_worked_days(duck, without=EMPTIED)
    without_tests = ("--exclude-resource-type=test", "--exclude-resource-type=unit_test")
    on_spark = spark_folder / "warehouse.duckdb"
    on_spark.unlink()
    make_worked_days(on_spark, without=EMPTIED)
    for phase in ("phase_1", "phase_2"):
        done = run_dbt(duck, "build", f"--select=tag:{phase}", *without_tests, as_of_date=worked_days.AS_OF_DATE)
        assert done.returncode == 0, done.stdout
        build(spark_folder, phase, *without_tests)
    assert differences(on_spark, duck) == []
    with duckdb.connect(str(on_spark), read_only=True) as connection:
        rows = connection.execute("select distinct usage_date from marts.fct_daily_feature_costs").fetchall()
    assert {day for (day,) in rows} == {date(2025, 6, 3), date(2025, 6, 4), date(2025, 6, 9)}
