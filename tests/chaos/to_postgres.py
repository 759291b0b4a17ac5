"""SIGKILL while the marts are brought into PostgreSQL: at its statements and its commit; then again, and all rows are there."""

from __future__ import annotations

from collections.abc import Iterator

from ai_finops.publish.current import read_published_record, require_current
from tests.chaos.after_publishing import Deed, each_point
from tests.chaos.lab import Case, Lab
from tests.publish.postgres_cluster import WRITER, Cluster, airflow_connection, cluster

DATABASE = "marts"


def to_postgres(lab: Lab, *, most: int = 12) -> Iterator[Case]:
    """Bringing it all, killed at each of its points."""
    with cluster() as server:
        deed = Deed(
            "PostgreSQL", ("publish", "--to", "postgres"), lambda _: _empty(server), lambda _: _state(lab, server)
        )
        connection = airflow_connection(server, DATABASE)
        environment = {"AI_FINOPS_POSTGRES_CONNECTION": "marts_db", "AIRFLOW_CONN_MARTS_DB": connection}
        server.make_database(DATABASE)
        yield from each_point(lab, deed, most=most, **environment)


def _empty(server: Cluster) -> None:
    server.empty(DATABASE)


def _state(lab: Lab, server: Cluster) -> dict:
    """Which marts have another number of rows there than the published build; all whole is said as well."""
    wanted = read_published_record(require_current(lab.settings))["row_counts"]
    schema, counted = lab.settings.postgres_schema, {}
    with server.connect(DATABASE, user=WRITER) as connection:
        for name in wanted:
            counted[name] = connection.execute(f'select count(*) from "{schema}"."{name}"').fetchone()[0]
    return {name: count for name, count in counted.items() if count != wanted[name]} or {"whole": len(wanted)}
