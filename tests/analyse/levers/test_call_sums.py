"""Which days a date of issue reads, and that neither the order of rows nor other dates change what it finds."""

import random
from datetime import date, timedelta

import pyarrow as pa

from ai_finops.analyse.levers.call_sums import CallSums, days_looked_back_on
from tests.analyse.levers import made
from tests.analyse.levers.made import AS_OF, CALL_SUMS, calls, shadow


def test_a_date_looks_back_on_28_days_and_two_on_those_of_either():
    days = days_looked_back_on([date(2025, 6, 29)])
    assert (len(days), days[0], days[-1]) == (28, date(2025, 6, 1), date(2025, 6, 28))
    both = days_looked_back_on([date(2025, 6, 30), date(2025, 6, 29)])
    assert (len(both), both[0], both[-1]) == (29, date(2025, 6, 1), date(2025, 6, 29))
    assert days_looked_back_on([]) == []


def test_a_window_ends_the_day_before():
    sums = CallSums.from_table(pa.Table.from_pylist(calls(days=20, first=date(2025, 6, 1)), schema=CALL_SUMS))
    assert [row["usage_date"].day for row in sums.window(AS_OF)] == [9, 10, 11, 12, 13, 14, 15]
    assert len(sums.window(AS_OF, days=28)) == 15
    assert sums.window(date(2025, 8, 1)) == []


def many():
    """Calls of four weeks by several pipelines, whose costs do not add up alike in every order."""
    return [
        row
        for number in range(5)
        for row in calls(
            days=28, first=AS_OF - timedelta(days=28), cost=f"0.{number + 1}00000000001", pipeline_id=f"p{number}"
        )
    ]


def test_the_order_of_rows_changes_nothing():
    rows = many()
    shuffled = random.Random(1).sample(rows, len(rows))
    assert made.find(shuffled, shadows=shadow(90, 100)) == made.find(rows, shadows=shadow(90, 100))


def test_each_date_is_found_as_if_it_were_the_only_one():
    dates = [AS_OF, AS_OF - timedelta(days=9), AS_OF - timedelta(days=3)]
    together = made.find(many(), shadows=shadow(90, 100), as_of_dates=dates).to_pylist()
    alone = [
        row
        for day in sorted(dates)
        for row in made.find(many(), shadows=shadow(90, 100), as_of_dates=[day]).to_pylist()
    ]
    assert together == alone
    # And the newest with only the days that it looks back on.
    due = set(days_looked_back_on([AS_OF]))
    kept = made.find([row for row in many() if row["usage_date"] in due], shadows=shadow(90, 100)).to_pylist()
    assert kept == [row for row in together if row["as_of_date"] == AS_OF]
