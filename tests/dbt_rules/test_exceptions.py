"""Each exception is of a rule that there is, and says why."""

from __future__ import annotations

from collections import Counter

from tests.dbt_rules.project import HERE, read_exceptions


def test_each_exception_names_a_rule_and_a_reason_once():
    rows = read_exceptions()
    rules = {path.stem.removeprefix("test_") for path in HERE.glob("test_*.py")}
    assert {row["rule"] for row in rows} <= rules
    assert all(len(row["reason"]) > 20 for row in rows)
    assert Counter((row["rule"], row["model"]) for row in rows).most_common(1)[0][1] == 1
