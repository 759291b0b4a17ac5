"""Each rule of anomalies by hand, on both sides: costs in whole dollars, one a day from 2 June 2025, a Monday."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_finops.analyse.anomalies import ANOMALIES, judge
from ai_finops.analyse.anomaly_rules import AnomalyRule

MONDAY = date(2025, 6, 2)
DOLLAR = 1_000_000
RULE = AnomalyRule(
    baseline_kind="trailing_days",
    trailing_day_count=7,
    same_weekday_count=4,
    smallest_known_day_count=3,
    anomaly_ratio=Fraction(2),
    smallest_excess_micros=5 * DOLLAR,
    step_day_count=3,
)
MISSING = "missing"


def series(*usd):
    """Costs by day; `MISSING` is a day that is not covered, None one whose cost is not known."""
    days = ((MONDAY + timedelta(days=number), value) for number, value in enumerate(usd))
    return {day: None if value is None else round(value * DOLLAR) for day, value in days if value is not MISSING}


def verdicts(*usd, rule=RULE):
    return list(judge(series(*usd), rule=rule))


def statuses(*usd, rule=RULE):
    return [verdict.status for verdict in verdicts(*usd, rule=rule)]


def last(*usd, rule=RULE):
    return verdicts(*usd, rule=rule)[-1]


@pytest.mark.parametrize(
    ("cost", "status"), [(20, "normal"), (20.000001, "spike"), (19.999999, "normal"), (3, "normal")]
)
def test_a_spike_is_above_twice_the_mean_and_not_equal_to_it(cost, status):
    found = last(*[10] * 7, cost)
    assert (found.status, found.baseline.micros, len(found.baseline.days)) == (status, 10 * DOLLAR, 7)


def test_the_day_itself_is_not_in_its_mean():
    assert last(*[10] * 7, 100).baseline.days == tuple(MONDAY + timedelta(days=n) for n in range(7))


def test_the_mean_is_of_the_seven_days_before_and_no_more():
    # The first day is eight days back: 60 / 7, and not (700 + 60) / 8.
    found = last(7, 4, 8, 12, 6, 10, 9, 11, 20)
    assert (found.baseline.exact_micros, found.excess_micros) == (Fraction(60 * DOLLAR, 7), 20 * DOLLAR - 8_571_429)


@pytest.mark.parametrize(
    ("cost", "status", "reason"),
    [(7, "normal", "below_floor"), (7.000001, "spike", "above_ratio"), (4, "normal", None)],
)
def test_the_excess_has_to_be_above_the_floor_and_not_equal_to_it(cost, status, reason):
    found = last(*[2] * 7, cost)
    assert (found.status, found.reason) == (status, reason)


@pytest.mark.parametrize(("known", "status"), [(2, "insufficient_history"), (3, "spike")])
def test_three_known_days_are_enough_for_a_verdict_and_two_are_not(known, status):
    found = last(*[10] * known, 100)
    assert (found.status, found.excess_micros) == (status, 90 * DOLLAR if known == 3 else None)


def test_the_first_days_of_all_have_no_verdict():
    assert statuses(100, 1, 100, 100) == ["insufficient_history"] * 3 + ["normal"]


def test_a_zero_day_counts_as_zero_and_a_missing_day_not_at_all():
    # 60 / 6 = 10, then 60 / 7: twice that is 17.14.
    assert last(*[10] * 6, MISSING, 18).status == "normal"
    assert last(*[10] * 6, 0, 18).status == "spike"
    assert (len(last(*[10] * 6, MISSING, 18).baseline.days), len(last(*[10] * 6, 0, 18).baseline.days)) == (6, 7)


def test_a_day_of_unknown_cost_has_no_verdict_and_is_in_no_mean():
    found = verdicts(*[10] * 6, None, 21)
    assert [(each.status, each.excess_micros) for each in found[-2:]] == [
        ("cost_not_known", None),
        ("spike", 11 * DOLLAR),
    ]
    assert len(found[-1].baseline.days) == 6


def test_days_before_a_gap_are_too_long_ago():
    assert last(*[10] * 7, *[MISSING] * 5, 100).status == "insufficient_history"
    assert last(*[10] * 7, *[MISSING] * 4, 100).status == "spike"


def test_spend_from_nothing_is_new_spend_if_it_is_above_the_floor():
    assert last(0, 0, 0, 5).status == "normal"
    found = last(0, 0, 0, 5.000001)
    assert (found.status, found.reason, found.excess_micros) == ("new_spend", "zero_baseline", 5_000_001)
    assert last(0, 0, 5.000001).status == "insufficient_history"


def test_a_mean_below_zero_is_nothing_to_be_a_multiple_of():
    assert last(-10, -10, -10, 0).status == "normal"
    assert last(-10, -10, -10, -15).status == "normal"
    assert last(-10, -10, -10, 1).status == "new_spend"


def test_a_spike_of_two_days_is_two_spikes_and_poisons_no_later_mean():
    found = verdicts(*[10] * 7, 50, 50, 10, 30)
    assert [each.status for each in found[7:]] == ["spike", "spike", "normal", "spike"]
    # With the two days in it the mean would be 150 / 7, and 30 nothing to look at.
    assert found[-1].baseline.micros == 10 * DOLLAR
    assert len(found[-1].baseline.days) == 5
    assert [each.anomaly_day_number for each in found[7:]] == [1, 2, 0, 1]
    assert [each.anomaly_start_date for each in found[7:]] == [
        date(2025, 6, 9),
        date(2025, 6, 9),
        None,
        date(2025, 6, 12),
    ]


def test_the_third_day_makes_a_step_whose_days_are_the_level_from_then_on():
    found = verdicts(*[10] * 7, 50, 51, 52, 50, 50, 103)
    assert [each.status for each in found[7:]] == ["spike", "spike", "step", "normal", "normal", "spike"]
    assert [each.baseline.micros for each in found[7:]] == [10 * DOLLAR] * 3 + [51 * DOLLAR, 50_750_000, 50_600_000]
    step = found[9]
    assert (step.reason, step.anomaly_day_number, step.anomaly_start_date) == ("stayed", 3, date(2025, 6, 9))
    assert found[10].baseline.days == tuple(date(2025, 6, 9 + n) for n in range(3))


def test_a_step_that_falls_back_is_no_anomaly_and_the_next_is():
    assert statuses(*[10] * 7, 50, 50, 50, *[10] * 8, 25)[9:] == ["step", *["normal"] * 8, "spike"]


def test_a_verdict_does_not_depend_on_the_days_after():
    days = [*[10] * 7, 50, 50, 50, 50]
    assert [verdicts(*days[:length])[-1] for length in range(1, len(days) + 1)] == verdicts(*days)


def test_missing_and_unknown_days_neither_count_in_a_run_nor_end_it():
    assert statuses(*[10] * 7, 50, MISSING, 50, None, 50)[7:] == ["spike", "spike", "cost_not_known", "step"]


def test_an_ordinary_day_ends_a_run():
    assert statuses(*[10] * 7, 50, 50, 10, 50, 50)[7:] == ["spike", "spike", "normal", "spike", "spike"]


def test_new_spend_that_stays_is_a_step():
    assert statuses(0, 0, 0, 20, 20, 20, 20)[3:] == ["new_spend", "new_spend", "step", "normal"]


def test_anomalies_are_in_the_mean_where_too_few_other_days_are_known():
    # Of seven days five are spikes: two are no mean, so all seven are, 5 * 50 + 2 * 10 = 270.
    rule = replace(RULE, step_day_count=9)
    found = last(10, 10, 10, 50, 50, 50, 50, 50, 78, rule=rule)
    assert (found.baseline.exact_micros, found.status) == (Fraction(270 * DOLLAR, 7), "spike")
    assert last(10, 10, 10, 50, 50, 50, 50, 50, 77, rule=rule).status == "normal"
    assert len(last(10, 10, 10, 50, 50, 50, 50, 78, rule=rule).baseline.days) == 3


WEEKDAYS = replace(RULE, baseline_kind="same_weekday")
WEEK = [10, 10, 10, 10, 10, 2, 40]


def test_same_weekdays_are_held_against_each_other_once_three_are_known():
    # Sundays cost four times the others: a spike by the days before, and ordinary among Sundays.
    sundays = [each for each in verdicts(*WEEK * 4, rule=WEEKDAYS) if each.usage_date.weekday() == 6]
    assert [(each.status, each.baseline.kind) for each in sundays] == [
        *[("spike", "trailing_days")] * 3,
        ("normal", "same_weekday"),
    ]
    assert sundays[-1].baseline.days == (date(2025, 6, 8), date(2025, 6, 15), date(2025, 6, 22))


def test_same_weekdays_find_what_the_days_before_hide():
    # Saturdays cost 2: 12 is ordinary beside the week, and six times a Saturday.
    days = [*WEEK * 4, *WEEK[:5], 12]
    assert (last(*days).status, last(*days, rule=WEEKDAYS).status) == ("normal", "spike")
    assert (last(*days[:-1], 7).status, last(*days[:-1], 7, rule=WEEKDAYS).status) == ("normal", "normal")


def test_same_weekdays_go_back_so_many_weeks():
    assert [day.day for day in last(*WEEK * 5, *WEEK[:1], rule=WEEKDAYS).baseline.days] == [9, 16, 23, 30]
    rule = replace(WEEKDAYS, same_weekday_count=3)
    assert [day.day for day in last(*WEEK * 5, *WEEK[:1], rule=rule).baseline.days] == [16, 23, 30]


@pytest.mark.parametrize(("ratio", "status"), [(3, "normal"), (Fraction(5, 2), "spike")])
def test_the_ratio_is_the_rules(ratio, status):
    assert last(*[10] * 7, 30, rule=replace(RULE, anomaly_ratio=Fraction(ratio))).status == status


def test_a_step_after_so_many_days_is_the_rules():
    assert statuses(*[10] * 7, 50, 50, rule=replace(RULE, step_day_count=2))[7:] == ["spike", "step"]
    assert statuses(*[10] * 7, 50, 50, rule=replace(RULE, step_day_count=1))[7:] == [
        "step",
        # The new level is a day old.
        "insufficient_history",
    ]


@given(st.lists(st.one_of(st.none(), st.just(MISSING), st.integers(0, 300)), max_size=60))
def test_no_level_is_an_alarm_for_ever(usd):
    found = verdicts(*usd)
    assert len(found) == sum(value is not MISSING for value in usd)
    assert max((each.anomaly_day_number for each in found), default=0) <= RULE.step_day_count
    assert all((each.status in ANOMALIES) == (each.anomaly_day_number > 0) for each in found)
