"""A build that makes only what has changed since another has the marts of one that makes everything."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from ai_finops import build
from ai_finops.build.candidate import read_record
from ai_finops.build.seal import seal
from ai_finops.closing.closed_ledger import ClosedLedger
from ai_finops.config import Settings
from ai_finops.days import days_between
from ai_finops.lake import Lake
from ai_finops.lake_schemas import DOCUMENT_USES, ROUTING_COMPARISONS, ROUTING_TASK_TYPES
from ai_finops.publish.compare import compare_builds
from ai_finops.publish.write import write_marts
from tests.build.changing_lake import FIRST, KINDS, SOURCES, ChangingLake
from tests.dbt_forks import fork_builds, run_forked
from tests.warehouse.tiny_lake import SONNET, span


@pytest.fixture(autouse=True)
def _forked(monkeypatch):
    fork_builds(monkeypatch)


def settings_of(home: Path) -> Settings:
    """Settings of a deployment in `home` with the real dbt project."""
    return Settings.from_env({"AI_FINOPS_HOME": str(home), "AI_FINOPS_SOURCES": SOURCES})


def made(
    settings: Settings, *, is_full: bool = False, is_tested: bool = False, is_killed_first: bool = False
) -> dict[str, str]:
    """Build a candidate up to phase 1; without the data tests, which take longer than the models.

    `is_killed_first`: a first attempt gets as far as the calls and no further.
    """
    candidate = build.prepare(settings=settings, is_full=is_full)
    if is_killed_first:
        run_models(settings, candidate, select="+int_llm_calls_deduplicated")
        assert ask(candidate, "select * from raw.ended_phases") == []
    if is_tested:
        build.run_dbt("phase_1", settings=settings, build=candidate)
    else:
        run_models(settings, candidate)
    seal(Path(candidate["warehouse"]))
    return candidate


def run_models(settings: Settings, candidate: dict[str, str], *, select: str = "tag:phase_1") -> None:
    """Run models on a candidate without tests."""
    from ai_finops.build.dbt import dbt_vars
    from ai_finops.build.parsing import process_arguments

    folder = Path(candidate["build_dir"])
    command = [
        *("build", f"--select={select}", "--exclude-resource-type=unit_test", "--exclude-resource-type=test"),
        f"--vars={json.dumps(dbt_vars(candidate))}",
    ]
    given = process_arguments(
        settings.dbt_project, report=folder / "report.json", folder=folder, target="duckdb", command=command
    )
    environment = {"AI_FINOPS_WAREHOUSE": candidate["warehouse"], "DO_NOT_TRACK": "1", "TZ": "UTC", "PATH": ""}
    done = run_forked(given, environment=environment, folder=folder)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr


def ask(candidate: dict[str, str], sql: str, *values: object) -> list[tuple]:
    """Ask the warehouse of a candidate."""
    with duckdb.connect(candidate["warehouse"], read_only=True) as connection:
        return connection.execute(sql, values).fetchall()


def differences(one: dict[str, str], other: dict[str, str], *, folder: Path) -> list[str]:
    """Compare the marts of two candidates, all rows and columns."""
    places = []
    for number, each in enumerate((one, other)):
        place = folder / f"{number}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        record = read_record(Path(each["build_dir"]))
        write_marts(Path(each["warehouse"]), folder=place, record=record, closed=ClosedLedger())
        places.append(place)
    return [str(difference) for difference in compare_builds(*places)]


def beside(settings: Settings, home: Path) -> Settings:
    """Settings of another deployment on the same lake: its builds are no base for those of the first."""
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "lake").exists():
        (home / "lake").symlink_to(settings.lake)
    other = replace(settings, home=home)
    assert other.lake.resolve() == settings.lake.resolve()
    return other


# A text column, beside the key and unread by the models above, of each table that grows with calls, spans or cells.
MARKED = {
    "intermediate.int_spans_deduplicated": "span_name",
    "intermediate.int_llm_call_candidates_settled": "source",
    "intermediate.int_llm_calls_deduplicated": "dialect",
    "intermediate.int_landed_spans_settled": "role",
    "intermediate.int_span_documents_unnested": "document_id",
    "intermediate.int_uncalled_frames_found": "scope_name",
    "intermediate.int_llm_calls_resolved": "dialect",
    "intermediate.int_usage_prices_found": "price_catalog_version",
    "intermediate.int_callers_summed": "model_tier",
    "intermediate.int_billing_cells_covered": "coverage_basis",
    "intermediate.int_billing_cells_allocated": "model_tier",
    "intermediate.int_llm_call_costs_allocated": "cost_status",
    "marts.fct_llm_calls": "dialect",
    "intermediate.int_excess_outputs_priced": "metric_name",
    "intermediate.int_daily_costs_allocated": "model_tier",
    "intermediate.int_daily_cells_reconciled": "cell_grain",
    "intermediate.int_daily_users_counted": "feature_id",
    "intermediate.int_daily_call_groups_summed": "prompt_version",
    "marts.fct_daily_unpriced_usage": "request_model",
    "intermediate.int_routing_decisions_resolved": "reason",
    "marts.fct_daily_routing_decisions": "reason",
    "marts.fct_daily_instrumentation_gaps": "scope_name",
}


@pytest.mark.long
def test_changed_days_3_and_40_touch_only_those_two(tmp_path):
    lake = ChangingLake(settings_of(tmp_path / "var"), random.Random(3))
    days = list(days_between(date(2025, 6, 1), date(2025, 7, 15)))
    for day in days:
        for kind in (ChangingLake.told_twice, ChangingLake.framed_today, ChangingLake.routed_today):
            kind(lake, day)
        lake.mystery(day)
        lake.charge(day)
        lake.land("traces", day)
    for month_end in (date(2025, 6, 30), days[-1]):
        lake.land_bill(month_end)
    before = made(lake.settings)
    with duckdb.connect(before["warehouse"]) as connection:
        for table, column in MARKED.items():
            connection.execute(f"update {table} set {column} = 'as it was'")
    seal(Path(before["warehouse"]))

    changed = [days[2], days[39]]
    for day in changed:
        lake.rows["traces", day] = lake.rows["traces", day][1:]
        lake.told_twice(day)
        lake.land("traces", day)
    after = made(lake.settings)
    assert read_record(Path(after["build_dir"])).built_on == before["build_id"]
    for table, column in MARKED.items():
        made_again, left = (
            {day for (day,) in ask(after, f"select distinct usage_date from {table} where {column} {sign} 'as it was'")}
            for sign in ("is distinct from", "=")
        )
        assert made_again == set(changed), table
        assert left == set(days) - set(changed), table


@pytest.mark.long
def test_a_change_near_a_batch_touches_its_neighbours_and_no_day_beyond(tmp_path):
    lake = ChangingLake(settings_of(tmp_path / "var"), random.Random(12))
    days = list(days_between(date(2025, 6, 1), date(2025, 6, 14)))
    for day in days:
        lake.mystery(day)
        if day.day == 5:
            lake.in_batch(day)
        lake.charge(day)
        lake.land("traces", day)
    lake.land_bill(days[-1])
    made(lake.settings)
    # A batch may be billed a day late: the 4th shares cells with the 5th, and calls of the 3rd share cells with the 4th.
    for day in (days[4], days[10]):
        lake.rows["traces", day] = lake.rows["traces", day][1:]
        lake.mystery(day)
        lake.land("traces", day)
    candidate = build.prepare(settings=lake.settings)
    run_models(lake.settings, candidate, select="+int_days_compared")
    changed = [
        day.day for (day,) in ask(candidate, "from intermediate.int_days_compared select usage_date where is_changed")
    ]
    assert sorted(changed) == [3, 4, 5, 6, 7, 11]


# What may happen to a lake between two builds.


def new_day(lake: ChangingLake) -> None:
    """The next day lands, with what came late for earlier ones."""
    day = lake.days[-1] + timedelta(days=1)
    lake.rows.setdefault(("traces", day), [])
    for kind in KINDS:
        kind(lake, day)
    earlier = lake.rng.sample(lake.days[:-1], 2)
    lake.delivered_again(earlier[0], landed_on=day)
    lake.put("traces", day, [row | {"object_key": "late.json"} for row in lake.rows["traces", earlier[1]][:1]])
    for source in ("traces", "xray_spans", "bedrock_logs"):
        if (source, day) in lake.rows:
            lake.land(source, day)
    lake.charge(day)
    lake.land_bill(day)


def other_content(lake: ChangingLake) -> None:
    """An old landing is made again: some spans are gone, of others the usage or the feature is another, some are new."""
    day = lake.rng.choice(lake.days[:-1])
    rows = [row for row in lake.rows["traces", day] if lake.rng.random() < 0.7]
    lake.rows["traces", day] = [
        row | {"output_tokens": 77, "feature_id": "ticket_triage"} if lake.rng.random() < 0.3 else row for row in rows
    ]
    lake.plain(day)
    lake.land("traces", day)


def emptied(lake: ChangingLake) -> None:
    """An old landing turns out to be of nothing."""
    day = lake.rng.choice(lake.days[:-1])
    lake.rows["traces", day] = []
    lake.land("traces", day)


def gone(lake: ChangingLake) -> None:
    """A partition of logs is taken out of the lake."""
    days = [day for source, day in lake.rows if source == "bedrock_logs" and day <= lake.days[-1]]
    if days:
        day = lake.rng.choice(sorted(days))
        del lake.rows["bedrock_logs", day]
        Lake(lake.settings.lake).remove_partition("bedrock_logs", str(day))


def restated(lake: ChangingLake) -> None:
    """The bill says something else of an old day, and nothing any more of another."""
    months = [day.month for day in lake.bill]
    # A month without any line would take the landing back: then there is another clock, and a build from nothing.
    other = lake.rng.choice([day for day in sorted(lake.bill) if months.count(day.month) > 1])
    one = lake.rng.choice([day for day in sorted(lake.bill) if day != other])
    lake.charge(one)
    del lake.bill[other]
    for month in {one.month, other.month}:
        lake.land_bill(lake.days[-1], month=month)


def clock_moves(lake: ChangingLake) -> None:
    """A bill lands two days after the last traces: what was ahead of the clock is due now."""
    day = lake.days[-1] + timedelta(days=2)
    lake.charge(lake.days[-1])
    lake.land_bill(day)
    for skipped in days_between(lake.days[-1] + timedelta(days=1), day):
        lake.rows.setdefault(("traces", skipped), [])
        lake.land("traces", skipped)


def month_closes(lake: ChangingLake) -> None:
    """The first month is invoiced and its days have passed: each of them is billed from now on, whatever lines it has."""
    lake.invoiced.add(FIRST.month)
    lake.land_bill(max(lake.days[-1], date(2025, 6, 16)), month=FIRST.month)


CHANGES: tuple[Callable[[ChangingLake], None], ...] = (
    *(new_day, other_content, emptied, gone, restated, clock_moves, month_closes),
)


def changing_lake(home: Path, *, seed: int, day_count: int) -> ChangingLake:
    """Return a lake with `day_count` days of every kind of trace and a bill."""
    lake = ChangingLake(settings_of(home), random.Random(seed))
    days = list(days_between(FIRST, FIRST + timedelta(days=day_count - 1)))
    for day in days:
        lake.rows.setdefault(("traces", day), [])
        for kind in KINDS:
            kind(lake, day)
        lake.charge(day)
    for source, day in sorted(lake.rows):
        if day <= days[-1]:
            lake.land(source, day)
    for month in sorted({day.month for day in days}):
        lake.land_bill(days[-1], month=month)
    return lake


def assert_as_from_nothing(
    tmp_path: Path, *, seed: int, steps: list[list[Callable]], is_each_compared: bool = True
) -> None:
    lake = changing_lake(tmp_path / "var", seed=seed, day_count=6)
    made(lake.settings)
    other = beside(lake.settings, tmp_path / "beside")
    for number, changes in enumerate(steps):
        for change in changes:
            change(lake)
        is_last = number == len(steps) - 1
        candidate = made(lake.settings, is_tested=is_last, is_killed_first=is_last)
        assert read_record(Path(candidate["build_dir"])).built_on is not None
        if is_each_compared or is_last:
            assert differences(candidate, made(other, is_full=True), folder=tmp_path / "compared") == []


def test_changes_of_every_kind_give_the_marts_of_a_build_from_nothing(tmp_path):
    steps = [[new_day, restated], [other_content, emptied, gone, clock_moves, month_closes]]
    assert_as_from_nothing(tmp_path, seed=20250601, steps=steps, is_each_compared=False)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(6))
def test_random_changes_give_the_marts_of_a_build_from_nothing(tmp_path, seed):
    rng = random.Random(seed)
    steps = [rng.sample(CHANGES, rng.randrange(1, 4)) for _ in range(6)]
    assert_as_from_nothing(tmp_path, seed=seed, steps=steps)


@pytest.mark.long
def test_estimates_and_task_types_that_came_alone_are_in_the_marts_of_a_copy(tmp_path):
    settings = settings_of(tmp_path / "var")
    lake = ChangingLake(settings, random.Random(15))
    day = date(2025, 6, 2)
    shared = {"trace_id": "t", "feature_id": "docs"}
    search = span(
        "search", f"{day} 10:00", SONNET, operation_name="retrieval", details_json='{"documents": [{"id": "a"}]}'
    )
    answer = span("answer", f"{day} 10:01", SONNET, uncached_input_tokens=1000, output_tokens=10)
    lake.put("traces", day, [search | shared, answer | shared])
    lake.land("traces", day)
    found = "select pipeline_id, task_type from intermediate.int_task_types_found"
    compared = "select span_id, is_no_worse from intermediate.int_shadow_comparisons_resolved"

    def judged(candidate: dict[str, str]) -> list[tuple]:
        run_models(settings, candidate, select="+rpt_unused_context,tag:phase_2")
        return ask(candidate, "select evidence, unused_tokens, unused_input_cost_usd from marts.rpt_unused_context")

    before = made(settings)
    assert (judged(before), ask(before, found), ask(before, compared)) == ([], [], [])

    use = {"trace_id": "t", "span_id": "search", "document_rank": 1, "use_score": 0.25, "estimated_token_count": 400}
    use |= {"answer_count": 1, "method_id": "word_overlap_1", "landing_date": day}
    uses = pa.Table.from_pylist([use], schema=DOCUMENT_USES)
    Lake(settings.lake).write_partition("context_uses", str(day), tables={"document_uses": uses})
    group = {"feature_id": "docs", "pipeline_id": "p", "operation_name": "chat", "found_date": day + timedelta(days=1)}
    finding = group | {"task_type": "extraction", "status": "applied", "confidence": "high", "how": "answer_is_a_label"}
    comparison = {"trace_id": "t", "span_id": "s", "task_type": "extraction", "baseline_model_id": "big"}
    comparison |= {"candidate_model_id": "small", "is_no_worse": True, "cost_usd": 0.1, "made_date": day}
    tables = {
        "task_types": pa.Table.from_pylist([finding], schema=ROUTING_TASK_TYPES),
        "comparisons": pa.Table.from_pylist([comparison], schema=ROUTING_COMPARISONS),
    }
    Lake(settings.lake).write_partition("routing_findings", str(day + timedelta(days=1)), tables=tables)
    after = made(settings)
    assert read_record(Path(after["build_dir"])).built_on == before["build_id"]
    # 400 of 1,000 tokens at $3 a million.
    assert judged(after) == [("overlap_estimate", 400, Decimal("0.0012"))]
    assert (ask(after, found), ask(after, compared)) == ([("p", "extraction")], [("s/small", True)])
