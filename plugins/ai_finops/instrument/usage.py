"""Read what a call used out of what its client returned, whoever the provider is.

    reading = read(client.converse(modelId=…, messages=…))

A reader for anything else is one function: `register_reader(read_ours, for_type=OurAnswer)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.readers import bedrock
from ai_finops.instrument.readers.bodies import read_dict
from ai_finops.instrument.readers.objects import Reader, reader_of
from ai_finops.instrument.readers.taken import taken
from ai_finops.instrument.reading import Reading
from ai_finops.pricing.usage_bodies import read_usage

__all__ = ["Reader", "read", "read_as", "register_reader", "unregister_readers"]

_MOST_TYPES = 1024
"""Remembered; services make classes at run time, and a bound is kept."""

_registered: list[tuple[Reader, type | None]] = []
_readers: dict[type, Reader] = {}


def read(result: object) -> Reading | None:
    """Return what `result` says of its call; None where it says nothing that can be read. Never raises.

    A reading without usage (`has_usage` is false) is that of an answer that is known and has none.
    """
    cls = type(result)
    try:
        reader = _readers.get(cls) or _find(cls)
        return reader(result)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's object does when it is looked at
        count_loss("reader_failed", detail=type(error).__name__)
        return None


def register_reader(reader: Callable[[Any], Reading | None], *, for_type: type | None = None) -> None:
    """Let a function read results before the built-in readers do; the last that was registered is asked first.

    Args:
        reader: Takes the result, returns its reading, or None to leave it to the next. What it raises is counted as a loss,
            and the next is asked. A field of the reading that is no count or no text is not taken, and counted as a loss.
        for_type: Ask it only for results of this class and its subclasses. Without it, every result is shown to it.
    """
    _registered.insert(0, (reader, for_type))
    _readers.clear()


def unregister_readers() -> None:
    """Forget the readers that were registered, for tests."""
    _registered.clear()
    _readers.clear()


def read_as(body: dict[str, Any], *, provider_name: str, api_flavor: str = "default") -> Reading:
    """Read a decoded answer as that of a provider, by genai-prices' own rules for it; slower, and for any of its providers.

    Args:
        body: The decoded JSON, usage included.
        provider_name: As on spans (`aws.bedrock`) or in genai-prices (`aws`).
        api_flavor: As in genai-prices: `default`, `chat`, `responses`, `anthropic`, `embeddings`, …
    Raises:
        LookupError: genai-prices does not know the provider, or no such API flavor of it.
    """
    usage = read_usage(body, provider_name=provider_name, api_flavor=api_flavor)
    read_tokens, for_minutes = usage.cache_read_input_tokens, usage.cache_write_5m_input_tokens
    for_an_hour = usage.cache_write_1h_input_tokens
    written = None if for_minutes is None or for_an_hour is None else for_minutes + for_an_hour
    is_whole = None not in (usage.uncached_input_tokens, read_tokens, written)
    model = body.get("model") or body.get("modelVersion")
    return Reading(
        provider_name=provider_name,
        operation_name="embeddings" if api_flavor == "embeddings" else "chat",
        response_model=model if isinstance(model, str) else None,
        input_tokens=usage.uncached_input_tokens + read_tokens + written if is_whole else None,  # type: ignore[operator]
        cache_read_input_tokens=read_tokens,
        cache_write_input_tokens=written,
        cache_write_1h_input_tokens=for_an_hour,
        output_tokens=usage.output_tokens,
        reasoning_output_tokens=usage.reasoning_output_tokens,
    )


def read_opened(result: dict[str, Any]) -> Reading | None:
    """Return what boto3's answer says before its stream is read: the request, and how often it was tried."""
    meta = result.get("ResponseMetadata")
    return bedrock.read_metadata(meta, operation_name=None) if type(meta) is dict else None


def _find(cls: type) -> Reader:
    """Return the reader of a class, the registered ones before the built-in one, and remember it."""
    built_in = reader_of(cls) or _read_nothing
    asked = [reader for reader, for_type in _registered if for_type is None or issubclass(cls, for_type)]
    reader = _in_turn(asked, built_in) if asked else built_in
    if len(_readers) >= _MOST_TYPES:
        _readers.clear()
    _readers[cls] = reader
    return reader


def _in_turn(asked: list[Reader], built_in: Reader) -> Reader:
    def read_in_turn(result: object) -> Reading | None:
        for reader in asked:
            try:
                reading = reader(result)
                if isinstance(reading, Reading):
                    return taken(reading)
            except Exception as error:  # noqa: BLE001 - the user's own code
                count_loss("reader_failed", detail=type(error).__name__)
                continue
            if reading is not None:
                count_loss("reader_failed", detail="returned no Reading")
        return built_in(result)

    return read_in_turn


def _read_nothing(result: object) -> None:
    return None


_readers[dict] = read_dict
