"""What a full or broken disk means to a step of a build, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ai_finops.errors import BuildError


@contextmanager
def disk_errors_named(doing: str) -> Iterator[None]:
    """Turn what the disk, or Arrow on the disk's behalf, raises into a `BuildError`: what was being done, and what helps."""
    try:
        yield
    except OSError as error:
        raise BuildError(
            f"could not {doing}: {error}; what is published stays, free the disk or correct AI_FINOPS_HOME and run this again"
        ) from error
