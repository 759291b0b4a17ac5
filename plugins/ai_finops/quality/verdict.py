"""What the audit found, kept beside the build, and tied to the very content it looked at."""

from __future__ import annotations

import json
from pathlib import Path

from ai_finops.errors import PublishError


def fingerprint(warehouse: Path) -> dict[str, int]:
    """Return what changes when anybody writes into the warehouse after the audit."""
    status = warehouse.stat()
    return {"bytes": status.st_size, "modified_ns": status.st_mtime_ns}


def record_verdict(build: dict[str, str], *, is_passed: bool, summary: dict[str, object], looked_at: dict) -> None:
    """Write `audit.json` into the build's folder."""
    verdict = {"is_passed": is_passed, "warehouse": looked_at, **summary}
    _path(build).write_text(json.dumps(verdict, indent=1, default=str) + "\n")


def require_passed(build: dict[str, str]) -> None:
    """Let through only a build that the audit passed as it is now.

    Raises:
        PublishError: It was not audited, did not pass, or has been written to since.
    """
    try:
        verdict = json.loads(_path(build).read_text())
    except (OSError, ValueError) as error:
        raise PublishError(f"build {build['build_id']} has not been audited; run ai-finops audit first") from error
    if not verdict["is_passed"]:
        raise PublishError(f"build {build['build_id']} did not pass its audit; see {verdict['data_docs']}")
    if verdict["warehouse"] != fingerprint(Path(build["warehouse"])):
        raise PublishError(f"build {build['build_id']} was written to after its audit; run ai-finops audit again")


def _path(build: dict[str, str]) -> Path:
    return Path(build["build_dir"]) / "audit.json"
