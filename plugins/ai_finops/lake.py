"""The raw lake: where landed partitions lie, which version of each is current, and how each landing day ended.

    <root>/data/<source>/<key>/v000002-1f3a9c04/<table>.parquet
                                               /partition.json     names the files, their rows and their SHA-256
    <root>/outcomes/<source>/<landing date>.json                   the day's latest outcome
    <root>/empty/<source>/<table>-<hash>.parquet                   no rows, the table's schema
    <root>/prices/                                                 price tables as used (pricing/price_ledger.py)
    <root>/locks/<source>/<key>.lock                               held while a version is written

A version is made in a hidden folder beside its place, `partition.json` last, and then renamed into place in one step: killed
at any moment, the current version is the old one or the new one, whole. Versions never change once they are visible, so
readers take no lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.errors import LakeError
from ai_finops.lake_files import as_lake_error, file_sha256, parquet_bytes, replace_file, sync
from ai_finops.lake_schemas import tables_of

KEY = re.compile(r"\d{4}-\d{2}(-\d{2})?")
VERSION = re.compile(r"v(\d{6})-[0-9a-f]{8}")
STATUSES = ("loaded", "empty", "missing", "failed", "expired")


@dataclass(frozen=True, slots=True)
class PartitionVersion:
    """One visible version of one partition."""

    source: str
    key: str
    number: int
    path: Path
    content_sha256: str
    row_counts: dict[str, int]
    """Rows by table name."""
    schemas: dict[str, str | None]
    """The schema that each table was written with, as `schema_id` names it; None where that was not noted yet."""

    def file(self, table: str) -> Path:
        """Return the Parquet file of `table`."""
        return self.path / f"{table}.parquet"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the landing of one source and day ended; counts are records, and read is the sum of the other four."""

    source: str
    landing_date: date
    status: str
    """Of the latest attempt: loaded · empty (asked and got nothing) · missing (nothing there to ask) · failed, or expired (past
    the source's retention): `error` says why; counts and partitions are those of the landing before, whose content is still
    current"""
    as_of_date: date
    extracted_at: datetime
    read_count: int = 0
    loaded_count: int = 0
    ignored_count: int = 0
    quarantined_count: int = 0
    duplicate_count: int = 0
    bytes_read: int = 0
    api_call_count: int = 0
    partitions: tuple[str, ...] = ()
    """Keys of the partitions that this landing wrote or found unchanged."""
    error: str | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise LakeError(f"outcome status {self.status!r} is not one of {', '.join(STATUSES)}")
        parts = self.loaded_count + self.ignored_count + self.quarantined_count + self.duplicate_count
        if self.read_count != parts:
            raise LakeError(
                f"{self.source} {self.landing_date}: {self.read_count} records were read but "
                f"{parts} are accounted for; nothing was recorded"
            )

    @property
    def has_content(self) -> bool:
        """Whether the source really gave something for the day, be it before an attempt that failed."""
        return self.status == "loaded" or self.loaded_count > 0

    def to_json(self) -> str:
        """Return the outcome as JSON with sorted keys."""
        plain = asdict(self) | {name: getattr(self, name).isoformat() for name in _TIMES}
        return json.dumps(plain, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Outcome:
        """Read what `to_json` wrote."""
        plain = json.loads(text)
        plain |= {name: read(plain[name]) for name, read in _TIMES.items()}
        return cls(**plain | {"partitions": tuple(plain["partitions"])})


_TIMES = {
    "landing_date": date.fromisoformat,
    "as_of_date": date.fromisoformat,
    "extracted_at": datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake below `root`; making one touches nothing."""

    root: Path

    def write_partition(
        self, source: str, key: str, *, tables: Mapping[str, pa.Table | Path], ignoring: Collection[str] = ()
    ) -> PartitionVersion:
        """Make `tables` the current version of a partition, all of them at once.

        Args:
            source: A source of `lake_schemas`.
            key: `YYYY-MM-DD` or `YYYY-MM`.
            tables: Every table of the source: rows in a fixed order, or a Parquet file already written, which is moved.
            ignoring: Columns that say when a row was landed and not what it says; a table that differs in nothing else
                is the same content.
        Returns:
            The current version, which is the one before when the content is the same.
        Raises:
            LakeError: A table is missing, unknown or has another schema; or the disk refuses. The old version stays.
        """
        _check_tables(source, key, tables)
        home = self._partition_home(source, key)
        with as_lake_error(f"write {source} {key} into {home}"), self._locked(source, key):
            home.mkdir(parents=True, exist_ok=True)
            for left_over in home.glob(".writing-*"):  # of a process that was killed: we hold the lock
                shutil.rmtree(left_over)
            draft = home / f".writing-{uuid4().hex}"
            draft.mkdir()
            try:
                return self._publish(source, key, draft, _fill(source, draft, tables, set(ignoring)))
            finally:
                shutil.rmtree(draft, ignore_errors=True)

    def current(self, source: str) -> dict[str, PartitionVersion]:
        """Return the current version of every partition of `source` by key, in key order."""
        versions = {key: self.current_version(source, key) for key in self.keys(source)}
        return {key: version for key, version in versions.items() if version is not None}

    def keys(self, source: str) -> list[str]:
        """Return the keys of the partitions of `source` that somebody began to write, in order."""
        return sorted(path.name for path in (self.root / "data" / source).glob("*") if KEY.fullmatch(path.name))

    def current_version(self, source: str, key: str) -> PartitionVersion | None:
        """Return the newest whole version of one partition, or None when there is none."""
        complete = [path for path in _version_paths(self._partition_home(source, key)) if _manifest(path).exists()]
        return _read_version(complete[-1]) if complete else None

    def require_whole(self, version: PartitionVersion) -> None:
        """Hold the files of a version against the hashes in its `partition.json`.

        Raises:
            LakeError: One is not what was landed, or cannot be read; the message names it and says what to do.
        """
        remedy = (
            f"restore it from a backup, or remove {version.path} and land {version.source} {version.key} again while the source "
            "still keeps it"
        )
        with as_lake_error(f"read {version.path}", then=remedy):
            tables = json.loads(_manifest(version.path).read_text())["tables"]
            hashes = {
                each["file"]: (each["sha256"], file_sha256(version.path / each["file"])) for each in tables.values()
            }
        for name, (landed, found) in hashes.items():
            if landed != found:
                raise LakeError(
                    f"{version.path / name} is not what was landed: its SHA-256 is {found} and partition.json says {landed}; {remedy}"
                )

    def remove_partition(self, source: str, key: str) -> None:
        """Remove a partition with all its versions; none is left that a reader could find. One that is not there is fine.

        Raises:
            LakeError: The disk refuses.
        """
        home = self._partition_home(source, key)
        with as_lake_error(f"remove {home}", then="some of it may be left"), self._locked(source, key):
            if home.exists():
                shutil.rmtree(home)

    @contextmanager
    def held(self, family: str) -> Iterator[None]:
        """Wait for, then hold, what several processes read and write together; partitions can be written meanwhile.

        Raises:
            LakeError: The disk refuses.
        """
        with ExitStack() as stack:
            with as_lake_error(f"hold {family} in {self.root}"):
                stack.enter_context(self._locked(family, "family"))
            yield

    def files(self, source: str, table: str) -> list[Path]:
        """Return the current Parquet files of a table; the first has no rows and the schema, so a scan never fails."""
        return [self.empty_file(source, table), *(v.file(table) for v in self.current(source).values())]

    def record_outcome(self, outcome: Outcome) -> None:
        """Replace the recorded outcome of the day."""
        path = self._outcome_path(outcome.source, outcome.landing_date)
        with as_lake_error(f"record the outcome {path}"):
            replace_file(path, outcome.to_json().encode())

    def outcome(self, source: str, day: date) -> Outcome | None:
        """Return the latest outcome of one source and landing day, or None when there is none.

        Raises:
            LakeError: It cannot be read; the message names the file.
        """
        path = self._outcome_path(source, day)
        return _read_outcome(path) if path.exists() else None

    def outcomes(self) -> list[Outcome]:
        """Return the latest outcome of every source and landing day, in that order.

        Raises:
            LakeError: One cannot be read; the message names the file.
        """
        return [_read_outcome(path) for path in sorted((self.root / "outcomes").glob("*/*.json"))]

    @property
    def prices(self) -> Path:
        """The price tables that builds used, and the ledger of which days each of them prices."""
        return self.root / "prices"

    @property
    def closed(self) -> Path:
        """What closed periods were when they closed, and the ledger of them."""
        return self.root / "closed"

    def days(self, source: str) -> list[date]:
        """Return the landing days of `source` that have an outcome, whatever it is, in order."""
        return sorted(date.fromisoformat(p.stem) for p in (self.root / "outcomes" / source).glob("*.json"))

    def _publish(self, source: str, key: str, draft: Path, contents: dict[str, dict]) -> PartitionVersion:
        content = hashlib.sha256("".join(t["content_sha256"] for t in contents.values()).encode()).hexdigest()
        current = self.current_version(source, key)
        if current is not None and current.content_sha256 == content:
            return current
        home = self._partition_home(source, key)
        number = max((_number(path) for path in _version_paths(home)), default=0) + 1
        record = {"source": source, "key": key, "number": number, "content_sha256": content, "tables": contents}
        replace_file(_manifest(draft), (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
        place = home / f"v{number:06d}-{content[:8]}"
        draft.rename(place)
        sync(home)
        return _read_version(place)

    def empty_file(self, source: str, table: str) -> Path:
        """Return a file with the table's schema and no rows, made where it is not there yet.

        Raises:
            LakeError: The lake has no such table, or it cannot be written.
        """
        try:
            schema = tables_of(source)[table]
        except KeyError:
            raise LakeError(f"the lake has no table {source}/{table}; lake_schemas.py lists them") from None
        path = self.root / "empty" / source / f"{table}-{schema_id(schema)}.parquet"
        if not path.exists():
            with as_lake_error(f"write {path}"):
                replace_file(path, parquet_bytes(schema.empty_table()))
        return path

    def _outcome_path(self, source: str, day: date) -> Path:
        return self.root / "outcomes" / source / f"{day}.json"

    def _partition_home(self, source: str, key: str) -> Path:
        return self.root / "data" / source / key

    @contextmanager
    def _locked(self, source: str, key: str) -> Iterator[None]:
        """Wait for, then hold, the partition's lock; the system gives it back when the holder dies."""
        path = self.root / "locks" / source / f"{key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def schema_id(schema: pa.Schema) -> str:
    """Return a short name that is the same for the same columns, and another one for others."""
    return hashlib.sha256(str(schema).encode()).hexdigest()[:8]


def _check_tables(source: str, key: str, tables: Mapping[str, pa.Table | Path]) -> None:
    expected = tables_of(source)
    if not KEY.fullmatch(key):
        raise LakeError(f"partition key {key!r} of {source} is not YYYY-MM-DD or YYYY-MM")
    if set(tables) != set(expected):
        raise LakeError(f"{source} {key} needs the tables {sorted(expected)}, got {sorted(tables)}")
    for name, table in tables.items():
        columns = _columns(pq.read_schema(table) if isinstance(table, Path) else table.schema)
        if columns != (wanted := _columns(expected[name])):
            differing = sorted(set(columns) ^ set(wanted)) or "the order"
            raise LakeError(f"{source}/{name} of {key} does not have the lake's columns; what differs: {differing}")


def _columns(schema: pa.Schema) -> list[str]:
    """Names and types; whether a column may be null is no part of it, since writers say so by the rows they saw."""
    return [f"{field.name} {_type_name(field.type)}" for field in schema]


def _type_name(kind: pa.DataType) -> str:
    """A type in words; a map that was read from a file is printed with its column's name, which is no part of its type."""
    return f"map<{kind.key_type}, {kind.item_type}>" if pa.types.is_map(kind) else str(kind)


def _fill(source: str, draft: Path, tables: Mapping[str, pa.Table | Path], ignoring: set[str]) -> dict[str, dict]:
    """Put each table's file into `draft`; return what `partition.json` says of each."""
    contents, schemas = {}, tables_of(source)
    for name in sorted(tables):
        table, path = tables[name], draft / f"{name}.parquet"
        if isinstance(table, Path):
            shutil.move(table, path)
        else:
            path.write_bytes(parquet_bytes(table))
        sync(path)
        sha256 = file_sha256(path)
        contents[name] = {
            "file": path.name,
            "row_count": pq.read_metadata(path).num_rows,
            "schema": schema_id(schemas[name]),
            "sha256": sha256,
            "content_sha256": sha256,
        }
        ignored = ignoring & set(pq.read_schema(path).names)
        if ignored:
            rest = pq.read_table(path, partitioning=None).drop_columns(sorted(ignored))
            contents[name]["content_sha256"] = hashlib.sha256(parquet_bytes(rest)).hexdigest()
    return contents


def _read_outcome(path: Path) -> Outcome:
    try:
        return Outcome.from_json(path.read_text())
    except (OSError, ValueError, KeyError, TypeError, LakeError) as error:
        raise LakeError(
            f"could not read the outcome {path} ({error}); remove the file and land {path.parent.name} {path.stem} again"
        ) from error


def _read_version(path: Path) -> PartitionVersion:
    with as_lake_error(f"read {_manifest(path)}", then=f"remove {path} and land {path.parent.name} again"):
        record = json.loads(_manifest(path).read_text())
        return PartitionVersion(
            source=record["source"],
            key=record["key"],
            number=record["number"],
            path=path,
            content_sha256=record["content_sha256"],
            row_counts={name: table["row_count"] for name, table in record["tables"].items()},
            schemas={name: table.get("schema") for name, table in record["tables"].items()},
        )


def _manifest(version: Path) -> Path:
    return version / "partition.json"


def _version_paths(home: Path) -> list[Path]:
    return sorted((path for path in home.glob("v*") if VERSION.fullmatch(path.name)), key=_number)


def _number(version: Path) -> int:
    return int(VERSION.fullmatch(version.name)[1])
