"""Where the shards of a landing write what they read, and where its end finds it: in the lake's own place.

    <lake>/shards/<source>/<day>/<plan>/plan.json            what is divided, and how; written last of a plan
                                       /000/objects.parquet  the shard's objects
                                       /000/<try>/…          what one attempt at the shard read
                                       /000/read.json        names the attempt that counts, and its files; written last

Nothing of it is a partition: no build looks at it. A plan has a name of its own, which goes from task to task, so what an
earlier plan of the same day left can be mistaken for nothing; what an attempt left that was killed is named by no `read.json`.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path, PurePosixPath
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from ai_finops.api_calls import ApiCalls
from ai_finops.errors import LakeError
from ai_finops.extract.s3_objects import S3Object
from ai_finops.lake import Lake
from ai_finops.lake_files import as_lake_error, file_sha256, parquet_bytes
from ai_finops.lake_store import LakeObject

HOME = "shards"
ABANDONED_DAYS = 1
"""A plan that was made more than so many days before another's date is nobody's any more."""
_OBJECTS = pa.schema([("object_key", pa.string()), ("byte_count", pa.int64())])
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """How a day's objects are divided, and what all its shards have to have in common."""

    plan_id: str
    source: str
    day: date
    run: str
    """The run that divides them; a later plan of the same run takes its place."""
    asked_on: date
    """The date on which the objects were listed."""
    bucket: str
    keeps_content: bool
    seal_mark: str
    """Of the secret by which users are sealed."""
    reader: str
    """Of the code that reads spans: only what the same code read can be put together."""
    shard_count: int
    api_calls: tuple[ApiCalls, ...]
    seconds: float

    @property
    def home(self) -> str:
        """Its place in the lake."""
        return f"{_day_home(self.source, self.day)}/{self.plan_id}"


@dataclass(frozen=True, slots=True)
class ShardRead:
    """What one shard read: the attempt that counts."""

    attempt: str
    checksums: dict[str, str]
    """SHA-256 by file; a file without rows is not there."""
    api_calls: tuple[ApiCalls, ...]
    seconds: float
    object_count: int
    span_count: int


def write_plan(lake: Lake, plan: ShardPlan, shards: Sequence[Sequence[S3Object]]) -> None:
    """Write a plan with the objects of each shard, and remove earlier plans of its run and what was abandoned.

    Raises:
        LakeError: The lake cannot be written.
    """
    _drop_earlier(lake, plan)
    with as_lake_error(f"write {lake.store.address(plan.home)}"):
        for number, objects in enumerate(shards):
            rows = {"object_key": [each.key for each in objects], "byte_count": [each.size for each in objects]}
            data = parquet_bytes(pa.table(rows, schema=_OBJECTS))
            lake.store.replace(f"{_shard_home(plan, number)}/objects.parquet", data)
        lake.store.replace(f"{plan.home}/plan.json", _json(plan))


def read_plan(lake: Lake, source: str, day: date, plan_id: str) -> ShardPlan:
    """Return a plan.

    Raises:
        LakeError: It is not there any more, or cannot be read.
    """
    key = f"{_day_home(source, day)}/{plan_id}/plan.json"
    said = json.loads(
        _read(lake, key, missing=f"the plan of {source} {day} is gone; clear its plan task to divide it again")
    )
    calls = tuple(ApiCalls(**each) for each in said["api_calls"])
    dates = {name: date.fromisoformat(said[name]) for name in ("day", "asked_on")}
    return ShardPlan(**said | dates | {"api_calls": calls})


def read_objects(lake: Lake, plan: ShardPlan, number: int) -> list[S3Object]:
    """Return the objects of a shard, in the order in which they are read."""
    key = f"{_shard_home(plan, number)}/objects.parquet"
    rows = pq.read_table(io.BytesIO(_read(lake, key, missing=f"there is no shard {number} in plan {plan.plan_id}")))
    return [S3Object(key, size) for key, size in zip(*(column.to_pylist() for column in rows.columns), strict=True)]


def write_shard(lake: Lake, plan: ShardPlan, number: int, *, files: Mapping[str, Path], read: ShardRead) -> ShardRead:
    """Keep the files of an attempt, which are moved, and then say that it counts.

    Raises:
        LakeError: The plan is gone, or the lake cannot be written.
    """
    read_plan(lake, plan.source, plan.day, plan.plan_id)
    home = _shard_home(plan, number)
    with as_lake_error(f"write {lake.store.address(home)}"):
        checksums = {name: file_sha256(path) for name, path in files.items()}
        for name, path in files.items():
            lake.store.put(f"{home}/{read.attempt}/{name}", path)
        read = ShardRead(**{name: getattr(read, name) for name in ShardRead.__slots__} | {"checksums": checksums})
        lake.store.replace(f"{home}/read.json", _json(read))
    return read


def shard_read(lake: Lake, plan: ShardPlan, number: int) -> ShardRead | None:
    """Return what a shard read; None while no attempt at it has come to its end."""
    try:
        said = json.loads(lake.store.read(f"{_shard_home(plan, number)}/read.json"))
    except FileNotFoundError:
        return None
    return ShardRead(**said | {"api_calls": tuple(ApiCalls(**each) for each in said["api_calls"])})


def shard_file(lake: Lake, plan: ShardPlan, number: int, *, read: ShardRead, name: str) -> Path | None:
    """Return a file of a shard on this machine; None where it had no rows.

    Raises:
        LakeError: It cannot be read, or is not what was written.
    """
    if name not in read.checksums:
        return None
    key = f"{_shard_home(plan, number)}/{read.attempt}/{name}"
    with as_lake_error(f"read {lake.store.address(key)}", then="clear the plan task of the day to divide it again"):
        path = lake.store.file(LakeObject(key, sha256=read.checksums[name]))
        if file_sha256(path) != read.checksums[name]:
            raise ValueError("its SHA-256 is not that of what the shard wrote")
    return path


def remove_plan(lake: Lake, source: str, day: date, plan_id: str) -> None:
    """Remove a plan with all that its shards wrote; what cannot be removed now is by a later plan."""
    _drop(lake, f"{_day_home(source, day)}/{plan_id}")


def remove_all(lake: Lake) -> int:
    """Remove what is there of all plans; return of how many. Tasks that are at work on one fail.

    Raises:
        LakeError: The lake refuses.
    """
    homes = _plan_homes(lake)
    with as_lake_error(f"remove {lake.store.address(HOME)}", then="some of it may be left"):
        for home in homes:
            lake.store.remove(home)
    return len(homes)


def new_name() -> str:
    """Return a name that nothing else has."""
    return uuid4().hex


def _drop_earlier(lake: Lake, plan: ShardPlan) -> None:
    """Remove the plans that nobody goes on with; one without `plan.json` was never ended, or is being removed."""
    for home in _plan_homes(lake):
        _, source, day, plan_id = PurePosixPath(home).parts
        try:
            found = read_plan(lake, source, date.fromisoformat(day), plan_id)
        except (LakeError, ValueError, TypeError, KeyError):
            found = None
        is_of_run = found and (found.source, found.day, found.run) == (plan.source, plan.day, plan.run)
        is_abandoned = found and found.asked_on < plan.asked_on - timedelta(days=ABANDONED_DAYS)
        if found is None or is_of_run or is_abandoned:
            _drop(lake, home)


def _plan_homes(lake: Lake) -> list[str]:
    store = lake.store
    homes = [HOME]
    for _ in ("source", "day", "plan"):
        homes = [f"{home}/{name}" for home in homes for name in store.names(home)]
    return homes


def _drop(lake: Lake, home: str) -> None:
    try:
        with as_lake_error(f"remove {lake.store.address(home)}", then="a later landing will"):
            lake.store.remove(home)
    except LakeError as error:
        logger.warning("%s", error)


def _read(lake: Lake, key: str, *, missing: str) -> bytes:
    try:
        with as_lake_error(f"read {lake.store.address(key)}", then=missing):
            return lake.store.read(key)
    except LakeError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise LakeError(f"{lake.store.address(key)} is not there: {missing}") from error
        raise


def _json(said: ShardPlan | ShardRead) -> bytes:
    return (json.dumps(asdict(said), indent=1, sort_keys=True, default=str) + "\n").encode()


def _day_home(source: str, day: date) -> str:
    return f"{HOME}/{source}/{day}"


def _shard_home(plan: ShardPlan, number: int) -> str:
    return f"{plan.home}/{number:03d}"
