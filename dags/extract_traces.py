"""Land one day of trace objects, and of what else tells of single calls.

**Reads** the collector's OTLP objects that arrived that day (`traces`); where they are switched on, Bedrock's invocation logs
(`bedrock_logs`) and the spans that X-Ray logged (`xray_spans`) · **Writes** `raw_traces` · **Late spans** land with the day
they arrive and count on the day they happened · **In shards** with `AI_FINOPS_TRACE_SHARDS` above 1, traces are landed by
`plan_traces`, a `land_shard` for each part of the day, and `join_shards`, and the lake is the same
**If it fails** the message names the object, bucket, log group or permission; mend it and clear the run: a landing replaces its
whole partition. One `land_shard` can be cleared alone, with what follows it. A broken object alone does not fail the run: it is
quarantined and counted.
**Runbook** docs/runbook.md#extract_traces
"""

from datetime import timedelta

import pendulum
from airflow.sdk import dag

from ai_finops.config import Settings
from ai_finops.orchestrate.extracting import DAY_PARAMS, daily_partitions, land_and_record, last_run_date
from ai_finops.orchestrate.handling import handled, told_when_longer_than

SETTINGS = Settings.from_env()


@dag(
    schedule=daily_partitions("traces", settings=SETTINGS),
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
def extract_traces():
    land_and_record("traces", settings=SETTINGS)


extract_traces()
