"""Budgets against flat and spread histories, by hand: the day, its interval, and what is not known."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse.budgets import hold_budgets, read_budgets
from ai_finops.analyse.forecast import Chosen, HorizonError
from ai_finops.analyse.projections import project_as_is
from ai_finops.analyse.schemas import BUDGETS
from tests.analyse.daily_costs import daily, history, spent

JUNE = date(2025, 6, 1)
AS_OF = date(2025, 6, 16)
DATES = ("earliest_exceeded_date", "exceeded_date", "latest_exceeded_date")
DAYS = ("least_days_until_exceeded", "days_until_exceeded", "most_days_until_exceeded")


def held(rows, *budgets, as_of=AS_OF, last_dates=None, **more):
    """Budgets are (feature, month or None, USD)."""
    table = pa.Table.from_pylist(
        [
            {"feature_id": f, "budget_month": m, "budget_cost_usd": Decimal(usd), "owner": "ann", "reason": "agreed"}
            for f, m, usd in budgets
        ],
        schema=pa.schema(
            [
                ("feature_id", pa.string()),
                ("budget_month", pa.date32()),
                ("budget_cost_usd", pa.decimal128(18, 6)),
                ("owner", pa.string()),
                ("reason", pa.string()),
            ]
        ),
    )
    projected = project_as_is(history(rows), as_of=as_of, last_dates=last_dates, **more)
    return hold_budgets(read_budgets(table), projected, spent=spent(rows), as_of=as_of).to_pylist()


def flat(usd=10, days=15):
    return daily([usd] * days, first=JUNE)


def test_a_budget_is_passed_on_the_first_day_above_it():
    # 150 by the 15th, 10 a day: 200 is reached on the 20th and passed on the 21st.
    row = held(flat(), ("chat", None, 200))[0]
    assert (row["status"], row["actual_cost_usd"], row["projected_cost_usd"]) == ("will_be_exceeded", 150, 300)
    assert (row["budget_used_ratio"], row["projected_budget_ratio"]) == (0.75, 1.5)
    assert {row[name] for name in DATES} == {date(2025, 6, 21)}
    assert {row[name] for name in DAYS} == {5}


@pytest.mark.parametrize(("usd", "status"), [("300", "within"), ("299.99", "will_be_exceeded")])
def test_a_budget_that_is_met_to_the_cent_is_kept(usd, status):
    row = held(flat(), ("chat", None, usd))[0]
    assert row["status"] == status
    assert row["exceeded_date"] == (None if status == "within" else date(2025, 6, 30))


@pytest.mark.parametrize(("usd", "status"), [("150", "will_be_exceeded"), ("149.99", "exceeded")])
def test_what_is_spent_exceeds_it_already(usd, status):
    row = held(flat(), ("chat", None, usd))[0]
    assert row["status"] == status
    # 140 by the 14th: the 15th passed it.
    expected = (date(2025, 6, 15), 0) if status == "exceeded" else (AS_OF, 0)
    assert (row["exceeded_date"], row["days_until_exceeded"]) == expected


def test_the_interval_of_the_day():
    rows = daily([10, 12, 14] * 5, first=JUNE)
    row = held(rows, ("chat", None, 300))[0]
    earliest, expected, latest = (row[name] for name in DATES)
    assert earliest < expected < latest
    assert [row[name] for name in DAYS] == [(day - AS_OF).days for day in (earliest, expected, latest)]
    assert row["low_cost_usd"] < row["projected_cost_usd"] < row["high_cost_usd"]


def test_a_budget_between_mean_and_high_bound_may_be_exceeded():
    rows = daily([10, 12, 14] * 5, first=JUNE)
    month = held(rows, ("chat", None, 9999))[0]
    assert month["status"] == "within"
    between = (month["projected_cost_usd"] + month["high_cost_usd"]) / 2
    row = held(rows, ("chat", None, between))[0]
    assert (row["status"], row["exceeded_date"], row["latest_exceeded_date"]) == ("may_be_exceeded", None, None)
    assert row["earliest_exceeded_date"] is not None


def test_months_to_come_begin_at_nothing():
    # July has 31 days of 10: above 300 on the 31st. June and September have 30.
    rows = held(flat(), ("chat", None, 300))
    assert [(row["month_number"], row["status"]) for row in rows] == [
        (0, "within"),
        (1, "will_be_exceeded"),
        (2, "will_be_exceeded"),
        (3, "within"),
        (4, "will_be_exceeded"),
        (5, "within"),
        (6, "will_be_exceeded"),
    ]
    july = rows[1]
    assert (july["budget_month"], july["exceeded_date"], july["days_until_exceeded"]) == (
        date(2025, 7, 1),
        date(2025, 7, 31),
        45,
    )
    assert (july["actual_cost_usd"], july["budget_used_ratio"]) == (None, None)


def test_the_budget_of_a_month_goes_before_that_of_every_month():
    rows = held(flat(), ("chat", None, 300), ("chat", date(2025, 7, 1), 400), ("chat", date(2025, 5, 1), 1))
    assert [row["budget_cost_usd"] for row in rows] == [300, 400, *[300] * 5]
    only_july = held(flat(), ("chat", date(2025, 7, 1), 400))
    assert [row["budget_month"] for row in only_july] == [date(2025, 7, 1)]


def test_the_total_has_a_budget_of_its_own():
    rows = flat() + daily([20] * 15, feature="search", first=JUNE)
    assert [row["projected_cost_usd"] for row in held(rows, ("total", None, 950), ("chat", None, 1))[7:8]] == [900]


@pytest.mark.parametrize(
    ("last_date", "status"), [(date(2025, 6, 19), "within"), (date(2025, 6, 20), "will_be_exceeded")]
)
def test_a_feature_that_ends_is_held_to_what_it_still_costs(last_date, status):
    # 150 by the 15th: 190 with the 19th, 200 with the 20th.
    row = held(flat(), ("chat", None, 195), last_dates={"chat": last_date})[0]
    assert row["status"] == status


def test_too_few_days_to_project():
    rows = held(flat(days=6), ("chat", None, 100), as_of=date(2025, 6, 7))
    assert {row["status"] for row in rows} == {"insufficient_history"}
    assert (rows[0]["actual_cost_usd"], rows[0]["projected_cost_usd"], rows[0]["budget_used_ratio"]) == (60, None, 0.6)
    assert held(flat(days=6), ("chat", None, 59), as_of=date(2025, 6, 7))[0]["status"] == "exceeded"


def test_cost_that_is_not_known_is_not_within():
    unknown = [*flat(days=14), (date(2025, 6, 15), "chat", 1, 100, 90)]
    june, july = held(unknown, ("chat", None, 9999))[:2]
    assert (june["status"], june["budget_used_ratio"], june["projected_cost_usd"]) == ("no_cost_known", None, None)
    assert july["status"] == "within"
    assert {row["status"] for row in held(flat(), ("planned", None, 10))} == {"no_cost_known"}


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (("7d", "month_end"), ("month_end", 0.3, 3)),
        (("7d", "14d"), ("14d", 0.2, 2)),
        ((), (None, None, 0)),
    ],
)
def test_a_budget_carries_the_error_of_its_projection(measured, shown):
    all_errors = {
        name: HorizonError(count, count / 10, 0.01, 0.8) for count, name in enumerate(("7d", "14d", "month_end"), 1)
    }
    errors = {name: all_errors[name] for name in measured}
    rows = held(flat(), ("chat", None, 200), chosen=lambda feature, day: Chosen("linear_trend", 1.0, errors))
    columns = ("error_horizon", "wape_ratio", "error_origin_count")
    assert {tuple(row[name] for name in columns) for row in rows} == {shown}


@pytest.mark.parametrize(
    ("days", "status"), [(6, "insufficient_history"), (7, "short_history"), (13, "short_history"), (14, "ok")]
)
def test_a_budget_carries_the_status_of_its_projection(days, status):
    rows = held(flat(days=days), ("chat", None, 200), as_of=date(2025, 6, days + 1))
    assert {row["projection_status"] for row in rows} == {status}


def test_a_budget_without_any_cost_has_no_projection_and_no_error():
    row = held(flat(), ("planned", None, 10))[0]
    columns = ("projection_status", "error_horizon", "wape_ratio", "error_origin_count")
    assert [row[name] for name in columns] == [None, None, None, 0]


def test_no_budgets_give_a_typed_empty_table():
    projected = project_as_is(history(flat()), as_of=AS_OF)
    assert hold_budgets([], projected, spent=spent(flat()), as_of=AS_OF) == BUDGETS.empty_table()
