"""Land one day of CloudWatch metrics.

**Reads** the namespaces `AI/FinOps` and `AWS/Bedrock` · **Writes** `raw_cloudwatch` · **Late data** the two days before are
read again
**If it fails** the message names the permission or says that CloudWatch did not answer; clear the run once mended
and trigger `build_marts` for the day; else the next morning's build brings it.
**Runbook** docs/runbook.md#extract_cloudwatch
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import DAY_PARAMS, daily_partitions, land_and_record, last_run_date
from ai_finops.orchestrate.handling import handled, told_when_longer_than

SETTINGS = Settings.from_env()


@dag(
    schedule=daily_partitions("cloudwatch", settings=SETTINGS),
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    end_date=last_run_date(),
    catchup=False,
    max_active_runs=1,
    params=DAY_PARAMS,
    default_args=handled(),
    deadline=told_when_longer_than(timedelta(hours=1)),
    tags=["extract"],
    doc_md=__doc__,
)
def extract_cloudwatch():
    land_and_record("cloudwatch", settings=SETTINGS)


extract_cloudwatch()
