"""Let go of what is past its retention: who old calls were for, texts, keys of users, old versions and builds.

**Reads** the raw lake, the builds · **Writes** partitions of days that name people no more; removes texts, queries, keys that
no call needs, versions before the current one, and builds and audits that are old and not the published ones. No call and no
amount goes: docs/security.md has what is kept for how long, and by which setting · **Runs** daily at 05:00 UTC, before the
extraction, so that the morning's marts are without what went
**One at a time** takes the one slot of pool `ai_finops_build`, as builds do, and waits for landings that run
**If it fails** clear the run; what went stays gone and the rest is done again. `ai-finops retain` lists what is left.
**Runbook** docs/runbook.md#retain_data
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag, task

from ai_finops.orchestrate.extracting import asked_on, last_run_date
from ai_finops.orchestrate.handling import handled, told_when_longer_than
from ai_finops.orchestrate.pools import build_slot
from ai_finops.orchestrate.retrying import permanent_errors_fail_now


@dag(
    schedule="0 5 * * *",
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    end_date=last_run_date(),
    catchup=False,
    max_active_runs=1,
    default_args=handled(),
    deadline=told_when_longer_than(timedelta(hours=1)),
    tags=["privacy"],
    doc_md=__doc__,
)
def retain_data():
    @task(**build_slot(0))
    def remove_what_is_past(**context) -> list[str]:
        """Remove what is past its retention on the run's date; return a line for each thing that went."""
        from ai_finops.config import Settings
        from ai_finops.privacy.retention import keep_retention

        with permanent_errors_fail_now():
            return keep_retention(settings=Settings.from_env(), as_of=asked_on(context), is_applied=True)

    remove_what_is_past()


retain_data()
