"""A candidate build: its folder, its number, and what is written down about it.

<builds>/000012-2025-06-16-1f3a9c04/build.json         written last: without it the folder is left over from a crash; says
                                                       what is made again, and since which build (build/base.py)
                                   /raw_files.json     lake files by table of schema raw
                                   /issued.json        lake files of what was issued before (build/issued.py)
                                   /prices.json        which price table prices which days (pricing/held_prices.py)
                                   /warehouse.duckdb   schema raw from here, the others from dbt
                                   /dbt/ phase_1/ analysis/ stations/ audit.json
"""

from __future__ import annotations

import json
import re
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.build.base import Base, begin, code_sha256, copy_base
from ai_finops.build.lock import one_writer
from ai_finops.build.stations import note
from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError, BuildError
from ai_finops.lake_files import replace_file
from ai_finops.pricing.held_prices import write_periods

if TYPE_CHECKING:
    from ai_finops.build.inputs import Inputs

KEPT_COUNT = 5
_BUILD_ID = re.compile(r"(\d{6})-(\d{4}-\d{2}-\d{2})-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """What is known of a build before it is built."""

    build_id: str
    as_of_date: str
    built_at: str
    """UTC; says when, decides nothing."""
    inputs_sha256: str
    project_version: str
    dbt_version: str
    duckdb_version: str
    code_sha256: str = ""
    """Of what makes rows out of the lake; a build of other code is no base for one of this."""
    built_on: str | None = None
    """The earlier build whose warehouse this one began as a copy of; None: it was made from nothing."""
    built_on_as_of_date: str | None = None
    is_built_because: str = ""
    """What is made again and why, in words."""


def prepare(
    *,
    settings: Settings,
    run_day: date | None = None,
    recosted_days: tuple[date, date] | None = None,
    closes_again: bool = False,
    is_full: bool = False,
) -> dict[str, str]:
    """Start a new candidate build over the lake as it is now.

    Args:
        settings: Where the lake and the builds are.
        run_day: The day that the build runs for, which must have been landed; None builds what is there.
        recosted_days: First and last usage day to price again, although they are held to the prices they were published with.
        closes_again: Whether closed months with such days are worked out anew, to be closed again as another version.
        is_full: Make everything from nothing, where it would do to make what has changed since an earlier build. The marts are
            the same.
    Returns:
        `build_id`, `build_dir`, `warehouse`, `as_of_date` and `built_on_as_of_date` ('' for a build from nothing) as
        text, ready for a task's return value.
    Raises:
        BuildError: The lake holds nothing, or not `run_day`, a day to price again is in a closed month, or DuckDB cannot write;
            no folder is left behind.
        LakeError: The ledger of prices or of closed periods, or what it names, cannot be read; or a file to be read is not what
            was landed.
    """
    import duckdb

    from ai_finops.build.inputs import read_inputs, require_whole_partitions
    from ai_finops.build.issued import write_kept
    from ai_finops.build.raw_views import make_raw_views, open_warehouse
    from ai_finops.lake import Lake

    lake = Lake(settings.lake)
    with one_writer(settings.builds, doing="preparing a build"):
        started = time.monotonic()
        inputs = read_inputs(
            lake, settings=settings, run_day=run_day, recosted_days=recosted_days, closes_again=closes_again
        )
        code = code_sha256(settings.dbt_project)
        number = _last_number(settings) + 1
        folder = settings.builds / f"{number:06d}-{inputs.as_of_date}-{inputs.sha256[:8]}"
        earlier = [] if is_full else candidates(settings)
        try:
            folder.mkdir(parents=True)
            base, why = copy_base(earlier, code=code, inputs=inputs, place=folder / "warehouse.duckdb")
            require_whole_partitions(lake, inputs, base=base and folder / "warehouse.duckdb")
            with open_warehouse(folder / "warehouse.duckdb") as connection:
                begin(connection, inputs=inputs, base=base)
                files = make_raw_views(connection, lake=lake, inputs=inputs)
            write_kept(folder, inputs.issued)
            write_periods(folder, inputs.price_periods, recosted_days=recosted_days)
            listed = {name: [str(file) for file in (*now, *older)] for name, (now, older) in files.items()}
            (folder / "raw_files.json").write_text(json.dumps(listed, indent=1) + "\n")
            record = _record(
                folder, inputs=inputs, code=code, base=base, why="all of it: asked for" if is_full else why
            )
            replace_file(folder / "build.json", (json.dumps(asdict(record), indent=1) + "\n").encode())
        except (duckdb.Error, OSError, AiFinopsError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, AiFinopsError):
                raise
            raise BuildError(f"could not prepare {folder}: {error}; is the path or the disk at fault?") from error
        _prune(settings)
        note(folder, "prepare_build", seconds=time.monotonic() - started)
    return describe(folder)


def _record(folder: Path, *, inputs: Inputs, code: str, base: Base | None, why: str) -> BuildRecord:
    return BuildRecord(
        build_id=folder.name,
        as_of_date=str(inputs.as_of_date),
        built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        inputs_sha256=inputs.sha256,
        project_version=version("ai-finops"),
        dbt_version=version("dbt-core"),
        duckdb_version=version("duckdb"),
        code_sha256=code,
        built_on=base.folder.name if base else None,
        built_on_as_of_date=str(base.as_of_date) if base else None,
        is_built_because=why,
    )


def describe(folder: Path) -> dict[str, str]:
    """Return the dict that the other steps of a build take.

    Raises:
        BuildError: The folder is not a prepared build.
    """
    record = read_record(folder)
    return {
        "build_id": record.build_id,
        "build_dir": str(folder),
        "warehouse": str(folder / "warehouse.duckdb"),
        "as_of_date": record.as_of_date,
        "built_on_as_of_date": record.built_on_as_of_date or "",
    }


def read_record(folder: Path) -> BuildRecord:
    """Read `build.json` of a build.

    Raises:
        BuildError: It is missing or damaged.
    """
    path = folder / "build.json"
    try:
        return BuildRecord(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise BuildError(f"{folder} is not a prepared build ({error}); make one with ai-finops build") from error


def find_build(settings: Settings, build_id: str | None = None) -> dict[str, str]:
    """Return the candidate build of that id, or the newest.

    Raises:
        BuildError: There is no such build; the message lists the newest ones.
    """
    known = candidates(settings)
    if build_id is None and known:
        return describe(known[-1])
    for folder in known:
        if folder.name == build_id:
            return describe(folder)
    newest = ", ".join(folder.name for folder in known[-3:]) or "none"
    wanted = f"no build {build_id}" if build_id else "no build"
    raise BuildError(f"{wanted} in {settings.builds} (newest: {newest}); make one with ai-finops build")


def candidates(settings: Settings) -> list[Path]:
    """Return the folders of prepared builds, oldest first."""
    return [folder for folder in _folders(settings.builds) if (folder / "build.json").exists()]


def as_of_date(build_id: str) -> date:
    """Return the day that a build is of, as its id says it."""
    return date.fromisoformat(_BUILD_ID.fullmatch(build_id)[2])


def drop_candidates(settings: Settings, *, but: str | None, since: date | None = None) -> int:
    """Remove every candidate, prepared or left over, except the one of that id; return how many. Hold the builds' lock.

    Args:
        since: Those that are of this day or a later one stay too.
    """
    folders = [folder for folder in _folders(settings.builds) if folder.name != but]
    dropped = [folder for folder in folders if since is None or as_of_date(folder.name) < since]
    for folder in dropped:
        shutil.rmtree(folder)
    return len(dropped)


def _folders(home: Path) -> list[Path]:
    return sorted(path for path in home.glob("*") if _BUILD_ID.fullmatch(path.name))


def _last_number(settings: Settings) -> int:
    """Return the highest number given to a build, published ones included, or 0."""
    folders = [*_folders(settings.builds), *_folders(settings.published / "builds")]
    return max((int(_BUILD_ID.fullmatch(folder.name)[1]) for folder in folders), default=0)


def _prune(settings: Settings) -> None:
    """Drop old candidates; what their audits found stays longer (quality/data_docs.py)."""
    for folder in _folders(settings.builds)[:-KEPT_COUNT]:
        shutil.rmtree(folder)
