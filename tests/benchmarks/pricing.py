"""Measure what pricing and allocating a day of many calls costs against the least that could be done.

    make bench BENCH=pricing                           1,000,000 calls
    make bench BENCH=pricing BENCH_CALLS=10000000

The least: DuckDB scans the Parquet file of resolved calls, joins one price table and creates a table of the columns of
`fct_llm_calls`. Against it stand the models from resolved calls to `fct_llm_calls` over the same file, with a bill of the day:
token classes told apart, prices by scope and threshold, cells covered, shares divided to the micro-dollar, and each call's part
of its caller's share to the pico-dollar. Calls are generated. Both run in this process on two threads, the models as dbt
compiled them; CPU seconds hold also on a machine that does other work.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from ai_finops import build
from ai_finops.build.dbt import dbt_vars
from ai_finops.config import Settings
from tests.benchmarks.made_days import FIRST_DAY, land_day

MODELS = (
    *(
        "int_usage_prices_found",
        "int_batch_days_matched",
        "int_batch_usages_matched",
        "int_callers_summed",
        "int_billing_cells_covered",
        "int_traced_shares_divided",
    ),
    *("int_billing_cells_allocated", "int_llm_call_costs_allocated", "fct_llm_calls"),
)
TARGET = 3.0


def main() -> None:
    """Make a day, replace its calls by many, and print both ways."""
    count = int(os.environ.get("BENCH_CALLS", "1000000"))
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        settings = Settings.from_env({"AI_FINOPS_HOME": home, "AI_FINOPS_SOURCES": "traces,billing"})
        land_day(settings, FIRST_DAY, span_count=5000)
        candidate = build.prepare(settings=settings, is_full=True)
        build.run_dbt("phase_1", settings=settings, build=candidate)
        calls = Path(home) / "calls.parquet"
        warehouse = Path(candidate["warehouse"])
        _make_calls(warehouse, calls, count=count)
        compiled = _compiled(settings, candidate)
        with duckdb.connect(str(warehouse)) as connection:
            connection.execute("set threads = 2")
            seconds = {"scan, join one price table, create the table": _least(connection, calls, count=count)}
            for name in MODELS:
                schema = "marts" if name.startswith("fct_") else "intermediate"
                connection.execute(f"drop table {schema}.{name}")
                seconds[name] = _timed(connection, f"create table {schema}.{name} as {compiled[name]}")
    (least, *models) = seconds.values()
    print(f"generated, {count:,} calls in a day, load {os.getloadavg()[0]:.1f}, DuckDB {duckdb.__version__}\n")
    print("| What | CPU s | clock s |\n|---|---|---|")
    for name, (cpu, clock) in seconds.items():
        print(f"| {name} | {cpu:.2f} | {clock:.2f} |")
    totals = [sum(each[kind] for each in models) for kind in (0, 1)]
    print(f"| all models | {totals[0]:.2f} | {totals[1]:.2f} |")
    print(f"| **ratio**, target at most {TARGET} | {totals[0] / least[0]:.1f} | {totals[1] / least[1]:.1f} |")


def _make_calls(warehouse: Path, calls: Path, *, count: int) -> None:
    """Write a Parquet file of calls like those that are there, each with an id and tokens of its own, in their place."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("set threads = 2")
        known = connection.execute("select count(*) from intermediate.int_llm_calls_resolved").fetchone()[0]
        connection.execute(
            f"""
            copy (
                select resolved.* replace (
                    resolved.call_id || '-' || copies.number as call_id,
                    resolved.uncached_input_tokens + (hash(copies.number, resolved.call_id) % 500)::bigint
                        as uncached_input_tokens,
                    resolved.input_tokens + (hash(copies.number, resolved.call_id) % 500)::bigint as input_tokens
                )
                from intermediate.int_llm_calls_resolved as resolved
                cross join (select unnest(range({-(-count // known)})) as number) as copies
                limit {count}
            ) to '{calls}' (format parquet)
            """
        )
        connection.execute("drop table intermediate.int_llm_calls_resolved")
        connection.execute(f"create view intermediate.int_llm_calls_resolved as from read_parquet('{calls}')")


def _compiled(settings: Settings, candidate: dict[str, str]) -> dict[str, str]:
    """Let dbt compile the models for a build from nothing; return the SQL of each."""
    target = Path(candidate["build_dir"]) / "target"
    command = [
        *(str(Path(sys.executable).parent / "dbt"), "--quiet", "compile", "--select", *MODELS),
        *("--project-dir", str(settings.dbt_project), "--profiles-dir", str(settings.dbt_project)),
        *("--target-path", str(target), "--log-path", str(target), "--vars", json.dumps(dbt_vars(candidate))),
    ]
    environment = os.environ | {"AI_FINOPS_WAREHOUSE": candidate["warehouse"], "TZ": "UTC", "DO_NOT_TRACK": "1"}
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    nodes = json.loads((target / "manifest.json").read_text())["nodes"].values()
    return {node["name"]: node["compiled_code"] for node in nodes if node["name"] in MODELS}


def _timed(connection: duckdb.DuckDBPyConnection, statement: str) -> tuple[float, float]:
    """Run a statement; return CPU and clock seconds."""
    usage, clock = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    connection.execute(statement)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime, time.perf_counter() - clock


def _least(connection: duckdb.DuckDBPyConnection, calls: Path, *, count: int) -> tuple[float, float]:
    wanted = [name for (name,) in connection.execute(
        "select column_name from information_schema.columns where table_schema = 'marts' and table_name = 'fct_llm_calls' "
        "order by ordinal_position"
    ).fetchall()]  # fmt: skip
    given = {name for (name, *_) in connection.execute(f"describe from read_parquet('{calls}')").fetchall()}
    worked_out = {
        "account_id": "calls.billing_account_id",
        "price_catalog": "calls.catalog",
        "price_catalog_version": "calls.catalog_version",
        "cost_reason": "case when calls.input_usd is null then 'no_price' end",
        "cost_status": "'estimated'",
        "estimated_cost_usd": "cost_usd::decimal(38, 12)",
        "allocated_cost_usd": "cost_usd::decimal(38, 12)",
        "duration_ms": "datediff('millisecond', calls.started_at, calls.ended_at)",
        "is_generating": "calls.operation_name = 'chat'",
    }
    columns = [f"{worked_out.get(name, f'calls.{name}')} as {name}" for name in wanted]
    unknown = [name for name in wanted if name not in given and name not in worked_out]
    if unknown:
        raise SystemExit(f"no value for {', '.join(unknown)}")
    connection.execute(
        f"""
        create temp table one_price as
        select
            provider_name, model_id, any_value(catalog) as catalog, any_value(catalog_version) as catalog_version,
            max(price_usd_per_unit) filter (where token_class = 'uncached_input') as input_usd,
            max(price_usd_per_unit) filter (where token_class = 'output') as output_usd
        from staging.stg_price_catalog__prices
        where valid_from <= date '{FIRST_DAY}' and (valid_to is null or valid_to > date '{FIRST_DAY}')
        group by all
        """
    )
    seconds = _timed(
        connection,
        f"""
        create table least as
        select {", ".join(columns)}
        from (
            select
                calls.*, prices.* exclude (provider_name, model_id),
                (uncached_input_tokens * input_usd + output_tokens * output_usd) / 1000000 as cost_usd
            from read_parquet('{calls}') as calls
            left join one_price as prices using (provider_name, model_id)
        ) as calls
        """,
    )
    if connection.execute("select count(*) from least").fetchone()[0] != count:
        raise SystemExit("the least has other rows than there are calls")
    return seconds


if __name__ == "__main__":
    main()
