"""Land what the providers charge, as it stands on one day: one task for each billing-side source that is switched on.

**Reads** `billing`, `focus`: the CUR or FOCUS export of the day's billing period (and of the month before, while it changes) ·
`cost_explorer`: the day, and the days before it that AWS still calls estimated ($0.01 a call) · `openai`, `anthropic`: usage
and costs of the day and the two before it · **Writes** `raw_billing` · **All or nothing** a broken or half-delivered answer
leaves the previous version of that source current, and the other sources land all the same
**If it fails** the message names the file, column, field, permission or Airflow connection; wait for the next delivery or mend
it, then clear the run and trigger `build_marts` for the day; else the next morning's build brings it. OpenAI's and Anthropic's
admin keys are the passwords of the connections `openai_admin` and `anthropic_admin`.
**Runbook** docs/runbook.md#extract_billing
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import DAY_PARAMS, daily_partitions, land_and_record, last_run_date
from ai_finops.orchestrate.handling import handled, told_when_longer_than

SETTINGS = Settings.from_env()


@dag(
    schedule=daily_partitions("billing", settings=SETTINGS),
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
def extract_billing():
    land_and_record("billing", settings=SETTINGS)


extract_billing()
