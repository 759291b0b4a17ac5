"""How numbers, names and days are written for people. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

MOST_NAME_LENGTH = 200
"""No name of a feature or model is longer and meant; whoever sets one must not crowd out the rest of the message."""


def dollars(usd: Decimal) -> str:
    """Write US dollars: whole with thousands separators, below $10 with cents."""
    sign, size = ("-" if usd < 0 else ""), abs(usd)
    cents = size.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    if size and not cents:
        return f"{sign}<$0.01"
    if cents < 10:
        return f"{sign}${cents}"
    return f"{sign}${size.quantize(Decimal(1), rounding=ROUND_HALF_UP):,}"


def short_dollars(usd: Decimal) -> str:
    """Write US dollars in few characters: as `dollars` does, from $10,000 on in thousands (`$12.3K`, `$123K`)."""
    if abs(usd) < Decimal("9999.5"):
        return dollars(usd)
    places = Decimal("0.1") if abs(usd) < 99_950 else Decimal(1)
    return f"{'-' if usd < 0 else ''}${(abs(usd) / 1000).quantize(places, rounding=ROUND_HALF_UP):,}K"


def shortest_dollars(usd: Decimal) -> str:
    """Write US dollars in five characters at most, as long as they are no million: `$999`, `$1.2K`, `$12K`."""
    size = abs(usd)
    if size < Decimal("999.5"):
        return dollars(usd)
    places = Decimal("0.1") if size < 9_950 else Decimal(1)
    return f"{'-' if usd < 0 else ''}${(size / 1000).quantize(places, rounding=ROUND_HALF_UP):,}K"


def small_dollars(usd: Decimal) -> str:
    """Write US dollars of one request: with four decimals; what is not quite nothing is not written as such."""
    sign, size = ("-" if usd < 0 else ""), abs(usd)
    rounded = size.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
    return f"{sign}<$0.0001" if size and not rounded else f"{sign}${rounded}"


def signed_dollars(usd: Decimal) -> str:
    """Write a difference of US dollars with its sign."""
    return dollars(usd) if usd < 0 else f"+{dollars(usd)}"


def share(ratio: float) -> str:
    """Write a share in whole per cent; what is not quite nothing or not quite all is not written as such."""
    if 0 < ratio < 0.01:
        return "<1%"
    if 0.99 < ratio < 1:
        return ">99%"
    return f"{_whole_percent(ratio):,}%"


def change(ratio: float) -> str:
    """Write a change in whole per cent with its sign; `flat` where that is 0."""
    percent = _whole_percent(ratio)
    return f"{percent:+,}%" if percent else "flat"


def _whole_percent(ratio: float) -> int:
    return int((Decimal(str(ratio)) * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def counted(count: int, thing: str) -> str:
    """Write a count with its noun; the plural takes an s."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def day_name(day: date) -> str:
    """Write a day as in `June 9`."""
    return f"{day:%B} {day.day}"


def day_name_of_week(day: date) -> str:
    """Write a day as in `Friday, June 20`."""
    return f"{day:%A}, {day_name(day)}"


def day_names(text: str) -> str:
    """Write a list of ISO days, as a mart holds it, as in `June 9, June 10`; anything else stays as it is."""
    parts = [part.strip() for part in text.split(",")]
    return ", ".join(
        day_name(date.fromisoformat(part)) if re.fullmatch(r"\d{4}-\d\d-\d\d", part) else part for part in parts
    )


def one_line(name: str, *, most: int = MOST_NAME_LENGTH) -> str:
    """Return a name without line breaks and other control characters, and no longer than `most` characters."""
    line = " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", " ", name).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def inside_sentence(name: str) -> str:
    """Return a display name as it stands in the middle of a sentence: `Support chat` becomes `support chat`."""
    first, *_ = name.split(" ", 1)
    return name[:1].lower() + name[1:] if len(first) > 1 and first[1:].islower() else name


def model_name(model_id: str) -> str:
    """Return a model's name for people: `Claude 3.5 Haiku` for `anthropic.claude-3-5-haiku-20241022-v1:0`.

    Knows Bedrock's ids of Claude and Nova; any other id is its own name.
    """
    if match := re.fullmatch(r"(?:\w+\.)?anthropic\.claude-([a-z0-9-]+?)(?:-\d{8})?(?:-v\d+(?::\d+)?)?", model_id):
        return f"Claude {_version_and_size(match[1].split('-'))}"
    if match := re.fullmatch(r"(?:\w+\.)?amazon\.nova-(\w+)-v\d+(?::\d+)?", model_id):
        return f"Nova {match[1].capitalize()}"
    return model_id


def _version_and_size(parts: Sequence[str]) -> str:
    """Join `3-5-haiku` as `3.5 Haiku` and `sonnet-4-5` as `Sonnet 4.5`: the order stays as it was."""
    words: list[str] = []
    for part in parts:
        if part.isdigit() and words and words[-1].replace(".", "").isdigit():
            words[-1] += f".{part}"
        else:
            words.append(part.capitalize())
    return " ".join(words)
