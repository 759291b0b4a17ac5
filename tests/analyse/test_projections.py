"""Projections against lines and means worked by hand; methods have their tests in tests/analyse/forecast."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.forecast import MEAN_7D
from ai_finops.analyse.forecast.choice import Choices
from ai_finops.analyse.projections import project
from ai_finops.analyse.schemas import PROJECTIONS
from ai_finops.analyse.series import CostHistory
from ai_finops.days import days_between
from tests.analyse.forecast.test_choice import monday, weeks

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
    result = project(history(rows, covered_days=covered_days), as_of_dates=[as_of], choices={}).to_pylist()
    return [row for row in result if row["feature_id"] == feature]


def test_a_straight_line_goes_on_to_the_end_of_the_month():
    rows = projected(daily(range(10, 24)), date(2025, 6, 16))
    assert [row["target_date"] for row in rows] == [date(2025, 6, day) for day in range(16, 31)]
    assert [row["projected_cost_usd"] for row in rows] == [Decimal(cost) for cost in range(24, 39)]
    assert rows[0]["low_cost_usd"] == rows[0]["high_cost_usd"] == Decimal(24)
    assert {(row["status"], row["method"], row["scenario"]) for row in rows} == {("ok", "linear_trend", "as_is")}


def test_the_interval_of_a_day_is_its_margin_on_both_sides():
    # Of a level of seven days, t(6 df) = 1.4398: mean 46, squares 5 * 14^2 + 2 * 35^2 = 3430, deviation 23.909551.
    # A day is off by 34.424971 for itself, by 24.342130 as its level is, known as from two days, and by four times 1.738724, a
    # fourteenth of that, for the four days from the middle of the week: together by 42.7316.
    rows = projected(daily([60] * 5 + [11] * 2), date(2025, 6, 9))
    assert len(rows) == 22
    assert {(row["status"], row["method"], row["projected_cost_usd"]) for row in rows} == {
        ("short_history", "linear_trend", Decimal(46))
    }
    assert float(rows[0]["low_cost_usd"]) == pytest.approx(46 - 42.7316, abs=1e-3)
    assert float(rows[0]["high_cost_usd"]) == pytest.approx(46 + 42.7316, abs=1e-3)
    # Later days are less sure.
    assert rows[-1]["high_cost_usd"] > rows[0]["high_cost_usd"]


def test_the_level_becomes_a_line_with_the_fourteenth_day():
    # 10, 11, …: the mean of 13 is 16; the line through 14 goes on to 24.
    thirteen = projected(daily(range(10, 23)), date(2025, 6, 15))[0]
    fourteen = projected(daily(range(10, 24)), date(2025, 6, 16))[0]
    assert (thirteen["status"], thirteen["projected_cost_usd"]) == ("short_history", Decimal(16))
    assert (fourteen["status"], fourteen["projected_cost_usd"]) == ("ok", Decimal(24))


def test_the_method_and_the_interval_in_use_are_those_chosen_on_the_day_of_issue():
    # Over four weeks the mean of seven days was right and the line was not; over eight, too narrow by half.
    chosen = {"chat": Choices(weeks(*[20] * 8) + weeks(*[15] * 8, method=MEAN_7D))}
    costs = daily([10, 14] * 42)
    dates = [monday(4), monday(8)]
    rows = project(history(costs), as_of_dates=dates, choices=chosen).to_pylist()
    first = {row["as_of_date"]: row for row in reversed(rows) if row["feature_id"] == "chat"}
    assert {day: row["method"] for day, row in first.items()} == dict.fromkeys(dates, "mean_7d")
    before, after = ((first[day]["high_cost_usd"] - first[day]["projected_cost_usd"]) for day in dates)
    # Errors of 15 with margins of 10.
    assert float(after / before) == pytest.approx(1.5, rel=1e-4)
    assert {row["method"] for row in rows if row["feature_id"] == "total"} == {"linear_trend"}


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
    rows = projected(daily([1, -9, 1, -9, 1, -9, 1]), date(2025, 6, 9))
    assert {row["projected_cost_usd"] for row in rows} == {Decimal(0)}


def test_a_zero_day_counts_and_a_missing_day_does_not():
    # Day 3 has no row of chat, but another feature has one: chat cost 0. On day 5 nobody has a row: not landed.
    others = daily([1, 1, 1, 1, None, 1, 1, 1], feature="search")
    rows = projected(daily([8, 2, None, 8, None, 2, 8, 2]) + others, date(2025, 6, 10))
    assert rows[0]["window_day_count"] == 7
    # Three days of 8, three of 2 and one of 0, of the seven landed.
    assert float(rows[0]["projected_cost_usd"]) == pytest.approx(30 / 7, abs=1e-6)


def test_days_of_a_line_keep_their_distance_across_a_missing_day():
    # Costs are the day's number 0 … 14 without 7, which never landed: the line goes on to 15.
    rows = projected(daily([n if n != 7 else None for n in range(15)]), date(2025, 6, 17))
    assert rows[0]["window_day_count"] == 14
    assert rows[0]["projected_cost_usd"] == Decimal(15)


def test_a_covered_day_without_any_row_is_a_zero_day():
    costs = daily([9, 4, 9, None, 4, 9, 0])
    days = [MONDAY + timedelta(days=n) for n in range(7)]
    assert projected(costs, date(2025, 6, 9))[0]["status"] == "insufficient_history"
    covered = projected(costs, date(2025, 6, 9), covered_days=days)[0]
    assert (covered["status"], covered["projected_cost_usd"]) == ("short_history", Decimal(5))


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
    rows = projected(daily([4, -5, 6, -4, 5, 6, 2]), date(2025, 6, 9))
    assert rows[0]["projected_cost_usd"] == Decimal(2)


def test_the_window_is_28_days():
    # As of July 1 the window is June 3 to 30.
    (row, *_) = projected(daily([9999] + [10] * 28), date(2025, 7, 1))
    assert (row["projected_cost_usd"], row["window_day_count"]) == (Decimal(10), 28)


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
    table = project(history([]), as_of_dates=[date(2025, 6, 9)], choices={})
    assert (table.schema, table.num_rows) == (PROJECTIONS, 0)
