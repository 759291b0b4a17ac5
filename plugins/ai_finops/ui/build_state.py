"""What is wrong with what is shown, above every view: too old, or a newer build that readers did not get."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

from ai_finops.build.candidate import candidates, read_record
from ai_finops.config import Settings
from ai_finops.errors import BuildError, PublishError
from ai_finops.report.wording import counted
from ai_finops.ui.kept_audit import Audit, audit_of, docs_address
from ai_finops.ui.published import Build
from ai_finops.ui.view import Link, Warn

STALE_DAYS = 2
"""Marts whose clock lies further back than this are shown as stale; a day is published in the morning after it."""


def state_warns(build: Build | None, *, settings: Settings, today: date) -> tuple[Warn, ...]:
    """Say what a reader of any view has to know of the build that is shown; `build` is None where none is published."""
    try:
        newer = [folder for folder in candidates(settings) if build is None or folder.name > build.build_id]
        return (*_stale(build, today=today), *_not_published(newer[::-1], build, settings), *_own(build, settings))
    except OSError as error:
        return (Warn(f"{settings.builds} cannot be read ({error}), so newer builds are not known of here.", "warning"),)


def _stale(build: Build | None, *, today: date) -> Iterator[Warn]:
    age_days = (today - build.as_of_date).days if build else 0
    if age_days > STALE_DAYS:
        yield Warn(
            f"Stale: the newest published day lies before {build.as_of_date.isoformat()}, {age_days} days ago. "
            "See the runs of build_marts.",
            "warning",
        )


def _not_published(newer: list[Path], build: Build | None, settings: Settings) -> Iterator[Warn]:
    """The newest build that readers did not get and, where it has no audit yet, the newest one that has, if that failed."""
    for place, folder in enumerate(newer):
        try:
            audit = audit_of(settings, folder.name)
        except PublishError as error:
            yield Warn(f"{_shown(build)} Of the newer build {_named(folder)} nothing is known: {error}.", "warning")
            return
        if audit is not None and (place == 0 or not audit.is_passed):
            yield _audited(folder, audit, build, settings)
        elif place == 0:
            yield Warn(
                f"{_shown(build)} A newer build, {_named(folder)}, {_begun(folder)} and has no audit yet: it is being made, or "
                "it failed before. The runs of build_marts say which."
            )
        if audit is not None:
            return


def _audited(folder: Path, audit: Audit, build: Build | None, settings: Settings) -> Warn:
    link = _docs(settings, folder.name)
    if audit.is_passed:
        return Warn(
            f"{_shown(build)} A newer build, {_named(folder)}, passed its audit{_at(audit)} and is not published. "
            "The runs of build_marts say why; ai-finops publish makes it current.",
            link=link,
        )
    return Warn(
        f"{_shown(build)} The newer build {_named(folder)} failed its audit{_at(audit)} and was not published: "
        f"{_failures(audit)}.",
        "warning",
        link=link,
    )


def _own(build: Build | None, settings: Settings) -> Iterator[Warn]:
    """What is published passed once; audited again it may fail, by a newer expectation."""
    if build is None:
        return
    try:
        audit = audit_of(settings, build.build_id)
    except PublishError as error:
        yield Warn(f"What the audit of this build said is not known: {error}.")
        return
    if audit is not None and not audit.is_passed:
        yield Warn(
            f"Build {build.build_id}, which you see, failed an audit{_at(audit)} after it was published: {_failures(audit)}.",
            "warning",
            link=_docs(settings, build.build_id),
        )


def _shown(build: Build | None) -> str:
    if build is None:
        return "Nothing is published yet."
    return f"The data is as of build {build.build_id} (days before {build.as_of_date.isoformat()})."


def _named(folder: Path) -> str:
    """Name a build with its day, which is in its id."""
    return f"{folder.name} (days before {'-'.join(folder.name.split('-')[1:4])})"


def _begun(folder: Path) -> str:
    try:
        return f"was begun at {_minute(read_record(folder).built_at)}"
    except BuildError:
        return f"cannot be read ({folder / 'build.json'})"


def _at(audit: Audit) -> str:
    return f" at {_minute(audit.audited_at)}" if audit.audited_at else ""


def _minute(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return text


def _failures(audit: Audit) -> str:
    first = f", first {audit.failures[0]}" if audit.failures else ""
    return f"{counted(len(audit.failures), 'expectation')} broken{first}"


def _docs(settings: Settings, build_id: str) -> Link | None:
    address = docs_address(settings, build_id)
    return Link("Its audit (Data Docs)", address) if address else None
