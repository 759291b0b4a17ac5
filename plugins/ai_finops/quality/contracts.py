"""The types that the dbt contracts give to the columns of the marts, as DuckDB says them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ai_finops.config import Settings

_SAID_OTHERWISE = {"string": "varchar"}


def contract_types(project: Path | None = None) -> dict[str, dict[str, str]]:
    """Return type by column by mart, such as `DECIMAL(18,6)`, out of the `_…__models.yml` files of the marts.

    Args:
        project: The dbt project; None is the one of the settings.
    """
    return _read(project or Settings.from_env().dbt_project)


@cache
def _read(project: Path) -> dict[str, dict[str, str]]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # some ten times as fast, where PyYAML was built with it
    types = {}
    for file in sorted(project.glob("models/marts/**/*__models.yml")):
        for model in yaml.load(file.read_text(encoding="utf-8"), Loader=loader).get("models") or []:  # noqa: S506 - safe
            types[model["name"]] = {column["name"]: _in_duckdb(column["data_type"]) for column in model["columns"]}
    return types


def _in_duckdb(data_type: str) -> str:
    return _SAID_OTHERWISE.get(data_type, data_type).replace(" ", "").upper()
