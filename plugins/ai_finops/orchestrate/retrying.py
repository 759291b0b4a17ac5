"""How often, and after how long, a task is tried again: one table by kind of fault, which docs/runbook.md repeats.

Airflow asks `FaultPolicy` in the task's process what is to follow from an exception (`airflow.sdk.definitions.retry_policy`). A
process that was killed raises none, so there the task's own `retries` and `retry_delay` count: they are the table's `KILLED`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowFailException

from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError, Fault, fault_of


@dataclass(frozen=True, slots=True)
class Plan:
    """Waits before the attempts that follow the first, as multiples of `AI_FINOPS_RETRY_DELAY_SECONDS`."""

    waits: tuple[float, ...]
    why: str


PLANS: dict[Fault, Plan] = {
    Fault.THROTTLED: Plan((2.5, 5, 10, 20), "who asks again at once is throttled again"),
    Fault.UNAVAILABLE: Plan((1, 2, 4), "most outages are short"),
    Fault.NOT_READY: Plan((10, 10, 10, 10), "a delivery takes minutes, and none is waited for past the morning"),
    Fault.BUSY: Plan((2.5, 5, 10), "a build takes minutes, and the lock was waited for already"),
    Fault.DISK_FULL: Plan((5, 10, 20), "old builds are pruned, or somebody makes room"),
    Fault.KILLED: Plan((1, 2, 4, 8), "the machine or the worker went away; nothing half-written is read"),
    Fault.UNEXPECTED: Plan((1,), "a defect fails twice, an accident does not"),
    Fault.REFUSED: Plan((), "a person has to renew what was refused"),
    Fault.BROKEN: Plan((), "the same bytes are as broken the next time"),
    Fault.SETTING: Plan((), "a person has to correct the setting"),
}
MOST_RETRIES = max(len(plan.waits) for plan in PLANS.values())


class FaultPolicy(RetryPolicy):
    """Retry by the table, counted from the first attempt since the task was last cleared."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Return whether there is another attempt, and when."""
        fault = fault_of(exception)
        failures = MOST_RETRIES - max_tries + try_number
        return decide(fault, failures=failures, base_seconds=Settings.from_env().retry_delay_seconds)


def decide(fault: Fault, *, failures: int, base_seconds: int) -> RetryDecision:
    """Return what follows from the nth failure in a row; waits are not spread, since one task asks one source."""
    waits = PLANS[fault].waits
    if failures > len(waits):
        said = f"tried {failures} times" if waits else "a retry would not mend it"
        return RetryDecision.fail(reason=f"{fault}: {said}")
    wait = timedelta(seconds=base_seconds * waits[max(failures, 1) - 1])
    return RetryDecision.retry(delay=wait, reason=f"{fault}: attempt {failures + 1} of {len(waits) + 1}")


def retries() -> dict[str, Any]:
    """Return the arguments by which a task is tried again as the table says."""
    return {
        "retries": MOST_RETRIES,
        "retry_delay": timedelta(seconds=Settings.from_env().retry_delay_seconds),
        "retry_exponential_backoff": 2.0,
        "retry_policy": FaultPolicy(),
    }


@contextlib.contextmanager
def permanent_errors_fail_now(tell: Callable[[AiFinopsError], None] = lambda error: None) -> Iterator[None]:
    """Fail the task at once, with the error's sentence and without its traceback, where no retry can mend it.

    Args:
        tell: Gets the error in either case.
    """
    try:
        yield
    except AiFinopsError as error:
        tell(error)
        if PLANS[fault_of(error)].waits:
            raise
        raise AirflowFailException(str(error)) from error
