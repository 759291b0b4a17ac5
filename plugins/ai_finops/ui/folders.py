"""Sites that others made (Data Docs, dbt docs), served file by file from below their folder and from nowhere else."""

from __future__ import annotations

import mimetypes
from pathlib import Path

_MEDIA_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json", ".css": "text/css; charset=utf-8"}


def find_file(folder: Path, path: str) -> Path | None:
    """Return the file that a path below a folder names; None where there is none, or where it would leave the folder.

    The folder itself may be a link (Data Docs' is); links inside it that lead out of it are not followed.
    """
    if "\x00" in path or "\\" in path:
        return None
    try:
        root = folder.resolve(strict=True)
        file = (root / path).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    if not file.is_relative_to(root):
        return None
    if file.is_dir():
        file = file / "index.html"
    return file if file.is_file() and file.resolve().is_relative_to(root) else None


def media_type(file: Path) -> str:
    """Return what a file is, by its name."""
    return _MEDIA_TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
