"""A week backfilled by partition under PostgreSQL and LocalExecutor, two schedulers at once."""

import pytest

from tests.scheduler.week import unlike_a_whole_week

pytestmark = [pytest.mark.long, pytest.mark.timeout(5400)]


def test_seven_backfilled_days_fire_their_week_once_and_six_do_not(local_week):
    assert unlike_a_whole_week(local_week) == []


def test_two_schedulers_run_nothing_twice(local_week):
    assert set(local_week.task_tries.values()) == {1}
