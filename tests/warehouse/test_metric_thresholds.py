"""Each bound of seed metric_thresholds on both sides and at it, by day and by week, and the verdict over four weeks.

Rows are put where the models that measure would have left theirs.
"""

from __future__ import annotations

import csv
from datetime import date, timedelta

import duckdb
import pytest

from tests.warehouse.tiny_lake import PROJECT, run_dbt

SEED = PROJECT / "seeds" / "metric_thresholds.csv"
WEEKLY_ONLY = ("weekly_cost_to_projection_ratio", "feature_cost_share_ratio")
AMPLIFICATION = [(4_999, 10_000, "healthy"), (5_000, 10_000, "watch"), (5_001, 10_000, "watch"),
                 (7_999, 10_000, "watch"), (8_000, 10_000, "watch"), (8_001, 10_000, "warning")]  # fmt: skip

HITS = [(551, 1_000, "healthy"), (550, 1_000, "watch"), (549, 1_000, "watch"),
        (451, 1_000, "watch"), (450, 1_000, "watch"), (449, 1_000, "warning")]  # fmt: skip
BREAK_EVEN = [(299, 1_000, "healthy"), (300, 1_000, "watch"), (301, 1_000, "watch"),
              (399, 1_000, "watch"), (400, 1_000, "watch"), (401, 1_000, "warning")]  # fmt: skip

# Numerator, denominator and status by metric, slice and scope of the seed. A row of the seed without cases fails.
CASES = {
    ("token_amplification", "task_type=extraction", "any"): AMPLIFICATION,
    ("token_amplification", "task_type=classification", "any"): AMPLIFICATION,
    ("token_amplification", "task_type=form_filling", "any"): AMPLIFICATION,
    ("routing_mix_call_ratio", "tier=cheap", "any"): [
        *((501, 1_000, "healthy"), (500, 1_000, "watch"), (499, 1_000, "watch")),
        *((201, 1_000, "watch"), (200, 1_000, "watch"), (199, 1_000, "warning")),
    ],
    ("routing_mix_call_ratio", "tier=expensive", "any"): [
        *((499, 1_000, "healthy"), (500, 1_000, "watch"), (501, 1_000, "watch")),
        *((899, 1_000, "watch"), (900, 1_000, "watch"), (901, 1_000, "warning")),
    ],
    ("retrieval_hit_document_ratio", "evidence=citation", "any"): HITS,
    ("retrieval_hit_document_ratio", "evidence=overlap_estimate", "any"): HITS,
    ("reranker_change_ratio", "top_k=5", "any"): [
        *((201, 1_000, "healthy"), (200, 1_000, "watch"), (199, 1_000, "warning")),
    ],
    ("cache_right_hit_ratio", "embedder=minilm-l6-v2-static-256-int8 similarity=0.92", "any"): BREAK_EVEN,
    ("cache_right_hit_ratio", "similarity=exact", "any"): BREAK_EVEN,
    ("routing_escalation_ratio", "all", "any"): [
        *((299, 1_000, "healthy"), (300, 1_000, "watch"), (301, 1_000, "watch")),
        *((499, 1_000, "watch"), (500, 1_000, "watch"), (501, 1_000, "warning")),
    ],
    ("weekly_cost_to_projection_ratio", "all", "total"): [
        *((109.99, 100, "healthy"), (110, 100, "watch"), (110.01, 100, "watch")),
        *((119.99, 100, "watch"), (120, 100, "watch"), (120.01, 100, "warning")),
        *((90.01, 100, "healthy"), (90, 100, "watch"), (89.99, 100, "watch"), (1, 100, "watch")),
        # Cents, whose quotient is 1.1 less a bit of the last place.
        (0.011, 0.01, "watch"),
    ],
    ("feature_cost_share_ratio", "all", "any"): [
        *((39.99, 100, "healthy"), (40, 100, "watch"), (40.01, 100, "watch")),
        *((54.99, 100, "watch"), (55, 100, "watch"), (55.01, 100, "warning")),
    ],
}  # fmt: skip
EXPENSIVE, CHEAP = "tier=expensive", "tier=cheap"

# Slice; by week the calls of its tier among 10,000, or (calls, samples, covered days); then the last week's verdict, status
# and change over the trend.
WEEKS = {
    "at the bound and level": (EXPENSIVE, [9_000] * 5, "locked", "watch", 0.0),
    "below the bound and level": (EXPENSIVE, [8_999] * 5, "steady", "watch", 0.0),
    # Weights of the line over five weeks: 0.2 * (-4, -2, 0, 2, 4).
    "fallen by one in ten thousand": (EXPENSIVE, [9_001] * 4 + [9_000], "improving", "watch", -0.00008),
    "risen by one in ten thousand": (EXPENSIVE, [9_000] * 4 + [9_001], "locked", "warning", 0.00008),
    "rising below the bound": (EXPENSIVE, [8_000] * 4 + [8_999], "worsening", "watch", 0.07992),
    "ends as it began, lower between": (EXPENSIVE, [9_700, 9_500, 9_300, 9_200, 9_700], "improving", "warning", -0.012),
    "ends lower, on a rising line": (EXPENSIVE, [9_500, 9_000, 9_000, 9_600, 9_499], "locked", "warning", 0.02392),
    "four weeks": (EXPENSIVE, [9_500] * 4, "insufficient_history", "warning", None),
    "a week without calls": (EXPENSIVE, [9_500] * 3 + [None] + [9_500] * 2, "insufficient_history", "warning", None),
    "an earlier week of six days": (EXPENSIVE, [9_500, (9_500, 50, 6), *[9_500] * 3], "insufficient_history", "warning", None),
    "an earlier week of few calls": (EXPENSIVE, [(9_500, 49, 7), *[9_500] * 4], "insufficient_history", "warning", None),
    "six days so far": (EXPENSIVE, [9_500] * 4 + [(9_500, 50, 6)], "incomplete_week", "warning", None),
    "few calls": (EXPENSIVE, [9_500] * 4 + [(9_500, 49, 7)], "insufficient", "insufficient", None),
    "cheap and rising": (CHEAP, [2_500, 2_600, 2_700, 2_800, 2_900], "improving", "healthy", 0.04),
    "cheap and level": (CHEAP, [2_500] * 5, "steady", "watch", 0.0),
    "cheap and falling": (CHEAP, [2_900, 2_800, 2_700, 2_600, 2_500], "worsening", "watch", -0.04),
    "cheap, rising to the bound of warning": (CHEAP, [1_600, 1_700, 1_800, 1_900, 2_000], "improving", "watch", 0.04),
    "cheap, rising past it": (CHEAP, [1_601, 1_701, 1_801, 1_901, 2_001], "improving", "healthy", 0.04),
    "hardly any cheap, and level": (CHEAP, [2_000] * 5, "locked", "watch", 0.0),
    "hardly any cheap, and rising": (CHEAP, [1_000, 1_000, 1_000, 1_000, 1_999], "improving", "warning", 0.07992),
}  # fmt: skip
FIRST_OF_CASES, FIRST_OF_WEEKS = date(2020, 1, 6), date(2025, 6, 2)

DAILY = """
    feature_id varchar, dimension varchar, metric_name varchar, numerator double, denominator double, sample_count bigint,
    considered_count bigint, unknown_ratio double, usage_date date
"""
WEEKLY = DAILY.replace("metric_name varchar,", "metric_name varchar, validation varchar,").replace(
    "usage_date date",
    "unknown_day_count bigint, estimated_cost_ratio double, cost_at_stake_usd decimal(18, 6), week_start_date date",
)
VALIDATIONS = "metric_name varchar, feature_id varchar, dimension varchar, validation varchar, usage_date date"
EXCESS = "metric_name varchar, feature_id varchar, dimension varchar, excess_output_cost_usd decimal(38, 12), usage_date date"


def read_seed() -> dict[tuple[str, str, str], dict[str, float | None]]:
    """Return the numbers of each row by metric, slice and scope."""
    numbers = (
        "healthy_bound",
        "warning_bound",
        "healthy_lower_bound",
        "smallest_sample_count",
        "largest_unknown_ratio",
    )
    with SEED.open(newline="") as file:
        return {
            (row["metric_name"], row["dimension"], row["scope"]): {
                name: float(row[name]) if row[name] else None for name in numbers
            }
            for row in csv.DictReader(file)
        }


THRESHOLDS = read_seed()


def rows_of_case(key: tuple[str, str, str], number: int) -> tuple[date, tuple]:
    """Return the week of a case and its row without the date; each case has a week of its own.

    The last three cases of each row have values of the first, with a sample too few and with too much unknown, and that of a
    warning with too much unknown.
    """
    metric, dimension, scope = key
    threshold, cases = THRESHOLDS[key], CASES[key]
    numerator, denominator, _ = cases[number % len(cases)]
    samples, unknown = int(threshold["smallest_sample_count"]), threshold["largest_unknown_ratio"]
    if number == len(cases):
        samples -= 1
    if number == len(cases) + 2:
        numerator, denominator = next(case[:2] for case in cases if case[2] == "warning")
    if number > len(cases):
        unknown = 1.0 if unknown is None else unknown + 0.01
    week = FIRST_OF_CASES + timedelta(weeks=number)
    feature = "total" if scope == "total" else "chat"
    return week, (feature, dimension, metric, numerator, denominator, samples, 10_000, unknown)


def rows_of_weeks() -> list[tuple[date, tuple, int]]:
    """Return Monday, row and covered days of each week of each series, the series one after the other."""
    rows, monday = [], FIRST_OF_WEEKS
    for name, (dimension, weeks, *_) in WEEKS.items():
        for week in weeks:
            count, samples, days = week if isinstance(week, tuple) else (week, 50, 7)
            if count is not None:
                row = (name, dimension, "routing_mix_call_ratio", count, 10_000, samples, samples, 0.0)
                rows.append((monday, row, days))
            monday += timedelta(weeks=1)
    return rows


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    path = tmp_path_factory.mktemp("thresholds") / "warehouse.duckdb"
    listed = run_dbt(
        path,
        "ls",
        "--quiet",
        "--select=1+fct_daily_metrics",
        "--resource-type=model",
        "--output=name",
        as_of_date="2026-01-01",
    )
    measures = [name for name in listed.stdout.split() if name.startswith("int_") and name.endswith("_measured")]
    assert "int_token_amplifications_measured" in measures
    daily, weekly = [], []
    for key in CASES:
        for number in range(len(CASES[key]) + 3):
            week, row = rows_of_case(key, number)
            if key[0] in WEEKLY_ONLY:
                weekly.append((*row[:3], None, *row[3:], 0, None, None, week))
            else:
                daily.append((*row, week))
    daily += [(*row, monday) for monday, row, _ in rows_of_weeks()]
    covered = [(monday + timedelta(days=n),) for monday, _, days in rows_of_weeks() for n in range(days)]
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema intermediate")
        put(connection, "int_token_amplifications_measured", DAILY, daily)
        for name in set(measures) - {"int_token_amplifications_measured"}:
            put(connection, name, DAILY, [])
        put(connection, "int_excess_outputs_priced", EXCESS, [])
        put(connection, "int_use_validations_named", VALIDATIONS, [])
        put(connection, "int_weekly_projections_compared", WEEKLY, weekly)
        put(connection, "int_weekly_cost_shares_measured", WEEKLY, [])
        put(connection, "int_days_covered", "covered_date date", covered)
    built = run_dbt(
        path,
        "build",
        "--select=metric_thresholds fct_daily_metrics int_weekly_metrics_summed int_weekly_metrics_unioned fct_weekly_metrics",
        "--exclude-resource-type=unit_test",
        as_of_date="2026-01-01",
    )
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr

    def ask(sql: str, *values: object) -> list[tuple]:
        with duckdb.connect(str(path), read_only=True) as connection:
            return connection.execute(sql, values).fetchall()

    return ask


def put(connection: duckdb.DuckDBPyConnection, name: str, columns: str, rows: list[tuple]) -> None:
    connection.execute(f"create table intermediate.{name} ({columns})")
    for row in rows:
        connection.execute(f"insert into intermediate.{name} values ({', '.join('?' * len(row))})", row)


def test_every_row_of_the_seed_has_its_cases():
    assert CASES.keys() == THRESHOLDS.keys()


@pytest.mark.parametrize("key", CASES, ids=" ".join)
def test_every_bound_has_a_case_at_it_and_close_by_on_both_sides(key):
    threshold = THRESHOLDS[key]
    values = [round(numerator / denominator, 12) for numerator, denominator, _ in CASES[key]]
    for name in ("healthy_bound", "warning_bound", "healthy_lower_bound"):
        bound = threshold[name]
        if bound is not None:
            assert bound in values, name
            for low, high in ((bound - 0.002, bound), (bound, bound + 0.002)):
                assert [value for value in values if low < value < high], (name, low, high)


@pytest.mark.parametrize("key", CASES, ids=" ".join)
def test_status_on_both_sides_of_each_bound_and_at_it(query, key):
    metric, dimension, _ = key
    expected = [status for *_, status in CASES[key]]
    takes_any_unknown = THRESHOLDS[key]["largest_unknown_ratio"] is None
    expected += ["insufficient", CASES[key][1][2] if takes_any_unknown else "insufficient"]
    # What is unknown could only raise a share; other values it could move either way.
    expected += ["warning" if takes_any_unknown or metric == "feature_cost_share_ratio" else "insufficient"]
    sources = {"fct_weekly_metrics": "week_start_date"}
    if metric not in WEEKLY_ONLY:
        sources["fct_daily_metrics"] = "usage_date"
    for mart, day in sources.items():
        found = query(
            f"select status from marts.{mart} where metric_name = ? and dimension = ? and {day} < '2025-01-01' order by {day}",
            metric,
            dimension,
        )
        assert [status for (status,) in found] == expected, mart


@pytest.mark.parametrize("name", WEEKS)
def test_verdict_over_four_weeks(query, name):
    _, _, verdict, status, change = WEEKS[name]
    *_, last = query(
        """select verdict, status, trend_change, action is not null and owner is not null
        from marts.fct_weekly_metrics where feature_id = ? order by week_start_date""",
        name,
    )
    assert last == (verdict, status, None if change is None else pytest.approx(change, abs=1e-12), True)


def test_a_day_has_no_trend_and_stays_watch(query):
    rows = query("select distinct status from marts.fct_daily_metrics where feature_id = 'cheap and rising'")
    assert rows == [("watch",)]
