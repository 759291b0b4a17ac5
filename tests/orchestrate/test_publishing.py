"""Which days a publish announces."""

from collections import defaultdict
from datetime import date
from types import SimpleNamespace

from ai_finops.assets import PUBLISHED_MARTS
from ai_finops.orchestrate.publishing import announce


def announced(new_days, *run_days):
    keys = set()
    event = SimpleNamespace(extra=None, add_partitions=keys.update)
    context = {"outlet_events": defaultdict(lambda: event, {PUBLISHED_MARTS: event})}
    listed = announce(
        {"build_id": "b1", "as_of_date": "2025-06-16", "new_days": new_days}, context=context, run_days=run_days
    )
    assert sorted(keys) == listed
    assert event.extra == {"build_id": "b1"}
    return listed


def test_days_of_a_failed_run_are_announced_by_the_next_one():
    assert announced(["2025-06-13", "2025-06-14"], date(2025, 6, 14)) == ["2025-06-13", "2025-06-14"]


def test_a_rerun_announces_its_own_day_again():
    assert announced([], date(2025, 6, 5)) == ["2025-06-05"]


def test_history_announces_its_range_also_when_an_earlier_build_held_it():
    assert announced([], date(2025, 6, 2), date(2025, 6, 1)) == ["2025-06-01", "2025-06-02"]


def test_a_day_that_the_marts_do_not_reach_is_not_announced():
    assert announced([], date(2025, 6, 15), date(2025, 6, 16)) == ["2025-06-15"]
