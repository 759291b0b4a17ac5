"""What the audit of a build said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ai_finops.config import Settings


@dataclass(frozen=True, slots=True)
class Audit:
    """An audit that was recorded (`quality/verdict.py`)."""

    build_id: str
    is_passed: bool
    expectation_count: int | None
    warnings: tuple[str, ...]
    failures: tuple[str, ...]


def audit_of(settings: Settings, build_id: str) -> Audit | None:
    """Return the audit of a build; None where it was not kept or cannot be read."""
    paths = [path for path in settings.builds.glob("[0-9]*/audit.json") if path.parent.name == build_id]
    return _read(paths[0]) if paths else None


def _read(path: Path) -> Audit | None:
    try:
        said = json.loads(path.read_text())
        return Audit(
            path.parent.name,
            bool(said["is_passed"]),
            said.get("expectation_count"),
            tuple(map(str, said.get("warnings", ()))),
            tuple(map(str, said.get("failures", ()))),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
