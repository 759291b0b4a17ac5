"""The picture's data by hand, and that the picture is drawn from it, the same each time, in any thread."""

import struct
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from ai_finops.report import chart
from ai_finops.report.chart import _colours, _spread, _week_names, draw
from ai_finops.report.review import BAND, MonthProjection, SpendWeek
from ai_finops.report.spend_series import alt_text, month_text, spend_series, week_note
from tests.report.test_blocks import review_of

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
MONDAY = date(2025, 6, 9)
MONTH = MonthProjection(date(2025, 6, 1), Decimal(712), Decimal(1477), Decimal(1242), Decimal(1713))


def spend(*weeks, days=7, unknown=0, month=MONTH):
    first = MONDAY - timedelta(weeks=len(weeks) - 1)
    made = tuple(
        SpendWeek(first + timedelta(weeks=n), days, {name: Decimal(str(usd)) for name, usd in costs.items()}, unknown)
        for n, costs in enumerate(weeks)
    )
    return review_of(spend=made, feature_names={"docs": "Documents"}, month=month)


def layers(review):
    return [(layer.name, [cost and float(cost) for cost in layer.costs_usd]) for layer in spend_series(review).layers]


def test_the_dearest_of_the_last_week_are_named_and_the_others_are_one_layer():
    before = {"a": 100, "b": 1, "f": 2.5}
    last = {"a": 4, "b": 3, "docs": 9, "d": 8, "e": 7, "f": 0.5}
    assert layers(spend(before, last)) == [
        ("Documents", [None, 9.0]),
        ("d", [None, 8.0]),
        ("e", [None, 7.0]),
        ("a", [100.0, 4.0]),
        ("All others", [3.5, 3.5]),
    ]


def test_what_belongs_to_no_feature_stands_by_itself_on_top():
    features = {f"f{n}": n + 1 for n in range(6)}
    # Dearer than all, and with six features there are others: it is neither the first layer nor one of them.
    named = ["f5", "f4", "f3", "f2", "All others", "Unattributed"]
    assert [name for name, _ in layers(spend(features, features | {"unattributed": 50}))] == named
    # $42 of $47 in one grey bar said that eleven per cent of the week were small features.
    drawn = spend_series(spend(features | {"unattributed": 0.25}, features))
    assert [layer.name for layer in drawn.layers] == named
    assert [layer.is_nobodys for layer in drawn.layers] == [False] * 5 + [True]
    assert drawn.layers[4].costs_usd == (Decimal(3), Decimal(3))
    assert len(set(_colours(drawn))) == 6
    # Five features are named, whatever belongs to none.
    five = spend({f"f{n}": n + 1 for n in range(5)} | {"unattributed": 1})
    assert [name for name, _ in layers(five)] == ["f4", "f3", "f2", "f1", "f0", "Unattributed"]
    assert len(layers(spend({"docs": 1, "unattributed": 0}))) == 1
    assert "Unattributed $50" in alt_text(spend_series(spend({"docs": 1, "unattributed": 50})))


@pytest.mark.parametrize(("count", "names"), [(4, 4), (5, 5), (6, 5)])
def test_one_feature_more_is_named_rather_than_called_others(count, names):
    found = layers(spend({f"f{n}": n + 1 for n in range(count)}))
    assert len(found) == names
    assert ("All others" in dict(found)) == (count == 6)


def test_a_week_of_unknown_cost_is_no_week_of_nothing():
    review = spend({"docs": 5}, {}, {"docs": 7})
    assert layers(review) == [("Documents", [5.0, None, 7.0])]
    assert spend_series(review).totals_usd == (Decimal(5), None, Decimal(7))
    assert "Week of June 2: not known." in alt_text(spend_series(review))


def test_the_picture_in_words():
    assert alt_text(spend_series(spend({"docs": 326.36}, {"docs": 159.27, "chat": 0.5}))) == (
        "AI cost by feature, 2 weeks. Week of June 2: $326. Week of June 9: $160: Documents $159, chat $0.50. "
        "June: $1,477 projected (80% interval $1,242 to $1,713), $712 so far."
    )


def test_the_band_is_the_interval_that_the_mart_says():
    models = yaml.safe_load((PROJECT / "models" / "marts" / "_marts__models.yml").read_text())["models"]
    (mart,) = (model for model in models if model["name"] == "fct_cost_projections")
    ends = [column["description"] for column in mart["columns"] if column["name"] in ("low_cost_usd", "high_cost_usd")]
    assert ["80 % interval" in description for description in ends] == [True, True]
    assert BAND == "80% interval"


@pytest.mark.parametrize(("low", "is_named"), [(Decimal(1242), True), (Decimal(1713), False), (None, False)])
def test_a_band_that_is_drawn_is_named(monkeypatch, low, is_named):
    written = []
    monkeypatch.setattr(chart, "_write", lambda _axes, _x, _y, text, **_style: written.append(text))
    draw(spend_series(spend({"docs": 5}, month=replace(MONTH, low_cost_usd=low))))
    assert (BAND in written) == is_named
    assert ("$1,713" in written) == is_named


@pytest.mark.parametrize(
    ("days", "unknown", "note"),
    [
        (7, 0, ""),
        (6, 0, " (6 of 7 days)"),
        (7, 1, " (without 1 call of unknown cost)"),
        (6, 70, " (6 of 7 days, without 70 calls of unknown cost)"),
    ],
)
def test_a_week_that_is_not_whole_says_so(days, unknown, note):
    assert week_note(spend({"docs": 1}, days=days, unknown=unknown).spend[0]) == note


@pytest.mark.parametrize(
    ("month", "text"),
    [
        (None, "Month end: not projected"),
        (MonthProjection(date(2025, 6, 1), Decimal(712), None, None, None), "June: month end not projected"),
        (MonthProjection(date(2025, 7, 1), None, Decimal(900), None, Decimal(9)), "July: $900 projected"),
    ],
)
def test_a_month_that_is_not_projected_is_not_drawn_as_nothing(month, text):
    assert month_text(month) == text


@pytest.mark.parametrize(
    "review",
    [
        spend(*({"docs": n, "chat": 2, "c": 3, "d": 4, "e": 5, "f": 6} for n in range(8))),
        spend({"docs": 5}, month=None),
        spend({}, month=MonthProjection(date(2025, 6, 1), Decimal(0), Decimal(0), Decimal(0), Decimal(0))),
        spend(
            {"a $x$ \\frac": 0, "b": -3},
            month=MonthProjection(date(2025, 6, 1), None, Decimal(5), Decimal(9), Decimal(1)),
        ),
        review_of(),
    ],
)
def test_whatever_there_is_gives_a_picture_of_the_size(review):
    picture = draw(spend_series(review))
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (1600, 800)
    assert b"Software" not in picture


def test_the_same_series_gives_the_same_bytes_in_any_thread():
    series = spend_series(spend({"docs": 5, "chat": 4}, {"docs": 7}))
    with ThreadPoolExecutor(3) as pool:
        pictures = set(pool.map(draw, [series] * 3))
    assert pictures == {draw(series)}
    assert draw(spend_series(spend({"docs": 5, "chat": 4}, {"docs": 8}))) not in pictures


@pytest.mark.parametrize(
    ("count", "days", "names"),
    [
        (4, 7, ["May 19", "May 26", "Jun 2", "Jun 9"]),
        (5, 7, ["May\n12", "May\n19", "May\n26", "Jun\n2", "Jun\n9"]),
        (2, 6, ["Jun 2*", "Jun 9*"]),
    ],
)
def test_every_week_says_its_month_and_its_day(count, days, names):
    assert _week_names(spend_series(spend(*[{"docs": 1}] * count, days=days))) == names


@pytest.mark.parametrize(
    ("middles", "heights"),
    [
        ([1.0, 5.0, 9.0], [1.0, 5.0, 9.0]),
        ([1.0, 1.1, 9.0], [1.0, 2.0, 9.0]),
        ([0.0, 0.1], [0.5, 1.5]),
        ([9.0, 9.8, 9.9], [7.5, 8.5, 9.5]),
    ],
)
def test_labels_stand_apart_within_the_axis(middles, heights):
    assert _spread(middles, gap=1.0, top=10.0) == pytest.approx(heights)
