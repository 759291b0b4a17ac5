"""Several answers in one call, as when a function that streams asks again and hands both streams on as one."""

from __future__ import annotations

from ai_finops.instrument.readers.counts import sum_of
from ai_finops.instrument.reading import Reading

_BILLED = (8, 12, 14)
"""Where input, output and search units stand in a reading."""


def together(one: Reading, later: Reading) -> Reading:
    """Return what two answers used in all. What they do not share (id, model, processing) is not known of both.

    Where one says an input, an output or search units and the other does not, no count is known: a part is no sum.
    """
    shared = [mine if mine == other else None for mine, other in zip(one[1:7], later[1:7], strict=True)]
    retries = (one.retry_count, later.retry_count)
    both = Reading(
        one.provider_name,
        *shared,
        later.finish_reason,
        retry_count=None if retries == (None, None) else sum(count or 0 for count in retries),
    )
    if any((one[at] is None) != (later[at] is None) for at in _BILLED):
        return both
    counts = dict(zip(Reading._fields[8:14], sum_of(one[8:14], later[8:14]), strict=True))
    units = None if one.search_units is None else one.search_units + later.search_units  # type: ignore[operator]
    return both._replace(**counts, search_units=units)


def is_whole(one: Reading, later: Reading, both: Reading) -> bool:
    """Whether the sum can be priced as well as its parts: nothing that they say is lost in it, and one model answered."""
    is_counted = both.has_usage or not (one.has_usage or later.has_usage)
    return is_counted and one.provider_name == later.provider_name and one.response_model == later.response_model
