"""The raw lake: where landed partitions lie, which version of each is current, and how each landing day ended.

    <root>/data/<source>/<key>/v000002-1f3a9c04/<table>.parquet
                                               /partition.json     names the files, their rows and their SHA-256
    <root>/outcomes/<source>/<landing date>.json                   the day's latest outcome
    <root>/empty/<source>/<table>-<hash>.parquet                   no rows, the table's schema
    <root>/prices/                                                 price tables as used (pricing/price_ledger.py)
    <root>/runs/<last day>.json                    how long the stations of builds took (build/stations.py)
    <root>/purge.json                              on S3: what was removed last (lake_s3.py)
    <root>/shards/                                 what shards of a landing read, until it is joined (extract/shard_scratch.py)
    <root>/locks/<source>/<key>.lock                               held while a version is written

A version is made in a hidden folder beside its place, `partition.json` last, and then renamed into place in one step: killed
at any moment, the current version is the old one or the new one, whole. Versions never change once they are visible, so
readers take no lock.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.api_calls import ApiCalls
from ai_finops.errors import LakeError, LakeUnavailable
from ai_finops.lake_files import as_lake_error, file_sha256, parquet_bytes, replace_file, sync
from ai_finops.lake_folder import FolderStore
from ai_finops.lake_place import LakeOnS3
from ai_finops.lake_schemas import tables_of
from ai_finops.lake_store import Hold, LakeFolder, LakeObject, LakeStore

KEY = re.compile(r"\d{4}-\d{2}(-\d{2})?")
VERSION = re.compile(r"v(\d{6})-[0-9a-f]{8}")
MANIFEST = "partition.json"
STATUSES = ("loaded", "empty", "missing", "failed", "expired")


@dataclass(frozen=True, slots=True)
class PartitionVersion:
    """One visible version of one partition."""

    source: str
    key: str
    number: int
    path: Path
    """The folder of this machine that its files are read in."""
    content_sha256: str
    row_counts: dict[str, int]
    """Rows by table name."""
    schemas: dict[str, str | None]
    """The schema that each table was written with, as `schema_id` names it; None where that was not noted yet."""
    checksums: dict[str, str] = field(repr=False)
    """SHA-256 of the file of each table."""
    place: VersionPlace = field(repr=False, compare=False)

    def file(self, table: str) -> Path:
        """Return the Parquet file of `table`.

        Raises:
            LakeError: It is not on this machine and cannot be fetched.
        """
        wanted = self.object(table)
        with as_lake_error(f"read {self.place.store.address(wanted.key)}", then="was it removed meanwhile? Try again"):
            return self.place.store.file(wanted)

    def object(self, table: str) -> LakeObject:
        """Return what of the lake the file of `table` is."""
        return LakeObject(f"{self.place.key}/{table}.parquet", self.place.stamp, self.checksums.get(table))


@dataclass(frozen=True, slots=True)
class VersionPlace:
    """Where a version lies."""

    store: LakeStore
    key: str
    stamp: str
    """Of its `partition.json`, which names the rest."""


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
    api_calls: tuple[ApiCalls, ...] = ()
    """The calls by operation; those of an earlier release are not told apart."""
    landing_seconds: float | None = None
    """How long the landing took by the clock; None where nobody measured. Says how it ran, decides nothing."""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise LakeError(f"outcome status {self.status!r} is not one of {', '.join(STATUSES)}")
        parts = self.loaded_count + self.ignored_count + self.quarantined_count + self.duplicate_count
        if self.read_count != parts:
            raise LakeError(
                f"{self.source} {self.landing_date}: {self.read_count} records were read but "
                f"{parts} are accounted for; nothing was recorded"
            )
        told = sum(each.call_count for each in self.api_calls)
        if self.api_calls and told != self.api_call_count:
            raise LakeError(
                f"{self.source} {self.landing_date}: {self.api_call_count} API calls were made but {told} are told by "
                "operation; nothing was recorded"
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
        calls = tuple(ApiCalls(**each) for each in plain.get("api_calls", ()))
        return cls(**plain | {"partitions": tuple(plain["partitions"]), "api_calls": calls})


_TIMES = {
    "landing_date": date.fromisoformat,
    "as_of_date": date.fromisoformat,
    "extracted_at": datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Lake:
    """The lake below `root`; making one touches nothing."""

    root: Path | LakeOnS3

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
        store, home = self.store, _home(source, key)
        doing = f"write {source} {key} into {store.address(home)}"
        with as_lake_error(doing), self._locked(source, key) as hold, store.draft(home) as draft:
            return self._publish(source, key, draft, _fill(source, draft, tables, set(ignoring)), hold=hold)

    def current(self, source: str) -> dict[str, PartitionVersion]:
        """Return the current version of every partition of `source` by key, in key order."""
        newest = {_key_of(found): (found, stamp) for found, stamp in _complete(self.store, f"data/{source}/*")}
        wanted = dict(newest[key] for key in sorted(newest) if KEY.fullmatch(key))
        self.store.prepare(wanted)
        return {_key_of(found): _read_version(self.store, found, stamp) for found, stamp in wanted.items()}

    def keys(self, source: str) -> list[str]:
        """Return the keys of the partitions of `source` that somebody began to write, in order."""
        return [name for name in self.store.names(f"data/{source}") if KEY.fullmatch(name)]

    def current_version(self, source: str, key: str) -> PartitionVersion | None:
        """Return the newest whole version of one partition, or None when there is none."""
        complete = _complete(self.store, _home(source, key))
        return _read_version(self.store, *complete[-1]) if complete else None

    def remove_partition(self, source: str, key: str) -> None:
        """Remove a partition with all its versions; none is left that a reader could find. One that is not there is fine.

        Raises:
            LakeError: The disk refuses.
        """
        home = _home(source, key)
        doing = f"remove {self.store.address(home)}"
        with as_lake_error(doing, then="some of it may be left"), self._locked(source, key):
            self.store.remove(home)

    def remove_old_versions(self, source: str, key: str) -> int:
        """Remove all versions of a partition but the current one, and what a crash left; return how many.

        Raises:
            LakeError: The disk refuses.
        """
        home = _home(source, key)
        doing = f"remove old versions in {self.store.address(home)}"
        with as_lake_error(doing, then="some may be left"), self._locked(source, key):
            current = self.current_version(source, key)
            places = [f"{home}/{name}" for name in self.store.names(home)]
            old = [place for place in places if current is None or place != current.place.key]
            for place in old:
                self.store.remove(place)
        return len(old)

    def purge_copies(self) -> None:
        """Have every machine drop its copies of versions that were removed, at its next look at the lake.

        Raises:
            LakeError: The lake refuses.
        """
        with as_lake_error(f"tell other machines of what was removed from {self.root}"):
            self.store.purge_copies()

    def require_whole(self, version: PartitionVersion) -> None:
        """Hold the files of a version against the hashes in its `partition.json`.

        Raises:
            LakeError: One is not what was landed, or cannot be read; the message names it and says what to do.
        """
        remedy = (
            f"restore it from a backup, or remove {self.store.address(version.place.key)} and land {version.source} "
            f"{version.key} again while the source still keeps it"
        )
        for table, landed in version.checksums.items():
            address = self.store.address(version.object(table).key)
            with as_lake_error(f"read {address}", then=remedy):
                found = file_sha256(version.file(table))
            if found != landed:
                raise LakeError(
                    f"{address} is not what was landed: its SHA-256 is {found} and {MANIFEST} says {landed}; {remedy}"
                )

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
        versions = self.current(source).values()
        self.fetch(versions, table=table)
        return [self.empty_file(source, table), *(version.file(table) for version in versions)]

    def addresses(self, source: str, table: str) -> list[str]:
        """Return where the current files of a table lie, for a reader of its own: paths, or URIs of objects."""
        return [self.store.address(version.object(table).key) for version in self.current(source).values()]

    def fetch(self, versions: Iterable[PartitionVersion], *, table: str | None = None) -> None:
        """Bring the files of versions to this machine, several at a time: all of them, or those of one table.

        Raises:
            LakeError: One cannot be read.
        """
        wanted = [each.object(name) for each in versions for name in ([table] if table else each.row_counts)]
        with as_lake_error(f"read {self.root}", then="was something removed meanwhile? Try again"):
            self.store.fetch(wanted)

    def record_outcome(self, outcome: Outcome) -> None:
        """Replace the recorded outcome of the day."""
        key = _outcome_key(outcome.source, outcome.landing_date)
        with as_lake_error(f"record the outcome {self.store.address(key)}"):
            self.store.replace(key, outcome.to_json().encode())

    def record_first_outcome(self, outcome: Outcome) -> bool:
        """Record an outcome unless the day has one, be it written at this very moment; return whether this one is it now."""
        key = _outcome_key(outcome.source, outcome.landing_date)
        with as_lake_error(f"record the outcome {self.store.address(key)}"):
            return self.store.create(key, outcome.to_json().encode())

    def outcome(self, source: str, day: date) -> Outcome | None:
        """Return the latest outcome of one source and landing day, or None when there is none.

        Raises:
            LakeError: It cannot be read; the message names the file.
        """
        key = _outcome_key(source, day)
        return next((_read_outcome(self.store, *found) for found in self.store.find(key).items()), None)

    def outcomes(self) -> list[Outcome]:
        """Return the latest outcome of every source and landing day, in that order.

        Raises:
            LakeError: One cannot be read; the message names the file.
        """
        found = self.store.find("outcomes/*/*.json")
        self.store.prepare(found)
        return [_read_outcome(self.store, key, stamp) for key, stamp in found.items()]

    @property
    def prices(self) -> LakeFolder:
        """The price tables that builds used, and the ledger of which days each of them prices."""
        return LakeFolder(self.store, "prices")

    @property
    def closed(self) -> LakeFolder:
        """What closed periods were when they closed, and the ledger of them."""
        return LakeFolder(self.store, "closed")

    @property
    def runs(self) -> LakeFolder:
        """How long the stations of published builds took, by the last day that each build held."""
        return LakeFolder(self.store, "runs")

    def days(self, source: str) -> list[date]:
        """Return the landing days of `source` that have an outcome, whatever it is, in order."""
        found = self.store.find(f"outcomes/{source}/*.json")
        return sorted(date.fromisoformat(PurePosixPath(key).stem) for key in found)

    @property
    def store(self) -> LakeStore:
        """The place where the lake lies."""
        if isinstance(self.root, LakeOnS3):
            from ai_finops.lake_s3 import S3Store

            return S3Store(self.root)
        return FolderStore(self.root)

    def _publish(
        self, source: str, key: str, draft: Path, contents: dict[str, dict], *, hold: Hold
    ) -> PartitionVersion:
        content = hashlib.sha256("".join(t["content_sha256"] for t in contents.values()).encode()).hexdigest()
        current = self.current_version(source, key)
        if current is not None and current.content_sha256 == content:
            return current
        store, home = self.store, _home(source, key)
        number = max((_number(name) for name in store.names(home) if VERSION.fullmatch(name)), default=0) + 1
        number = store.claim(home, number=number)
        record = {"source": source, "key": key, "number": number, "content_sha256": content, "tables": contents}
        replace_file(draft / MANIFEST, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
        place = f"{home}/v{number:06d}-{content[:8]}"
        return _version(record, VersionPlace(store, place, store.show(draft, place, last=MANIFEST, hold=hold)))

    def empty_file(self, source: str, table: str) -> Path:
        """Return a file with the table's schema and no rows, made where it is not there yet.

        Raises:
            LakeError: The lake has no such table, or it cannot be written.
        """
        try:
            schema = tables_of(source)[table]
        except KeyError:
            raise LakeError(f"the lake has no table {source}/{table}; lake_schemas.py lists them") from None
        name = f"{source}/{table}-{schema_id(schema)}.parquet"
        with as_lake_error(f"write an empty {name}"):
            return self.store.empty_file(name, schema=schema)

    def _locked(self, source: str, key: str) -> AbstractContextManager[Hold]:
        """Wait for, then hold, the partition's lock; it is given back when the holder dies."""
        return self.store.hold(f"locks/{source}/{key}.lock")


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


def _home(source: str, key: str) -> str:
    return f"data/{source}/{key}"


def _outcome_key(source: str, day: date) -> str:
    return f"outcomes/{source}/{day}.json"


def _read_outcome(store: LakeStore, key: str, stamp: str) -> Outcome:
    path = PurePosixPath(key)
    try:
        return Outcome.from_json(store.read(key, stamp=stamp).decode())
    except LakeUnavailable:
        raise
    except (OSError, ValueError, KeyError, TypeError, LakeError) as error:
        raise LakeError(
            f"could not read the outcome {store.address(key)} ({error}); "
            f"remove the file and land {path.parent.name} {path.stem} again"
        ) from error


def _complete(store: LakeStore, homes: str) -> list[tuple[str, str]]:
    """Return key and stamp of the `partition.json` of every whole version, the oldest of a partition first."""
    found = store.find(f"{homes}/v*/{MANIFEST}").items()
    return sorted(
        ((key, stamp) for key, stamp in found if VERSION.fullmatch(PurePosixPath(key).parent.name)),
        key=lambda each: (_key_of(each[0]), _number(PurePosixPath(each[0]).parent.name)),
    )


def _key_of(manifest: str) -> str:
    return PurePosixPath(manifest).parts[-3]


def _read_version(store: LakeStore, manifest: str, stamp: str) -> PartitionVersion:
    path = PurePosixPath(manifest)
    address, then = store.address(manifest), f"remove {store.address(str(path.parent))} and land {path.parts[-3]} again"
    with as_lake_error(f"read {address}", then=then):
        record = json.loads(store.read(manifest, stamp=stamp))
        return _version(record, VersionPlace(store, str(path.parent), stamp))


def _version(record: dict, place: VersionPlace) -> PartitionVersion:
    return PartitionVersion(
        source=record["source"],
        key=record["key"],
        number=record["number"],
        path=place.store.folder(place.key, stamp=place.stamp),
        content_sha256=record["content_sha256"],
        row_counts={name: table["row_count"] for name, table in record["tables"].items()},
        schemas={name: table.get("schema") for name, table in record["tables"].items()},
        checksums={name: table["sha256"] for name, table in record["tables"].items()},
        place=place,
    )


def _number(version: str) -> int:
    return int(VERSION.fullmatch(version)[1])
