"""Where axes have lines and what they say."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.ui.charts.ticks import full_label, label_ticks, nice_ticks, spread_labels, whole_ticks, x_labels


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 386, (0, 100, 200, 300, 400)),
        (0, 400, (0, 100, 200, 300, 400)),
        (0, 401, (0, 100, 200, 300, 400, 500)),
        (0, 0.56, (0, 0.2, 0.4, 0.6)),
        (-26, 80, (-50, -25, 0, 25, 50, 75, 100)),
        (0, 0, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 0.0004, (0, 0.0001, 0.0002, 0.0003, 0.0004)),
        (0, 5e-324, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0, 13_871, (0, 5_000, 10_000, 15_000)),
    ],
)
def test_ticks_are_even_and_hold_all(low, high, ticks):
    assert nice_ticks(low, high, count=5) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (0, (0, 1)),
        (1, (0, 1)),
        (4, (0, 1, 2, 3, 4)),
        (6, (0, 2, 4, 6)),
        (11, (0, 5, 10, 15)),
        (110, (0, 25, 50, 75, 100, 125)),
    ],
)
def test_ticks_of_what_is_counted_are_whole(high, ticks):
    assert whole_ticks(0, high, count=5) == ticks


@settings(deadline=None)
@given(st.floats(-1e9, 1e9), st.floats(0, 1e9), st.integers(1, 8))
def test_ticks_hold_any_range_and_are_few(low, width, count):
    high = low + width
    ticks = nice_ticks(low, high, count=count)
    assert len(ticks) >= 2
    slack = (ticks[1] - ticks[0]) * 1e-6
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert len(ticks) <= 2 * count + 2
    assert list(ticks) == sorted(set(ticks))


@pytest.mark.parametrize(
    ("ticks", "kind", "texts"),
    [
        ((0, 100, 400), "usd", ("$0", "$100", "$400")),
        ((0, 5_000, 10_000, 15_000), "usd", ("$0", "$5K", "$10K", "$15K")),
        ((0, 4_000, 8_000), "usd", ("$0", "$4,000", "$8,000")),
        ((0, 2_500, 9_999), "usd", ("$0", "$2,500", "$9,999")),
        ((0, 2_500, 10_000), "usd", ("$0", "$2.5K", "$10.0K")),
        ((-20_000, -10_000, 0, 10_000), "usd", ("-$20K", "-$10K", "$0", "$10K")),
        ((-25, 0, 25), "usd", ("-$25", "$0", "$25")),
        ((0, 0.0001, 0.0002), "usd_small", ("$0", "$0.0001", "$0.0002")),
        ((0, 500_000, 1_000_000), "count", ("0", "0.5M", "1.0M")),
        ((0, 250_000, 750_000), "count", ("0", "250K", "750K")),
        ((0, 0.2, 0.4), "ratio", ("0%", "20%", "40%")),
        ((0, 0.025), "ratio", ("0.0%", "2.5%")),
        ((0, 0.5, 1.5), "number", ("0", "0.5", "1.5")),
        ((0, 0.25, 0.5), "times", ("0.00×", "0.25×", "0.50×")),
    ],
)
def test_the_values_of_an_axis_are_written_in_one_unit(ticks, kind, texts):
    assert label_ticks(ticks, kind=kind) == texts


@pytest.mark.parametrize(
    ("places", "room", "shown"), [(3, 3, (0, 1, 2)), (4, 3, (0, 2)), (400, 12, tuple(range(0, 400, 34))), (0, 3, ())]
)
def test_as_many_labels_as_fit(places, room, shown):
    assert spread_labels(places, room=room) == shown


def test_days_months_and_names_are_written_as_such():
    assert x_labels((date(2025, 6, 9), date(2025, 6, 10))) == ("Jun 9", "Jun 10")
    assert x_labels((date(2025, 6, 1), date(2025, 7, 1))) == ("Jun 2025", "Jul 2025")
    assert x_labels((date(2025, 6, 1),)) == ("Jun 1",)
    assert x_labels(("chat", "search")) == ("chat", "search")
    assert full_label(date(2025, 6, 9)) == "Mon 2025-06-09"
