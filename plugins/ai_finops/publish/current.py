"""Where readers find the published marts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.config import Settings
from ai_finops.errors import BuildError, NothingPublished, PublishError
from ai_finops.lake_files import file_sha256

if TYPE_CHECKING:
    import duckdb


def current_build(settings: Settings) -> Path | None:
    """Return the folder of the published build, resolved, so that it stays the same while it is read; None before any."""
    link = settings.published / "current"
    return link.resolve(strict=True) if link.exists() else None


def open_published(settings: Settings) -> duckdb.DuckDBPyConnection:
    """Open the published marts (`marts.<mart>`) for reading; a build published meanwhile is seen by the next call.

    Raises:
        NothingPublished: Nothing has been published yet.
        PublishError: What `current` leads to is not there or cannot be read, or the file cannot be opened or holds no marts.
    """
    from ai_finops.build.raw_views import open_warehouse

    folder = require_current(settings)
    try:
        connection = open_warehouse(folder / "marts.duckdb", read_only=True)
    except BuildError as error:
        raise PublishError(f"the published marts are damaged, publish again: {error}") from error
    if not connection.execute("from duckdb_tables() where table_name = 'dim_builds'").fetchall():
        connection.close()
        raise PublishError(f"{folder / 'marts.duckdb'} holds no marts; publish again")
    return connection


def require_current(settings: Settings) -> Path:
    """Return the folder of the published build as `current_build` does, and say why where there is none.

    Raises:
        NothingPublished: Nothing has been published yet.
        PublishError: `current` is there and leads nowhere, or cannot be read.
    """
    link = settings.published / "current"
    try:
        folder = current_build(settings)
        target = link.readlink() if folder is None and link.is_symlink() else None
    except OSError as error:
        raise PublishError(
            f"{link}, which leads to the published build, cannot be read ({error.strerror or error}); "
            "see what lies there and publish again"
        ) from error
    if target is not None:
        raise PublishError(f"{link} leads to {target}, which is not there; publish again")
    if folder is None:
        raise NothingPublished(f"nothing is published in {settings.published} yet; run ai-finops run")
    return folder


def resolve_build(settings: Settings, name: str) -> Path:
    """Return the folder of a published build named by its id, its path, or `current`.

    Raises:
        PublishError: There is no such build; the message lists the ones there are.
    """
    for folder in (settings.published / "builds" / name, Path(name), settings.published / name):
        if (folder / "marts.duckdb").is_file():
            return folder.resolve()
    known = ", ".join(path.name for path in published_builds(settings)) or "none"
    raise PublishError(f"no published build {name!r} in {settings.published} (there are: {known})")


def published_builds(settings: Settings) -> list[Path]:
    """Return the folders of published builds, oldest first."""
    return sorted(path.parent for path in (settings.published / "builds").glob("[0-9]*/build.json"))


def damaged_files(folder: Path) -> list[str]:
    """Return the files of a published build that are not what was published, by name; of an earlier release it is not known.

    Raises:
        PublishError: What the build says of itself cannot be read.
    """
    written = read_published_record(folder).get("sha256", {})
    return [name for name, sha256 in sorted(written.items()) if not _is(folder / name, sha256)]


def _is(path: Path, sha256: str) -> bool:
    try:
        return file_sha256(path) == sha256
    except OSError:
        return False


def read_published_record(folder: Path) -> dict:
    """Return what `build.json` of a published build says.

    Raises:
        PublishError: It cannot be read.
    """
    try:
        return json.loads((folder / "build.json").read_text())
    except (OSError, ValueError) as error:
        raise PublishError(f"{folder} is not a published build ({error}); publish again") from error
