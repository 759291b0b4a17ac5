"""Counts of tokens brought to one convention: input includes cached tokens, output includes reasoning.

What a body does not mention is None. What it mentions and is no count (negative, a truth value, a fraction, text) makes every
count that needs it None too: a sum of parts of which one is not known is not known.
"""

from __future__ import annotations

from typing import Any

Counts = tuple[int | None, int | None, int | None, int | None, int | None, int | None]
"""Input, cache read, cache write, cache write for an hour, output, reasoning; as they stand in `Reading`."""


def count(said: object) -> int | None:
    """Return a count of tokens, or None where it is none."""
    return said if type(said) is int and said >= 0 else None


def including(whole: Any, read: Any, written: Any, for_an_hour: Any, output: Any, reasoning: Any) -> Counts:
    """Return the counts of a provider whose input includes cached tokens."""
    if (  # the usual answer at once, as this is on the request path
        written is None
        and type(whole) is int is type(output)
        and for_an_hour is None
        and whole >= 0 <= output
        and (read is None or (type(read) is int and 0 <= read <= whole))
        and (reasoning is None or (type(reasoning) is int and 0 <= reasoning <= output))
    ):
        return whole, read, None, None, output, reasoning
    whole = whole if type(whole) is int and whole >= 0 else None
    if read is None and written is None and for_an_hour is None:
        return (whole, None, None, None, *_output(output, reasoning))
    return (*_checked(whole, read, written, for_an_hour), *_output(output, reasoning))


def beside(uncached: Any, read: Any, written: Any, for_an_hour: Any, output: Any, reasoning: Any) -> Counts:
    """Return the counts of a provider that counts cached tokens beside the input."""
    if (  # the usual answer at once, as this is on the request path
        type(uncached) is int is type(output)
        and reasoning is None
        and uncached >= 0 <= output
        and type(read) is int is type(written)
        and read >= 0 <= written
        and (for_an_hour is None or (type(for_an_hour) is int and 0 <= for_an_hour <= written))
    ):
        return uncached + read + written, read, written, for_an_hour, output, None
    if read is None and written is None and for_an_hour is None:
        uncached = uncached if type(uncached) is int and uncached >= 0 else None
        return (uncached, None, None, None, *_output(output, reasoning))
    parts = [count(part) for part in (uncached, 0 if read is None else read, 0 if written is None else written)]
    whole = None if None in parts else sum(parts)  # type: ignore[arg-type]
    return (*_checked(whole, read, written, for_an_hour), *_output(output, reasoning))


def _output(output: Any, reasoning: Any) -> tuple[int | None, int | None]:
    output = output if type(output) is int and output >= 0 else None
    if reasoning is None:
        return output, None
    is_part = type(reasoning) is int and output is not None and 0 <= reasoning <= output
    return output, reasoning if is_part else None


def _checked(
    whole: int | None, read: Any, written: Any, for_an_hour: Any
) -> tuple[int | None, int | None, int | None, int | None]:
    """Return the four counts of input; parts that are no counts, or more than their whole, leave nothing to price."""
    kept, kept_for_an_hour = count(read), count(for_an_hour)
    in_cache = count(written)
    if for_an_hour is not None and (kept_for_an_hour is None or in_cache is None or kept_for_an_hour > in_cache):
        in_cache = kept_for_an_hour = whole = None
    is_whole = (read is None or kept is not None) and (written is None or in_cache is not None)
    if not is_whole or (whole is not None and (kept or 0) + (in_cache or 0) > whole):
        whole = None
    return whole, kept, in_cache, kept_for_an_hour


def written_in_all(written: Any, for_minutes: Any, for_an_hour: Any) -> Any:
    """Return the cache writes: as said in one count, else those for five minutes and for an hour together."""
    if written is None and (for_minutes is not None or for_an_hour is not None):
        parts = (for_minutes or 0, for_an_hour or 0)
        return sum(parts) if None not in map(count, parts) else "no count"
    return written


def sum_of(one: Counts, other: Counts) -> Counts:
    """Add two calls up; an input or an output that one of them does not say is not known, a part of them is nothing."""
    whole = [None if one[at] is None or other[at] is None else one[at] + other[at] for at in (0, 4)]  # type: ignore[operator]
    parts = {
        at: None if one[at] is None and other[at] is None else (one[at] or 0) + (other[at] or 0) for at in (1, 2, 3, 5)
    }
    return whole[0], parts[1], parts[2], parts[3], whole[1], parts[5]
