"""Errors of what was issued, without a look ahead."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.projection_errors import measure_errors
from ai_finops.analyse.schemas import PROJECTION_ERRORS, PROJECTIONS
from tests.analyse.daily_costs import MONDAY, daily, history


def issued(*projections):
    """A table of projections: (as_of, daily costs from that day on)."""
    return pa.Table.from_pylist(
        [
            {
                "as_of_date": as_of,
                "feature_id": "chat",
                "scenario": "as_is",
                "target_period": "day",
                "target_date": as_of + timedelta(days=n),
                "projected_cost_usd": None if cost is None else Decimal(cost),
                "method": "linear_trend",
            }
            for as_of, costs in projections
            for n, cost in enumerate(costs)
        ],
        schema=PROJECTIONS,
    )


def error(errors, as_of, horizon):
    (row,) = [r for r in errors.to_pylist() if (r["as_of_date"], r["horizon_days"]) == (as_of, horizon)]
    return row["origin_count"], row["wape_ratio"], row["bias_ratio"], row["status"]


def test_errors_of_two_origins_are_pooled_by_horizon():
    # Actual: 12, 8, 30, 10 from June 2. Projected on June 2: 10, 10; on June 4: 10, 10.
    projections = issued((MONDAY, [10, 10]), (date(2025, 6, 4), [10, 10]), (date(2025, 6, 6), [1, 1, 1]))
    errors = measure_errors(projections, history(daily([12, 8, 30, 10])))
    # One day: errors -2 and -20 of 42. Two days: 20 - 20 and 20 - 40 of 60.
    assert error(errors, date(2025, 6, 6), 1) == (2, pytest.approx(22 / 42), pytest.approx(-22 / 42), "measured")
    assert error(errors, date(2025, 6, 6), 2) == (2, pytest.approx(20 / 60), pytest.approx(-20 / 60), "measured")
    assert error(errors, date(2025, 6, 6), 3) == (0, None, None, "insufficient_history")


def test_bias_has_a_sign_and_wape_has_none():
    projections = issued((MONDAY, [15]), (date(2025, 6, 3), [5]), (date(2025, 6, 4), [1]))
    errors = measure_errors(projections, history(daily([10, 10])))
    assert error(errors, date(2025, 6, 4), 1) == (2, 0.5, 0.0, "measured")


def test_a_horizon_that_ends_on_the_day_of_issue_is_not_known_yet():
    projections = issued((MONDAY, [10, 10]), (date(2025, 6, 3), [1, 1]), (date(2025, 6, 4), [1, 1]))
    errors = measure_errors(projections, history(daily([20, 20, 20])))
    # On June 3 only June 2 is known: one day ahead is measured, two days (June 2 and 3) are not.
    assert error(errors, date(2025, 6, 3), 1)[0] == 1
    assert error(errors, date(2025, 6, 3), 2) == (0, None, None, "insufficient_history")
    assert error(errors, date(2025, 6, 4), 2) == (1, 0.5, -0.5, "measured")


def test_a_missing_day_is_left_out_of_both_sides():
    projections = issued((MONDAY, [10, 10, 10]), (date(2025, 6, 5), [1, 1, 1]))
    errors = measure_errors(projections, history(daily([20, None, 20])))
    assert error(errors, date(2025, 6, 5), 3) == (1, 0.5, -0.5, "measured")


def test_an_origin_is_not_held_against_a_day_that_only_a_late_row_tells_of():
    projections = issued((MONDAY, [10, 10, 10]), (date(2025, 6, 5), [1, 1, 1]))
    covered = [MONDAY, date(2025, 6, 4)]
    errors = measure_errors(projections, history(daily([20, 0.003, 20]), covered_days=covered))
    assert error(errors, date(2025, 6, 5), 3) == (1, 0.5, -0.5, "measured")


def test_a_day_of_unknown_cost_is_left_out_of_both_sides():
    projections = issued((MONDAY, [10, 10, 10]), (date(2025, 6, 5), [1, 1, 1]))
    rows = [*daily([20, None, 20]), (date(2025, 6, 3), "chat", 2, 10, 5)]
    assert error(measure_errors(projections, history(rows)), date(2025, 6, 5), 3) == (1, 0.5, -0.5, "measured")


def test_a_missing_first_day_is_no_origin():
    projections = issued((MONDAY, [10, 10]), (date(2025, 6, 4), [1, 1]))
    errors = measure_errors(projections, history(daily([None, 20]) + daily([5], first=date(2025, 5, 30))))
    assert error(errors, date(2025, 6, 4), 1)[0] == 0
    assert error(errors, date(2025, 6, 4), 2)[0] == 1


def test_a_projection_without_numbers_is_no_origin():
    projections = issued((MONDAY, [None, None]), (date(2025, 6, 4), [1]))
    errors = measure_errors(projections, history(daily([20, 20])))
    assert error(errors, date(2025, 6, 4), 1) == (0, None, None, "insufficient_history")


def test_nothing_spent_gives_no_ratio():
    projections = issued((MONDAY, [1]), (date(2025, 6, 3), [1]))
    errors = measure_errors(projections, history(daily([0])))
    assert error(errors, date(2025, 6, 3), 1) == (1, None, None, "insufficient_history")


def test_months_and_other_scenarios_have_no_error_of_their_own():
    day = issued((MONDAY, [10]), (date(2025, 6, 3), [1]))
    others = [
        row | changes
        for row in issued((MONDAY, [99])).to_pylist()
        for changes in ({"target_period": "month"}, {"scenario": "with_planned_features"})
    ]
    both = pa.concat_tables([day, pa.Table.from_pylist(others, schema=PROJECTIONS)])
    costs = history(daily([20]))
    assert measure_errors(both, costs) == measure_errors(day, costs)


def test_no_projections_give_a_typed_empty_table():
    assert measure_errors(PROJECTIONS.empty_table(), history([])) == PROJECTION_ERRORS.empty_table()
