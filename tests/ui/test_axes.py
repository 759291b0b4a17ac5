"""Axes of time: what lies between two known places has one of its own."""

from __future__ import annotations

from datetime import date

from ai_finops.ui.axes import every_day, every_month, every_week, on_axis
from ai_finops.ui.view import Chart, Series


def test_days_weeks_and_months_between_are_there():
    assert every_day(date(2025, 2, 27), date(2025, 3, 1)) == (date(2025, 2, 27), date(2025, 2, 28), date(2025, 3, 1))
    assert every_day(date(2025, 3, 1), date(2025, 2, 28)) == ()
    assert every_week({date(2025, 6, 16), date(2025, 6, 2)}) == (date(2025, 6, 2), date(2025, 6, 9), date(2025, 6, 16))
    assert every_month([date(2025, 1, 1), date(2024, 11, 1)]) == (
        date(2024, 11, 1),
        date(2024, 12, 1),
        date(2025, 1, 1),
    )
    assert every_week(()) == every_month(()) == ()


def test_a_place_of_which_nothing_is_known_is_a_gap_in_lines_and_bands():
    first, last = date(2025, 6, 2), date(2025, 6, 4)
    series = Series("a", (1.0, 3.0), low=(0.0, 2.0), high=(2.0, 4.0))
    chart = on_axis(Chart("it", "t", "s", (first, last), (series,)), every_day(first, last))
    assert chart.x == (first, date(2025, 6, 3), last)
    (one,) = chart.series
    assert (one.values, one.low, one.high) == ((1.0, None, 3.0), (0.0, None, 2.0), (2.0, None, 4.0))
    assert on_axis(Chart("it", "t", "s", (first,), (Series("b", (1.0,)),)), (first, last)).series[0].low is None
