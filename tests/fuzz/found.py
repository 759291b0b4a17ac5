"""What to do with a batch that broke a decoder: find the input at fault, keep it, and say how to try it again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ai_finops.config import REPOSITORY
from tests.fuzz.targets import Target

FOLDER = REPOSITORY / "var" / "fuzz"


def at_fault(target: Target, inputs: Sequence[bytes]) -> Sequence[bytes]:
    """Return the fewest inputs, by halving, that still break the decoder; all of them when they do so only together."""
    while len(inputs) > 1:
        middle = len(inputs) // 2
        broken = next((half for half in (inputs[:middle], inputs[middle:]) if _breaks(target, half)), None)
        if broken is None:
            return inputs
        inputs = broken
    return inputs


def keep(target: Target, inputs: Sequence[bytes]) -> list[Path]:
    """Write inputs to `var/fuzz/<target>/`, named by their content; return the files."""
    folder = FOLDER / target.name
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / hashlib.sha256(content).hexdigest()[:16] for content in inputs]
    for path, content in zip(files, inputs, strict=True):
        path.write_bytes(content)
    return files


def _breaks(target: Target, inputs: Sequence[bytes]) -> bool:
    try:
        target.check(inputs)
    except BaseException:  # noqa: BLE001 - whatever it is, a panic in Rust too, it is what is looked for
        return True
    return False
