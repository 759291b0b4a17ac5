"""Post Monday's message.

**Reads** the published marts · **Writes** text, picture and blocks to `reviews/` beside them, the Slack channel of
`slack_default` when that connection exists, and e-mail when that is configured · **Runs** by itself once all seven days of a
week are published, never on half a week
**If it fails** posting is retried for five to six hours, then the alert channel is told; the text is kept under `reviews/`.
Mend the connection, and clear the run where it is red by then: a week is posted once per channel and updated after that. A
forced run (parameter `week`) names the missing days.
**Runbook** docs/runbook.md#report_weekly
"""

import pendulum
from airflow.sdk import Param, PartitionedAssetTimetable, RollupMapper, StartOfWeekMapper, WeekWindow, dag, task

from ai_finops.assets import PUBLISHED_MARTS
from ai_finops.config import Settings
from ai_finops.orchestrate.handling import handled
from ai_finops.orchestrate.reporting import OVER_HOURS, tried_again_where_safe
from ai_finops.orchestrate.runs import week_of_run


@dag(
    schedule=PartitionedAssetTimetable(
        assets=PUBLISHED_MARTS,
        default_partition_mapper=RollupMapper(
            upstream_mapper=StartOfWeekMapper(input_format="%Y-%m-%d"), window=WeekWindow()
        ),
    ),
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    params={"week": Param(None, type=["null", "string"], description="Any day of the week, only for a forced run")},
    default_args=handled(),
    tags=["report"],
    doc_md=__doc__,
)
def report_weekly():
    @task
    def compose_message(**context) -> str:
        """Fill the message from the week's row of the digest mart and keep it under `reviews/`, with its picture."""
        from ai_finops import report

        with tried_again_where_safe():
            return report.write_review(settings=Settings.from_env(), week=week_of_run(context))

    @task(**OVER_HOURS)
    def post_message(**context) -> str:
        """Post the week's message, once, or bring it up to date; return what was done and why."""
        from ai_finops import report

        with tried_again_where_safe():
            return report.deliver(settings=Settings.from_env(), week=week_of_run(context))

    compose_message() >> post_message()


report_weekly()
