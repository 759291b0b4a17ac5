"""How the tasks of the weekly message are tried again: where that cannot make two, and for as long as an outage may last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from airflow.sdk.exceptions import AirflowFailException

from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError

OVER_HOURS = {
    "retries": 9,
    "retry_delay": timedelta(seconds=Settings.from_env().retry_delay_seconds),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(seconds=30 * Settings.from_env().retry_delay_seconds),
    "retry_policy": None,  # errors that no retry mends fail at once, below; all others are worth hours
}
"""After 2, 4, 8, 16 and 32 minutes, each up to double as Airflow spreads them, then every hour: five to six hours in all."""


@contextlib.contextmanager
def tried_again_where_safe() -> Iterator[None]:
    """Let Airflow retry what nothing came of, or what is looked for first; fail at once where only a person can mend it."""
    from ai_finops import report

    try:
        yield
    except (report.NotPosted, report.NotKnown, report.NotTold):
        raise
    except AiFinopsError as error:
        raise AirflowFailException(str(error)) from error
