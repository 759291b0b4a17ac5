"""What must hold after every scenario, read from what it left behind and not from what the pipeline says of itself."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import date
from ipaddress import ip_address

import duckdb
import psutil

from ai_finops.config import Settings
from ai_finops.lake import Lake
from tests.scheduler.airflow_stack import AirflowStack


def broken_promises(stack: AirflowStack) -> list[str]:
    """Return a sentence for each promise that does not hold; none is as it should be."""
    settings = stack.settings
    return [
        *untied(settings),
        *unaccounted(settings),
        *left_over(settings),
        *runs_twice(stack),
        *messages_twice(stack),
        *open_to_others(stack),
    ]


def untied(settings: Settings) -> list[str]:
    """Cells of the bill that do not add up, and invoice totals that are missed."""
    with duckdb.connect(str(settings.published / "current" / "marts.duckdb"), read_only=True) as marts:
        cells = marts.execute(
            "select usage_date, count(*) from marts.fct_daily_reconciliations where billed_cost_usd is not null "
            "and billed_cost_usd <> allocated_cost_usd + unattributed_cost_usd group by all"
        ).fetchall()
        twice = marts.execute("select call_id from marts.fct_llm_calls group by all having count(*) > 1").fetchall()
    return [
        *(f"{count} cells of {day} do not tie to the bill" for day, count in cells),
        *(f"call {call} counts twice" for (call,) in twice),
    ]


def unaccounted(settings: Settings) -> list[str]:
    """Landings whose records are not all accounted for. Read as JSON: the class refuses to hold such an outcome."""
    lake = str(settings.lake / "outcomes" / "*" / "*.json")
    rows = duckdb.execute(
        "select source, landing_date from read_json(?, union_by_name = true) "
        "where read_count <> loaded_count + ignored_count + quarantined_count + duplicate_count",
        [lake],
    ).fetchall()
    return [f"the records of {source} {day} do not add up" for source, day in rows]


def left_over(settings: Settings) -> list[str]:
    """Things that somebody began and nobody finished, and a pointer that leads nowhere."""
    names = [".writing-*", "*.tmp", ".new-*", ".current*"]
    found = [path for name in names for path in settings.home.rglob(name)]
    current = settings.published / "current"
    nowhere = [] if current.is_symlink() and current.exists() else [f"{current} leads to no build"]
    return [*(f"{path} is left over" for path in found), *nowhere]


def runs_twice(stack: AirflowStack) -> list[str]:
    """Partitions that a DAG ran more than once."""
    found = []
    for dag_id in ("extract_traces", "extract_billing", "extract_cloudwatch", "build_marts", "report_weekly"):
        counted = Counter(run["partition_key"] for run in stack.runs(dag_id))
        found += [f"{dag_id} ran {count} times for {key}" for key, count in counted.items() if key and count > 1]
    return found


def messages_twice(stack: AirflowStack) -> list[str]:
    """Weeks that were posted more than once."""
    counted = Counter(weekly_messages(stack))
    return [f"the message of {week} was posted {count} times" for week, count in counted.items() if count > 1]


def open_to_others(stack: AirflowStack) -> list[str]:
    """Ports that one of Airflow's processes listens on at another address than loopback's."""
    found = []
    for process in stack.all_processes():
        with suppress(psutil.NoSuchProcess):
            found += [
                f"{process.name()} ({process.pid}) listens on {each.laddr.ip}:{each.laddr.port}"
                for each in process.net_connections(kind="inet")
                if each.status == psutil.CONN_LISTEN and not ip_address(each.laddr.ip).is_loopback
            ]
    return found


def weekly_messages(stack: AirflowStack) -> list[str]:
    """Return the Monday of each message posted, oldest first."""
    payloads = [message.get("metadata", {}).get("event_payload", {}) for message in stack.slack.messages]
    return [payload["week_start_date"] for payload in payloads if "week_start_date" in payload]


def alerts(stack: AirflowStack) -> list[str]:
    """Return the texts posted that are not a week's message."""
    return [message["text"] for message in stack.slack.messages if "metadata" not in message and "text" in message]


def outcome_statuses(settings: Settings, day: date) -> dict[str, str]:
    """Return how each source's landing of a day ended, as the lake has it."""
    outcomes = {source: Lake(settings.lake).outcome(source, day) for source in settings.sources}
    return {source: outcome.status for source, outcome in outcomes.items() if outcome}


def days_published(settings: Settings) -> set[date]:
    """Return the days that the published marts have billed costs for."""
    with duckdb.connect(str(settings.published / "current" / "marts.duckdb"), read_only=True) as marts:
        return {
            day for (day,) in marts.execute("select distinct usage_date from marts.fct_daily_feature_costs").fetchall()
        }
