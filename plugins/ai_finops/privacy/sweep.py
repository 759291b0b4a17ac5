"""Look for a name in everything in a folder: in what Parquet and DuckDB files hold, and in the bytes of all others."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb


def files_naming(home: Path, needles: Sequence[str], *, leaving_out: Path) -> list[Path]:
    """Return the files below `home` that hold one of the texts, in order; what lies below `leaving_out` is not looked at."""
    return [path for path in _files(home, leaving_out) if any(_names(path, needle) for needle in needles)]


def _files(home: Path, leaving_out: Path) -> Iterator[Path]:
    for path in sorted(home.rglob("*")):
        if path.is_file() and not path.is_symlink() and leaving_out not in path.parents:
            yield path


def _names(path: Path, needle: str) -> bool:
    if _is_in_bytes(path, needle.encode(errors="surrogatepass")):
        return True
    try:
        if path.suffix == ".parquet":
            with duckdb.connect() as connection:
                return _is_in_rows(connection, f"read_parquet({_text(path)}, hive_partitioning = false)", needle)
        if path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as connection:
                tables = connection.execute(
                    "select database_name, schema_name, table_name from duckdb_tables() where not internal"
                ).fetchall()
                named = (".".join(f'"{part}"' for part in table) for table in tables)
                return any(_is_in_rows(connection, table, needle) for table in named)
    except duckdb.Error:  # no whole file: nobody can read more out of it than its bytes
        return False
    return False


def _is_in_rows(connection: duckdb.DuckDBPyConnection, relation: str, needle: str) -> bool:
    columns = connection.execute(f"describe from {relation}").fetchall()
    tests = [
        f'contains("{name}"::varchar, $needle)' for name, kind, *_ in columns if "VARCHAR" in kind or kind == "JSON"
    ]
    if not tests:
        return False
    found = f"select 1 from {relation} where {' or '.join(tests)} limit 1"  # noqa: S608 - names that the file has
    return connection.execute(found, {"needle": needle}).fetchone() is not None


def _is_in_bytes(path: Path, needle: bytes) -> bool:
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(needle) >= 0


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
