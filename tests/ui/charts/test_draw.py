"""Pictures with coordinates worked by hand, and what is never drawn: a value that is not known."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest

from ai_finops.ui.charts import draw
from ai_finops.ui.charts.fewer import fewer
from ai_finops.ui.view import Chart, Series, Threshold
from tests.ui.conftest import HOSTILE
from tests.ui.drawn import boxes, picture, shapes, texts

DAYS = tuple(date(2025, 6, 2) + timedelta(days=number) for number in range(4))


def chart(*series, x=DAYS, **more):
    return Chart("it", "Title", "Summary.", tuple(x), tuple(series), **more)


def test_bars_on_each_other_stand_where_they_should():
    svg = picture(
        chart(Series("a", (100, 200, 0, 50), "bar"), Series("b", (50, None, 100, 50), "bar"), is_stacked=True)
    )
    # 0 to 200 by 50: the axis is 44.4 wide ("$200" is four characters of 7.4, and 10), the plot 252 high from 14 to 266.
    assert texts(svg, "tick")[:5] == ["$0", "$50", "$100", "$150", "$200"]
    left = 4 * 7.4 + 10
    step = (980 - left - 8) / 4
    assert step == pytest.approx(233.1)
    # A bar is at most 56 wide, in the middle of its place: 39.6 + 116.55 - 28 = 128.15.
    first, second, third = boxes(svg, "c0")
    assert first == pytest.approx((128.15, 140, 56, 126), abs=0.06)
    assert second == pytest.approx((361.25, 14, 56, 252), abs=0.06)
    # 0 on the third day draws nothing; the fourth day's 50 is 63 high.
    assert third == pytest.approx((827.45, 203, 56, 63), abs=0.06)
    # On the first day b stands on a: from 100 to 150. On the second it is not known, and nothing is drawn.
    assert [box[1:] for box in boxes(svg, "c1")] == [(77, 56, 63), (140, 56, 126), (140, 56, 63)]


def test_bars_beside_each_other_share_the_room():
    svg = picture(chart(Series("a", (4,), "bar"), Series("b", (2,), "bar"), x=DAYS[:1], kind="count"))
    (a,), (b,) = boxes(svg, "c0"), boxes(svg, "c1")
    assert (a[2], b[2]) == (56, 56)
    assert b[0] == pytest.approx(a[0] + 56, abs=0.1)
    assert a[3] == pytest.approx(2 * b[3])


def test_negative_values_hang_below_zero():
    svg = picture(chart(Series("a", (10, -10, 0, 0), "bar")))
    up, down = boxes(svg, "c0")
    (zero,) = shapes(svg, "line", "zero")
    assert up[1] + up[3] == pytest.approx(float(zero.get("y1")))
    assert down[1] == pytest.approx(float(zero.get("y1")))


def test_a_line_has_a_gap_where_nothing_is_known():
    svg = picture(chart(Series("a", (1, 2, None, 4)), kind="number"))
    (line,) = shapes(svg, "path", "line")
    assert line.get("d").count("L") == 1
    # The fourth day stands alone: a dot, as every known day has in so short a line, and none for the third.
    assert len(shapes(svg, "circle", "dot")) == 3
    assert "a: not known" in [one.text for one in svg.iter("title")][3]


def test_a_day_alone_is_a_dot_in_a_long_line():
    values = (*(1.0 for _ in range(20)), None, 3.0, None)
    days = tuple(date(2025, 6, 1) + timedelta(days=number) for number in range(23))
    svg = picture(chart(Series("a", values), x=days))
    assert len(shapes(svg, "circle", "dot")) == 1


def test_a_band_goes_back_along_its_low_end_and_stops_at_a_gap():
    svg = picture(chart(Series("a", (5, 5, 5, 5), "dashed", low=(1, 2, None, 4), high=(9, 8, 7, 6))))
    (band,) = shapes(svg, "path", "band")
    assert band.get("d").count("L") == 3
    assert len(shapes(svg, "line", "whisker")) == 1
    assert len(shapes(svg, "path", "line dashed")) == 1
    words = [one.text for one in svg.iter("title")][1]
    assert words == "Mon 2025-06-02\na: $5.00 ($1.00 to $9.00)"


def test_thresholds_are_named_and_do_not_cover_each_other():
    levels = (Threshold("healthy", 1.10, "healthy"), Threshold("warning", 1.11, "warning"))
    svg = picture(chart(Series("a", (1, 1, 1, 1)), kind="number", thresholds=levels))
    names = {one.text: float(one.get("y")) for one in shapes(svg, "text", "mark")}
    assert names["healthy"] - names["warning"] >= 13
    assert [one.get("class") for one in shapes(svg, "line", "threshold")] == ["threshold warning", "threshold healthy"]


def test_between_the_bounds_lies_a_band():
    levels = (
        Threshold("least", 0.9, "watch"),
        Threshold("healthy", 1.0, "healthy"),
        Threshold("warning", 2.0, "warning"),
    )
    svg = picture(chart(Series("a", (1, 1, 1, 4)), kind="number", thresholds=levels))
    (band,) = shapes(svg, "rect", "between")
    # 0 to 4: each 1 is 63 of 252 units, from 14 on.
    assert (float(band.get("y")), float(band.get("height"))) == (14 + 2 * 63, 63)
    one_line = chart(Series("a", (1, 1, 1, 4)), kind="number", thresholds=(Threshold("both", 1.0, "warning"),))
    assert shapes(picture(one_line), "rect", "between") == []


def test_a_small_picture_is_drawn_once_and_says_what_it_is_made_of():
    figure = str(draw(chart(Series("a", (1, 2, 3, 4)), is_small=True, subtitle="tokens ÷ <tokens>")))
    assert figure.count('role="img"') == 1
    assert '<figcaption>Title <span class="under">tokens ÷ &lt;tokens&gt;</span></figcaption>' in figure
    assert 'class="legend"' not in figure
    levels = (Threshold("healthy below 1", 1.0, "healthy"), Threshold("warning above 2", 2.0, "warning"))
    drawn = chart(Series("a", (1, 2, 3, 4)), is_small=True, thresholds=levels)
    svg = picture(drawn, "small")
    assert svg.get("viewBox") == "0 0 200 150"
    # There is no room for names between the lines: they stand above, the upper bound first.
    assert (len(shapes(svg, "line", "threshold")), texts(svg, "mark")) == (2, [])
    assert re.findall(r"</svg>([^<]+)</li>", str(draw(drawn))) == ["warning above 2", "healthy below 1"]


def test_what_is_nobodys_has_its_own_colour_and_the_others_theirs():
    own = Series("Unattributed", (1, 1, 1, 1), "bar", is_nobodys=True)
    figure = str(draw(chart(Series("a", (1, 1, 1, 1), "bar"), own, Series("b", (1, 1, 1, 1), "bar"), is_stacked=True)))
    for css in ("bar c0", "bar nobody", "bar c1"):
        # In the legend, and in two sizes of the picture.
        assert figure.count(f'class="{css}"') == 3
    assert "</svg>Unattributed</li>" in figure


def test_rows_have_name_bar_and_value():
    svg = picture(chart(Series("Cost", (200, None, 50), "bar"), x=("chat", "search", "other"), form="rows"))
    bars = [float(one.get("width")) for one in shapes(svg, "rect", "bar")]
    # The longest fills the room between the names (six characters of 8.1, and 8) and the values ("not known": nine, and 10).
    assert bars == pytest.approx(
        [980 - 9 * 8.1 - 10 - (6 * 8.1 + 8), (980 - 9 * 8.1 - 10 - (6 * 8.1 + 8)) / 4], abs=0.1
    )
    assert texts(svg, "value") == ["$200", "not known", "$50"]
    assert texts(svg, "name") == ["chat", "search", "other"]


def test_a_long_name_is_cut_in_the_picture_and_whole_in_its_title():
    svg = picture(chart(Series("Cost", (1,), "bar"), x=("n" * 300,), form="rows"), "narrow")
    assert texts(svg, "name")[0].endswith("…")
    assert "n" * 300 in [one.text for one in svg.iter("title")][1]


def test_nothing_known_is_a_sentence_and_no_axes():
    for series in ((), (Series("a", (None, None, None, None)),)):
        figure = str(draw(chart(*series, empty="Nothing <yet>.")))
        assert "<svg" not in figure
        assert "Nothing &lt;yet&gt;." in figure
    assert "<svg" not in str(draw(chart(Series("a", ()), x=())))


def test_a_picture_has_a_name_a_description_and_two_sizes():
    figure = str(draw(chart(Series("a", (1, 2, 3, 4)))))
    assert figure.count('role="img"') == 2
    for size in ("wide", "narrow"):
        svg = picture(chart(Series("a", (1, 2, 3, 4))), size)
        assert (svg.get("aria-labelledby"), svg.get("aria-describedby")) == (f"it-{size}-t", f"it-{size}-d")
        assert svg.find("title").text == "Title"
        assert svg.find("desc").text == "Summary."


def test_no_colours_or_styles_are_in_the_picture():
    figure = str(
        draw(
            chart(Series("a", (1, 2, 3, 4)), Series("b", (1, 2, 3, 4), "bar"), thresholds=(Threshold("t", 1, "watch"),))
        )
    )
    assert "style=" not in figure
    assert "fill=" not in figure
    assert "stroke=" not in figure


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", ["columns", "rows"])
def test_hostile_names_are_text(name, form):
    drawn = Chart(
        "it",
        name,
        name,
        (name, name),
        (Series(name, (1, 2), "bar"), Series("b", (1, 2))),
        form=form,
        thresholds=(Threshold(name, 1, "watch"),),
    )
    figure = str(draw(drawn))
    assert "<script" not in figure
    assert "<img" not in figure
    assert "\u202e" not in figure
    picture(drawn)


def test_the_legend_tells_in_words_what_the_colours_are():
    figure = str(
        draw(
            chart(
                Series("Spent", (1, 2, 3, 4), "bar"),
                Series("Projected", (1, 2, 3, 4), low=(0, 0, 0, 0), high=(9, 9, 9, 9), band="its 80 % interval"),
            )
        )
    )
    assert "</svg>Spent</li>" in figure
    assert "</svg>Projected, with its 80 % interval</li>" in figure


def fifty(**more):
    return chart(*(Series(f"f{number}", (float(number), None, 1.0, 0.0), "bar") for number in range(50)), **more)


def test_fifty_bars_on_each_other_are_the_largest_seven_and_all_others():
    drawn = fewer(fifty(is_stacked=True))
    assert [one.name for one in drawn.chart.series] == [*(f"f{number}" for number in range(43, 50)), "all others (43)"]
    # 0 + 1 + … + 42 = 903, and 43 times 1; the second day is known of none.
    assert drawn.chart.series[-1].values == (903.0, None, 43.0, 0.0)
    assert drawn.others_place == 7
    assert "43 smaller ones together" in str(draw(fifty(is_stacked=True)))


def test_what_is_nobodys_is_never_among_all_others():
    tiny = Series("Unattributed", (0.01, None, 0.0, 0.0), "bar", is_nobodys=True)
    drawn = fewer(chart(*fifty().series, tiny, is_stacked=True))
    assert [one.name for one in drawn.chart.series][-2:] == ["all others (44)", "Unattributed"]
    assert len(drawn.chart.series) == 8
    assert drawn.others_place == 6


def test_eight_are_all_drawn():
    eight = chart(*(Series(f"f{number}", (1.0, 1.0, 1.0, 1.0), "bar") for number in range(8)), is_stacked=True)
    assert (fewer(eight).chart, fewer(eight).note) == (eight, None)


def test_lines_cannot_be_summed_so_the_last_are_left_out():
    drawn = fewer(chart(*(Series(f"f{number}", (1.0, 1.0, 1.0, 1.0)) for number in range(9))))
    assert len(drawn.chart.series) == 8
    assert drawn.note == "1 more are not drawn; the table has them."


def test_twenty_four_rows_are_drawn_of_more():
    long = Chart(
        "it",
        "t",
        "s",
        tuple(f"f{n}" for n in range(25)),
        (Series("a", tuple(range(25)), "bar", low=tuple(range(25)), high=tuple(range(25))),),
        form="rows",
    )
    assert len(fewer(long).chart.x) == 24
    assert fewer(long).note == "The first 24 of 25; the table has all."
    assert len(shapes(picture(long), "text", "name")) == 24


def test_four_hundred_days_are_one_shape_a_series():
    days = tuple(date(2024, 5, 1) + timedelta(days=number) for number in range(400))
    svg = picture(
        chart(
            *(Series(f"f{n}", tuple(float(n + d % 7) for d in range(400)), "bar") for n in range(8)),
            x=days,
            is_stacked=True,
        )
    )
    assert len(shapes(svg, "path", "bar")) == 8
    assert len(shapes(svg, "g", "place")) == 400
    labels = texts(svg, "tick")
    assert labels[-1] != labels[-2]
    assert "2024" in labels
    assert "2025" in labels
