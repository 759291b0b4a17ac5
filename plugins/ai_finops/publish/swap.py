"""Publish: write a new build beside the old ones, then move one symlink. Killed at any moment, readers see one whole build."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path
from uuid import uuid4

from ai_finops.build.candidate import KEPT_COUNT, BuildRecord, as_of_date, read_record
from ai_finops.build.lock import one_writer
from ai_finops.build.stations import keep_runs, write_note
from ai_finops.closing.closed_ledger import ClosedLedger
from ai_finops.closing.closing import plan_closings, record_closings
from ai_finops.config import Settings
from ai_finops.errors import OlderBuild, PublishError
from ai_finops.lake import Lake
from ai_finops.lake_files import file_sha256, sync
from ai_finops.pricing.held_prices import hold_prices
from ai_finops.publish.current import current_build, damaged_files, published_builds, read_published_record
from ai_finops.publish.describe import descriptions_for
from ai_finops.publish.project_docs import write_project_docs
from ai_finops.publish.write import write_marts
from ai_finops.quality.verdict import require_passed


def publish(*, settings: Settings, build: dict[str, str]) -> dict[str, object]:
    """Make a build whose audit passed the one that readers read; again for the current one changes nothing,
    unless its files were damaged, which are then written again.

    Args:
        settings: Where builds and published marts are.
        build: What `prepare` returned.
    Returns:
        `build_id`, `path`, `as_of_date`, `row_counts` by mart, and `new_days`: the landing days, `YYYY-MM-DD`, recorded
        by every enabled source, that the build published before it did not hold.
    Raises:
        OlderBuild: A build that was prepared later is published already.
        PublishError: The audit has not passed on this content, days are held to other
            prices or periods were closed by now, or the disk refuses; what was published stays.
        LakeError: The ledger of prices or of closed periods cannot be read or written.
    """
    import duckdb

    candidate = Path(build["build_dir"])
    with one_writer(settings.builds, doing=f"publishing {build['build_id']}"):
        started = time.monotonic()
        require_passed(build)
        try:
            closed = _plan_closings(candidate, settings=settings)
            place = _make_whole(candidate, settings=settings, closed=closed)
            _point_to(place, candidate=candidate, settings=settings, closed=closed, started=started)
        except (OSError, duckdb.Error) as error:
            raise PublishError(
                f"could not publish {build['build_id']} into {settings.published}: {error}; "
                "what was published before is still there"
            ) from error
        _prune(settings)
        write_project_docs(candidate, code=read_record(candidate).code_sha256, published=settings.published)
    record = read_published_record(place)
    names = ("build_id", "as_of_date", "new_days", "row_counts")
    return {"path": str(place), **{name: record[name] for name in names}}


def _plan_closings(candidate: Path, *, settings: Settings) -> ClosedLedger:
    from ai_finops.build.raw_views import open_warehouse

    warehouse = candidate / "warehouse.duckdb"
    with open_warehouse(warehouse, read_only=True) as connection:
        return plan_closings(
            connection, database=warehouse.stem, build_id=candidate.name, folder=Lake(settings.lake).closed
        )


def _make_whole(candidate: Path, *, settings: Settings, closed: ClosedLedger) -> Path:
    """Write the build's files in a hidden folder and rename it into place when all of them are on the disk."""
    home = settings.published / "builds"
    place = home / candidate.name
    if place.exists() and _is_whole(place):
        return place
    home.mkdir(parents=True, exist_ok=True)
    for left_over in home.glob(".writing-*"):  # of a process that was killed: we hold the lock
        shutil.rmtree(left_over)
    draft = home / f".writing-{uuid4().hex}"
    draft.mkdir()
    try:
        record = read_record(candidate)
        described = descriptions_for(candidate, dbt_project=settings.dbt_project)
        counts = write_marts(
            candidate / "warehouse.duckdb", folder=draft, record=record, closed=closed, described=described
        )
        description = asdict(record) | {"row_counts": counts} | _days(candidate, record=record, settings=settings)
        description["sha256"] = {file.name: file_sha256(file) for file in sorted(draft.iterdir())}
        (draft / "build.json").write_text(json.dumps(description, indent=1) + "\n")
        for file in (*draft.iterdir(), draft):
            sync(file)
        if place.exists():  # damaged: it is put right by being made again
            place.rename(home / f".writing-{place.name}")
        draft.rename(place)
        sync(home)
        shutil.rmtree(home / f".writing-{place.name}", ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place


def _is_whole(place: Path) -> bool:
    """Whether the files of a published build are those that were written; of one of an earlier release that is not known."""
    try:
        return not damaged_files(place)
    except PublishError:
        return False


def _days(candidate: Path, *, record: BuildRecord, settings: Settings) -> dict[str, list[str]]:
    """Return the landing days that the build holds and, of these, the ones that are new with it.

    A day on which no source gave anything lies past the build's clock: it is not held, so that the build which has it, once
    the sources are mended, announces it.
    """
    from ai_finops.build.raw_views import open_warehouse

    with open_warehouse(candidate / "warehouse.duckdb", read_only=True) as warehouse:
        rows = warehouse.execute(
            "select landing_date from raw.extract_outcomes where landing_date < ? group by landing_date "
            "having count(distinct source) = ? order by landing_date",
            [record.as_of_date, len(settings.sources)],
        ).fetchall()
    days = [str(day) for (day,) in rows]
    before = _published_before(record, settings=settings)
    held = set(read_published_record(before)["days"]) if before else set()
    return {"days": days, "new_days": [day for day in days if day not in held]}


def _published_before(record: BuildRecord, *, settings: Settings) -> Path | None:
    """Return the build that readers had before this one, also where this one is written again because it was damaged."""
    current = current_build(settings)
    if current is None or current.name != record.build_id:
        return current
    older = [folder for folder in published_builds(settings) if folder.name < record.build_id]
    return older[-1] if older else None


def _point_to(place: Path, *, candidate: Path, settings: Settings, closed: ClosedLedger, started: float) -> None:
    """Rename a new symlink over `current`: the one moment at which readers change builds.

    Its prices are held, its final months closed, what it issued and how long it took kept just before: killed in between,
    the next build has the same days at the same prices, the same months closed and the same projections of days before its own.
    """
    current = current_build(settings)
    if current == place.resolve():
        return
    if current is not None and current.name > place.name:
        raise OlderBuild(
            f"{place.name} was prepared before {current.name}, which is published; make a new build and publish that"
        )
    as_of = date.fromisoformat(read_record(candidate).as_of_date)
    hold_prices(candidate, prices=Lake(settings.lake).prices, as_of=as_of)
    record_closings(Lake(settings.lake).closed, closed)
    _keep_issued(candidate, settings=settings, as_of=as_of)
    row_count = sum(read_published_record(place)["row_counts"].values())
    write_note(candidate, "publish_marts", seconds=time.monotonic() - started, row_count=row_count)
    keep_runs(Lake(settings.lake), folder=candidate, build_id=candidate.name, as_of=as_of)
    for left_over in settings.published.glob(".current-*"):
        left_over.unlink()
    link = settings.published / f".current-{uuid4().hex}"
    link.symlink_to(Path("builds") / place.name)
    link.replace(settings.published / "current")
    sync(settings.published)


def _keep_issued(candidate: Path, *, settings: Settings, as_of: date) -> None:
    from ai_finops.build.issued import analysis_files, keep_issued

    keep_issued(Lake(settings.lake), made=analysis_files(candidate), as_of=as_of)


def drop_earlier_builds(settings: Settings, *, since: date | None = None) -> int:
    """Remove every published build but the current one, also for readers that have it open; return how many.

    Hold the builds' lock.

    Args:
        since: Those that are of this day or a later one stay too.
    """
    current = current_build(settings)
    earlier = [each for each in (settings.published / "builds").glob("*") if each.resolve() != current]
    if since is not None:
        earlier = [each for each in earlier if each in published_builds(settings) and as_of_date(each.name) < since]
    for folder in earlier:
        _drop(folder)
    return len(earlier)


def _drop(folder: Path) -> None:
    hidden = folder if folder.name.startswith(".") else folder.rename(folder.with_name(f".writing-{folder.name}"))
    shutil.rmtree(hidden)  # no reader finds half a build


def _prune(settings: Settings) -> None:
    """Keep the last builds, for readers that have them open or resolved, and always the current one."""
    current = current_build(settings)
    for folder in published_builds(settings)[:-KEPT_COUNT]:
        if folder.resolve() != current:
            _drop(folder)
