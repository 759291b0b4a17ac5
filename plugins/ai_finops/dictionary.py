"""What the published marts hold, table by table and column by column, read from dbt's manifest.

The same words are the comments of the published files and `docs/data_dictionary.md`, which
`python -m ai_finops.dictionary docs/data_dictionary.md` writes (`make dictionary`).
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_finops.build.marts import MARTS
from ai_finops.config import Settings
from ai_finops.own_tables import OWN_TABLES

_MODEL = "model.ai_finops."
_HEAD = """\
# Data dictionary

Every table that a build publishes, with each of its columns. This file is made of the descriptions, contracts and tests of the
dbt project; `make dictionary` writes it, and a test fails where it differs. The same words are comments in the published
`marts.duckdb` (`duckdb_tables().comment`, `duckdb_columns().comment`) and key-value metadata of the Parquet files.

*Never NULL* and lists of values are held by the contract or a test of dbt. Types are the contract's: `string` is DuckDB's
`VARCHAR`.
"""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    data_type: str
    """As the dbt contract says it, such as `decimal(18, 6)`."""
    description: str
    """What it means, in which unit; one line."""
    is_required: bool = False
    """Whether it is never NULL."""
    is_unique: bool = False
    """Whether it is another in every row."""
    values: tuple[str, ...] = ()
    """The only values that it has; empty where any may stand."""


@dataclass(frozen=True, slots=True)
class Table:
    """One published table."""

    name: str
    description: str
    grain: tuple[str, ...]
    """Columns that together are different in every row."""
    group: str
    """dbt group whose owner answers for it."""
    owner: str
    """That owner, with an address."""
    access: str
    """`public`: made to be read by anybody."""
    readers: tuple[str, ...]
    """Labels of the exposures that read it."""
    columns: tuple[Column, ...]


def read_manifest(path: Path) -> dict[str, Any]:
    """Return dbt's `manifest.json`; raises OSError or ValueError where it cannot be read."""
    return json.loads(path.read_text())


def tables_of(manifest: Mapping[str, Any]) -> list[Table]:
    """Return the published tables in order of their names: the marts of a manifest, and what publishing adds itself.

    A mart that the manifest does not have is left out.
    """
    tests, readers = _tests_by_column(manifest), _readers_by_model(manifest)
    marts = [
        _mart(manifest["nodes"][_MODEL + name], manifest=manifest, tests=tests, readers=readers[_MODEL + name])
        for name in MARTS
        if _MODEL + name in manifest["nodes"]
    ]
    own = [_own(name, group=_group(manifest, "ai_cost_platform")) for name in OWN_TABLES]
    return sorted([*marts, *own], key=lambda table: table.name)


def _tests_by_column(manifest: Mapping[str, Any]) -> dict[tuple[str, str], dict[str, dict]]:
    """Return the arguments of the generic tests by model and column, and then by the test's name."""
    tests: dict[tuple[str, str], dict[str, dict]] = defaultdict(dict)
    for node in manifest["nodes"].values():
        if node["resource_type"] == "test" and node.get("attached_node") and node.get("column_name"):
            about = node["test_metadata"]
            tests[node["attached_node"], node["column_name"]][about["name"]] = about["kwargs"]
    return tests


def _readers_by_model(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    readers: dict[str, list[str]] = defaultdict(list)
    for exposure in manifest["exposures"].values():
        for node in exposure["depends_on"]["nodes"]:
            readers[node].append(exposure.get("label") or exposure["name"])
    return readers


def _group(manifest: Mapping[str, Any], name: str | None) -> tuple[str, str]:
    """Return a group's name and its owner in words; empty where there is none."""
    for group in manifest["groups"].values():
        if group["name"] == name:
            owner = group["owner"]
            return name or "", " ".join(filter(None, [owner.get("name"), owner.get("email") and f"<{owner['email']}>"]))
    return name or "", ""


def _mart(
    node: Mapping[str, Any],
    *,
    manifest: Mapping[str, Any],
    tests: Mapping[tuple[str, str], dict[str, dict]],
    readers: Iterable[str],
) -> Table:
    group, owner = _group(manifest, node.get("group"))
    columns = tuple(
        _column(column, tests=tests.get((node["unique_id"], column["name"]), {})) for column in node["columns"].values()
    )
    return Table(
        node["name"],
        _one_line(node["description"]),
        MARTS[node["name"]].grain,
        group,
        owner,
        str(node.get("access") or "protected"),
        tuple(sorted(readers)),
        columns,
    )


def _column(column: Mapping[str, Any], *, tests: Mapping[str, dict]) -> Column:
    constrained = {constraint["type"] for constraint in column.get("constraints") or ()}
    return Column(
        column["name"],
        column.get("data_type") or "",
        _one_line(column["description"]),
        is_required="not_null" in constrained or "not_null" in tests,
        is_unique="unique" in tests,
        values=tuple(map(str, tests.get("accepted_values", {}).get("values", ()))),
    )


def _own(name: str, *, group: tuple[str, str]) -> Table:
    table = OWN_TABLES[name]
    columns = tuple(
        Column(column, data_type, description, is_required=True, is_unique=table.grain == (column,))
        for column, data_type, description in table.columns
    )
    return Table(name, table.description, table.grain, *group, "public", (), columns)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def to_markdown(tables: Sequence[Table]) -> str:
    """Return the dictionary as a page of Markdown."""
    index = ["| Table | What it is | Owner |", "|---|---|---|"]
    index += [f"| [`{table.name}`](#{table.name}) | {_cell(table.description)} | {table.group} |" for table in tables]
    return "\n".join([_HEAD, *index, "", *(line for table in tables for line in _table_lines(table))]).rstrip() + "\n"


def _table_lines(table: Table) -> list[str]:
    facts = [f"One row per {', '.join(f'`{name}`' for name in table.grain)}.", f"Owner: {table.owner}."]
    if table.readers:
        facts.append(f"Read by: {', '.join(table.readers)}.")
    rows = [
        f"| `{column.name}` | {column.data_type} | {_cell(' '.join([column.description, *_facts(column)]))} |"
        for column in table.columns
    ]
    lines = [f"## {table.name}", "", table.description, "", " ".join(facts), ""]
    return [*lines, "| Column | Type | Meaning |", "|---|---|---|", *rows, ""]


def _facts(column: Column) -> list[str]:
    said = []
    if column.is_unique:
        said.append("*Unique.*")
    if column.is_required:
        said.append("*Never NULL.*")
    if column.values:
        said.append(f"*One of* {', '.join(f'`{value}`' for value in column.values)}.")
    return said


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: Sequence[str]) -> int:
    """Write the dictionary of the parsed dbt project to the file named; return the exit code."""
    manifest = Settings.from_env().dbt_project / "target" / "manifest.json"
    try:
        [place] = arguments
        text = to_markdown(tables_of(read_manifest(manifest)))
    except (OSError, ValueError) as error:
        print(f"usage: python -m ai_finops.dictionary FILE, after make manifest: {error}", file=sys.stderr)
        return 1
    Path(place).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
