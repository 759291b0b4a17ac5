"""Forecasts of earlier Mondays are kept in the lake, and made again where their days were restated and nowhere else."""

from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest

from ai_finops.analyse.forecast import METHODS, ets
from ai_finops.analyse.series import CostHistory
from ai_finops.build import backtest_days
from ai_finops.build.backtest_days import SOURCE, backtest
from ai_finops.lake import Lake

FIRST = date(2025, 6, 2)
DAYS = 77


def day(number):
    return FIRST + timedelta(days=number)


def costs(*, count=DAYS, **changed):
    """Two features from the first day on; `changed` are costs by feature and day."""
    usd = {
        "chat": {day(n): 10.0 + (n * 5) % 7 for n in range(count)},
        "batch": {day(n): 30.0 + (n * 3) % 11 for n in range(10, count)},
    }
    for feature, by_day in changed.items():
        usd[feature] |= by_day
    return usd


def history(usd=None, *, covered=None):
    usd = costs() if usd is None else usd
    usd = usd | {"total": {one: sum(of.get(one) or 0.0 for of in usd.values()) for one in usd["chat"]}}
    first_day = {name: min(series) for name, series in usd.items()}
    return CostHistory(tuple(sorted(usd["chat"])) if covered is None else covered, usd, first_day)


@pytest.fixture
def lake(settings):
    return Lake(settings.lake)


@pytest.fixture
def made(monkeypatch):
    """The Mondays of the series that are forecast with numbers; AutoETS, which takes long, stands still."""
    calls = []
    real = backtest_days.forecast_all

    def spy(days, *, origin):
        found = real(days, origin=origin)
        calls.extend([origin] if found else [])
        return found

    monkeypatch.setattr(backtest_days, "forecast_all", spy)
    monkeypatch.setattr(ets, "_fit", lambda values, *, day_count: ([values[-1]] * day_count, [0.1] * day_count))
    return calls


def numbers(lake):
    return {key: version.number for key, version in lake.current(SOURCE).items()}


def test_every_monday_whose_first_week_has_passed_is_kept(lake, made):
    found = backtest(history(), lake=lake, as_of=day(DAYS))
    # June 2 is the first day; from the 9th on chat has seven days. The last Monday is August 11, its week ends on the 17th.
    assert list(numbers(lake)) == [str(day(7 * n)) for n in range(1, 11)]
    assert day(DAYS) == date(2025, 8, 18)
    by_horizon = {h: sorted({one.origin_date for one in found if one.horizon == h}) for h in ("7d", "14d", "month_end")}
    assert by_horizon["7d"] == [day(7 * n) for n in range(1, 11)]
    assert by_horizon["14d"] == by_horizon["7d"][:-1]
    assert by_horizon["month_end"] == [origin for origin in by_horizon["7d"] if origin < date(2025, 8, 1)]
    assert {one.method for one in found} == set(METHODS)
    # Batch has seven days from June 19 on.
    assert min(one.origin_date for one in found if one.feature_id == "batch") == date(2025, 6, 23)
    assert len(found) == len({(one.origin_date, one.feature_id, one.method, one.horizon) for one in found})


def test_what_is_kept_is_what_would_be_made(lake, made, settings):
    first = backtest(history(), lake=lake, as_of=day(DAYS))
    count = len(made)
    assert backtest(history(), lake=lake, as_of=day(DAYS)) == first
    assert len(made) == count
    assert backtest(history(), lake=Lake(settings.lake.with_name("another")), as_of=day(DAYS)) == first


def test_a_new_day_makes_the_forecasts_of_a_new_monday_alone(lake, made):
    backtest(history(costs(count=76)), lake=lake, as_of=day(76))
    made.clear()
    backtest(history(), lake=lake, as_of=day(77))
    assert set(made) == {day(70)}
    made.clear()
    later = costs(count=78)
    backtest(history(later), lake=lake, as_of=day(78))
    assert made == []


def test_a_restated_day_makes_the_forecasts_again_that_saw_it(lake, made):
    before = backtest(history(), lake=lake, as_of=day(DAYS))
    numbers_before = numbers(lake)
    made.clear()
    # Eight weeks: the Mondays from the day after the 16th on and up to 56 days after it.
    after = backtest(history(costs(chat={day(16): 99.0})), lake=lake, as_of=day(DAYS))
    assert sorted(set(made)) == [day(7 * n) for n in range(3, 11)]
    changed = {key for key, number in numbers(lake).items() if number != numbers_before[key]}
    assert changed == {str(day(7 * n)) for n in range(3, 11)}
    # Of batch nothing is made again, and nothing has changed.
    assert len(made) == 2 * 8
    assert [one for one in after if one.feature_id == "batch"] == [one for one in before if one.feature_id == "batch"]
    # What was spent has changed for the Mondays before it too, and is no reason to forecast again.
    week = [one for one in after if (one.origin_date, one.feature_id, one.horizon) == (day(14), "chat", "7d")]
    assert {one.actual_usd for one in week} == {
        sum(costs()["chat"][day(n)] for n in range(14, 21)) - (10.0 + 80 % 7) + 99
    }


def test_a_day_restated_more_than_eight_weeks_ago_changes_no_later_forecast(lake, made):
    backtest(history(), lake=lake, as_of=day(DAYS))
    made.clear()
    backtest(history(costs(chat={day(13): 99.0})), lake=lake, as_of=day(DAYS))
    # 13 + 56 = 69 is a Sunday; Monday the 70th day does not see it.
    assert max(made) == day(63)
    assert min(made) == day(14)


def test_a_day_that_becomes_known_makes_forecasts_again(lake, made):
    backtest(history(costs(chat={day(60): None})), lake=lake, as_of=day(DAYS))
    made.clear()
    backtest(history(), lake=lake, as_of=day(DAYS))
    assert sorted(set(made)) == [day(63), day(70)]


def test_another_version_makes_everything_again(lake, made, monkeypatch):
    backtest(history(), lake=lake, as_of=day(DAYS))
    count = len(made)
    made.clear()
    monkeypatch.setattr(backtest_days, "_VERSION", 3)
    backtest(history(), lake=lake, as_of=day(DAYS))
    assert len(made) == count


def test_a_build_as_of_an_earlier_day_sees_less_and_leaves_later_mondays_alone(lake, made):
    whole = backtest(history(), lake=lake, as_of=day(DAYS))
    kept = numbers(lake)
    made.clear()
    earlier = backtest(history(costs(count=50)), lake=lake, as_of=day(50))
    assert earlier == [one for one in whole if one.last_date < day(50)]
    assert (numbers(lake), made) == (kept, [])


def test_a_horizon_that_ends_on_a_day_not_covered_has_not_passed(lake, made):
    covered = tuple(day(n) for n in range(76))
    found = backtest(history(covered=covered), lake=lake, as_of=day(DAYS))
    assert max(one.origin_date for one in found) == day(63)


def test_a_feature_that_was_taken_back_is_kept_no_longer(lake, made):
    backtest(history(), lake=lake, as_of=day(DAYS))
    usd = costs()
    del usd["batch"]
    found = backtest(history(usd), lake=lake, as_of=day(DAYS))
    assert {one.feature_id for one in found} == {"chat", "total"}
    made.clear()
    assert backtest(history(usd), lake=lake, as_of=day(DAYS)) == found
    assert made == []


def test_a_feature_that_has_too_few_known_days_now_is_kept_no_longer(lake, made):
    backtest(history(), lake=lake, as_of=day(DAYS))
    unknown = {day(n): None for n in range(42)}
    found = backtest(history(costs(chat=unknown)), lake=lake, as_of=day(DAYS))
    assert min(one.origin_date for one in found if one.feature_id == "chat") == day(49)


def test_what_is_kept_of_it_goes_though_nothing_else_has_changed(lake, made):
    free = dict.fromkeys(costs()["chat"], 0.0)
    backtest(history(costs(chat=free)), lake=lake, as_of=day(DAYS))
    made.clear()
    backtest(history(costs(chat=dict.fromkeys(free))), lake=lake, as_of=day(DAYS))
    assert made == []
    kept = pq.read_table(lake.current(SOURCE)[str(day(70))].file("forecasts"), partitioning=None)
    assert set(kept["feature_id"].to_pylist()) == {"batch", "total"}


def test_mondays_before_the_first_day_go(lake, made):
    backtest(history(), lake=lake, as_of=day(DAYS))
    usd = {name: {one: cost for one, cost in series.items() if one >= day(21)} for name, series in costs().items()}
    backtest(history(usd), lake=lake, as_of=day(DAYS))
    # The 21st day is a Monday; seven days before it there are none.
    assert list(numbers(lake)) == [str(day(7 * n)) for n in range(4, 11)]


def test_no_history_has_no_backtests_and_writes_nothing(lake):
    assert backtest(CostHistory((), {}, {}), lake=lake, as_of=FIRST) == []
    assert numbers(lake) == {}
