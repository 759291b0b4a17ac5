"""What the tests of seed `optimization_decisions` find, and a decision's result over six weeks of spans."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.tiny_lake import NOVA, SONNET, make_raw, outcome, put_seed, run_dbt, span

DECISIONS = """
    decision_id varchar, decision_date date, feature_id varchar, lever varchar, task_type varchar, opportunity_id varchar,
    expected_saving_usd_per_month decimal(18, 6), decider varchar, status varchar, planned_ship_date date, shipped_date date,
    reason varchar
"""
FEATURES = "feature_id varchar, display_name varchar, team varchar, owner varchar, first_date date, last_date date"
DAY, NEXT_DAY = date(2025, 6, 2), date(2025, 6, 3)


def decision(decision_id: str = "sound", **changes) -> tuple:
    """Return one row of the seed; sound, unless `changes` make it something else."""
    row = {
        "decision_id": decision_id,
        "decision_date": DAY,
        "feature_id": "chat",
        "lever": "routing_by_task_type",
        "task_type": None,
        "opportunity_id": None,
        "expected_saving_usd_per_month": Decimal(10),
        "decider": "ann",
        "status": "shipped",
        "planned_ship_date": DAY,
        "shipped_date": DAY,
        "reason": "shadow runs agreed",
    }
    assert row.keys() >= changes.keys()
    return tuple((row | changes).values())


def failed_tests(tmp_path: Path, *decisions: tuple) -> dict[str, int]:
    """Run the seed's tests over `decisions`; return how many rows each that fails has found, by its name."""
    path = tmp_path / "warehouse.duckdb"
    put_seed(path, "optimization_decisions", DECISIONS, decisions)
    features = [
        ("chat", "Chat", "t", "o", None, None),
        ("ended", "Ended", "t", "o", None, DAY - timedelta(days=1)),
        ("ends", "Ends", "t", "o", None, DAY),
        ("unattributed", "Unattributed", "t", "o", None, None),
    ]
    put_seed(path, "features", FEATURES, features)
    chosen = "decision_names_a_feature_of_seed_features assert_decisions_are_on_features_in_production"
    tested = run_dbt(path, "test", f"--select=optimization_decisions,test_type:data {chosen}", as_of_date="2025-07-01")
    assert "TOTAL=" in tested.stdout, tested.stdout[-3000:] + tested.stderr
    return {name: int(count) for count, name in re.findall(r"of \d+ FAIL (\d+) (\w+) ", tested.stdout)}


def test_sound_decisions_pass(tmp_path):
    sound = [
        decision(),
        decision("later", shipped_date=NEXT_DAY, planned_ship_date=None),
        decision("open", status="open", shipped_date=None),
        decision("dropped", status="dropped", shipped_date=None),
        decision("last_day", feature_id="ends"),
        decision("ships_on_it", feature_id="ends", status="open", planned_ship_date=DAY, shipped_date=None),
        decision("gone", feature_id="ends", status="dropped", planned_ship_date=NEXT_DAY, shipped_date=None),
        decision("one_task", task_type="extraction"),
        decision("cache", lever="semantic_cache"),
    ]
    assert failed_tests(tmp_path, *sound) == {}


def test_a_decision_that_cannot_be_is_named_for_what_is_wrong(tmp_path):
    day_before = DAY - timedelta(days=1)
    wrong = [
        decision("a", shipped_date=None),
        decision("b", shipped_date=day_before),
        decision("c", status="open"),
        decision("d", status="dropped"),
        decision("e", planned_ship_date=day_before),
        decision("f", feature_id="nobody"),
        decision("g", feature_id="ended"),
        decision("g2", feature_id="ends", status="open", planned_ship_date=NEXT_DAY, shipped_date=None),
        decision("h", feature_id="unattributed"),
        decision("i", expected_saving_usd_per_month=Decimal(-1)),
        decision("j", expected_saving_usd_per_month=Decimal(0)),
        decision("k", lever="hope"),
        decision("l", status="done", shipped_date=None),
        decision("m", lever="semantic_cache", task_type="chat"),
        decision("n"),
        decision("n"),
    ]
    assert failed_tests(tmp_path, *wrong) == {
        "decision_that_shipped_needs_a_shipped_date": 1,
        "decision_ships_on_its_decision_date_or_later": 1,
        "decision_that_is_open_or_dropped_must_have_no_shipped_date": 2,
        "decision_is_planned_for_its_decision_date_or_later": 1,
        "decision_names_a_feature_of_seed_features": 1,
        "assert_decisions_are_on_features_in_production": 2,
        "decision_is_on_a_feature_and_not_on_cost_without_one": 1,
        "decision_expects_a_saving_above_zero": 2,
        "decision_has_a_known_lever": 1,
        "decision_is_open_shipped_or_dropped": 1,
        "decision_on_a_cache_a_cascade_or_a_reranker_has_no_task_type": 1,
        "decision_id_is_used_once": 1,
    }


@pytest.mark.long
def test_result_over_six_weeks_of_spans(tmp_path):
    """Four weeks on Sonnet, a call of 100,000 input and 10,000 output tokens a day; from 2 June on two calls a day on Nova.

    A call on Sonnet costs 0.1 * $3 + 0.01 * $15 = $0.45, one on Nova 0.1 * $0.06 + 0.01 * $0.24 = $0.0084. In the week of
    9 June 14 calls would have cost $6.30 and cost $0.1176. Nobody uses Sonnet in that week, so its price is the list's.
    """
    path = tmp_path / "warehouse.duckdb"
    days = [date(2025, 5, 5) + timedelta(days=number) for number in range(42)]
    usage = {"uncached_input_tokens": 100_000, "output_tokens": 10_000}
    spans = [
        span(f"{day}-{number}", f"{day} 1{number}:00", SONNET if day < DAY else NOVA, **usage)
        for day in days
        for number in range(1 if day < DAY else 2)
    ]
    make_raw(path, spans=spans, outcomes=[outcome("traces", str(day)) for day in days], analyses={})
    decisions = [
        decision("routed", feature_id="support_chat", expected_saving_usd_per_month=Decimal(20)),
        decision(
            "other", feature_id="ticket_triage", decision_date=date(2025, 6, 15), status="open", shipped_date=None
        ),
    ]
    put_seed(path, "optimization_decisions", DECISIONS, decisions)
    chosen = ["--select=+fct_decision_results +rpt_sprints", "--exclude=optimization_decisions"]
    built = run_dbt(path, "build", *chosen, "--exclude-resource-type=unit_test", as_of_date="2025-06-16")
    assert "ERROR=0 SKIP=0" in built.stdout, built.stdout[-3000:] + built.stderr
    columns = """status, volume_basis, volume_count, baseline_volume_count, actual_cost_usd, counterfactual_cost_usd,
        realised_saving_usd, realised_saving_usd_per_month, paid_price_ratio, week_start_date"""
    with duckdb.connect(str(path), read_only=True) as connection:
        results = connection.execute(
            f"select {columns} from marts.fct_decision_results order by decision_id"
        ).fetchall()
        sprints = connection.execute("from marts.rpt_sprints order by sprint_start_date").fetchall()
    assert results[0] == ("not_shipped", None, None, None, None, None, None, None, None, None)
    money = tuple(Decimal(text) for text in ("0.117600", "6.300000", "6.182400", "26.864000"))
    assert results[1] == ("measured", "generating_calls", 14, 28, *money, 0.0, date(2025, 6, 9))
    # Decisions count for the sprint that they were taken in; 5 May begins one too.
    assert [(row[0], row[3]) for row in sprints] == [(0, date(2025, 5, 5)), (0, date(2025, 5, 19)), (2, DAY)]
