"""Days and months of projections in three scenarios: sums worked by hand, whatever the method of the days."""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.forecast import Chosen, HorizonError, forecast
from ai_finops.analyse.open_decisions import OpenDecision, daily_savings, read_open_decisions
from ai_finops.analyse.projection_rows import error_at, month_starts
from ai_finops.analyse.projections import Changes, project
from ai_finops.analyse.schemas import PROJECTIONS
from ai_finops.days import days_between
from tests.analyse.daily_costs import MONDAY, daily, history, spent

FIGURES = ("projected_cost_usd", "low_cost_usd", "high_cost_usd")
JUNE = date(2025, 6, 1)


def projected(rows, as_of, *, feature="chat", period="day", covered_days=None, scenario="as_is", **more):
    table = project(
        history(rows, covered_days=covered_days),
        as_of_dates=[as_of],
        spent=spent(rows, covered_days=covered_days),
        **more,
    )
    return [
        row
        for row in table.to_pylist()
        if (row["feature_id"], row["scenario"]) == (feature, scenario) and period in (None, row["target_period"])
    ]


@pytest.mark.parametrize(
    ("day_count", "status"),
    [(6, "insufficient_history"), (7, "short_history"), (13, "short_history"), (14, "ok")],
)
def test_status_by_days_of_history(day_count, status):
    rows = projected(daily([5] * day_count), MONDAY + timedelta(days=day_count), period=None)
    assert {row["status"] for row in rows} == {status}
    assert {row["window_day_count"] for row in rows} == {day_count}
    if status == "insufficient_history":
        assert {row[name] for row in rows for name in FIGURES} == {None}
    else:
        assert {row[name] for row in rows if row["target_period"] == "day" for name in FIGURES} == {Decimal(5)}


def test_never_below_zero():
    # 130, 120, … 0: the line crosses zero on the day before as_of.
    rows = projected(daily(range(130, -1, -10)), date(2025, 6, 16))
    assert {row[name] for row in rows for name in FIGURES} == {Decimal(0)}


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


def test_days_from_as_of_on_are_not_seen():
    past = daily([10, 11] * 5)
    future = daily([500], first=date(2025, 6, 12))
    assert projected(past + future, date(2025, 6, 12)) == projected(past, date(2025, 6, 12))


def test_the_total_has_a_projection_of_its_own():
    # Six days of batch are too few for a projection of its own; in the total they count.
    rows = daily([10] * 8) + daily([6] * 6, feature="batch", first=date(2025, 6, 4))
    assert projected(rows, date(2025, 6, 10), feature="batch")[0]["projected_cost_usd"] is None
    assert projected(rows, date(2025, 6, 10), feature="total")[0]["window_day_count"] == 8


def test_rows_of_a_planned_scenario_are_in_order_and_of_the_schema():
    rows = daily([10] * 14, feature="search") + daily([5] * 14)
    dates = [date(2025, 6, 16), date(2025, 6, 15)]
    table = project(history(rows), as_of_dates=dates, spent=spent(rows), own_date=date(2025, 6, 16))
    assert table.schema == PROJECTIONS
    names = ("as_of_date", "feature_id", "scenario", "target_period", "target_date")
    keys = [tuple(row[name] for name in names) for row in table.to_pylist()]
    order = {name: number for number, name in enumerate(("as_is", "with_planned_features", "with_open_decisions"))}
    assert keys == sorted(keys, key=lambda key: (*key[:2], order[key[2]], *key[3:]))
    assert len(set(keys)) == len(keys)


def test_dates_before_the_build_s_own_are_backcast_and_as_is_alone():
    rows = daily([10] * 14)
    dates = [date(2025, 6, 15), date(2025, 6, 16)]
    table = project(history(rows), as_of_dates=dates, spent=spent(rows), own_date=date(2025, 6, 16)).to_pylist()
    found = {(row["as_of_date"].day, row["scenario"], row["is_backcast"]) for row in table}
    assert found == {
        (15, "as_is", True),
        (16, "as_is", False),
        (16, "with_planned_features", False),
        (16, "with_open_decisions", False),
    }


def test_no_costs_give_a_typed_empty_table():
    table = project(history([]), as_of_dates=[MONDAY], spent=spent([]), own_date=MONDAY)
    assert table == PROJECTIONS.empty_table()


def test_months_from_the_one_under_way_to_the_sixth():
    months = projected(daily([10] * 15, first=JUNE), date(2025, 6, 16), period="month")
    assert [row["month_number"] for row in months] == list(range(7))
    assert [row["target_date"] for row in months] == [date(2025, n, 1) for n in range(6, 13)]
    # 15 days of 10 are spent, 15 are to come; then 31, 31, 30, 31, 30, 31 days.
    assert [row["projected_cost_usd"] for row in months] == [300, 310, 310, 300, 310, 300, 310]
    assert [row["actual_cost_usd"] for row in months] == [150, *[None] * 6]
    assert [row["actual_status"] for row in months] == ["known", *[None] * 6]


def test_months_go_on_past_the_end_of_the_year():
    assert month_starts(date(2025, 10, 31)) == [
        *(date(2025, n, 1) for n in (10, 11, 12)),
        *(date(2026, n, 1) for n in (1, 2, 3, 4)),
    ]


def test_on_the_first_of_a_month_month_zero_is_the_one_that_begins():
    first = projected(daily([10] * 30, first=JUNE), date(2025, 7, 1), period="month")[0]
    assert (first["target_date"], first["actual_cost_usd"], first["projected_cost_usd"]) == (date(2025, 7, 1), 0, 310)


def test_on_the_last_day_of_a_month_one_day_is_projected():
    first = projected(daily([10] * 29, first=JUNE), date(2025, 6, 30), period="month")[0]
    assert (first["actual_cost_usd"], first["projected_cost_usd"]) == (290, 300)


def test_the_interval_of_a_month_is_that_of_the_sum_of_its_days():
    rows = daily([10, 12, 14] * 5, first=JUNE)
    months = projected(rows, date(2025, 6, 16), period="month")
    days = forecast(history(rows).between("chat", date.min, date(2025, 6, 15)), as_of=date(2025, 6, 16), day_count=199)
    rest_usd, margin_usd = sum(days.daily_usd[:15]), days.sum_margin_usd(0, 14)
    # 180 are spent and beyond doubt.
    assert float(months[0]["projected_cost_usd"]) == pytest.approx(180 + rest_usd, abs=1e-5)
    assert float(months[0]["low_cost_usd"]) == pytest.approx(180 + rest_usd - margin_usd, abs=1e-5)
    assert float(months[0]["high_cost_usd"]) == pytest.approx(180 + rest_usd + margin_usd, abs=1e-5)
    july = days.sum_margin_usd(15, 45)
    assert float(months[1]["high_cost_usd"] - months[1]["projected_cost_usd"]) == pytest.approx(july, abs=1e-5)
    assert july < sum(days.daily_margin_usd[15:46])


def test_what_is_spent_is_the_least_that_a_month_costs():
    # 1,000 and 0 in turn: the rest may come to nothing, what was spent stays.
    rows = daily([1000, 0] * 14, first=JUNE)
    month = projected(rows, date(2025, 6, 29), period="month")[0]
    assert month["low_cost_usd"] == month["actual_cost_usd"] == 14000


def test_a_month_of_unknown_cost_so_far_has_no_figure_and_says_so():
    rows = [*daily([10] * 14, first=JUNE), (date(2025, 6, 15), "chat", 1, 100, 90)]
    month, july = projected(rows, date(2025, 6, 16), period="month")[:2]
    assert (month["actual_status"], month["actual_cost_usd"]) == ("unknown_cost", None)
    assert {month[name] for name in FIGURES} == {None}
    assert (month["status"], july["projected_cost_usd"]) == ("ok", 310)


@pytest.mark.parametrize(
    ("as_of", "status", "projected_usd"),
    # June 1 is missing: of the first nine days it is more than a tenth.
    [(date(2025, 6, 10), "too_many_days_missing", None), (date(2025, 6, 11), "days_missing", 290)],
)
def test_a_month_that_began_before_the_first_covered_day(as_of, status, projected_usd):
    month = projected(daily([10] * 12), as_of, period="month")[0]
    assert (month["actual_status"], month["missing_day_count"], month["projected_cost_usd"]) == (
        status,
        1,
        projected_usd,
    )


def test_credits_do_not_make_a_day_negative():
    days = projected(daily([1, 1, 1, -9, 1, 1, 1] * 2), date(2025, 6, 16))
    assert min(row[name] for row in days for name in FIGURES) >= 0


def error(wape, *, count=5):
    return HorizonError(count, wape, 0.01, 0.8)


@pytest.mark.parametrize(
    ("measured", "day_number", "horizon"),
    [
        (("7d", "14d", "month_end"), 1, "7d"),
        (("7d", "14d", "month_end"), 7, "7d"),
        (("7d", "14d", "month_end"), 8, "14d"),
        (("7d", "14d", "month_end"), 14, "14d"),
        (("7d", "14d", "month_end"), 15, "month_end"),
        (("7d", "14d", "month_end"), None, "month_end"),
        (("7d", "14d"), None, "14d"),
        (("7d",), 15, "7d"),
        (("14d",), 7, "14d"),
        ((), None, None),
    ],
)
def test_the_error_beside_a_projection_is_that_of_its_distance(measured, day_number, horizon):
    errors = {name: error(0.1 if name in measured else None) for name in ("7d", "14d", "month_end")}
    found = error_at(errors, day_number=day_number)
    assert (found and found[0]) == horizon


def test_every_row_carries_the_error_of_the_method_in_use():
    def chosen(feature, as_of):
        assert as_of == date(2025, 6, 16)
        return Chosen(
            "linear_trend", 1.0, {"7d": error(0.2), "month_end": error(0.3, count=2)} if feature == "chat" else {}
        )

    rows = daily([10] * 15, first=JUNE)
    found = projected(rows, date(2025, 6, 16), period=None, chosen=chosen)
    days = [(row["error_horizon"], row["wape_ratio"], row["error_origin_count"]) for row in found]
    assert days == [("7d", 0.2, 5)] * 7 + [("month_end", 0.3, 2)] * 15
    assert {(row["bias_ratio"], row["coverage_ratio"]) for row in found} == {(0.01, 0.8)}
    total = projected(rows, date(2025, 6, 16), feature="total", period=None, chosen=chosen)
    assert {(row["error_horizon"], row["wape_ratio"], row["error_origin_count"]) for row in total} == {(None, None, 0)}


def decided(rows, *decisions, feature="chat", period="month", as_of=date(2025, 6, 16)):
    return projected(
        rows,
        as_of,
        feature=feature,
        period=period,
        scenario="with_open_decisions",
        own_date=as_of,
        changes=Changes(decisions=[OpenDecision("chat", usd, day) for usd, day in decisions]),
    )


def test_an_open_decision_saves_from_its_ship_date_on():
    # $73 a month is 73 * 12 / 365 = $2.40 a day; July 2 to 31 are 30 days: 310 - 72; August has 31 days: 310 - 74.40.
    rows = daily([10] * 15, first=JUNE) + daily([20] * 15, feature="search", first=JUNE)
    chat = decided(rows, (73, date(2025, 7, 2)))
    assert [row["projected_cost_usd"] for row in chat[:3]] == [300, 238, Decimal("235.6")]
    total = decided(rows, (73, date(2025, 7, 2)), feature="total")
    assert [row["projected_cost_usd"] for row in total[:3]] == [900, 858, Decimal("855.6")]
    assert [row["projected_cost_usd"] for row in decided(rows, (73, None), feature="search")[:2]] == [600, 620]


@pytest.mark.parametrize("ship_date", [None, date(2025, 6, 1), date(2025, 6, 16)])
def test_a_decision_without_a_date_or_late_counts_from_the_date_of_issue(ship_date):
    rows = daily([10] * 15, first=JUNE)
    assert decided(rows, (73, ship_date), period="day")[0]["projected_cost_usd"] == Decimal("7.6")
    # December: 31 days of 7.60, once.
    assert decided(rows, (73, ship_date))[6]["projected_cost_usd"] == Decimal("235.6")


def test_a_feature_does_not_cost_less_than_nothing_and_the_total_no_more_less():
    rows = daily([10] * 15, first=JUNE) + daily([20] * 15, feature="search", first=JUNE)
    both = [(200, None), (9999, None)]
    assert {row["projected_cost_usd"] for row in decided(rows, *both)[1:]} == {0}
    assert decided(rows, *both, feature="total")[1]["projected_cost_usd"] == 620


def test_a_decision_on_a_feature_without_costs_changes_nothing():
    rows = daily([20] * 15, feature="search", first=JUNE)
    assert decided(rows, (73, None)) == []
    assert decided(rows, (73, None), feature="total")[1]["projected_cost_usd"] == 620


def test_a_decision_on_a_feature_with_too_short_a_history_changes_nothing():
    rows = daily([20] * 15, feature="search", first=JUNE) + daily([10] * 3, first=date(2025, 6, 13))
    assert {row["projected_cost_usd"] for row in decided(rows, (73, None))} == {None}
    as_is = projected(rows, date(2025, 6, 16), feature="total", period="month")
    found = decided(rows, (73, None), feature="total")
    assert [row["projected_cost_usd"] for row in found] == [row["projected_cost_usd"] for row in as_is]


def decision(**changes):
    """A decision of June 2, to be shipped on July 1."""
    row = {
        "feature_id": "chat",
        "status": "open",
        "expected_saving_usd_per_month": 5.0,
        "decision_date": MONDAY,
        "planned_ship_date": date(2025, 7, 1),
    }
    return row | {"shipped_date": None} | changes


@pytest.mark.parametrize(
    ("changes", "ship_date"),
    [
        ({}, date(2025, 7, 1)),
        ({"planned_ship_date": None}, None),
        ({"decision_date": date(2025, 6, 15)}, date(2025, 7, 1)),
        ({"status": "shipped", "shipped_date": date(2025, 6, 16)}, date(2025, 6, 16)),
        ({"status": "shipped", "shipped_date": date(2025, 6, 20), "planned_ship_date": None}, date(2025, 6, 20)),
    ],
)
def test_decisions_that_were_open_on_the_date_of_issue_are_read(changes, ship_date):
    table = pa.Table.from_pylist([decision(**changes)])
    assert read_open_decisions(table, as_of=date(2025, 6, 16)) == [OpenDecision("chat", 5.0, ship_date)]


@pytest.mark.parametrize(
    "changes",
    [
        {"decision_date": date(2025, 6, 16)},
        {"status": "shipped", "shipped_date": date(2025, 6, 15)},
        {"status": "shipped", "shipped_date": None},
        {"status": "shipped", "shipped_date": date(2025, 6, 20), "decision_date": date(2025, 6, 16)},
        {"status": "dropped"},
        {"expected_saving_usd_per_month": None},
    ],
)
def test_decisions_that_were_not_are_not(changes):
    assert read_open_decisions(pa.Table.from_pylist([decision(**changes)]), as_of=date(2025, 6, 16)) == []


def ending(rows, last_date, *, feature="chat", period="month", **more):
    changes = Changes(last_dates={"chat": last_date})
    as_of = date(2025, 6, 16)
    return projected(rows, as_of, feature=feature, period=period, changes=changes, **{"own_date": as_of} | more)


def test_a_feature_costs_nothing_after_its_last_day_and_the_total_as_much_less():
    # $10 and $20 a day; 150 and 300 are spent by June 15. Chat runs 15 days more in June and 2 in July.
    rows = daily([10] * 15, first=JUNE) + daily([20] * 15, feature="search", first=JUNE)
    last = date(2025, 7, 2)
    assert [row["projected_cost_usd"] for row in ending(rows, last)[:3]] == [300, 20, 0]
    assert [row["projected_cost_usd"] for row in ending(rows, last, feature="search")[:3]] == [600, 620, 620]
    assert [row["projected_cost_usd"] for row in ending(rows, last, feature="total")[:3]] == [900, 640, 620]
    decided = ending(rows, last, feature="total", scenario="with_open_decisions")
    assert [row["projected_cost_usd"] for row in decided[:3]] == [900, 640, 620]


@pytest.mark.parametrize(("last_date", "days"), [(date(2025, 6, 17), [10, 10, 0]), (date(2025, 6, 1), [0, 0, 0])])
def test_the_last_day_costs_and_the_day_after_does_not(last_date, days):
    rows = ending(daily([10] * 15, first=JUNE), last_date, period="day")
    assert [row["projected_cost_usd"] for row in rows[:3]] == days


def test_the_interval_of_a_feature_ends_with_it():
    rows = daily([10, 12, 14] * 5, first=JUNE)
    june, july = ending(rows, date(2025, 6, 30))[:2]
    assert {july[name] for name in FIGURES} == {0}
    as_is = projected(rows, date(2025, 6, 16), period="month")[0]
    assert [june[name] for name in FIGURES] == [as_is[name] for name in FIGURES]


def test_when_a_feature_ends_was_not_known_on_earlier_dates():
    rows = daily([10] * 15, first=JUNE)
    assert ending(rows, date(2025, 6, 17), own_date=None)[1]["projected_cost_usd"] == 310


def test_a_feature_that_ends_with_too_short_a_history_changes_nothing():
    rows = daily([20] * 15, feature="search", first=JUNE) + daily([10] * 3, first=date(2025, 6, 13))
    as_is = projected(rows, date(2025, 6, 16), feature="total", period="month")
    assert [row["projected_cost_usd"] for row in ending(rows, date(2025, 6, 17), feature="total")] == [
        row["projected_cost_usd"] for row in as_is
    ]


def test_savings_of_two_decisions_add_up_by_day():
    decisions = [OpenDecision("chat", 36.5, None), OpenDecision("chat", 73.0, date(2025, 6, 17))]
    assert daily_savings(decisions, as_of=date(2025, 6, 16), day_count=2) == {"chat": pytest.approx([1.2, 3.6])}
