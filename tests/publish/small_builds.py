"""Published builds of four marts and dim_builds, made in a moment: files as `publish` writes them, without a candidate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ai_finops.build.raw_views import open_warehouse
from ai_finops.config import Settings

MARTS_KEPT = ("fct_llm_calls", "fct_daily_feature_costs", "fct_daily_metrics", "fct_cost_drivers", "dim_builds")


def make_template(published: Path, *, folder: Path) -> Path:
    """Copy the marts of a published build, all but a few dropped; return the file."""
    small = folder / "marts.duckdb"
    shutil.copy(published / "marts.duckdb", small)
    with open_warehouse(small) as marts:
        for (name,) in marts.execute("select table_name from duckdb_tables()").fetchall():
            if name not in MARTS_KEPT:
                marts.execute(f"drop table {name}")
    return small


def publish_small(template: Path, *statements: str, settings: Settings, number: int) -> Path:
    """Make a build of the template, changed by `statements`, the published one; return its folder."""
    build_id = f"{number:06d}-2025-06-11-0123abcd"
    folder = settings.published / "builds" / build_id
    folder.mkdir(parents=True)
    shutil.copy(template, folder / "marts.duckdb")
    with open_warehouse(folder / "marts.duckdb") as marts:
        for statement in (f"update dim_builds set build_id = '{build_id}'", *statements):
            marts.execute(statement)
    (folder / "build.json").write_text(json.dumps({"build_id": build_id}))
    link = settings.published / ".current-new"
    link.symlink_to(folder)
    link.replace(settings.published / "current")
    return folder
