"""Turn the lake into validated, published marts.

**Reads** the raw lake, once every enabled source has reported the day · **Writes** `published_marts` · **Order** phase 1
(calls, prices, allocation) → analyses → phase 2 (metrics, projections, digest) → Great Expectations → publish → alarms,
finance's files
**One at a time** the steps up to publishing take the one slot of pool `ai_finops_build`, as `load_history` does
**If it fails** readers keep the last good build. A red phase names the models and tests that failed; its log has a line for
each, with its seconds. A red `check_marts`: the Data Docs show the expectation. Mend it and clear the run, or trigger it for
any day: the marts depend on the lake alone, not on which day was asked for. A red `sync_alarms` takes nothing back: the marts
are published, and the alarms see the day before; mend what its message names and clear that task alone. Neither does a red
`export_finance` (files of months that its message does not name are written, and final ones are never written over) or a red
`publish_to_postgres` (readers of PostgreSQL keep the build before).
**Runbook** docs/runbook.md#build_marts
"""

from datetime import timedelta

import pendulum
from airflow.sdk import PartitionedAssetTimetable, chain, dag, task

from ai_finops.assets import PUBLISHED_MARTS, raw_assets_of
from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import DAY_PARAMS, asked_at
from ai_finops.orchestrate.handling import handled, told_when_longer_than
from ai_finops.orchestrate.pools import build_slot
from ai_finops.orchestrate.publishing import announce, publish_or_give_way
from ai_finops.orchestrate.retrying import permanent_errors_fail_now
from ai_finops.orchestrate.runs import day_of_run

SETTINGS = Settings.from_env()


@dag(
    schedule=PartitionedAssetTimetable(assets=raw_assets_of(SETTINGS.sources_by_feed)),
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    params={"day": DAY_PARAMS["day"]},
    default_args=handled(),
    deadline=told_when_longer_than(timedelta(hours=1)),
    tags=["build"],
    doc_md=__doc__,
)
def build_marts():
    @task(**build_slot(0))
    def prepare_build(**context) -> dict:
        """Open a candidate warehouse over the lake's current partitions, with what the last build made of unchanged ones."""
        from ai_finops import build

        with permanent_errors_fail_now():
            return build.prepare(settings=Settings.from_env(), run_day=day_of_run(context))

    @task(**build_slot(1))
    def build_costs(prepared: dict) -> dict:
        """Build and test phase 1: calls, prices, allocation; return how many nodes ended with each status."""
        from ai_finops import build

        with permanent_errors_fail_now():
            return build.run_dbt("phase_1", settings=Settings.from_env(), build=prepared)

    @task(**build_slot(2))
    def analyse_costs(prepared: dict) -> None:
        """Compute projections, drivers and savings over the marts of phase 1."""
        from ai_finops import build

        with permanent_errors_fail_now():
            build.analyse(settings=Settings.from_env(), build=prepared)

    @task(**build_slot(3))
    def build_reviews(prepared: dict) -> dict:
        """Build and test phase 2: metrics, projections, digest; return how many nodes ended with each status."""
        from ai_finops import build

        with permanent_errors_fail_now():
            return build.run_dbt("phase_2", settings=Settings.from_env(), build=prepared)

    @task(**build_slot(4))
    def check_marts(prepared: dict) -> dict:
        """Hold the candidate marts against the expectations; a failure leaves the published marts alone."""
        from ai_finops import quality

        with permanent_errors_fail_now():
            return quality.audit(settings=Settings.from_env(), build=prepared)

    @task(**build_slot(5), outlets=[PUBLISHED_MARTS])
    def publish_marts(prepared: dict, **context) -> dict:
        """Make the build current and announce the days it brought."""
        with permanent_errors_fail_now():
            published = publish_or_give_way(settings=Settings.from_env(), build=prepared)
        announce(published, context=context, run_days=[day_of_run(context)])
        return published

    @task
    def sync_alarms(**context) -> list[str]:
        """Bring the alarms in step with the published marts; return what was done, a line each."""
        from ai_finops import alarms

        with permanent_errors_fail_now():
            return alarms.sync(settings=Settings.from_env(), now=asked_at(context))

    @task(execution_timeout=timedelta(hours=2))
    def publish_to_postgres() -> list[str]:
        """Bring the PostgreSQL that is configured, if one is, in step with the published marts; return what was done."""
        from ai_finops import publish

        with permanent_errors_fail_now():
            return publish.publish_to_postgres(settings=Settings.from_env())

    @task
    def export_finance() -> list[str]:
        """Write the files of months that are not final yet, also to S3 where configured; return a line for each month."""
        from ai_finops import finance

        with permanent_errors_fail_now():
            return finance.export(settings=Settings.from_env())

    prepared = prepare_build()
    steps = (build_costs, analyse_costs, build_reviews, check_marts, publish_marts)
    chain(*(step(prepared) for step in steps), [sync_alarms(), export_finance(), publish_to_postgres()])


build_marts()
