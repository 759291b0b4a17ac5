"""Compare the content of two published builds, leaving out what is about the run itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.errors import PublishError
from ai_finops.publish.run_columns import RUN_COLUMNS
from ai_finops.publish.write import table_names

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a mart of the second build is not that of the first."""

    mart: str
    what: str

    def __str__(self) -> str:
        return f"{self.mart}: {self.what}"


def compare_builds(first: Path, second: Path) -> list[Difference]:
    """Compare two folders of published builds, row by row and type by type, `RUN_COLUMNS` left out.

    Returns:
        Differences by mart, in order; none when the content is the same.
    Raises:
        PublishError: One of them cannot be opened.
    """
    import duckdb

    from ai_finops.build.raw_views import open_warehouse

    if first.resolve() == second.resolve():
        return []
    with open_warehouse(":memory:") as connection:
        for name, folder in (("a", first), ("b", second)):
            path = str(folder / "marts.duckdb").replace("'", "''")
            try:
                connection.execute(f"attach '{path}' as {name} (read_only)")
            except duckdb.Error as error:
                raise PublishError(f"{folder} is not a published build: {str(error).splitlines()[0]}") from error
        in_a, in_b = (set(table_names(connection, database=name)) for name in ("a", "b"))
        missing = [Difference(mart, "only in the first build") for mart in in_a - in_b]
        added = [Difference(mart, "only in the second build") for mart in in_b - in_a]
        shared = [found for mart in in_a & in_b if (found := _compare(connection, mart)) is not None]
    return sorted([*missing, *added, *shared], key=str)


def _compare(connection: duckdb.DuckDBPyConnection, mart: str) -> Difference | None:
    columns_a, columns_b = (_columns(connection, mart, database=name) for name in ("a", "b"))
    if columns_a != columns_b:
        odd = sorted(set(columns_a.items()) ^ set(columns_b.items()))
        return Difference(mart, f"columns differ in {', '.join(sorted({name for name, _ in odd}))}")
    listed = ", ".join(f'"{name}"' for name in columns_a)
    first, second = (f'select {listed} from {name}."{mart}"' for name in ("a", "b"))  # noqa: S608 - our own names
    lost_count, lost = _except(connection, first, second)
    gained_count, gained = _except(connection, second, first)
    if not lost_count and not gained_count:
        return None
    where, example = ("first", lost) if lost_count else ("second", gained)
    values = ", ".join(f"{name}={value}" for name, value in zip(columns_a, example, strict=True))
    counts = f"{lost_count} rows only in the first build, {gained_count} only in the second"
    return Difference(mart, f"{counts}; one of the {where}: {values}")


def _columns(connection: duckdb.DuckDBPyConnection, mart: str, *, database: str) -> dict[str, str]:
    rows = connection.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_catalog = ? and table_schema = 'main' and table_name = ? order by ordinal_position",
        [database, mart],
    ).fetchall()
    return {name: kind for name, kind in rows if name not in RUN_COLUMNS.get(mart, ())}


def _except(connection: duckdb.DuckDBPyConnection, kept: str, removed: str) -> tuple[int, tuple]:
    """Return how many rows `kept` has that `removed` has not, and the first of them."""
    query = f"select count(*) over (), * from (({kept}) except all ({removed})) order by all limit 1"  # noqa: S608 - as above
    row = connection.execute(query).fetchone()
    return (row[0], row[1:]) if row else (0, ())
