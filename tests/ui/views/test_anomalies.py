"""`chat` costs $2 on June 10 against a baseline of $0.50: $1.50 above it, four times it (`tests/quality/tiny_marts.py`)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ai_finops.ui.views.anomalies import Rule, read_rule
from tests.ui.views.seeing import chart, fact, line, rows, see, warned

JUNE_4, JUNE_9, JUNE_10 = (date(2025, 6, day) for day in (4, 9, 10))
HEADER = "feature_id,anomaly_ratio,smallest_excess_cost_usd\n"


@pytest.mark.parametrize(
    ("baseline_usd", "bound_usd"), [("0", 5), ("4.99", 9.99), ("5", 10), ("5.01", 10.02), ("10", 20), (None, None)]
)
def test_a_bound_is_twice_the_baseline_and_five_dollars_above_it(baseline_usd, bound_usd):
    rule = Rule(Decimal(2), Decimal(5))
    assert rule.bound(None if baseline_usd is None else Decimal(baseline_usd)) == bound_usd


def test_a_feature_has_its_own_rule_before_that_of_all(tmp_path):
    seed = tmp_path / "anomaly_rules.csv"
    seed.write_text(f"{HEADER}*,2,5\nchat,3,1\n")
    assert read_rule(seed, feature="chat") == Rule(Decimal(3), Decimal(1))
    assert read_rule(seed, feature="search") == Rule(Decimal(2), Decimal(5))


@pytest.mark.parametrize("text", ["", HEADER, f"{HEADER}*,twice,5\n", "feature_id\n*\n", f"{HEADER}*,2\n"])
def test_a_seed_that_cannot_be_read_gives_no_bound(tmp_path, text):
    seed = tmp_path / "anomaly_rules.csv"
    assert read_rule(seed, feature="chat") is None
    seed.write_text(text)
    assert read_rule(seed, feature="chat") is None


def test_the_newest_anomaly_is_what_is_seen_first(marts, settings):
    view = see("anomalies", marts("tiny"), settings)
    assert next(each for each in view.filters if each.name == "feature").chosen == ("chat",)
    assert line(view, "anomaly-timeline", "Anomaly") == {date(2025, 6, day): None for day in range(2, 10)} | {
        JUNE_10: 2.0
    }
    assert line(view, "anomaly-timeline", "Baseline")[JUNE_4] is None
    assert line(view, "anomaly-timeline", "Bound")[JUNE_10] == 5.5
    assert (
        chart(view, "anomaly-timeline").summary
        == "Of 9 days 1 stands out, the newest June 10 with $2.00 against $0.50."
    )
    assert fact(view, "Newest, above its baseline") == Decimal("1.5")
    assert warned(view) == []


def test_what_drove_a_day_adds_up_to_its_excess(marts, settings):
    # 2.50 of volume less 1.00 of price: 1.50.
    parts = (
        "update fct_cost_anomaly_drivers set contribution_cost_usd = 2.5; insert into fct_cost_anomaly_drivers by name "
        "select * replace ('cost_per_token' as driver, -1 as contribution_cost_usd) from fct_cost_anomaly_drivers"
    )
    view = see("anomalies", marts("tiny", parts, "update fct_cost_anomalies set main_driver_cost_usd = 2.5"), settings)
    assert line(view, "anomaly-parts", "Part of the excess") == {"volume": 2.5, "cost per token": -1.0}
    assert sum(row["contribution_cost_usd"] for row in rows(view, "drivers")) == Decimal("1.5")
    assert chart(view, "anomaly-parts").summary == "Of $1.50 above the baseline, volume is $2.50."


def test_several_parts_of_one_driver_have_a_place_each(marts, settings):
    twice = "insert into fct_cost_anomaly_drivers by name select * replace ('other' as detail) from fct_cost_anomaly_drivers"
    assert chart(see("anomalies", marts("tiny", twice), settings), "anomaly-parts").x == ("volume 1", "volume 2")


def test_a_feature_without_an_anomaly_is_said_to_have_none(marts, settings):
    view = see("anomalies", marts("tiny"), settings, feature="search")
    assert chart(view, "anomaly-timeline").summary == "None of 9 days stands out."
    assert rows(view, "drivers") == []
    assert [row["feature_id"] for row in rows(view, "anomalies")] == ["chat"]


def test_days_look_back_from_the_newest_one(marts, settings):
    old = (
        (
            "insert into fct_daily_cost_baselines by name select * replace (date '2025-05-13' as usage_date) "
            "from fct_daily_cost_baselines where feature_id = 'chat' and usage_date = '2025-06-10'"
        ),
        (
            "insert into fct_daily_cost_baselines by name select * replace (date '2025-05-14' as usage_date) "
            "from fct_daily_cost_baselines where feature_id = 'chat' and usage_date = '2025-06-10'"
        ),
    )
    connection = marts("tiny", *old)
    # May 14 is the first of the 28 days up to June 10.
    assert chart(see("anomalies", connection, settings, days="28"), "anomaly-timeline").x[0] == date(2025, 5, 14)
    assert chart(see("anomalies", connection, settings, days="90"), "anomaly-timeline").x[0] == date(2025, 5, 13)


def test_a_day_can_be_chosen(marts, settings):
    second = (
        (
            "insert into fct_cost_anomalies by name select * replace (date '2025-06-09' as usage_date, 'a2' as alert_id) "
            "from fct_cost_anomalies"
        ),
        (
            "insert into fct_cost_anomaly_drivers by name "
            "select * replace (date '2025-06-09' as usage_date, 'new_caller' as driver) from fct_cost_anomaly_drivers"
        ),
    )
    connection = marts("tiny", *second)
    assert chart(see("anomalies", connection, settings), "anomaly-parts").x == ("volume",)
    assert chart(see("anomalies", connection, settings, day="2025-06-09"), "anomaly-parts").x == ("new caller",)


def test_days_of_unknown_cost_and_estimates_are_said(marts, settings):
    unknown = (
        "update fct_daily_cost_baselines set status = 'cost_not_known', allocated_cost_usd = null, cost_status = 'estimated' "
        "where usage_date = '2025-06-09'"
    )
    view = see("anomalies", marts("tiny", unknown), settings)
    assert line(view, "anomaly-timeline", "Cost")[JUNE_9] is None
    assert warned(view) == [
        "Of 1 day the cost is not known, so nothing is said of them.",
        "Some days are estimates; their verdict may change with the bill.",
    ]
