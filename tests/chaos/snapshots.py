"""A folder's state, kept and given back: what differs is copied, so that going back costs what a fault changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def bring_in_step(source: Path, target: Path) -> None:
    """Make `target` equal to `source`: files by size and time, links by where they lead."""
    target.mkdir(parents=True, exist_ok=True)
    wanted = {entry.name: entry for entry in os.scandir(source)}
    for entry in list(os.scandir(target)):
        if entry.name not in wanted or _kind(entry) != _kind(wanted[entry.name]):
            _remove(Path(entry.path))
    for name, entry in wanted.items():
        place = target / name
        if entry.is_symlink():
            _link(os.readlink(entry.path), place)
        elif entry.is_dir():
            bring_in_step(Path(entry.path), place)
        elif not _is_alike(entry, place):
            shutil.copy2(entry.path, place)
    shutil.copystat(source, target)


def _kind(entry: os.DirEntry) -> str:
    return "link" if entry.is_symlink() else "folder" if entry.is_dir() else "file"


def _is_alike(entry: os.DirEntry, place: Path) -> bool:
    if not place.exists():
        return False
    one, other = entry.stat(), place.stat()
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def _link(leads_to: str, place: Path) -> None:
    if place.is_symlink() and os.readlink(place) == leads_to:
        return
    place.unlink(missing_ok=True)
    place.symlink_to(leads_to)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, in order."""
    yield from sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
