"""Land the bill as it stands on one day.

**Reads** the CUR or FOCUS export of the day's billing period (and of the month before, while it still changes) · **Writes**
`raw_billing` · **All or nothing** a broken or half-delivered export leaves the previous version current
**If it fails** the message names the file or column; wait for the next delivery or mend the export, then clear the run.
"""

import pendulum
from airflow.sdk import dag

from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import DAY_PARAMS, daily_partitions, land_and_record, last_run_date

SETTINGS = Settings.from_env()


@dag(
    schedule=daily_partitions("billing", settings=SETTINGS),
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    end_date=last_run_date(),
    catchup=False,
    max_active_runs=1,
    params=DAY_PARAMS,
    tags=["extract"],
    doc_md=__doc__,
)
def extract_billing():
    land_and_record("billing", settings=SETTINGS)


extract_billing()
