"""Reading a week from the published marts."""

from datetime import date

import pytest

from ai_finops.errors import PublishError, ReportError
from ai_finops.report import last_complete_week, load, published_as_of


def test_a_week_comes_back_as_it_was_published(settings, publish, week):
    publish(week(week_start_date=date(2025, 6, 2)), week())
    assert load(settings, date(2025, 6, 9)) == week()
    assert published_as_of(settings) == date(2025, 6, 16)


@pytest.mark.parametrize("day", [9, 12, 15])
def test_any_day_stands_for_its_week(settings, publish, week, day):
    publish(week())
    assert load(settings, date(2025, 6, day)).week_start_date == date(2025, 6, 9)


def test_a_week_that_is_not_there_is_named_with_those_that_are(settings, publish, week):
    publish(week(week_start_date=date(2025, 6, 2)), week())
    with pytest.raises(
        ReportError,
        match="the week of 2025-06-16 is not in the published marts; they hold the weeks of 2025-06-02, 2025-06-09",
    ):
        load(settings, date(2025, 6, 16))


def test_no_week_at_all(settings, publish):
    publish()
    with pytest.raises(ReportError, match="they hold the weeks of none"):
        load(settings, date(2025, 6, 9))


def test_nothing_published(settings):
    with pytest.raises(PublishError, match="nothing is published"):
        load(settings, date(2025, 6, 9))


def test_marts_without_the_columns_say_so(settings, publish, week):
    publish(week(), statements=("alter table rpt_weekly_digest drop column change_ratio",))
    with pytest.raises(ReportError, match="change_ratio"):
        load(settings, date(2025, 6, 9))


def test_ratios_are_floats_whatever_the_mart_holds(settings, publish, week):
    publish(week(), statements=("alter table rpt_weekly_digest alter change_ratio type decimal(18, 6)",))
    assert load(settings, date(2025, 6, 9)) == week()


@pytest.mark.parametrize(
    ("as_of", "monday"),
    [
        (date(2025, 6, 15), date(2025, 6, 2)),
        (date(2025, 6, 16), date(2025, 6, 9)),
        (date(2025, 6, 22), date(2025, 6, 9)),
    ],
)
def test_last_complete_week(as_of, monday):
    assert last_complete_week(as_of) == monday


def test_a_file_without_marts_is_no_build(settings, publish, week):
    publish(week(), statements=("drop table dim_builds",))
    with pytest.raises(PublishError, match="holds no marts; publish again"):
        load(settings, date(2025, 6, 9))
