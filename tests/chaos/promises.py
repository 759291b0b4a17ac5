"""The ten promises of docs/architecture.md, each as a check that reads what is there after a fault and its recovery.

Two levels. `check_lake` after a fault of a landing: a build is a function of the lake, so a lake that is what it would have
been is checked by the hash of all that a build reads. `check_marts` after every other: the marts themselves, held against the
lake, the bill and the run that nothing disturbed.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import duckdb

from ai_finops.build.inputs import read_inputs
from ai_finops.config import Settings
from ai_finops.lake import Lake
from ai_finops.lake_files import file_sha256
from ai_finops.publish import compare_builds
from tests.chaos.account import BROKEN_OBJECT_COUNT, SOURCES
from tests.chaos.reader import Reader, whole_build_faults

_COST_FIELDS = ("api_call_count", "api_calls")
_RUN_FIELDS = ("extracted_at", "as_of_date", "landing_seconds")


@dataclass
class Undisturbed:
    """The run that nothing disturbed: what every recovered one is held against."""

    lake: dict
    """What `lake_state` says after all four days."""
    inputs_sha256: str
    marts: Path
    """A copy of its published build."""
    history_marts: Path
    """A copy of the build that was published before the fourth day."""
    closed: dict
    """The ledger of closed months."""
    changed_partitions: list = field(default_factory=list)
    """Which partitions its build made again."""


def lake_state(settings: Settings, *, is_cost_counted: bool = True) -> dict:
    """Return the content of every partition and outcome, run columns aside, and how many versions a partition has.

    Args:
        is_cost_counted: Whether the number of API calls is part of it; after a landing that asked twice it is higher.
    """
    lake, state = Lake(settings.lake), {}
    leave_out = (*_RUN_FIELDS, *(() if is_cost_counted else _COST_FIELDS))
    for source in (*SOURCES, "context_uses"):
        for key, version in lake.current(source).items():
            count = sum(1 for path in version.path.parent.glob("v*"))
            state[f"{source} {key}"] = [version.content_sha256, version.row_counts, count]
    for outcome in lake.outcomes():
        plain = json.loads(outcome.to_json())
        for name in leave_out:
            plain.pop(name)
        state[f"outcome {outcome.source} {outcome.landing_date}"] = plain
    return state


def lost_rows(state: dict, wanted: dict) -> int:
    """Return how many landed rows one lake has that the other has not."""
    lost = 0
    for name, said in wanted.items():
        if not name.startswith("outcome"):
            have = state.get(name, [None, {}, 0])[1]
            lost += sum(max(0, count - have.get(table, 0)) for table, count in said[1].items())
    return lost


def check_lake(
    settings: Settings, *, undisturbed: Undisturbed, reader: Reader, is_cost_counted: bool = True
) -> list[str]:
    """Check a lake that a landing was disturbed in and that was landed again."""
    lake = Lake(settings.lake)
    state = lake_state(settings, is_cost_counted=is_cost_counted)
    wanted = undisturbed.lake if is_cost_counted else without_cost(undisturbed.lake)
    faults = [f"P4 {name} is not what it is undisturbed" for name in sorted(wanted) if state.get(name) != wanted[name]]
    faults += [f"P5 {name} is there and should not be" for name in sorted(set(state) - set(wanted))]
    faults += _p5_objects(lake) + _p6(lake) + broken_files(lake) + left_overs(settings)
    faults += [f"P8 {name} has {said[2]} versions" for name, said in state.items() if _is_remade(name, said, wanted)]
    if is_cost_counted:
        sha256 = read_inputs(lake, settings=settings, run_day=None).sha256
        if sha256 != undisturbed.inputs_sha256:
            faults.append("P4 a build of this lake would not be the undisturbed one")
    return faults + _p3_ledgers(settings, undisturbed) + _p7(settings, reader) + p9()


def without_cost(state: dict) -> dict:
    """Return a lake's state without the number of API calls."""
    return {
        name: {key: value for key, value in said.items() if key not in _COST_FIELDS} if isinstance(said, dict) else said
        for name, said in state.items()
    }


def _is_remade(name: str, said: list, wanted: dict) -> bool:
    return not name.startswith("outcome") and name in wanted and said[2] > wanted[name][2]


def check_marts(
    settings: Settings, *, undisturbed: Undisturbed, reader: Reader, is_from_base: bool = True
) -> list[str]:
    """Check all ten on the published marts.

    Args:
        is_from_base: Whether the recovered build is to have made only what changed; not where its base was damaged.
    """
    current = (settings.published / "current").resolve()
    lake = Lake(settings.lake)
    faults = [f"P4 {difference}" for difference in compare_builds(undisturbed.marts, current)]
    with duckdb.connect(str(current / "marts.duckdb"), read_only=True) as marts:
        faults += _p1(marts, lake) + _p2(marts) + _p3(marts, settings, undisturbed) + _p5(marts, current, settings)
        faults += _p6_marts(marts, lake) + _p10(marts)
    faults += _p5_objects(lake) + _p6(lake) + broken_files(lake) + left_overs(settings)
    faults += _p3_ledgers(settings, undisturbed) + _p7(settings, reader)
    return faults + _p8(settings, current, undisturbed, is_from_base=is_from_base) + p9()


def _one(connection: duckdb.DuckDBPyConnection, query: str, *values: object) -> tuple:
    return connection.execute(query, list(values)).fetchone()


def _p1(marts: duckdb.DuckDBPyConnection, lake: Lake) -> list[str]:
    """Cells tie exactly; each invoice is met within a cent, against the bill as it lies in the lake."""
    cells, loose = _one(
        marts,
        "select count(*), count(*) filter (where billed_cost_usd <> allocated_cost_usd + unattributed_cost_usd) "
        "from fct_daily_reconciliations where billed_cost_usd is not null",
    )
    faults = [f"P1 {loose} of {cells} cells do not tie"] if loose or not cells else []
    files = [str(version.file("line_items")) for version in lake.current("billing").values()]
    billed = dict(
        marts.execute(
            "select coalesce(bill_invoice_id, ''), sum(line_item_unblended_cost) from read_parquet(?) group by 1",
            [files],
        ).fetchall()
    )
    focus = 'select coalesce("InvoiceId", \'\'), sum("BilledCost") from rpt_focus_costs group by 1'
    told = dict(marts.execute(focus).fetchall())
    if set(billed) != set(told) or len(billed) < 2:
        faults.append(f"P1 the bill has the invoices {sorted(billed)}, the marts have {sorted(told)}")
    for invoice, usd in billed.items():
        if abs(Decimal(usd) - Decimal(told.get(invoice, 0))) > Decimal("0.01"):
            faults.append(f"P1 invoice {invoice or 'to come'} is {usd} and the marts say {told.get(invoice)}")
    (allocated,) = _one(
        marts, "select sum(allocated_cost_usd) from fct_daily_allocated_costs where cost_status <> 'estimated'"
    )
    if abs(Decimal(allocated) - sum(map(Decimal, billed.values()))) > Decimal("0.01"):
        faults.append(f"P1 {sum(billed.values())} was billed and {allocated} is allocated")
    return faults


def _p2(marts: duckdb.DuckDBPyConnection) -> list[str]:
    """No tokens at no cost without a reason; the account has calls without a price, so there are such rows."""
    calls, unreasoned = _one(
        marts,
        "select count(*), count(*) filter (where coalesce(input_tokens, 0) + coalesce(output_tokens, 0) > 0 and "
        "coalesce(estimated_cost_usd, 0) = 0 and cost_reason is null) from fct_llm_calls",
    )
    (unpriced,) = _one(marts, "select count(*) from fct_daily_unpriced_usage where cost_reason is not null")
    faults = [f"P2 {unreasoned} of {calls} calls have tokens, no cost and no reason"] if unreasoned else []
    return faults if calls and unpriced else [*faults, "P2 there is nothing without a price to look at"]


def _p3(marts: duckdb.DuckDBPyConnection, settings: Settings, undisturbed: Undisturbed) -> list[str]:
    """Calls of published days keep their prices; the closed month reads as it did when it closed."""
    marts.execute(f"attach '{undisturbed.history_marts / 'marts.duckdb'}' as history (read_only)")
    calls = "select call_id, price_catalog, price_catalog_version, estimated_cost_usd from {}.fct_llm_calls"
    now = marts.execute("select current_database()").fetchone()[0]
    moved = f"({calls.format('history')}) except ({calls.format(f'{now}.main')})"
    (moved_count,) = _one(marts, f"select count(*) from ({moved})")
    columns = "feature_id, pipeline_id, charge_category, model_id, cost_status, allocated_cost_usd, usage_date"
    closed = f"select {columns} from {{}}.fct_daily_allocated_costs where usage_date < '2025-06-01' and corrected_month is null"
    differing = f"({closed.format('history')}) except all ({closed.format(f'{now}.main')})"
    (closed_count,) = _one(marts, f"select count(*) from ({differing})")
    (in_history,) = _one(marts, f"select count(*) from ({closed.format('history')}) where cost_status = 'final'")
    (corrections,) = _one(marts, "select count(*) from fct_daily_allocated_costs where corrected_month = '2025-05-01'")
    faults = [f"P3 {moved_count} calls of published days have other prices"] if moved_count else []
    faults += [f"P3 {closed_count} rows of the closed month are others"] if closed_count else []
    if not in_history or not corrections:
        faults.append(f"P3 nothing to look at: {in_history} final rows, {corrections} corrections")
    return faults


def _p3_ledgers(settings: Settings, undisturbed: Undisturbed) -> list[str]:
    """What is closed stands in the ledger as it did, and its files are what they were."""
    folder, ledger = Lake(settings.lake).closed, closed_months(settings)
    faults = [] if ledger == undisturbed.closed else ["P3 the ledger of closed months is another"]
    for closing in ledger["closings"]:
        for table in closing["tables"].values():
            if file_sha256(folder.file(table["file"])) != table["sha256"]:
                faults.append(f"P3 {table['file']} is not what it was when its month closed")
    return faults


def closed_months(settings: Settings) -> dict:
    """Return the ledger of closed months."""
    return json.loads(Lake(settings.lake).closed.read("ledger.json"))


def _p5(marts: duckdb.DuckDBPyConnection, current: Path, settings: Settings) -> list[str]:
    """Per source and day, and from the landed spans to the calls."""
    days, wrong = _one(
        marts,
        "select count(*), count(*) filter (where read_count <> loaded_count + ignored_count + quarantined_count + "
        "duplicate_count) from fct_daily_extract_outcomes",
    )
    faults = [f"P5 {wrong} of {days} outcomes do not add up"] if wrong or not days else []
    twice = _one(marts, "select count(*) - count(distinct call_id) from fct_llm_calls")[0]
    faults += [f"P5 {twice} calls are there twice"] if twice else []
    warehouse = settings.builds / current.name / "warehouse.duckdb"
    if warehouse.exists():
        with duckdb.connect(str(warehouse), read_only=True) as candidate:
            landed, settled = _one(
                candidate,
                "select (select count(*) from raw.traces_spans where started_at < cast(? as date)), (select count(*) from "
                "intermediate.int_landed_spans_settled where role in ('kept', 'duplicate', 'superseded'))",
                current.name[7:17],
            )
        if landed != settled or not landed:
            faults.append(f"P5 {landed} spans landed and {settled} are kept, duplicate or superseded")
    return faults


def _p5_objects(lake: Lake) -> list[str]:
    """Per object: read = loaded + ignored + quarantined + duplicate; over a day: what the outcome says."""
    faults = []
    for key, version in lake.current("traces").items():
        sums = duckdb.execute(
            "select count(*), count(*) filter (where read_count <> loaded_count + ignored_count + quarantined_count + "
            "duplicate_count), sum(loaded_count), sum(quarantined_count) from read_parquet(?)",
            [str(version.file("objects"))],
        ).fetchone()
        outcomes = [each for each in lake.outcomes() if each.source == "traces" and str(each.landing_date) == key]
        said = [(each.loaded_count, each.quarantined_count) for each in outcomes]
        if sums[1] or not sums[0] or said != [(sums[2], sums[3])]:
            faults.append(f"P5 objects of {key} add up to {sums[2:]} and the outcome says {said}")
    return faults


def _p6(lake: Lake) -> list[str]:
    """Each broken object is in the quarantine once, with its reason and place."""
    files = [str(version.file("quarantine")) for version in lake.current("traces").values()]
    count, reasoned = duckdb.execute(
        "select count(*), count(*) filter (where reason is not null and object_key is not null) from read_parquet(?)",
        [files],
    ).fetchone()
    whole = BROKEN_OBJECT_COUNT if len(lake.outcomes()) == 4 * len(SOURCES) else BROKEN_OBJECT_COUNT - 1
    return [] if count == reasoned == whole else [f"P6 {count} in quarantine, {reasoned} with a reason; broke {whole}"]


def _p6_marts(marts: duckdb.DuckDBPyConnection, lake: Lake) -> list[str]:
    (count,) = _one(marts, "select sum(quarantined_count) from fct_daily_extract_outcomes where source = 'traces'")
    return [] if count == BROKEN_OBJECT_COUNT else [f"P6 the marts count {count} broken, {BROKEN_OBJECT_COUNT} were"]


def broken_files(lake: Lake) -> list[str]:
    """Return the files of current versions that are not what their `partition.json` says."""
    faults = []
    for source in (*SOURCES, "context_uses"):
        for version in lake.current(source).values():
            tables = json.loads((version.path / "partition.json").read_text())["tables"]
            for table in tables.values():
                if file_sha256(version.path / table["file"]) != table["sha256"]:
                    faults.append(f"P5 {version.path / table['file']} is not what was landed")
    return faults


def left_overs(settings: Settings) -> list[str]:
    """Return drafts that a recovered run left lying: each a leak that would grow with every fault."""
    marks = (".writing-", ".current-", ".draft-")
    return [
        f"left over: {path.relative_to(settings.home)}"
        for path in settings.home.rglob(".*")
        if path.name.startswith(marks)
    ]


def _p7(settings: Settings, reader: Reader) -> list[str]:
    """What is published is one whole audited build, and nobody who read during the fault saw anything else."""
    current = (settings.published / "current").resolve(strict=True)
    faults = [f"P7 {fault}" for fault in whole_build_faults(current, builds=settings.builds)]
    return faults + [f"P7 {fault}" for fault in dict.fromkeys(reader.faults)]


def _p8(settings: Settings, current: Path, undisturbed: Undisturbed, *, is_from_base: bool) -> list[str]:
    """The recovered build made again what the undisturbed one did, and nothing was landed into another version."""
    state = lake_state(settings)
    faults = [
        f"P8 {name} has {said[2]} versions" for name, said in state.items() if _is_remade(name, said, undisturbed.lake)
    ]
    warehouse = settings.builds / current.name / "warehouse.duckdb"
    changed = changed_partitions(warehouse) if warehouse.exists() else []
    if is_from_base and (changed != undisturbed.changed_partitions or not changed):
        faults.append(
            f"P8 {len(changed)} partitions were made again, undisturbed {len(undisturbed.changed_partitions)}"
        )
    return faults


def changed_partitions(warehouse: Path) -> list:
    """Return the partitions that a build made again; none in a build from nothing."""
    with duckdb.connect(str(warehouse), read_only=True) as candidate:
        return candidate.execute("select * from raw.changed_partitions order by all").fetchall()


def p9() -> list[str]:
    """A call that is recorded while nobody takes the records: the same answer, no exception, no waiting."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    from ai_finops.instrument import track_llm_cost, tracking
    from tests.instrument.answers import converse

    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # it says for each batch that nobody takes it
    provider = TracerProvider()
    dead = OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces", timeout=1)
    provider.add_span_processor(BatchSpanProcessor(dead, max_queue_size=16, max_export_batch_size=8))
    undo = tracking._use_tracer(provider.get_tracer("chaos"))
    answer, answered = converse(), []
    caller = threading.Thread(
        target=lambda: answered.extend(track_llm_cost(feature="f")(lambda: answer)() for _ in range(200)), daemon=True
    )
    try:
        caller.start()
        caller.join(10)
        is_kept = len(answered) == 200 and all(each is answer for each in answered)
    finally:
        undo()
        threading.Thread(target=provider.shutdown, daemon=True).start()
    return [] if is_kept else [f"P9 {len(answered)} of 200 calls came back with the exporter dead"]


def _p10(marts: duckdb.DuckDBPyConnection) -> list[str]:
    """Each projection has a measured error, or says why there is none yet."""
    rows, bare = _one(
        marts,
        "select count(*), count(*) filter (where status is null or (wape_ratio is null and status not in "
        "('short_history', 'insufficient_history'))) from fct_cost_projections",
    )
    return [f"P10 {bare} of {rows} projections have neither an error nor words"] if bare or not rows else []


def told(faults: Iterable[str]) -> str:
    """Return faults in one line."""
    listed = list(faults)
    return "; ".join(listed[:3]) + (f"; and {len(listed) - 3} more" if len(listed) > 3 else "")
