"""Sets of files on the disk: provisional ones are replaced whole, final ones never, and each says what it holds.

<finance>/2025-06/current -> v2                   the newest set, replaced in one step, last
                 /v1/manifest.json …              a final version; its bytes never change
                 /v2/…                            a restatement, beside it
                 /provisional-1f3a9c04/…          before the month closed
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from ai_finops.errors import FinanceError
from ai_finops.lake_files import file_sha256, sync

MANIFEST = "manifest.json"
_LEFT_BY_PROGRAMS = re.compile(r"~\$.+|\.~lock\..+#|\._.+|\.DS_Store|thumbs\.db|desktop\.ini", re.IGNORECASE)
"""What Excel, LibreOffice and the file browsers of macOS and Windows put beside a file that somebody looks at."""


@dataclass(frozen=True, slots=True)
class FileSet:
    """One whole set of a month's files."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def version(self) -> int | None:
        """Of a final month; None while provisional."""
        return self.manifest["version"] or None

    @property
    def key(self) -> str:
        """Its name where there is one provisional set at a time."""
        return f"v{self.version}" if self.version else "provisional"

    @property
    def files(self) -> list[str]:
        """Names of its files, the manifest last."""
        return [*self.manifest["files"], MANIFEST]


def manifest_bytes(content: Mapping[str, Any]) -> bytes:
    """Return a manifest that carries the checksum of all that it says."""
    plain = {name: value for name, value in content.items() if name != "manifest_sha256"}
    return (json.dumps(plain | {"manifest_sha256": _content_sha256(plain)}, indent=1) + "\n").encode()


def _content_sha256(plain: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def read_set(folder: Path) -> FileSet:
    """Read a set's manifest.

    Raises:
        FinanceError: It cannot be read.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
        return FileSet(folder, manifest | {"files": dict(manifest["files"]), "version": int(manifest["version"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FinanceError(f"{path} cannot be read ({error}); restore it from a backup") from error


def final_sets(month_folder: Path) -> list[FileSet]:
    """Return the final versions of a month, oldest first.

    Raises:
        FinanceError: A manifest cannot be read, or a version is missing: before another, or the one that `current` leads to.
    """
    folders = {number: folder for folder in month_folder.glob("v*") if (number := _version_of(folder.name))}
    link = month_folder / "current"
    last = max([0, *folders, _version_of(link.readlink().name) if link.is_symlink() else 0])
    if missing := [month_folder / f"v{number}" for number in range(1, last + 1) if number not in folders]:
        raise FinanceError(f"{missing[0]} is missing, a final version; restore it from a backup or from S3")
    return [read_set(folder) for _, folder in sorted(folders.items())]


def _version_of(name: str) -> int:
    """Return the number of a final version's folder; 0 for any other name."""
    found = re.fullmatch(r"v([1-9][0-9]*)", name)
    return int(found[1]) if found else 0


def current_set(month_folder: Path) -> FileSet | None:
    """Return the newest set; None before any."""
    link = month_folder / "current"
    return read_set(link.resolve()) if link.exists() else None


def faults_of(found: FileSet) -> list[str]:
    """Return a sentence for each file of a set that is not what was written: changed, missing, or put there since.

    What programs leave beside a file that somebody opened is no change of the set.
    """
    said = []
    plain = {name: value for name, value in found.manifest.items() if name != "manifest_sha256"}
    if found.manifest.get("manifest_sha256") != _content_sha256(plain):
        said.append(f"{found.folder / MANIFEST} was changed")
    for name, written in found.manifest["files"].items():
        path = found.folder / name
        if not path.is_file():
            said.append(f"{path} is missing")
        elif file_sha256(path) != written["sha256"]:
            said.append(f"{path} was changed")
    strangers = {path.name for path in found.folder.iterdir() if not _is_left_by_program(path)} - set(found.files)
    return [*said, *(f"{found.folder / name} was put there by somebody else" for name in sorted(strangers))]


def _is_left_by_program(path: Path) -> bool:
    return bool(_LEFT_BY_PROGRAMS.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


@contextmanager
def draft_of(month_folder: Path) -> Iterator[Path]:
    """Give a hidden folder to write a set in; what is left of it afterwards goes, as do those of a killed process."""
    month_folder.mkdir(parents=True, exist_ok=True)
    for left_over in (*month_folder.glob(".writing-*"), *month_folder.glob(".current-*")):
        shutil.rmtree(left_over) if left_over.is_dir() and not left_over.is_symlink() else left_over.unlink()
    draft = month_folder / f".writing-{uuid4().hex}"
    draft.mkdir()
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def place(draft: Path, content: Mapping[str, Any]) -> FileSet:
    """Make a draft with all its files the current set of its month: readers have the old set or the new one.

    Args:
        draft: What `draft_of` gave, with every file that `content` names.
        content: The manifest.
    """
    month_folder = draft.parent
    (draft / MANIFEST).write_bytes(manifest_bytes(content))
    for file in (*draft.iterdir(), draft):
        if file.is_file():
            file.chmod(0o444)
        sync(file)
    version = content["version"]
    folder = month_folder / (f"v{version}" if version else f"provisional-{uuid4().hex[:8]}")
    draft.rename(folder)
    point_to(folder)
    return read_set(folder)


def point_to(folder: Path) -> None:
    """Make a set the current one of its month, and let go of provisional ones that nobody has open any more."""
    month_folder, link = folder.parent, folder.parent / f".current-{uuid4().hex}"
    before = (month_folder / "current").resolve()
    link.symlink_to(folder.name)
    link.replace(month_folder / "current")
    sync(month_folder)
    for old in month_folder.glob("provisional-*"):
        if old.resolve() not in (folder.resolve(), before):
            shutil.rmtree(old)


def file_entry(path: Path) -> dict[str, object]:
    """Return what a manifest says of a file."""
    return {"sha256": file_sha256(path), "bytes": path.stat().st_size}
