"""Names of bounds keep clear of each other and of what is drawn."""

from __future__ import annotations

import pytest

from ai_finops.ui.charts.marks import mark_places

ENDS = (40.0, 200.0)
LINE = [(x, 96.0) for x in range(40, 201, 5)]


@pytest.mark.parametrize(
    ("avoid", "place"),
    [
        ([], (200.0, 96.0, "end")),
        # What is drawn lies where the name would be: below the line.
        ([(150.0, 92.0)], (200.0, 113.0, "end")),
        # Above and below on the right: to the left.
        ([(150.0, 92.0), (150.0, 108.0)], (44.0, 96.0, "start")),
        # Right at the base, three units more than the margin away, it does no harm.
        ([(150.0, 102.0)], (200.0, 96.0, "end")),
        (LINE, (200.0, 113.0, "end")),
    ],
)
def test_a_name_goes_where_least_is_drawn(avoid, place):
    assert mark_places([(100.0, 80.0)], ends=ENDS, avoid=avoid) == [place]


def test_names_do_not_cover_each_other_and_keep_their_order():
    # Lines 5 apart, the lower one named first: the upper name goes above, the lower one below.
    assert mark_places([(105.0, 120.0), (100.0, 120.0)], ends=ENDS, avoid=[]) == [
        (200.0, 118.0, "end"),
        (200.0, 96.0, "end"),
    ]


def test_a_line_at_the_top_has_its_name_below():
    assert mark_places([(5.0, 80.0)], ends=ENDS, avoid=[]) == [(200.0, 18.0, "end")]


def test_every_place_covered_is_still_a_place():
    everywhere = [(float(x), float(y)) for x in range(0, 240, 4) for y in range(60, 140, 4)]
    assert len(mark_places([(100.0, 80.0)], ends=ENDS, avoid=everywhere)) == 1
    assert mark_places([], ends=ENDS, avoid=[]) == []
