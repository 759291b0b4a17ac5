"""Bring in a whole range of days in one run: onboarding, or after a long outage.

**Reads** every enabled source for each day of the range · **Writes** the lake and, in one build, the published marts; its
days' partition events make complete weeks due · **Parameters** `first_day` and `last_day`
**If it fails** clear the run: days that are in the lake already are replaced by the same content. A day that could not be
landed is named, recorded as failed, and does not stop the others.
"""

import pendulum
from airflow.sdk import Param, dag, task
from airflow.sdk.exceptions import AirflowFailException

from ai_finops.assets import PUBLISHED_MARTS
from ai_finops.config import Settings
from ai_finops.days import days_between
from ai_finops.orchestrate.extracting import RETRIES, asked_on, permanent_errors_fail_now
from ai_finops.orchestrate.publishing import announce
from ai_finops.orchestrate.runs import range_of_run

SETTINGS = Settings.from_env()


@dag(
    schedule=None,
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    max_active_runs=1,
    params={
        "first_day": Param(type="string", format="date", description="First day, YYYY-MM-DD"),
        "last_day": Param(type="string", format="date", description="Last day, YYYY-MM-DD"),
    },
    tags=["extract", "build"],
    doc_md=__doc__,
)
def load_history():
    @task(**RETRIES)
    def land_history(source: str, **context) -> list[str]:
        """Land each day of the range from one source; return a sentence for each day that could not be read."""
        from ai_finops.extract.history import failures, land_days

        with permanent_errors_fail_now():
            first, last = range_of_run(context)
            outcomes = land_days(source, first=first, last=last, settings=Settings.from_env(), today=asked_on(context))
            return failures(outcomes)

    @task(outlets=[PUBLISHED_MARTS])
    def build_history(**context) -> dict:
        """Build, audit and publish once for the whole range."""
        from ai_finops import build

        published = build.build_all(settings=Settings.from_env())["published"]
        announce(published, context=context, run_days=days_between(*range_of_run(context)))
        return published

    @task
    def confirm_days(failed_days: list[list[str]]) -> None:
        """Fail the run, after what could be built was built, when a day could not be landed."""
        sentences = [sentence for failures in failed_days for sentence in failures]
        if sentences:
            raise AirflowFailException("; ".join(sentences))

    landings = [land_history.override(task_id=f"land_{source}")(source) for source in SETTINGS.sources]
    landings >> build_history() >> confirm_days(landings)


load_history()
