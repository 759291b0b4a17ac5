"""Several answers in one call, as when a function that streams asks again and hands both streams on as one."""

from __future__ import annotations

from ai_finops.instrument.readers.counts import Counts, sum_of
from ai_finops.instrument.reading import Reading

_BILLED = (8, 12, 14)
"""Where input, output and search units stand in a reading."""


def together(one: Reading, later: Reading) -> Reading:
    """Return what two answers used in all. What they do not share (id, model, processing) is not known of both.

    Where one says an input, an output or search units and the other does not, no count is known: a part is no sum.
    """
    counts: Counts = (None,) * 6
    units = None
    if all((one[at] is None) == (later[at] is None) for at in _BILLED):
        counts = sum_of(one[8:14], later[8:14])
        units = _plus(one.search_units, later.search_units)
    return Reading(
        one.provider_name,
        _shared(one.operation_name, later.operation_name),
        _shared(one.request_model, later.request_model),
        _shared(one.response_model, later.response_model),
        _shared(one.response_id, later.response_id),
        _shared(one.request_id, later.request_id),
        _shared(one.processing, later.processing),
        later.finish_reason,
        *counts,
        units,
        _plus(one.retry_count, later.retry_count),
    )


def is_whole(one: Reading, later: Reading, both: Reading) -> bool:
    """Whether the sum can be priced as well as its parts: nothing that they say is lost in it, and one model answered."""
    is_counted = both.has_usage or not (one.has_usage or later.has_usage)
    return is_counted and one.provider_name == later.provider_name and one.response_model == later.response_model


def _shared(one: str | None, later: str | None) -> str | None:
    return one if one == later else None


def _plus(one: int | None, later: int | None) -> int | None:
    return None if one is None and later is None else (one or 0) + (later or 0)
