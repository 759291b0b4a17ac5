"""Projections against lines, means and intervals worked by hand, and their errors without a look ahead."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.projections import measure_errors, project
from ai_finops.analyse.schemas import PROJECTION_ERRORS, PROJECTIONS
from ai_finops.analyse.series import CostHistory
from ai_finops.days import days_between

MONDAY = date(2025, 6, 2)


def daily(costs, *, feature="chat", first=MONDAY):
    """One row per day from `first`; None leaves the day without a row."""
    return [(first + timedelta(days=n), feature, cost) for n, cost in enumerate(costs) if cost is not None]


def history(rows, *, covered_days=None):
    """Rows are (day, feature, cost), or (…, calls, calls of unknown cost); a call has 1,000 tokens."""
    rows = [(*row[:3], *(row[3:] or (100, 0))) for row in rows]
    days, features, costs, calls, unknown = zip(*rows, strict=True) if rows else ((),) * 5
    daily_costs = pa.table(
        {
            "usage_date": pa.array(days, pa.date32()),
            "feature_id": pa.array(features, pa.string()),
            "allocated_cost_usd": pa.array(
                [None if cost is None else Decimal(str(cost)) for cost in costs], pa.decimal128(18, 6)
            ),
            "request_count": pa.array(calls, pa.int64()),
            "input_tokens": pa.array([600 * count for count in calls], pa.int64()),
            "output_tokens": pa.array([400 * count for count in calls], pa.int64()),
            "unknown_cost_call_count": pa.array(unknown, pa.int64()),
            "unknown_cost_tokens": pa.array([1000 * count for count in unknown], pa.int64()),
        }
    )
    return CostHistory.from_table(daily_costs, covered_days=covered_days, largest_unknown_ratio=0.01)


def projected(rows, as_of, *, feature="chat", covered_days=None):
    result = project(history(rows, covered_days=covered_days), as_of_dates=[as_of]).projections.to_pylist()
    return [row for row in result if row["feature_id"] == feature]


def test_a_straight_line_goes_on_to_the_end_of_the_month():
    rows = projected(daily(range(10, 24)), date(2025, 6, 16))
    assert [row["target_date"] for row in rows] == [date(2025, 6, day) for day in range(16, 31)]
    assert [row["projected_cost_usd"] for row in rows] == [Decimal(cost) for cost in range(24, 39)]
    assert rows[0]["low_cost_usd"] == rows[0]["high_cost_usd"] == Decimal(24)
    assert {(row["status"], row["method"], row["scenario"]) for row in rows} == {("ok", "linear_trend", "as_is")}


def test_interval_around_the_trend_from_14_days():
    # Seven pairs of 10 and 12: spread 227.5, products 7, slope 7/227.5 = 0.0307692; the first day lies 7.5 from the middle.
    # Residuals: 14 squares of 1 less 7^2/227.5 = 13.784615; over 12 degrees, deviation 1.071783; t(12 df) = 1.3562.
    # Margin 1.3562 * 1.071783 * sqrt(1 + 1/14 + 7.5^2/227.5 = 1.318681) = 1.669173.
    first = projected(daily([10, 12] * 7), date(2025, 6, 16))[0]
    assert (first["status"], first["method"]) == ("ok", "linear_trend")
    assert float(first["projected_cost_usd"]) == pytest.approx(11.230769, abs=1e-6)
    assert float(first["low_cost_usd"]) == pytest.approx(11.230769 - 1.669173, abs=1e-4)
    assert float(first["high_cost_usd"]) == pytest.approx(11.230769 + 1.669173, abs=1e-4)


def test_a_first_week_goes_on_at_its_mean():
    # Five working days at 60 and a weekend at 11: a line would fall below zero within days. Mean 322/7 = 46.
    # Squares about it: 5 * 14^2 + 2 * 35^2 = 3430; over 6 degrees, deviation 23.909551; t(6 df) = 1.4398.
    # Margin 1.4398 * 23.909551 * sqrt(1 + 1/7 = 1.142857) = 36.80189, on every day the same.
    rows = projected(daily([60] * 5 + [11] * 2), date(2025, 6, 9))
    assert len(rows) == 22
    assert {(row["status"], row["method"], row["projected_cost_usd"]) for row in rows} == {
        ("short_history", "trailing_mean", Decimal(46))
    }
    for row in rows:
        assert float(row["low_cost_usd"]) == pytest.approx(46 - 36.80189, abs=1e-3)
        assert float(row["high_cost_usd"]) == pytest.approx(46 + 36.80189, abs=1e-3)


def test_the_method_changes_with_the_fourteenth_day():
    # 10, 11, …: the mean of 13 is 16; the line through 14 goes on to 24.
    thirteen = projected(daily(range(10, 23)), date(2025, 6, 15))[0]
    fourteen = projected(daily(range(10, 24)), date(2025, 6, 16))[0]
    assert (thirteen["method"], thirteen["projected_cost_usd"]) == ("trailing_mean", Decimal(16))
    assert (fourteen["method"], fourteen["projected_cost_usd"]) == ("linear_trend", Decimal(24))


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
    # 130, 120, … 0: the line crosses zero on the day before as_of.
    rows = projected(daily(range(130, -1, -10)), date(2025, 6, 16))
    assert {row[name] for row in rows for name in ("projected_cost_usd", "low_cost_usd", "high_cost_usd")} == {
        Decimal(0)
    }


def test_a_mean_of_credits_is_not_below_zero():
    rows = projected(daily([1, 1, 1, -9, 1, 1, 1]), date(2025, 6, 9))
    assert {row["projected_cost_usd"] for row in rows} == {Decimal(0)}


def test_a_zero_day_counts_and_a_missing_day_does_not():
    # Day 3 has no row of chat, but another feature has one: chat cost 0. On day 5 nobody has a row: not landed.
    others = daily([1, 1, 1, 1, None, 1, 1, 1], feature="search")
    rows = projected(daily([8, 8, None, 8, None, 8, 8, 8]) + others, date(2025, 6, 10))
    assert rows[0]["window_day_count"] == 7
    # Six days of 8 and one of 0, of the seven landed.
    assert float(rows[0]["projected_cost_usd"]) == pytest.approx(48 / 7, abs=1e-6)


def test_days_of_a_line_keep_their_distance_across_a_missing_day():
    # Costs are the day's number 0 … 14 without 7, which never landed: the line goes on to 15.
    rows = projected(daily([n if n != 7 else None for n in range(15)]), date(2025, 6, 17))
    assert rows[0]["window_day_count"] == 14
    assert rows[0]["projected_cost_usd"] == Decimal(15)


def test_a_covered_day_without_any_row_is_a_zero_day():
    costs = daily([7, 7, 7, None, 7, 7, 7])
    days = [MONDAY + timedelta(days=n) for n in range(7)]
    assert projected(costs, date(2025, 6, 9))[0]["status"] == "insufficient_history"
    covered = projected(costs, date(2025, 6, 9), covered_days=days)[0]
    assert (covered["status"], covered["projected_cost_usd"]) == ("short_history", Decimal(6))


def test_a_row_does_not_cover_its_day():
    # One span of June 5 came late; the day's traces never landed, and 0.003 dollars are not what the day cost.
    costs = daily([3] * 3 + [0.003] + [3] * 7)
    covered = [MONDAY + timedelta(days=n) for n in range(11) if n != 3]
    row = projected(costs, date(2025, 6, 13), covered_days=covered)[0]
    assert (row["window_day_count"], row["projected_cost_usd"]) == (10, Decimal(3))


def test_a_day_of_unknown_cost_is_not_a_day_of_no_cost():
    # Seven days of 10 on a bill, and seven without bill and price; search goes on at 3. Of those days the total is not known.
    unknown = [(MONDAY + timedelta(days=n), "chat", None, 100, 100) for n in range(7, 14)]
    rows = daily([10] * 7) + unknown + daily([3] * 14, feature="search")
    found = {feature: projected(rows, date(2025, 6, 16), feature=feature)[0] for feature in ("chat", "search", "total")}
    assert {feature: (row["window_day_count"], row["projected_cost_usd"]) for feature, row in found.items()} == {
        "chat": (7, Decimal(10)),
        "search": (14, Decimal(3)),
        "total": (7, Decimal(13)),
    }


@pytest.mark.parametrize(("calls", "day_count"), [(100, 14), (99, 13)])
def test_a_hundredth_of_unknown_cost_is_borne(calls, day_count):
    # On the last day one call more has no known cost.
    rows = [*daily([10] * 13), (date(2025, 6, 15), "chat", 10, calls, 1)]
    assert projected(rows, date(2025, 6, 16))[0]["window_day_count"] == day_count


def test_failed_calls_of_one_feature_do_not_take_the_total_s_day():
    # Without usage nothing is known of what they cost, and nothing says that it was much.
    rows = [*daily([3] * 14, feature="search"), (date(2025, 6, 12), "chat", None, 1, 0)]
    assert projected(rows, date(2025, 6, 16), feature="total")[0]["window_day_count"] == 14
    assert projected(rows, date(2025, 6, 16), feature="chat")[0]["window_day_count"] == 3


def test_days_before_a_feature_began_are_not_its_history():
    rows = daily([3] * 14) + daily([9] * 6, feature="batch", first=date(2025, 6, 10))
    assert projected(rows, date(2025, 6, 16), feature="batch")[0]["window_day_count"] == 6
    assert projected(rows, date(2025, 6, 10), feature="batch") == []


def test_negative_days_are_taken_as_they_are():
    # Mean of 6 * 7 and -7 is 5.
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


@pytest.mark.parametrize(
    ("as_of", "last"),
    [
        (date(2025, 6, 23), date(2025, 6, 30)),  # eight days to month end
        (date(2025, 6, 24), date(2025, 6, 30)),  # the seventh day is the month's last
        (date(2025, 6, 25), date(2025, 7, 1)),
        (date(2025, 6, 30), date(2025, 7, 6)),  # a Monday: its week
        (date(2025, 7, 1), date(2025, 7, 31)),
    ],
)
def test_the_days_to_month_end_are_projected_and_a_week_at_least(as_of, last):
    rows = projected(daily([10] * 29), as_of)
    assert [row["target_date"] for row in rows] == list(days_between(as_of, last))


def test_the_line_goes_on_past_the_end_of_the_month():
    # 10, 11, … from June 16 on: June 30 is the fifteenth day, and the week from there ends at 30.
    rows = projected(daily(range(10, 24), first=date(2025, 6, 16)), date(2025, 6, 30))
    assert [row["projected_cost_usd"] for row in rows] == [Decimal(cost) for cost in range(24, 31)]


def test_days_past_the_end_of_the_month_have_measured_errors():
    # Issued on June 30, two days ahead, 20 was projected of June 30 and July 1, and 40 came.
    dates = [date(2025, 6, 30), date(2025, 7, 2)]
    result = project(history(daily([10] * 14 + [20] * 2, first=date(2025, 6, 16))), as_of_dates=dates)
    rows = {row["horizon_days"]: row for row in result.errors.to_pylist() if row["as_of_date"] == date(2025, 7, 2)}
    assert (rows[2]["origin_count"], rows[2]["bias_ratio"]) == (1, -0.5)


def test_days_from_as_of_on_are_not_seen():
    past = daily([10, 11] * 5)
    future = daily([500], first=date(2025, 6, 12))
    assert projected(past + future, date(2025, 6, 12)) == projected(past, date(2025, 6, 12))


def test_the_total_has_a_projection_of_its_own():
    # Six days of batch are too few for a projection of its own; in the total they count.
    rows = daily([10] * 8) + daily([6] * 6, feature="batch", first=date(2025, 6, 4))
    assert projected(rows, date(2025, 6, 10), feature="batch")[0]["projected_cost_usd"] is None
    total = projected(rows, date(2025, 6, 10), feature="total")[0]
    # 10, 10, 16, 16, 16, 16, 16, 16.
    assert total["projected_cost_usd"] == Decimal("14.5")


def test_no_costs_give_typed_empty_tables():
    result = project(history([]), as_of_dates=[date(2025, 6, 9)])
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


def test_each_method_answers_for_what_it_issued():
    # A week at 10, then a mean of 10 issued on each of June 9 to 15 against days of 20; on June 16 the trend begins.
    dates = [date(2025, 6, day) for day in range(9, 18)]
    rows = project(history(daily([10] * 7 + [20] * 8)), as_of_dates=dates).errors.to_pylist()
    one_day = {row["as_of_date"]: row for row in rows if (row["feature_id"], row["horizon_days"]) == ("total", 1)}
    assert [one_day[day]["method"] for day in dates] == ["trailing_mean"] * 7 + ["linear_trend"] * 2
    assert [one_day[day]["origin_count"] for day in dates] == [0, 1, 2, 3, 4, 5, 6, 0, 1]
    # Issued on June 9 and 10: 10 and 90/8 = 11.25, where 20 was spent each day.
    assert one_day[date(2025, 6, 11)]["bias_ratio"] == pytest.approx((-10 - 8.75) / 40)
    assert one_day[date(2025, 6, 16)]["status"] == "insufficient_history"
    # The line through 7 * 10 and 7 * 20: mean 15, slope 245/227.5, 7.5 days ahead of the middle; 20 was spent.
    line = 15 + 245 / 227.5 * 7.5
    assert one_day[date(2025, 6, 17)]["wape_ratio"] == pytest.approx((line - 20) / 20, abs=1e-6)


def test_errors_come_with_the_projections_of_each_date():
    # Two weeks at 10, a week at 20: issued on June 16, seven days ahead, 70 was projected and 140 came.
    result = project(history(daily([10] * 14 + [20] * 7)), as_of_dates=[date(2025, 6, 23), date(2025, 6, 16)])
    rows = [r for r in result.errors.to_pylist() if r["feature_id"] == "total" and r["as_of_date"] == date(2025, 6, 23)]
    assert [row["horizon_days"] for row in rows] == list(range(1, 9))
    assert [row["status"] for row in rows] == ["measured"] * 7 + ["insufficient_history"]
    assert (rows[6]["wape_ratio"], rows[6]["bias_ratio"], rows[6]["origin_count"]) == (0.5, -0.5, 1)
    keys = [(row["as_of_date"], row["feature_id"]) for row in result.projections.to_pylist()]
    assert keys == sorted(keys)
