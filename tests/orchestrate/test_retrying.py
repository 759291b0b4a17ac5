"""The table of retries, and what Airflow is told by it."""

from datetime import timedelta

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowFailException

from ai_finops.errors import (
    BuildBusy,
    Fault,
    LakeError,
    SourceForbidden,
    SourceNotReady,
    SourceThrottled,
    SourceUnavailable,
)
from ai_finops.orchestrate.retrying import (
    MOST_RETRIES,
    PLANS,
    FaultPolicy,
    decide,
    permanent_errors_fail_now,
    retries,
)


def waits(fault):
    """Return the waits in minutes until the task is failed."""
    found = []
    for failures in range(1, 20):
        decision = decide(fault, failures=failures, base_seconds=120)
        if decision.action == RetryAction.FAIL:
            return found
        found.append(decision.retry_delay / timedelta(minutes=1))
    raise AssertionError("it never ends")


@pytest.mark.parametrize(
    ("fault", "minutes"),
    [
        (Fault.THROTTLED, [5, 10, 20, 40]),
        (Fault.UNAVAILABLE, [2, 4, 8]),
        (Fault.NOT_READY, [20, 20, 20, 20]),
        (Fault.BUSY, [5, 10, 20]),
        (Fault.DISK_FULL, [10, 20, 40]),
        (Fault.KILLED, [2, 4, 8, 16]),
        (Fault.UNEXPECTED, [2]),
        (Fault.REFUSED, []),
        (Fault.BROKEN, []),
        (Fault.SETTING, []),
    ],
)
def test_each_fault_waits_as_the_table_says(fault, minutes):
    assert waits(fault) == minutes


def test_no_fault_is_without_a_plan_and_none_is_waited_for_past_the_morning():
    assert set(PLANS) == set(Fault)
    assert all(sum(waits(fault)) <= 80 for fault in Fault)


def test_the_tasks_own_retries_are_those_of_a_killed_process(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_RETRY_DELAY_SECONDS", "3")
    given = retries()
    assert (given["retries"], given["retry_delay"]) == (MOST_RETRIES, timedelta(seconds=3))
    factor = given["retry_exponential_backoff"]
    assert tuple(factor**n for n in range(MOST_RETRIES)) == PLANS[Fault.KILLED].waits


def test_a_task_that_was_cleared_is_tried_as_often_again(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_RETRY_DELAY_SECONDS", "1")
    policy = FaultPolicy()
    error = SourceUnavailable("later")
    # Airflow counts attempts on: cleared after the fourth, the fifth is the first of MOST_RETRIES more.
    for before in (0, 4):
        actions = [
            policy.evaluate(error, try_number=before + n, max_tries=before + MOST_RETRIES).action for n in range(1, 5)
        ]
        assert actions == [RetryAction.RETRY] * 3 + [RetryAction.FAIL]


@pytest.mark.parametrize("error", [SourceThrottled("x"), SourceUnavailable("x"), SourceNotReady("x"), BuildBusy("x")])
def test_what_a_retry_may_mend_goes_to_airflow_as_it_is(error):
    told = []
    with pytest.raises(type(error)), permanent_errors_fail_now(told.append):
        raise error
    assert told == [error]


@pytest.mark.parametrize("error", [SourceForbidden("no"), LakeError("damaged")])
def test_what_no_retry_mends_fails_at_once_with_its_sentence(error):
    with pytest.raises(AirflowFailException, match=str(error)), permanent_errors_fail_now():
        raise error
