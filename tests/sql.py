"""One query on a DuckDB of its own: DuckDB's shared default connection would carry one test's open result into the next."""

import duckdb


def rows(query: str, *values: object) -> list[tuple]:
    """Return all rows of a query, `?` and `$1` filled from `values`."""
    with duckdb.connect() as connection:
        return connection.execute(query, list(values)).fetchall()
