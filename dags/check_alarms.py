"""Say which alarms could not fire, and why.

**Reads** the published marts, the alarms of CloudWatch and when their metrics last had a value · **Writes** nothing · **Runs**
at noon UTC, when what was published in the morning can be seen, and only where `AI_FINOPS_ALARMS` is `cloudwatch`
**If it fails** its message has a sentence for each alarm and reason, with what to do; mend them and clear the run. An alarm is
proven to fire with `ai-finops alarms test --feature X`.
**Runbook** docs/runbook.md#check_alarms
"""

import pendulum
from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowFailException

from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import asked_at, last_run_date
from ai_finops.orchestrate.handling import handled
from ai_finops.orchestrate.retrying import permanent_errors_fail_now

SETTINGS = Settings.from_env()


@dag(
    schedule="0 12 * * *" if SETTINGS.alarms == "cloudwatch" else None,
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    end_date=last_run_date(),
    catchup=False,
    max_active_runs=1,
    default_args=handled(),
    tags=["alarms"],
    doc_md=__doc__,
)
def check_alarms():
    @task
    def find_dead_alarms(**context) -> None:
        """Look at every alarm that should be there; fail with a sentence for each that could not fire."""
        from ai_finops import alarms

        with permanent_errors_fail_now():
            found = alarms.check(settings=Settings.from_env(), now=asked_at(context))
        if found:
            raise AirflowFailException("\n".join(found))

    find_dead_alarms()


check_alarms()
