"""What a reader of the user's own returned, checked as what the built-in readers read is."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.readers.counts import count, including
from ai_finops.instrument.reading import Reading

LOSS = "usage_not_taken"


def taken(reading: Reading) -> Reading:
    """Return the reading with nothing in it but texts and counts; each field that is neither is counted as a loss.

    Whole numbers of other kinds (numpy's) become int. As of any provider, a part of a sum that is no count leaves no sum.
    """
    said = [_as_int(value) for value in reading]
    kept: list[Any] = [
        *(value or None if isinstance(value, str) else None for value in said[:8]),
        *including(*said[8:14]),
        count(said[14]),
        count(said[15]),
    ]
    for name, before, after in zip(Reading._fields, said, kept, strict=True):
        if after is None and before is not None and not (isinstance(before, str) and before == ""):
            count_loss(LOSS, detail=name)
    return Reading(*kept)


def _as_int(value: object) -> object:
    if type(value) is int or isinstance(value, bool) or not isinstance(value, Integral):
        return value
    return int(value)
