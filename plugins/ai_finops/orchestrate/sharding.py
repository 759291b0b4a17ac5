"""The tasks that land a day of traces in shards, each of which any worker can take: plan, a task a shard, join.

What goes from task to task is the plan's name and the number of a shard; lists of objects, and what is read of them, lie in the
lake's place (extract/shard_scratch.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from airflow.sdk import TaskGroup, TriggerRule, task

from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.orchestrate.lineage import lake_uris, source_uris, tell_lineage
from ai_finops.orchestrate.runs import day_of_run

PLAN, SHARD, JOIN = "plan_traces", "land_shard", "join_shards"
PLAN_ID = "plan_id"
"""XCom of the plan's task."""

Telling = Callable[[Mapping[str, Any]], AbstractContextManager[None]]
AskedOn = Callable[[Mapping[str, Any]], Any]


def land_in_shards(*, telling: Telling, asked_on: AskedOn) -> Any:
    """Add the three tasks to the DAG being defined; return the last, whose result is the outcome as JSON.

    Args:
        telling: Around what a task does: fails it at once where no retry helps, and says why to `record_outcome`.
        asked_on: The date on which a run asks its sources.
    """

    @task(task_id=PLAN)
    def plan_traces(**context: Any) -> list[dict[str, Any]]:
        """List the day's objects and divide them; return the plan's name and a number for each shard."""
        from ai_finops.extract import trace_shards

        with telling(context):
            day = day_of_run(context)
            planned = trace_shards.plan(
                day,
                run=f"{context['dag_run'].dag_id} {context['dag_run'].run_id}",
                settings=Settings.from_env(),
                as_of=morning_after(day),
                today=asked_on(context),
            )
        context["ti"].xcom_push(key=PLAN_ID, value=planned.plan_id)  # of a plan without shards too
        return [{"plan_id": planned.plan_id, "shard": number} for number in range(planned.shard_count)]

    @task(task_id=SHARD)
    def land_shard(plan_id: str, shard: int, **context: Any) -> int:
        """Read the objects of one shard, and write down what is in them; return how many spans that is."""
        from ai_finops.extract import trace_shards

        with telling(context):
            day, now = day_of_run(context), Settings.from_env()
            read = trace_shards.land_shard(day, plan_id=plan_id, number=shard, settings=now)
        return read.span_count

    # A day without objects has no shard, and Airflow skips the task of them.
    @task(task_id=JOIN, trigger_rule=TriggerRule.NONE_FAILED)
    def join_shards(**context: Any) -> str:
        """Put together what the shards read, replace the day's partition, and return the outcome as JSON."""
        from ai_finops.extract import trace_shards

        with telling(context):
            day, now = day_of_run(context), Settings.from_env()
            tell_lineage(context["ti"], reads=source_uris(now, "traces"), writes=lake_uris(now, ["traces"]))
            outcome = trace_shards.join(
                day,
                plan_id=_plan_id(context),
                settings=now,
                as_of=morning_after(day),
                today=asked_on(context),
                allow_empty=bool(context["params"].get("allow_empty")),
            )
        return outcome.to_json()

    with TaskGroup("land_traces_in_shards", prefix_group_id=False):
        joined = join_shards()
        land_shard.expand_kwargs(plan_traces()) >> joined
    return joined


def remove_shards(context: Mapping[str, Any]) -> None:
    """Remove what the shards of a joined day wrote; after a failure it stays, so that what is done need not be done again."""
    from ai_finops.extract import shard_scratch
    from ai_finops.lake import Lake

    shard_scratch.remove_plan(Lake(Settings.from_env().lake), "traces", day_of_run(context), _plan_id(context))


def _plan_id(context: Mapping[str, Any]) -> str:
    return context["ti"].xcom_pull(task_ids=PLAN, key=PLAN_ID)
