"""What a view is made from besides its address: a view made a moment ago is shown again as long as none of it has changed."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.ui.kept_audit import audit_file
from ai_finops.ui.published import published_file


def made_from(settings: Settings) -> tuple[str, Hashable]:
    """Return the id of the published build, and what is another value when anything that a view reads has changed.

    Raises:
        NothingPublished: There is no build yet.
        PublishError: What leads to it cannot be read.
    """
    marts = published_file(settings)
    build_id = marts.parent.name
    return build_id, tuple(_state(path) for path in (marts, *_beside(settings, build_id)))


def _beside(settings: Settings, build_id: str) -> Iterator[Path]:
    """Folders count by what is in them, files that are written again in their place by themselves."""
    yield settings.published / "reviews"
    yield settings.published / "dbt_docs"
    yield settings.home / "data_docs"
    yield settings.dbt_project / "seeds" / "anomaly_rules.csv"
    if audit := audit_file(settings, build_id):
        yield audit


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns, seen.st_size
