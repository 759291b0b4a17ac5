"""Month to date as the marts have it, and both sides of what makes it not known."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ai_finops.analyse.month_to_date import Spent
from tests.analyse.daily_costs import MONDAY, daily, spent

FIRST = date(2025, 6, 1)


def test_the_days_of_the_month_before_the_date_are_added_up():
    # May 30 and 31 are another month's; of June 1 to 4 the 4th is not over.
    rows = daily([50, 50, 1, 2, 3, 99], first=date(2025, 5, 30))
    assert spent(rows).before("chat", date(2025, 6, 4)) == Spent(Decimal(6), "known", 0)
    assert spent(rows).before("total", date(2025, 6, 4)) == Spent(Decimal(6), "known", 0)


def test_on_the_first_of_a_month_nothing_is_spent_yet():
    assert spent(daily([50, 50], first=date(2025, 5, 30))).before("chat", FIRST) == Spent(Decimal(0), "known", 0)


def test_the_total_is_that_of_all_features():
    rows = daily([1, 1], first=FIRST) + daily([5], feature="search", first=date(2025, 6, 2))
    assert spent(rows).before("total", date(2025, 6, 3)) == Spent(Decimal(7), "known", 0)


def test_a_feature_without_a_row_cost_nothing():
    rows = daily([1, 1], first=FIRST)
    assert spent(rows).before("planned", date(2025, 6, 3)) == Spent(Decimal(0), "known", 0)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (date(2025, 6, 10), Spent(None, "too_many_days_missing", 1)),  # June 1 of nine days
        (date(2025, 6, 11), Spent(Decimal(9), "days_missing", 1)),  # of ten: a tenth is borne
    ],
)
def test_a_tenth_of_the_days_may_be_missing(as_of, expected):
    assert spent(daily([1] * 20, first=MONDAY)).before("chat", as_of) == expected


def test_a_late_row_of_a_missing_day_is_in_the_sum_as_it_is_in_the_marts():
    rows = daily([1] * 10, first=FIRST)
    covered = [FIRST + timedelta(days=n) for n in range(10) if n != 4]
    assert spent(rows, covered_days=covered).before("chat", date(2025, 6, 11)) == Spent(Decimal(10), "days_missing", 1)


@pytest.mark.parametrize(("calls", "expected"), [(100, (Decimal(4), "known")), (99, (None, "unknown_cost"))])
def test_a_hundredth_of_unknown_cost_is_borne(calls, expected):
    found = spent([(FIRST, "chat", 4, calls, 1)]).before("chat", MONDAY)
    assert (found.cost_usd, found.status) == expected


def test_days_without_any_known_cost_are_not_days_of_no_cost():
    assert spent([(FIRST, "chat", None, 1, 0)]).before("chat", MONDAY) == Spent(None, "unknown_cost", 0)


def test_the_day_on_which_a_budget_was_passed():
    # 3, 6, 9 by June 3: exactly the budget is not beyond it.
    rows = spent(daily([3] * 5, first=FIRST))
    assert rows.reached("chat", date(2025, 6, 5), budget_cost_usd=Decimal(9)) == date(2025, 6, 4)
    assert rows.reached("chat", date(2025, 6, 4), budget_cost_usd=Decimal(9)) is None
    assert rows.reached("chat", date(2025, 6, 5), budget_cost_usd=Decimal("8.99")) == date(2025, 6, 3)
    assert rows.reached("planned", date(2025, 6, 5), budget_cost_usd=Decimal(1)) is None
