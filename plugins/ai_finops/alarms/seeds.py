"""The rows of a dbt seed, for what reads it without dbt."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.errors import SettingsError


def seed_path(settings: Settings, name: str) -> Path:
    """Return the file of a seed of the configured dbt project."""
    return settings.dbt_project / "seeds" / f"{name}.csv"


def seed_rows(path: Path, *, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row, spaces around its values removed, with its place as messages name it.

    Raises:
        SettingsError: The file cannot be read, or lacks one of `columns`.
    """
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read ({error}); correct AI_FINOPS_DBT_PROJECT or the seed") from error
    for number, row in enumerate(rows, start=2):
        lacking = [column for column in columns if row.get(column) is None]
        if lacking:
            raise SettingsError(f"{path} line {number} has no {lacking[0]}; it needs {', '.join(columns)}")
        yield f"{path} line {number}", {column: row[column].strip() for column in columns}
