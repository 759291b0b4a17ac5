"""Bring in a whole range of days in one run: onboarding, or after a long outage.

**Reads** every enabled source for each day of the range · **Writes** the lake and, in one build, the published marts; its
days' partition events make complete weeks due · **Parameters** `first_day` and `last_day` · **Progress** a line for each day in
the log, the XCom `progress` of each `land_<source>`, and `ai-finops status`
**If it fails** clear the run: days that this run has landed already are left out, those that failed are tried again; a new run
lands every day again, by the same content. A day that could not be landed is named, recorded as failed, and does not stop the
others; neither does a source that is down.
**Runbook** docs/runbook.md#load_history
"""

import time
from datetime import timedelta

import pendulum
from airflow.sdk import Param, TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowFailException

from ai_finops.assets import PUBLISHED_MARTS
from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import asked_on
from ai_finops.orchestrate.handling import handled, told_when_longer_than
from ai_finops.orchestrate.history import Progress, sentences_of
from ai_finops.orchestrate.pools import build_slot
from ai_finops.orchestrate.publishing import announce
from ai_finops.orchestrate.retrying import permanent_errors_fail_now
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
    default_args=handled(),
    deadline=told_when_longer_than(timedelta(hours=12)),
    tags=["extract", "build"],
    doc_md=__doc__,
)
def load_history():
    @task
    def land_history(source: str, **context) -> dict:
        """Land each day of the range from one source; return how many, and a sentence for each that could not be read."""
        from ai_finops.extract.history import land_run

        with permanent_errors_fail_now():
            first, last = range_of_run(context)
            return land_run(
                source,
                run=context["dag_run"].run_id,
                first=first,
                last=last,
                settings=Settings.from_env(),
                today=asked_on(context),
                tell=Progress(context["ti"], clock=time.monotonic),
            )

    # Whatever became of the sources: what there is makes one build, and the last task fails the run.
    @task(**build_slot(0), outlets=[PUBLISHED_MARTS], trigger_rule=TriggerRule.ALL_DONE)
    def build_history(**context) -> dict:
        """Build, audit and publish once for the whole range."""
        from ai_finops import build
        from ai_finops.extract.history_log import reported_days

        with permanent_errors_fail_now():
            first, last = range_of_run(context)
            settings = Settings.from_env()
            published = build.build_all(settings=settings)["published"]
        announce(published, context=context, run_days=reported_days(settings, first=first, last=last))
        return published

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def confirm_days(**context) -> None:
        """Fail the run, after what could be built was built, when a day or a source is missing or nothing was built."""
        sentences = sentences_of(context["ti"], sources=SETTINGS.sources)
        if sentences:
            raise AirflowFailException("; ".join(sentences))

    landings = [land_history.override(task_id=f"land_{source}")(source) for source in SETTINGS.sources]
    landings >> build_history() >> confirm_days()


load_history()
