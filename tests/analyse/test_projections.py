"""Projections against lines and intervals worked by hand, and their errors without a look ahead."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.projections import measure_errors, project
from ai_finops.analyse.schemas import PROJECTION_ERRORS, PROJECTIONS

MONDAY = date(2025, 6, 2)


def daily(costs, *, feature="chat", first=MONDAY):
    """One row per day from `first`; None leaves the day without a row."""
    return [(first + timedelta(days=n), feature, cost) for n, cost in enumerate(costs) if cost is not None]


def table(rows):
    days, features, costs = zip(*rows, strict=True) if rows else ((), (), ())
    return pa.table(
        {
            "usage_date": pa.array(days, pa.date32()),
            "feature_id": pa.array(features, pa.string()),
            "allocated_cost_usd": pa.array([Decimal(str(cost)) for cost in costs], pa.decimal128(18, 6)),
        }
    )


def projected(rows, as_of, *, feature="chat", **options):
    result = project(table(rows), as_of_dates=[as_of], **options).projections.to_pylist()
    return [row for row in result if row["feature_id"] == feature]


def test_a_straight_line_goes_on_to_the_end_of_the_month():
    rows = projected(daily(range(10, 24)), date(2025, 6, 16))
    assert [row["target_date"] for row in rows] == [date(2025, 6, day) for day in range(16, 31)]
    assert [row["projected_cost_usd"] for row in rows] == [Decimal(cost) for cost in range(24, 39)]
    assert rows[0]["low_cost_usd"] == rows[0]["high_cost_usd"] == Decimal(24)
    assert {(row["status"], row["method"], row["scenario"]) for row in rows} == {("ok", "linear_trend", "as_is")}


def test_interval_from_residuals():
    # Mean 76/7, slope 0. Squared residuals: 4 * (6/7)^2 + 3 * (8/7)^2 = 48/7; variance 48/35; deviation 1.17108.
    # The next day lies 4 days from the middle, spread 28: sqrt(1 + 1/7 + 16/28) = 1.309307. t(5 df) = 1.4759.
    # Margin 1.4759 * 1.17108 * 1.309307 = 2.26300.
    first = projected(daily([10, 12, 10, 12, 10, 12, 10]), date(2025, 6, 9))[0]
    assert float(first["projected_cost_usd"]) == pytest.approx(76 / 7, abs=1e-6)
    assert float(first["low_cost_usd"]) == pytest.approx(76 / 7 - 2.26300, abs=1e-4)
    assert float(first["high_cost_usd"]) == pytest.approx(76 / 7 + 2.26300, abs=1e-4)


@pytest.mark.parametrize(
    ("day_count", "status"),
    [(6, "insufficient_history"), (7, "short_history"), (13, "short_history"), (14, "ok")],
)
def test_status_by_days_of_history(day_count, status):
    rows = projected(daily([5] * day_count), MONDAY + timedelta(days=day_count))
    assert {row["status"] for row in rows} == {status}
    assert {row["window_day_count"] for row in rows} == {day_count}
    expected = None if status == "insufficient_history" else Decimal(5)
    assert {row["projected_cost_usd"] for row in rows} == {expected}
    assert {row["low_cost_usd"] for row in rows} == {expected}


def test_never_below_zero():
    # 60, 50, … 0: the line crosses zero on the day before as_of.
    rows = projected(daily(range(60, -1, -10)), date(2025, 6, 9))
    assert {row[name] for row in rows for name in ("projected_cost_usd", "low_cost_usd", "high_cost_usd")} == {
        Decimal(0)
    }


def test_a_zero_day_counts_and_a_missing_day_does_not():
    # Day 3 has no row of chat, but another feature has one: chat cost 0. On day 5 nobody has a row: not landed.
    others = daily([1, 1, 1, 1, None, 1, 1, 1], feature="search")
    rows = projected(daily([8, 8, None, 8, None, 8, 8, 8]) + others, date(2025, 6, 10))
    assert rows[0]["window_day_count"] == 7
    # Days -8 … -1 without -4, costs 8 but 0 on -6. Mean x -32/7, mean y 48/7, spread 188 - 1024/7 = 292/7,
    # products (-6 + 32/7) * -8 = 80/7, slope 80/292; the first day ahead lies 32/7 from the middle.
    assert float(rows[0]["projected_cost_usd"]) == pytest.approx(48 / 7 + 80 / 292 * 32 / 7, abs=1e-6)


def test_a_landed_day_without_any_row_is_a_zero_day():
    costs = daily([7, 7, 7, None, 7, 7, 7])
    days = [MONDAY + timedelta(days=n) for n in range(7)]
    assert projected(costs, date(2025, 6, 9))[0]["status"] == "insufficient_history"
    landed = projected(costs, date(2025, 6, 9), landed_days=days)[0]
    assert (landed["status"], landed["projected_cost_usd"]) == ("short_history", Decimal(6))


def test_days_before_a_feature_began_are_not_its_history():
    rows = daily([3] * 14) + daily([9] * 6, feature="batch", first=date(2025, 6, 10))
    assert projected(rows, date(2025, 6, 16), feature="batch")[0]["window_day_count"] == 6
    assert projected(rows, date(2025, 6, 10), feature="batch") == []


def test_negative_days_are_taken_as_they_are():
    # Mean of 6 * 7 and -7 is 5; the credit lies in the middle, so that the slope is 0.
    rows = projected(daily([7, 7, 7, -7, 7, 7, 7]), date(2025, 6, 9))
    assert rows[0]["projected_cost_usd"] == Decimal(5)


def test_the_window_is_28_days():
    # As of July 1 the window is June 3 to 30. A huge June 2 is outside; a huge June 3 bends the line.
    flat = [10] * 27
    outside = projected(daily([9999, 10, *flat]), date(2025, 7, 1))
    inside = projected(daily([10, 9999, *flat]), date(2025, 7, 1))
    assert outside[0]["projected_cost_usd"] == Decimal(10)
    assert outside[0]["window_day_count"] == 28
    assert inside[0]["projected_cost_usd"] != Decimal(10)


def test_on_the_first_of_a_month_the_month_that_begins_is_projected():
    costs = daily([10] * 29)
    assert [row["target_date"] for row in projected(costs, date(2025, 6, 30))] == [date(2025, 6, 30)]
    first = projected(costs, date(2025, 7, 1))
    assert (first[0]["target_date"], first[-1]["target_date"]) == (date(2025, 7, 1), date(2025, 7, 31))


def test_days_from_as_of_on_are_not_seen():
    past = daily([10, 11] * 5)
    future = daily([500], first=date(2025, 6, 12))
    assert projected(past + future, date(2025, 6, 12)) == projected(past, date(2025, 6, 12))


def test_the_total_has_its_own_trend():
    # Six days of batch are too few for a projection of its own; in the total they count.
    rows = daily([10] * 8) + daily([6] * 6, feature="batch", first=date(2025, 6, 4))
    assert projected(rows, date(2025, 6, 10), feature="batch")[0]["projected_cost_usd"] is None
    total = projected(rows, date(2025, 6, 10), feature="total")[0]
    # 10, 10, 16, 16, 16, 16, 16, 16: mean 14.5, slope 36/42, first day ahead 4.5 days from the middle.
    assert float(total["projected_cost_usd"]) == pytest.approx(14.5 + 36 / 42 * 4.5, abs=1e-6)


def test_no_costs_give_typed_empty_tables():
    result = project(table([]), as_of_dates=[date(2025, 6, 9)])
    assert result.projections.schema == PROJECTIONS
    assert result.errors.schema == PROJECTION_ERRORS
    assert result.projections.num_rows == result.errors.num_rows == 0


def issued(*projections):
    """A table of projections: (as_of, daily costs from that day on)."""
    return pa.Table.from_pylist(
        [
            {
                "as_of_date": as_of,
                "feature_id": "chat",
                "scenario": "as_is",
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
    errors = measure_errors(projections, table(daily([12, 8, 30, 10])))
    # One day: errors -2 and -20 of 42. Two days: 20 - 20 and 20 - 40 of 60.
    assert error(errors, date(2025, 6, 6), 1) == (2, pytest.approx(22 / 42), pytest.approx(-22 / 42), "measured")
    assert error(errors, date(2025, 6, 6), 2) == (2, pytest.approx(20 / 60), pytest.approx(-20 / 60), "measured")
    assert error(errors, date(2025, 6, 6), 3) == (0, None, None, "insufficient_history")


def test_bias_has_a_sign_and_wape_has_none():
    projections = issued((MONDAY, [15]), (date(2025, 6, 3), [5]), (date(2025, 6, 4), [1]))
    errors = measure_errors(projections, table(daily([10, 10])))
    assert error(errors, date(2025, 6, 4), 1) == (2, 0.5, 0.0, "measured")


def test_a_horizon_that_ends_on_the_day_of_issue_is_not_known_yet():
    projections = issued((MONDAY, [10, 10]), (date(2025, 6, 3), [1, 1]), (date(2025, 6, 4), [1, 1]))
    errors = measure_errors(projections, table(daily([20, 20, 20])))
    # On June 3 only June 2 is known: one day ahead is measured, two days (June 2 and 3) are not.
    assert error(errors, date(2025, 6, 3), 1)[0] == 1
    assert error(errors, date(2025, 6, 3), 2) == (0, None, None, "insufficient_history")
    assert error(errors, date(2025, 6, 4), 2) == (1, 0.5, -0.5, "measured")


def test_a_missing_day_is_left_out_of_both_sides():
    projections = issued((MONDAY, [10, 10, 10]), (date(2025, 6, 5), [1, 1, 1]))
    errors = measure_errors(projections, table(daily([20, None, 20])))
    assert error(errors, date(2025, 6, 5), 3) == (1, 0.5, -0.5, "measured")


def test_a_missing_first_day_is_no_origin():
    projections = issued((MONDAY, [10, 10]), (date(2025, 6, 4), [1, 1]))
    errors = measure_errors(projections, table(daily([None, 20]) + daily([5], first=date(2025, 5, 30))))
    assert error(errors, date(2025, 6, 4), 1)[0] == 0
    assert error(errors, date(2025, 6, 4), 2)[0] == 1


def test_a_projection_without_numbers_is_no_origin():
    projections = issued((MONDAY, [None, None]), (date(2025, 6, 4), [1]))
    errors = measure_errors(projections, table(daily([20, 20])))
    assert error(errors, date(2025, 6, 4), 1) == (0, None, None, "insufficient_history")


def test_nothing_spent_gives_no_ratio():
    projections = issued((MONDAY, [1]), (date(2025, 6, 3), [1]))
    errors = measure_errors(projections, table(daily([0])))
    assert error(errors, date(2025, 6, 3), 1) == (1, None, None, "insufficient_history")


def test_errors_come_with_the_projections_of_each_date():
    # A week at 10, a week at 20: issued on June 9, seven days ahead, 70 was projected and 140 came.
    result = project(table(daily([10] * 7 + [20] * 7)), as_of_dates=[date(2025, 6, 16), date(2025, 6, 9)])
    rows = [r for r in result.errors.to_pylist() if r["feature_id"] == "total" and r["as_of_date"] == date(2025, 6, 16)]
    assert [row["horizon_days"] for row in rows] == list(range(1, 16))
    assert [row["status"] for row in rows] == ["measured"] * 7 + ["insufficient_history"] * 8
    assert (rows[6]["wape_ratio"], rows[6]["bias_ratio"], rows[6]["origin_count"]) == (0.5, -0.5, 1)
    keys = [(row["as_of_date"], row["feature_id"]) for row in result.projections.to_pylist()]
    assert keys == sorted(keys)
