"""What a provider's answer says of its usage, in five classes of tokens that do not overlap.

uncached input · cache read · cache write for 5 minutes · cache write for an hour · output, of which reasoning is a part.

Where a count stands and what it includes is read from the extractors of genai-prices, which bring every provider to one
convention (input includes cached tokens, output includes reasoning); `usage_bodies.csv` adds what they leave out. Importable
by a service that has genai-prices and no more.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from genai_prices import types

from ai_finops.pricing.providers import catalog_provider

_RULES = Path(__file__).with_name("usage_bodies.csv")


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one call. None is not known; a class that the provider does not tell apart is 0 beside a known input."""

    uncached_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_5m_input_tokens: int | None = None
    cache_write_1h_input_tokens: int | None = None
    output_tokens: int | None = None
    """Reasoning included."""
    reasoning_output_tokens: int | None = None
    """A part of output."""


@dataclass(frozen=True, slots=True)
class _Field:
    """Where one count stands, and which of genai-prices' counts it adds to."""

    path: tuple[Any, ...]
    other_path: tuple[str, ...] | None
    dest: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class _Reader:
    """How to read one provider's body of one API flavor."""

    root: tuple[Any, ...]
    fields: tuple[_Field, ...]
    leaves_zero_out: bool
    compactions: str | None

    @property
    def has_output(self) -> bool:
        """Whether there is an output to count; an embedding has none."""
        return any(field.dest == "output_tokens" for field in self.fields)


def read_usage(body: Mapping[str, Any], *, provider_name: str, api_flavor: str) -> TokenUsage:
    """Return the usage in a provider's answer.

    Args:
        body: The decoded JSON of the answer (of a stream: its last usage), usage object included.
        provider_name: As on spans (`aws.bedrock`), or genai-prices' own id (`aws`).
        api_flavor: As in genai-prices: `default`, `chat`, `responses`, `anthropic`, `embeddings`, …
    Returns:
        Tokens, none negative. What the body does not say, or says in counts that contradict each other, is None.
    Raises:
        LookupError: genai-prices does not know the provider, or no such API flavor of it.
    """
    reader = _reader(provider_name, api_flavor)
    usage = _at(reader.root, body)
    if not isinstance(usage, Mapping):
        return TokenUsage()
    total = _classes(_counts(usage, reader), reads_output=reader.has_output)
    for compaction in _compactions(usage, reader):
        total = _sum(total, _classes(_counts(compaction, reader), reads_output=True))
    return total


@cache
def _reader(provider_name: str, api_flavor: str) -> _Reader:
    provider = catalog_provider(provider_name)
    extractors = {extractor.api_flavor: extractor for extractor in provider.extractors or ()}
    if api_flavor not in extractors:
        known = ", ".join(sorted(extractors)) or "none"
        raise LookupError(f"genai-prices reads no {api_flavor!r} body of {provider.id}; it reads: {known}")
    rules = _rules(provider.id, api_flavor)
    other_paths = {row["path"]: tuple(row["other_path"].split(".")) for row in rules.get("also_spelled", ())}
    return _Reader(
        root=_path(extractors[api_flavor].root),
        fields=tuple(
            _Field(path, other_paths.get(".".join(map(str, path))), mapping.dest, mapping.required)
            for mapping in extractors[api_flavor].mappings
            for path in [_path(mapping.path)]
        ),
        leaves_zero_out="zero_is_left_out" in rules,
        compactions=rules["adds_compactions"][0]["path"] if "adds_compactions" in rules else None,
    )


def _rules(provider_id: str, api_flavor: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    with _RULES.open(newline="") as file:
        for row in csv.DictReader(file):
            if (row["provider_id"], row["api_flavor"]) == (provider_id, api_flavor):
                found.setdefault(row["rule"], []).append(row)
    return found


def _counts(usage: Mapping[str, Any], reader: _Reader) -> dict[str, int | None]:
    """Return the counts by genai-prices' names; one that is there and is no count, or lacks a part it needs, is None."""
    counts: dict[str, int | None] = {}
    for field in reader.fields:
        said = _at(field.path, usage)
        if said is None and field.other_path:
            said = _at(field.other_path, usage)
        if said is None and not field.is_required:
            continue
        count, before = _count(said), counts.get(field.dest, 0)
        counts[field.dest] = None if count is None or before is None else before + count
    if reader.leaves_zero_out and counts:
        counts = dict.fromkeys(("input_tokens", "output_tokens"), 0) | counts
    return counts


def _classes(counts: dict[str, int | None], *, reads_output: bool) -> TokenUsage:
    whole_input = counts.get("input_tokens")
    # Beside a known input, a class that nobody mentions is empty: all of it is in the others.
    unsaid = None if whole_input is None else 0
    read, written = (counts.get(name, unsaid) for name in ("cache_read_tokens", "cache_write_tokens"))
    for_an_hour = counts.get("cache_write_1h_tokens", unsaid)
    for_minutes = _rest(written, for_an_hour)
    if "cache_write_tokens" not in counts and "cache_write_5m_tokens" in counts:
        for_minutes = counts["cache_write_5m_tokens"]
    output = counts.get("output_tokens") if reads_output else unsaid
    reasoning = counts.get("output_reasoning_tokens")
    return TokenUsage(
        uncached_input_tokens=_rest(whole_input, read, written),
        cache_read_input_tokens=read,
        cache_write_5m_input_tokens=for_minutes,
        cache_write_1h_input_tokens=for_an_hour if for_minutes is not None else None,
        output_tokens=output,
        reasoning_output_tokens=reasoning if _rest(output, reasoning) is not None else None,
    )


def _compactions(usage: Mapping[str, Any], reader: _Reader) -> Iterator[Mapping[str, Any]]:
    iterations = usage.get(reader.compactions) if reader.compactions else None
    for iteration in iterations if isinstance(iterations, list) else ():
        if isinstance(iteration, Mapping) and iteration.get("type") == "compaction":
            yield iteration


def _sum(one: TokenUsage, other: TokenUsage) -> TokenUsage:
    pairs = {field.name: (getattr(one, field.name), getattr(other, field.name)) for field in fields(TokenUsage)}
    return TokenUsage(**{name: None if None in pair else sum(pair) for name, pair in pairs.items()})


def _rest(whole: int | None, *parts: int | None) -> int | None:
    """What `parts` leave of `whole`; None where one is not known, or they are more than the whole."""
    if whole is None or None in parts:
        return None
    rest = whole - sum(part for part in parts if part is not None)
    return rest if rest >= 0 else None


def _count(said: object) -> int | None:
    """A count of tokens, or None: whole, not negative, and no truth value."""
    if isinstance(said, bool) or not isinstance(said, int | float) or said < 0 or said != said // 1:
        return None
    return int(said)


def _path(path: types.ExtractPath) -> tuple[Any, ...]:
    return (path,) if isinstance(path, str) else tuple(path)


def _at(path: Sequence[Any], data: Any) -> Any:
    """Return what stands at `path`; None where a step leads nowhere."""
    for step in path:
        if isinstance(step, types.ArrayMatch):
            data = step.extract(data) if isinstance(data, list) else None
        else:
            data = data.get(step) if isinstance(data, Mapping) else None
    return data
