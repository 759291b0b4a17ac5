"""What seed lever_assumptions may not hold, and that the levers find all they ask for in it."""

from __future__ import annotations

import re

import duckdb

from tests.warehouse.tiny_lake import PROJECT, run_dbt

SEEDS = PROJECT / "seeds"
TEST = "assert_lever_assumptions_are_complete"
FAULTS = {
    "a value for one feature and none for every other": ("only_here", "support_chat", 1, "USD"),
    "a feature that nobody knows": ("cache_fixed_usd_per_month", "support_chta", 1, "USD"),
    "a value below 0": ("below", "*", -0.01, "USD"),
    "a ratio above 1": ("above", "*", 1.01, "ratio"),
}
FINE = [
    ("at_zero", "*", 0, "ratio"),
    ("at_one", "*", 1, "ratio"),
    ("cache_fixed_usd_per_month", "support_chat", 400, "USD"),
]


def test_the_seed_is_fine_and_each_fault_is_found(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema seeds")
        for name in ("lever_assumptions", "features"):
            connection.execute(f"create table seeds.{name} as from read_csv('{SEEDS / name}.csv')")
        for row in FINE:
            connection.execute(
                "insert into seeds.lever_assumptions (assumption_name, feature_id, value, unit) values (?, ?, ?, ?)",
                row,
            )
    fine = run_dbt(path, "test", f"--select={TEST}", as_of_date="2025-06-10")
    assert fine.returncode == 0, fine.stdout[-3000:] + fine.stderr
    with duckdb.connect(str(path)) as connection:
        for row in FAULTS.values():
            connection.execute(
                "insert into seeds.lever_assumptions (assumption_name, feature_id, value, unit) values (?, ?, ?, ?)",
                row,
            )
    found = run_dbt(path, "test", f"--select={TEST}", as_of_date="2025-06-10")
    assert re.search(rf"FAIL {len(FAULTS)} {TEST}", found.stdout), found.stdout[-3000:]
