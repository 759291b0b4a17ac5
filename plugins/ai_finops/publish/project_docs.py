"""dbt's documentation of the project that made the published build, as one page beside it: `published/dbt_docs/index.html`.

The page is dbt's own, with the manifest and a catalog of the candidate's warehouse written into it as
`dbt docs generate --static` does; made here of what the build has left behind, it takes no dbt process, and none of the
warehouse but its columns. It is made again when code, seeds or packages are others. It asks no other host for anything:
dbt's page would load a tracker where the manifest allows usage statistics, so this one never does.
"""

from __future__ import annotations

import json
import logging
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

from ai_finops.errors import BuildError
from ai_finops.lake_files import sync

logger = logging.getLogger(__name__)

# The places that dbt keeps free in its page.
_MANIFEST, _CATALOG = '"MANIFEST.JSON INLINE DATA"', '"CATALOG.JSON INLINE DATA"'
_FAILURES = (OSError, ValueError, KeyError, TypeError, AttributeError)


def write_project_docs(candidate: Path, *, code: str, published: Path) -> bool:
    """Write the page of the project that `candidate` was built with, whole or not at all; return whether it was written.

    Args:
        candidate: The folder of a build: its manifest and its warehouse, which is only read.
        code: Hash of the code that made it. The page says of which it is, and one of the same stays as it is.
        published: Where readers look; the page lies in its folder `dbt_docs`.

    A page that cannot be made is a line in the log and stops nothing; the one before it stays.
    """
    import duckdb

    place = published / "dbt_docs"
    manifest = candidate / "dbt" / "phase_1" / "target" / "manifest.json"
    if not manifest.is_file() or (code and _code_of(place) == code):
        return False
    try:
        project = _read(manifest)
        page = render(project, catalog=read_catalog(candidate / "warehouse.duckdb", manifest=project))
        _replace(place, page=page, code=code)
    except (*_FAILURES, BuildError, duckdb.Error) as error:
        logger.warning(
            "dbt's documentation of %s could not be made: %r; the one before it stays", candidate.name, error
        )
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def _code_of(place: Path) -> str | None:
    try:
        return _read(place / "made_of.json")["code_sha256"]
    except _FAILURES:
        return None


def render(manifest: dict[str, Any], *, catalog: dict[str, Any]) -> str:
    """Return dbt's page with both written into it.

    Raises:
        ValueError: dbt's page has not the places for them; it is another dbt than this was written for.
    """
    page = _dbt_page().read_text()
    if _MANIFEST not in page or _CATALOG not in page:
        raise ValueError("dbt's page has no place for a manifest or a catalog")
    silent = manifest["metadata"] | {"send_anonymous_usage_stats": False, "user_id": None}
    return page.replace(_MANIFEST, _in_script(manifest | {"metadata": silent})).replace(_CATALOG, _in_script(catalog))


def _dbt_page() -> Path:
    """Find dbt's page without importing dbt, which keeps much in globals of a process."""
    spec = find_spec("dbt")
    places = [
        Path(place) / "task" / "docs" / "index.html" for place in (spec and spec.submodule_search_locations) or ()
    ]
    page = next((place for place in places if place.is_file()), None)
    if page is None:
        raise ValueError("dbt has no page for documentation")
    return page


def _in_script(value: dict[str, Any]) -> str:
    """Return JSON that ends no script element, whatever texts are in it."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).replace("</", "<\\/").replace("<!--", "<\\u0021--")


def read_catalog(warehouse: Path, *, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return dbt's catalog of the tables and views that a warehouse has of a manifest's nodes: their columns and types."""
    from ai_finops.build.raw_views import open_warehouse

    with open_warehouse(warehouse, read_only=True) as connection:
        rows = connection.execute(
            "select schema_name, table_name, column_name, column_index, data_type from duckdb_columns() "
            "where not internal order by all"
        ).fetchall()
        views = set(
            connection.execute("select schema_name, view_name from duckdb_views() where not internal").fetchall()
        )
    columns: dict[tuple[str, str], dict[str, Any]] = {}
    for schema, table, name, index, of in rows:
        columns.setdefault((schema, table), {})[name] = {"type": of, "index": index, "name": name, "comment": None}
    return {
        "metadata": manifest["metadata"],
        "nodes": _entries(manifest["nodes"], columns=columns, views=views),
        "sources": _entries(manifest["sources"], columns=columns, views=views),
        "errors": None,
    }


def _entries(
    nodes: dict[str, dict], *, columns: dict[tuple[str, str], dict[str, Any]], views: set[tuple[str, str]]
) -> dict[str, Any]:
    entries = {}
    for key, node in nodes.items():
        place = (node.get("schema") or "", node.get("identifier") or node.get("alias") or node["name"])
        if place in columns:
            about = {
                "type": "VIEW" if place in views else "BASE TABLE",
                "schema": place[0],
                "name": place[1],
                "database": node.get("database"),
                "comment": None,
                "owner": None,
            }
            entries[key] = {"unique_id": key, "metadata": about, "columns": columns[place], "stats": {}}
    return entries


def _replace(place: Path, *, page: str, code: str) -> None:
    """Put the page and what it is made of into place; a reader finds the old page or the new one."""
    place.mkdir(parents=True, exist_ok=True)
    for left_over in place.glob(".writing-*"):  # of a process that was killed: the caller holds the lock
        shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
    for name, text in (("index.html", page), ("made_of.json", json.dumps({"code_sha256": code}) + "\n")):
        draft = place / f".writing-{uuid4().hex}"
        draft.write_text(text)
        sync(draft)
        draft.replace(place / name)
    sync(place)
