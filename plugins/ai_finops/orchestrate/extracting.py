"""The tasks of every extract DAG: land the day from each source, and say how it went, whatever happened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, time
from typing import Any

from airflow.sdk import CronPartitionTimetable, Param, task

from ai_finops.assets import RAW_BY_FEED
from ai_finops.config import EXTRACT_HOUR_UTC, Settings
from ai_finops.days import morning_after, parse_day
from ai_finops.errors import AiFinopsError
from ai_finops.orchestrate import sharding
from ai_finops.orchestrate.lineage import lake_uris, source_uris, tell_lineage
from ai_finops.orchestrate.retrying import permanent_errors_fail_now
from ai_finops.orchestrate.runs import day_of_run, started_on

DAY_PARAMS = {
    "day": Param(
        None, type=["null", "string"], format="date", description="Only for a run without a partition: YYYY-MM-DD"
    ),
    "allow_empty": Param(False, type="boolean", description="Let a day that had rows become empty"),
}


def daily_partitions(feed: str, *, settings: Settings) -> CronPartitionTimetable | None:
    """Return the schedule of an extract DAG: each morning, for the day before, keyed by that day; none without a source."""
    if feed not in settings.sources_by_feed:
        return None
    return CronPartitionTimetable(f"0 {EXTRACT_HOUR_UTC} * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")


def last_run_date() -> datetime | None:
    """Return when daily runs stop, one day after `AI_FINOPS_LAST_DAY`; None, the rule, for an account that lives on."""
    last = _last_date()
    return last and datetime.combine(last, time.max, tzinfo=UTC)


def asked_on(context: Mapping[str, Any]) -> date:
    """Return the date on which the run asks its sources; in an account that stopped it stays the day after its last."""
    started, last = started_on(context), _last_date()
    return min(started, last) if last else started


def asked_at(context: Mapping[str, Any]) -> datetime:
    """Return when a task speaks to CloudWatch, whose clock is the wall's; in an account that stopped, its last morning."""
    started, last = context["ti"].start_date, _last_date()
    return min(started, datetime.combine(last, time(EXTRACT_HOUR_UTC), tzinfo=UTC)) if last else started


def _last_date() -> date | None:
    text = os.environ.get("AI_FINOPS_LAST_DAY")
    return morning_after(parse_day(text, what="AI_FINOPS_LAST_DAY")) if text else None


def land_and_record(feed: str, *, settings: Settings) -> None:
    """Add `land_<source>` for each enabled source of a feed, and `record_outcome`, to the DAG being defined.

    `record_outcome` is a teardown: it runs when a landing failed too, emits the day's asset partition with the statuses, and
    leaves the verdict on the run to the landing tasks. So a dead source is a red run and not a missing morning. With
    `AI_FINOPS_TRACE_SHARDS` the traces are landed by three tasks in the place of one (sharding.py).
    """
    asset = RAW_BY_FEED[feed]
    sources = settings.sources_by_feed.get(feed, ())

    def landing(source: str) -> Any:
        if _is_sharded(source, settings):
            return sharding.land_in_shards(telling=_telling, asked_on=asked_on)

        @task(task_id=f"land_{source}")
        def land(**context: Any) -> str:
            """Replace the partitions of the run's day in the lake; return the outcome as JSON."""
            from ai_finops import extract

            with _telling(context):
                day, now = day_of_run(context), Settings.from_env()
                tell_lineage(context["ti"], reads=source_uris(now, source), writes=lake_uris(now, [source]))
                outcome = extract.land(
                    source,
                    day,
                    settings=now,
                    as_of=morning_after(day),
                    today=asked_on(context),
                    allow_empty=bool(context["params"].get("allow_empty")),
                )
            return outcome.to_json()

        return land()

    @task(task_id="record_outcome", outlets=[asset])
    def record_outcome(**context: Any) -> dict[str, str]:
        """Write each source's outcome beside its data and tell the build; return the status by source."""
        statuses = {source: _record(source, context, is_sharded=_is_sharded(source, settings)) for source in sources}
        event = context["outlet_events"][asset]
        event.extra = {"status": statuses}
        event.add_partitions([day_of_run(context).isoformat()])
        return statuses

    landed, recorded = [landing(source) for source in sources], record_outcome()
    landed >> recorded
    recorded.as_teardown()


def _is_sharded(source: str, settings: Settings) -> bool:
    return source == "traces" and settings.trace_shards > 1


def _telling(context: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Fail a task at once where no retry helps, and say why it failed to `record_outcome`."""

    def tell(error: AiFinopsError) -> None:
        told = {"error": str(error), "status": error.outcome_status}
        context["ti"].xcom_push(key="failure", value=told)

    return permanent_errors_fail_now(tell)


def _record(source: str, context: Mapping[str, Any], *, is_sharded: bool = False) -> str:
    from ai_finops import extract
    from ai_finops.lake import Outcome

    day = day_of_run(context)
    tasks = (sharding.PLAN, sharding.SHARD, sharding.JOIN) if is_sharded else (f"land_{source}",)
    with permanent_errors_fail_now():  # a day that is not over has no outcome
        extract.require_over(source, day, as_of=morning_after(day), today=asked_on(context))
    landed = context["ti"].xcom_pull(task_ids=tasks[-1])
    failures = [failure for each in tasks for failure in _pulled(context, each, key="failure")]
    unfinished = {"error": f"{tasks[-1]} did not finish; its log says why", "status": "failed"}
    recorded = extract.record(
        source,
        day,
        settings=Settings.from_env(),
        as_of=morning_after(day),
        outcome=Outcome.from_json(landed) if landed else None,
        **({"error": None} if landed else failures[0] if failures else unfinished),
    )
    if is_sharded and landed:
        sharding.remove_shards(context)
    return recorded.status


def _pulled(context: Mapping[str, Any], task_id: str, *, key: str) -> list[Any]:
    """Return what the tasks of an id have told: one, or as many as it is mapped to."""
    told = context["ti"].xcom_pull(task_ids=task_id, key=key)
    return [each for each in (told if isinstance(told, list) else [told]) if each]
