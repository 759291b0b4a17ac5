"""Published builds of four marts and dim_builds, made in a moment: files as `publish` writes them, without a candidate."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from ai_finops.build.raw_views import open_warehouse
from ai_finops.config import Settings

MARTS_KEPT = ("fct_llm_calls", "fct_daily_feature_costs", "fct_daily_metrics", "fct_cost_drivers", "dim_builds")


def make_template(published: Path, *, folder: Path) -> Path:
    """Copy a few marts of a published build into a file of their own, which is small; return it."""
    small = folder / "marts.duckdb"
    with open_warehouse(small) as marts:
        marts.execute(f"attach '{published / 'marts.duckdb'}' as published (read_only)")
        tables = "select table_name, sql from duckdb_tables() where database_name = 'published'"
        for name, statement in marts.execute(tables).fetchall():
            if name in MARTS_KEPT:
                marts.execute(statement)
                marts.execute(f"insert into {name} from published.{name}")
        marts.execute("detach published")
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
