"""What SQL says badly, between the two dbt phases: marts of phase 1 out as Parquet, analyses back as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.build.disk import disk_errors_named
from ai_finops.build.lock import one_writer
from ai_finops.build.marts import marts_of
from ai_finops.build.seal import break_seal
from ai_finops.build.stations import station
from ai_finops.config import Settings
from ai_finops.days import days_between
from ai_finops.errors import BuildError
from ai_finops.lake_schemas import ISSUED_TABLES

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from ai_finops.build.issued import KeptTable

# What the analyses read besides the marts: what people decided (seeds), prices, and what phase 1
# found out that is no mart.
_BESIDE_MARTS = {
    "days_covered": "select covered_date from intermediate.int_days_covered order by covered_date",
    "call_groups": "select * from intermediate.int_daily_call_groups_summed order by all",
    "anomaly_rules": "select * from seeds.anomaly_rules order by feature_id",
    "reporting_bounds": "select * from seeds.reporting_bounds order by bound_name",
    "cache_similarities": "select * from seeds.cache_similarities order by similarity",
    "features": "select * from seeds.features order by feature_id",
    "routing_targets": "select * from seeds.routing_targets order by task_type, target_model_id",
    "prices": "select * from raw.prices",
    "planned_features": "select * from seeds.planned_features order by feature_id, pipeline_id",
    "budgets": "select * from seeds.budgets order by feature_id, budget_month",
    "optimization_decisions": "select * from seeds.optimization_decisions order by decision_id",
    "comparisons": "select * from intermediate.int_shadow_comparisons_resolved order by made_date, trace_id, span_id",
    "task_types": "select * from seeds.task_types order by task_type",
    "cache_calibrations": "select * from seeds.cache_calibrations order by embedder_id, similarity",
    "lever_assumptions": "select * from seeds.lever_assumptions order by assumption_name, feature_id",
}


def analyse(*, settings: Settings, build: dict[str, str]) -> dict[str, int]:
    """Run the analyses on the marts of phase 1 and put their results before dbt as `raw.analysis_<name>`.

    Returns:
        Rows by analysis.
    Raises:
        BuildError: A mart of phase 1 or a seed is not in the warehouse; names it.
    """
    from ai_finops.build.issued import read_kept
    from ai_finops.build.raw_views import open_warehouse, view_parquet

    folder = Path(build["build_dir"])
    with (
        one_writer(settings.builds, doing=f"the analyses of {build['build_id']}"),
        station(folder, "analyse_costs") as analysing,
        disk_errors_named(f"write the analyses of {build['build_id']}"),
        open_warehouse(build["warehouse"]) as warehouse,
    ):
        break_seal(Path(build["warehouse"]))
        exported = _export(warehouse, folder=folder / "phase_1")
        # Queries first, because levers read what a cache could have done of them.
        for name, files in _measure_queries(warehouse, settings=settings, exported=exported, build=build).items():
            view_parquet(warehouse, f"analysis_{name}", files=files)
        kept = {name: read_kept(folder, name) for name in ISSUED_TABLES}
        results = _run(
            exported, warehouse=warehouse, settings=settings, as_of=date.fromisoformat(build["as_of_date"]), kept=kept
        )
        (folder / "analysis").mkdir(exist_ok=True)
        for name, table in results.items():
            _put(warehouse, name, table, folder=folder, kept=kept.get(name))
        counts = {name: table.num_rows for name, table in results.items()}
        analysing.row_count = sum(counts.values())
    return counts


def _export(warehouse: duckdb.DuckDBPyConnection, *, folder: Path) -> dict[str, Path]:
    """Write each input of the analyses as one Parquet file, rows in a fixed order."""
    import duckdb

    folder.mkdir(exist_ok=True)
    queries = {
        mart.name: f"select * from marts.{mart.name} order by {', '.join(mart.grain)}"  # noqa: S608 - names of our own
        for mart in marts_of("phase_1")
        # Calls are many: the analyses read sums of them (`savings_inputs`).
        if mart.name != "fct_llm_calls"
    }
    paths = {}
    for name, query in {**queries, **_BESIDE_MARTS}.items():
        paths[name] = folder / f"{name}.parquet"
        try:
            warehouse.sql(query).write_parquet(str(paths[name]), compression="zstd")
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise BuildError(f"the analyses need {name}, which phase 1 did not leave behind: {reason}") from error
    return paths


def _put(
    warehouse: duckdb.DuckDBPyConnection, name: str, table: pa.Table, *, folder: Path, kept: KeptTable | None
) -> None:
    """Write an analysis as Parquet and put it before dbt, with what is kept of it from earlier builds."""
    import pyarrow.parquet as pq

    from ai_finops.build.issued import view_issued
    from ai_finops.build.raw_views import view_parquet

    path = folder / "analysis" / f"{name}.parquet"
    pq.write_table(table, path, compression="zstd")
    if kept is None:
        view_parquet(warehouse, f"analysis_{name}", files=[path])
    else:
        view_issued(warehouse, name, made=path, kept=kept)


def _run(
    exported: Mapping[str, Path],
    *,
    warehouse: duckdb.DuckDBPyConnection,
    settings: Settings,
    as_of: date,
    kept: Mapping[str, KeptTable],
) -> dict[str, pa.Table]:
    """Run each analysis; every day after the first covered one is a date of issue, of which those that are kept stay as they
    are."""
    import pyarrow.parquet as pq

    from ai_finops.analyse import cost_baselines, drivers
    from ai_finops.analyse.anomaly_rules import AnomalyRules
    from ai_finops.analyse.forecast.choice import choices_by_feature
    from ai_finops.analyse.forecast.tables import backtests_table, errors_table
    from ai_finops.analyse.series import CostHistory
    from ai_finops.analyse.spend_days import read_days
    from ai_finops.build.backtest_days import backtest
    from ai_finops.build.finding_savings import issue_savings
    from ai_finops.build.projecting import issue_projections
    from ai_finops.lake import Lake

    tables = {name: pq.read_table(path, partitioning=None) for name, path in exported.items()}
    covered_days = tables["days_covered"]["covered_date"].to_pylist()
    dates = _dates_of_issue(covered_days, as_of=as_of)
    unknown_ratio = _bound(tables["reporting_bounds"], "largest_unknown_cost_ratio")
    history = CostHistory.from_table(
        tables["fct_daily_feature_costs"], covered_days=covered_days, largest_unknown_ratio=unknown_ratio
    )
    choices = choices_by_feature(backtest(history, lake=Lake(settings.lake), as_of=as_of))
    mondays = [day for day in dates if day.weekday() == 0 or day == as_of]
    days = read_days(tables["fct_daily_allocated_costs"], tables["call_groups"])
    judged = cost_baselines.judge_days(
        history,
        daily_costs=tables["fct_daily_feature_costs"],
        days=days,
        rules=AnomalyRules.from_table(tables["anomaly_rules"]),
        largest_unknown_ratio=unknown_ratio,
    )
    return {
        **issue_projections(
            tables,
            history,
            choices=choices,
            dates=kept["projections"].due(dates),
            as_of=as_of,
            covered_days=covered_days,
            largest_unknown_ratio=unknown_ratio,
            largest_missing_ratio=_bound(tables["reporting_bounds"], "largest_missing_day_ratio"),
        ),
        "projection_backtests": backtests_table(choices),
        "projection_errors": errors_table(choices, history=history, as_of_dates=mondays),
        "cost_drivers": drivers.split_weeks_of(days, largest_unknown_ratio=unknown_ratio),
        "daily_cost_baselines": judged.baselines,
        "cost_anomaly_drivers": judged.drivers,
        **issue_savings(
            tables,
            warehouse,
            dates=kept["savings"].due(dates),
            as_of=as_of,
            retention_days=settings.content_retention_days,
        ),
    }


def _measure_queries(
    warehouse: duckdb.DuckDBPyConnection, *, settings: Settings, exported: Mapping[str, Path], build: Mapping[str, str]
) -> dict[str, list[Path]]:
    """Measure what a cache could have answered and how queries drift, and return the lake's files of it by table."""
    import pyarrow.parquet as pq

    from ai_finops.analyse.queries import QueryRules
    from ai_finops.build.query_days import measure_queries
    from ai_finops.build.query_drifts import measure_drifts
    from ai_finops.lake import Lake

    bounds = pq.read_table(exported["reporting_bounds"], partitioning=None)
    similarities = pq.read_table(exported["cache_similarities"], partitioning=None)["similarity"].to_pylist()
    rules = QueryRules(
        similarities=tuple(sorted(map(float, similarities))),
        window_s=int(_bound(bounds, "cache_window_s")),
        asked_again_window_s=int(_bound(bounds, "asked_again_window_s")),
        asked_again_similarity=_bound(bounds, "asked_again_similarity"),
    )
    about = {
        "lake": Lake(settings.lake),
        "as_of": date.fromisoformat(build["as_of_date"]),
        "retention_days": settings.content_retention_days,
    }
    files = measure_queries(warehouse, rules=rules, **about)
    drifts = measure_drifts(warehouse, similarity=_bound(bounds, "drift_similarity"), **about)
    return files | {"query_drifts": drifts}


def _dates_of_issue(covered_days: Sequence[date], *, as_of: date) -> list[date]:
    days = [day for day in covered_days if day < as_of]
    return list(days_between(min(days) + timedelta(days=1), as_of)) if days else [as_of]


def _bound(bounds: pa.Table, name: str) -> float:
    """Return one bound of seed `reporting_bounds`.

    Raises:
        BuildError: The seed does not name it.
    """
    known = dict(zip(bounds["bound_name"].to_pylist(), bounds["bound"].to_pylist(), strict=True))
    if known.get(name) is None:
        raise BuildError(
            f"seed reporting_bounds names no {name}; add that row to dbt_project/seeds/reporting_bounds.csv"
        )
    return known[name]
