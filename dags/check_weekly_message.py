"""Say on Monday at 10:00, or once the week can be published where that is later, when its message is not where it should be.

**Reads** the ledger of posted messages and the published marts · **Writes** one alert a week, in Slack or by e-mail
**Runs** on Mondays at 10:00 in the zone of `AI_FINOPS_TIMEZONE`, east of UTC+3 at 07:00 UTC
**If it fails** its message names the days that are not published, or the channel that did not get the message; mend that. While
nobody can be told of it, it is retried for five to six hours. Where neither Slack nor e-mail is configured, the kept text under
`reviews/` counts.
**Runbook** docs/runbook.md#check_weekly_message
"""

from datetime import timedelta

from airflow.sdk import CronTriggerTimetable, dag, task

from ai_finops.config import Settings
from ai_finops.due import deadline_schedule
from ai_finops.orchestrate.alerting import ToldAlready
from ai_finops.orchestrate.extracting import last_run_date
from ai_finops.orchestrate.handling import handled
from ai_finops.orchestrate.reporting import OVER_HOURS, tried_again_where_safe

CRON, TIMEZONE = deadline_schedule(Settings.from_env().timezone)


# A deadline of Airflow's hangs on a run, and a week that is never whole has no run of report_weekly. Without a start date
# nothing is checked that was due before the DAG was there.
@dag(
    schedule=CronTriggerTimetable(CRON, timezone=TIMEZONE, run_immediately=timedelta(0)),
    end_date=last_run_date(),
    catchup=False,
    max_active_runs=1,
    default_args=handled(),
    tags=["report"],
    doc_md=__doc__,
)
def check_weekly_message():
    @task(**OVER_HOURS)
    def find_late_message(**context) -> None:
        """Look for the message that is due; tell the alert channel once, and fail, when it is late."""
        from ai_finops import report

        with tried_again_where_safe():
            late = report.check_deadline(settings=Settings.from_env(), now=context["dag_run"].run_after)
        if late:
            raise ToldAlready(late)

    find_late_message()


check_weekly_message()
