"""The earlier build whose warehouse a new one begins as a copy of, so that only what has changed since is made again.

Only a build of the same code, dbt project, seeds and package versions, that priced the days it holds by the same price tables,
and that was made to its end, is taken; any other change makes a build from nothing. The copy is taken of a file that
nobody writes, since the caller holds the lock, and is held against its seal. Why and how:
docs/decisions/0010-builds-start-from-the-last.md
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.build.inputs import file_hashes, project_files
from ai_finops.build.seal import copy_sealed, is_sealed
from ai_finops.errors import BuildError
from ai_finops.pricing.held_prices import read_periods
from ai_finops.pricing.price_ledger import PricePeriod, merged, until

if TYPE_CHECKING:
    import duckdb

    from ai_finops.build.inputs import Inputs

logger = logging.getLogger(__name__)
_PACKAGE = Path(__file__).parents[1]
_PACKAGES = ("ai-finops", "dbt-core", "dbt-duckdb", "duckdb")

_TABLES = """
create schema if not exists raw;
create table raw.lake_partitions (source varchar, partition_key varchar, content_sha256 varchar);
create table raw.changed_partitions (source varchar, partition_key varchar);
create table raw.gone_traces (trace_key varchar, response_id varchar, request_id varchar, usage_date date);
create table raw.previous_days (
    usage_date date, names_checksum hugeint, bill_checksum hugeint, accounts_checksum hugeint, has_batch boolean
);
"""
_CHANGED_PARTITIONS = """
insert into raw.changed_partitions
select coalesce(now.source, before.source), coalesce(now.partition_key, before.partition_key)
from raw.lake_partitions as now
full join before on now.source = before.source and now.partition_key = before.partition_key
where now.content_sha256 is distinct from before.content_sha256
"""
_GONE_TRACES = """
insert into raw.gone_traces
select traces.trace_key, traces.response_id, traces.request_id, traces.usage_date
from intermediate.int_landed_traces_indexed as traces
inner join raw.changed_partitions as changed
    on traces.source = changed.source and traces.landing_date = try_cast(changed.partition_key as date)
"""
_PREVIOUS_DAYS = """
insert into raw.previous_days
select usage_date, names_checksum, bill_checksum, accounts_checksum, has_batch from intermediate.int_days_compared
"""


@dataclass(frozen=True, slots=True)
class Base:
    """A build to begin as a copy of."""

    folder: Path
    as_of_date: date

    @property
    def warehouse(self) -> Path:
        """Its DuckDB file."""
        return self.folder / "warehouse.duckdb"


def code_sha256(dbt_project: Path) -> str:
    """Hash what makes rows out of the lake: this package, the dbt project with its seeds, and the packages that run it."""
    parts = {
        "packages": {name: version(name) for name in _PACKAGES},
        "package": file_hashes(sorted(_PACKAGE.rglob("*.py")), root=_PACKAGE),
        "dbt_project": file_hashes(project_files(dbt_project), root=dbt_project),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def find_base(folders: Sequence[Path], *, code: str, inputs: Inputs) -> tuple[Base | None, str]:
    """Return the newest of the builds that a build of `inputs` may begin as, and in words why this one or none.

    Args:
        folders: Prepared builds, oldest first.
        code: What `code_sha256` says now.
        inputs: What the new build reads.
    """
    from ai_finops.build.candidate import read_record

    why_not = "there is no earlier build"
    for folder in reversed(folders):
        try:
            record = read_record(folder)
        except BuildError as error:
            why_not = f"what {folder.name} says of itself cannot be read"
            logger.warning("passed over as what a build begins as: %s", error)
            continue
        as_of = date.fromisoformat(record.as_of_date)
        if record.code_sha256 != code:
            why_not = f"code, seeds or package versions are not those of {folder.name}"
        elif as_of > inputs.as_of_date:
            why_not = f"{folder.name} holds days that the lake no longer has"
        elif not _prices_alike(read_periods(folder)[0], inputs.price_periods, before=as_of):
            why_not = f"{folder.name} priced its days by other price tables"
        elif not _has_ended(folder / "warehouse.duckdb"):
            why_not = f"{folder.name} has not ended well"
        else:
            return Base(folder, as_of), f"what has changed since {folder.name}"
    return None, f"all of it: {why_not}"


def _prices_alike(one: Sequence[PricePeriod], other: Sequence[PricePeriod], *, before: date) -> bool:
    return merged(until(one, before)) == merged(until(other, before))


def _has_ended(warehouse: Path) -> bool:
    """Whether the warehouse was sealed, and dbt noted in it that its phase 1 was made whole (macros/ended_phases.sql)."""
    from ai_finops.build.raw_views import open_warehouse

    # A log beside the file is what a process that was killed left; a copy of the file alone would not have it.
    if not warehouse.exists() or not is_sealed(warehouse) or warehouse.with_name(f"{warehouse.name}.wal").exists():
        return False
    try:
        with open_warehouse(warehouse, read_only=True) as connection:
            tables = "select count(*) from information_schema.tables where table_schema = 'raw' and table_name = ?"
            if connection.execute(tables, ["ended_phases"]).fetchone() == (0,):
                return False
            rows = connection.execute("select count(*) from raw.ended_phases where phase = 'phase_1'").fetchone()
    except BuildError:  # damaged, or held by somebody
        return False
    return rows[0] > 0


def copy_base(folders: Sequence[Path], *, code: str, inputs: Inputs, place: Path) -> tuple[Base | None, str]:
    """Copy the warehouse of the build that `find_base` finds to `place`; one that is damaged is passed over for an earlier one.

    Raises:
        OSError: The disk refuses.
    """
    earlier, damaged = list(folders), []
    while True:
        base, why = find_base(earlier, code=code, inputs=inputs)
        if base is None or copy_sealed(base.warehouse, place=place):
            return base, "; ".join([why, *damaged])
        logger.warning("%s is not what its build left and is passed over; remove %s", base.warehouse, base.folder)
        damaged.append(f"{base.folder.name} is damaged")
        earlier = earlier[: earlier.index(base.folder)]


def begin(connection: duckdb.DuckDBPyConnection, *, inputs: Inputs, base: Base | None) -> None:
    """Make the tables of schema `raw` that say what this build is made of, and what has changed since the one it begins as.

    `raw.lake_partitions` holds the content of each partition that is read; `raw.changed_partitions` those that are new, gone or
    of other content; `raw.gone_traces` what the traces of these were; `raw.previous_days` the checksums of each day. All
    but the first are empty in a build from nothing. They stay as they are while the build is made, so that a phase that was
    killed can be made again. Of a copied warehouse, the views of the earlier build and its marts of phase 2 are dropped.
    """
    from ai_finops.build.marts import marts_of

    if base:
        connection.execute("create temp table before as select * from raw.lake_partitions")
        connection.execute("drop schema raw cascade")
        for mart in marts_of("phase_2"):
            connection.execute(f"drop table if exists marts.{mart.name}")
    connection.execute(_TABLES)
    partitions = [each for of_source in inputs.partitions.values() for each in of_source]
    if partitions:
        rows = [[each.source, each.key, each.content_sha256] for each in partitions]
        connection.executemany("insert into raw.lake_partitions values (?, ?, ?)", rows)
    if base:
        for statement in (_CHANGED_PARTITIONS, _GONE_TRACES, _PREVIOUS_DAYS):
            connection.execute(statement)
        connection.execute("drop table before")
