"""What the audit of a build said, and where it can be read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.errors import PublishError
from ai_finops.quality.data_docs import docs_of

_BUILD_ID = re.compile(r"\d{6}-\d{4}-\d{2}-\d{2}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit that was recorded (`quality/verdict.py`)."""

    build_id: str
    is_passed: bool
    audited_at: str | None
    """UTC, ISO 8601; None where an earlier release recorded it."""
    expectation_count: int | None
    warnings: tuple[str, ...]
    failures: tuple[str, ...]


def audit_of(settings: Settings, build_id: str) -> Audit | None:
    """Return the last audit of a build; None where none was kept.

    Raises:
        PublishError: It is there and cannot be read; the message names the file.
    """
    path = audit_file(settings, build_id)
    try:
        return _read(path.read_text(), build_id=build_id) if path and path.exists() else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise PublishError(
            f"{path} cannot be read as an audit ({error!r}); run ai-finops audit --build {build_id}"
        ) from error


def audit_file(settings: Settings, build_id: str) -> Path | None:
    """Return where the audit of a build is recorded; None for what is no build's id."""
    return settings.builds / build_id / "audit.json" if _BUILD_ID.fullmatch(build_id) else None


def docs_address(settings: Settings, build_id: str) -> str | None:
    """Return the address below the page's of the Data Docs of a build; None where they are not kept."""
    is_kept = _BUILD_ID.fullmatch(build_id) and docs_of(settings, build_id).is_file()
    return f"data-docs/{build_id}/index.html" if is_kept else None


def _read(text: str, *, build_id: str) -> Audit:
    said = json.loads(text)
    return Audit(
        build_id,
        bool(said["is_passed"]),
        str(said["audited_at"]) if said.get("audited_at") else None,
        said.get("expectation_count"),
        tuple(map(str, said.get("warnings", ()))),
        tuple(map(str, said.get("failures", ()))),
    )
