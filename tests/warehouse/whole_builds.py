"""A build as the pipeline makes it, over hand-made raw tables: both phases of dbt, with the analyses between them."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from ai_finops.build import analyse
from ai_finops.build.candidate import find_build
from ai_finops.config import Settings
from ai_finops.pricing.held_prices import write_periods
from ai_finops.pricing.price_ledger import PricePeriod
from ai_finops.pricing.price_table import FOREVER
from tests.warehouse.tiny_lake import make_raw, run_dbt


def make_whole_build(settings: Settings, *, as_of_date: str, **raw: Any) -> dict[str, str]:
    """Make a build that is ready for its audit; `raw` are arguments of `make_raw`. Returns what `prepare` would."""
    build_id = f"000001-{as_of_date}-0123abcd"
    folder = settings.builds / build_id
    folder.mkdir(parents=True)
    make_raw(folder / "warehouse.duckdb", **raw)
    record = {
        "build_id": build_id,
        "as_of_date": as_of_date,
        "built_at": f"{as_of_date}T08:00:00+00:00",
        "inputs_sha256": "0123abcd" * 8,
        "project_version": "0.1.0",
        "dbt_version": "1.11.16",
        "duckdb_version": duckdb.__version__,
    }
    write_periods(folder, [PricePeriod(FOREVER, None, "0.2.3-0123abcd.parquet")])
    (folder / "build.json").write_text(json.dumps(record))
    build = find_build(settings, build_id)
    for phase in ("phase_1", "phase_2"):
        built = run_dbt(
            folder / "warehouse.duckdb",
            "build",
            f"--select=tag:{phase}",
            "--exclude-resource-type=unit_test",
            as_of_date=as_of_date,
        )
        assert built.returncode == 0, built.stdout[-4000:] + built.stderr
        if phase == "phase_1":
            analyse(settings=settings, build=build)
    return build
