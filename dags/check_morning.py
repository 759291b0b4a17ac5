"""Say, at the hour at which yesterday's marts are due, when they are not there, and let the build start without a late feed.

**Reads** the outcomes in the lake and the published build · **Writes** for a feed that has not reported the outcome `missing`,
never over one that is there, and `raw_<feed>` of that day, so that `build_marts` starts · **Runs** daily at
`AI_FINOPS_MARTS_DUE` (default 08:00 UTC)
**If it fails** in `tell_late`, its message says which feed has not reported or which run failed or is still going: mend that.
What the late feed brings is in the next build; to have it sooner, trigger `build_marts` with the day.
**Runbook** docs/runbook.md#check_morning
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, TriggerRule, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ai_finops.assets import RAW_BY_FEED
from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import DAY_PARAMS, last_run_date
from ai_finops.orchestrate.handling import handled
from ai_finops.orchestrate.retrying import permanent_errors_fail_now
from ai_finops.orchestrate.runs import day_before_run

SETTINGS = Settings.from_env()


@dag(
    schedule=CronTriggerTimetable(
        f"{SETTINGS.marts_due.minute} {SETTINGS.marts_due.hour} * * *", timezone="UTC", run_immediately=timedelta(0)
    ),
    end_date=last_run_date(),
    catchup=False,
    max_active_runs=1,
    params={"day": DAY_PARAMS["day"]},
    default_args=handled(),
    tags=["build"],
    doc_md=__doc__,
)
def check_morning():
    @task
    def find_late_marts(**context) -> dict | None:
        """Return what is late and which feeds have not reported; nothing when the marts are published."""
        from ai_finops.orchestrate.morning import find_late

        def is_running(dag_id: str) -> bool:
            return bool(context["ti"].get_dr_count(dag_id=dag_id, states=["queued", "running"]))

        with permanent_errors_fail_now():
            settings, day = Settings.from_env(), day_before_run(context)
            late = find_late(settings, day=day, due=settings.marts_due, is_running=is_running)
        return {"text": late.text, "feeds": list(late.unreported_feeds)} if late else None

    def stand_in_for(feed: str):
        # A task of its own for each asset: a skipped one tells of none.
        @task(task_id=f"report_missing_{feed}", outlets=[RAW_BY_FEED[feed]])
        def report_missing(late: dict | None, **context) -> None:
            """Record that the feed is missing and tell the build, where no extraction has reported."""
            from ai_finops.orchestrate.morning import stand_in

            settings, day = Settings.from_env(), day_before_run(context)
            if not late or feed not in late["feeds"]:
                raise AirflowSkipException(f"extract_{feed} has reported, or the marts are published")
            with permanent_errors_fail_now():
                if not stand_in(settings, feed=feed, day=day, due=settings.marts_due):
                    raise AirflowSkipException(f"extract_{feed} has reported in the meantime")
            event = context["outlet_events"][RAW_BY_FEED[feed]]
            event.extra = {"status": "missing"}
            event.add_partitions([str(day)])

        return report_missing

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def tell_late(late: dict | None) -> None:
        """Fail, and so tell the alert channel, with the reason."""
        if late:
            raise AirflowFailException(late["text"])

    late = find_late_marts()
    told = tell_late(late)
    for feed in SETTINGS.sources_by_feed:
        stand_in_for(feed)(late) >> told


check_morning()
