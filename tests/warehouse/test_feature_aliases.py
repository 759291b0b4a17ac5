"""What the data tests on seeds `features` and `feature_aliases` find, on seeds made for them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from subprocess import CompletedProcess

import duckdb

from tests.warehouse.tiny_lake import put_seed, run_dbt

ALIASES = "alias varchar, feature_id varchar, valid_from date, valid_to date, reason varchar"
FEATURES = "feature_id varchar, display_name varchar, team varchar, owner varchar, first_date date, last_date date"
FIRST, TENTH, LAST = date(2025, 6, 1), date(2025, 6, 10), date(2025, 6, 30)


def run_test(path: Path, name: str) -> CompletedProcess[str]:
    return run_dbt(path, "test", f"--select={name}", as_of_date="2025-07-01")


def found_by(name: str, path: Path) -> list[tuple]:
    """Return the rows that a test finds, by the query that it was compiled to."""
    compiled = path.parent / "target" / "compiled" / "ai_finops" / "tests" / f"{name}.sql"
    with duckdb.connect(str(path), read_only=True) as connection:
        return sorted(connection.execute(compiled.read_text()).fetchall())


def test_an_alias_that_leads_to_two_features_or_on_to_another_alias_fails(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    aliases = [
        ("twice", "docs", None, TENTH, "until the 9th"),
        ("twice", "chat", date(2025, 6, 9), None, "from the 9th"),
        ("same", "docs", None, None, "one row"),
        ("same", "docs", None, None, "and the same again"),
        ("chained", "middle", FIRST, None, "its feature is an alias from the 10th on"),
        ("middle", "docs", TENTH, None, "that alias"),
        ("itself", "itself", None, None, "stands for itself"),
        ("backwards", "docs", LAST, FIRST, "ends before it begins"),
        ("Total", "docs", None, None, "reserved"),
        ("nobody", "unattributed", None, None, "reserved"),
    ]
    put_seed(path, "feature_aliases", ALIASES, aliases)
    tested = run_test(path, "assert_feature_aliases_lead_to_one_feature")
    assert "ERROR=1" in tested.stdout, tested.stdout[-3000:]
    assert found_by("assert_feature_aliases_lead_to_one_feature", path) == [
        ("Total", "is or stands for a reserved name"),
        ("backwards", "holds on no day"),
        ("chained", "stands for another alias"),
        ("itself", "stands for another alias"),
        ("nobody", "is or stands for a reserved name"),
        ("same", "has two rows for one day"),
        ("twice", "has two rows for one day"),
    ]


def test_aliases_that_follow_each_other_pass(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    aliases = [
        ("search", "docs", None, TENTH, "until the 9th"),
        ("search", "chat", TENTH, None, "from the 10th"),
        ("summaries", "tickets", None, TENTH, "tickets was a feature until the 9th"),
        ("summaries", "chat", TENTH, None, "and is chat from then on"),
        ("tickets", "chat", TENTH, None, "merged"),
    ]
    put_seed(path, "feature_aliases", ALIASES, aliases)
    tested = run_test(path, "assert_feature_aliases_lead_to_one_feature")
    assert "PASS assert_feature_aliases_lead_to_one_feature" in tested.stdout, tested.stdout[-3000:]


def test_use_outside_of_a_features_days_is_a_warning(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    features = [("docs", "Docs", "team", "lead", FIRST, LAST), ("chat", "Chat", "team", "lead", None, None)]
    put_seed(path, "features", FEATURES, features)
    days = (date(2025, 5, 31), FIRST, LAST, date(2025, 7, 1))
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema marts")
        connection.execute("create table marts.fct_daily_feature_costs (feature_id varchar, usage_date date)")
        used = [(feature, day) for feature in ("docs", "chat", "newcomer") for day in days]
        connection.executemany("insert into marts.fct_daily_feature_costs values (?, ?)", used)
    tested = run_test(path, "assert_features_are_used_on_their_days")
    # The day before the first and the day after the last. Without dates, or without a row, there are no days to be outside of.
    assert tested.returncode == 0, tested.stdout[-3000:]
    assert found_by("assert_features_are_used_on_their_days", path) == [
        ("docs", date(2025, 5, 31), FIRST, LAST),
        ("docs", date(2025, 7, 1), FIRST, LAST),
    ]
    assert "WARN 2 assert_features_are_used_on_their_days" in tested.stdout
