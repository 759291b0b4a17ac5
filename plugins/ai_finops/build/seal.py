"""The seal of a warehouse: the hash of its file when the last of its build's steps had ended.

A later build begins as a copy of that file, maybe for months of builds in a row, and reads of it what it does not make again.
So the copy is taken of a sealed file only, and kept only where it is what was sealed:
docs/decisions/0033-faults-in-a-suite-of-their-own.md
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ai_finops.lake_files import file_sha256, replace_file

_CHUNK_BYTES = 4 << 20


def seal(warehouse: Path) -> None:
    """Note the hash of a warehouse's file beside it; raises OSError where the disk refuses."""
    replace_file(_path(warehouse), f"{file_sha256(warehouse)}\n".encode())


def break_seal(warehouse: Path) -> None:
    """Say that the warehouse is about to be written; raises OSError where the disk refuses."""
    _path(warehouse).unlink(missing_ok=True)


def is_sealed(warehouse: Path) -> bool:
    """Whether the hash of a warehouse was noted, and nothing was going to be written since."""
    return _path(warehouse).is_file()


def copy_sealed(warehouse: Path, *, place: Path) -> bool:
    """Copy a sealed warehouse; return whether the copy is what was sealed, else none is left.

    Raises:
        OSError: The disk refuses.
    """
    wanted, hashed = _path(warehouse).read_text().strip(), hashlib.sha256()
    with warehouse.open("rb") as source, place.open("wb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            hashed.update(chunk)
            target.write(chunk)
    if hashed.hexdigest() != wanted:
        place.unlink()
        return False
    return True


def _path(warehouse: Path) -> Path:
    return warehouse.with_name("warehouse.sha256")
