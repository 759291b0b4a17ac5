"""What the events of a stream say of its call, taken as they pass: identity from the first, usage from whichever says it.

If a stream breaks midway, what it had said by then is what is known: Anthropic tells the input at the start, others nothing.
Several answers in one stream, told apart by their ids, are added up.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.readers import anthropic, bedrock, langchain, openai
from ai_finops.instrument.readers.objects import read_litellm, read_openai_response
from ai_finops.instrument.readers.parts import fields_of, first, text
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.several import is_whole, together
from ai_finops.instrument.stream_following import follow
from ai_finops.instrument.usage import read

__all__ = ["StreamReading", "follow"]

_TELLING = (b'"usage"', b"nvocationMetrics", b"oken", b"message_start", b"messageStop")
"""Only parts of an InvokeModel stream with one of these are decoded: all others are text."""
_MOST_TYPES = 1024
_MOST_ANSWERS = 64
"""In one stream, kept apart until its end."""
_DONE = ("response.completed", "response.incomplete", "response.failed", "response.done")


class StreamReading:
    """Takes the events of one stream; `reading()` is what they have said so far. Neither raises."""

    __slots__ = (
        "_body",
        "_chunk",
        "_chunk_id",
        "_earlier",
        "_is_done",
        "_is_id_kept",
        "_is_langchain",
        "_is_loss_told",
        "_known",
        "_message",
        "_metrics",
        "_opened",
        "_usage",
    )

    def __init__(self) -> None:
        self._opened: Reading | None = None
        """What the response said before its stream: request and retries."""
        self._known: Reading | None = None
        self._message: dict[str, Any] | None = None
        self._usage: dict[str, Any] = {}
        """Of Anthropic's message, whose later counts replace the earlier."""
        self._metrics: Reading | None = None
        self._chunk: Any = None
        self._body: dict[str, Any] = {}
        self._is_langchain = False
        self._earlier: list[Reading] = []
        """Of answers before the present one."""
        self._is_loss_told = False
        self._is_done = False
        """What is known was said at an answer's end."""
        self._chunk_id: str | None = None
        self._is_id_kept = False
        """The id stood in more than one chunk: some gateways make up another for each."""

    def add(self, event: object) -> None:
        """Take one event: an object of an SDK, a decoded dictionary, or Bedrock's part with bytes."""
        cls = type(event)
        try:
            take = _TAKERS.get(cls) or _find(cls)
            take(self, event)
        except Exception as error:  # noqa: BLE001 - whatever a stranger's object does when it is looked at
            count_loss("reader_failed", detail=type(error).__name__)

    def reading(self) -> Reading | None:
        """Return what is known; None where no event said anything that can be read."""
        try:
            found = self._read()
        except Exception as error:  # noqa: BLE001 - as above
            count_loss("reader_failed", detail=type(error).__name__)
            return None
        opened = self._opened
        if opened is None:
            return found
        if found is None:
            return opened
        return found._replace(
            request_id=found.request_id or opened.request_id,
            processing=found.processing or opened.processing,
            retry_count=opened.retry_count if found.retry_count is None else found.retry_count,
        )

    def _read(self) -> Reading | None:
        present = self._read_present()
        if not self._earlier:
            return present
        answers = self._earlier if present is None else [*self._earlier, present]
        sum_of_all, is_all = answers[0], True
        for later in answers[1:]:
            both = together(sum_of_all, later)
            sum_of_all, is_all = both, is_all and is_whole(sum_of_all, later, both)
        if not is_all and not self._is_loss_told:
            self._is_loss_told = True
            count_loss("answers_in_one_call", detail="of several models, or one without usage")
        return sum_of_all

    def _begin_another(self) -> None:
        """Put the present answer with the earlier ones: what comes now is of another."""
        present = self._read_present()
        if present is not None:
            if len(self._earlier) >= _MOST_ANSWERS:
                self._earlier[:] = [functools.reduce(together, self._earlier)]
            self._earlier.append(present)
        self._message = self._known = self._metrics = self._chunk = None
        self._usage, self._body = {}, {}
        self._is_done = self._is_id_kept = False

    def _take(self, reading: Reading | None) -> None:
        """Take what an event says in all; the last counts, unless it is of another answer."""
        known = self._known
        if reading is None:
            return
        if known is not None and known.has_usage and None is not known.response_id != reading.response_id is not None:
            self._begin_another()
        self._known = reading

    def _read_present(self) -> Reading | None:
        if self._message is not None:
            return anthropic.read_message(self._message, self._usage, provider_name=self._message["provider_name"])
        if self._is_langchain:
            said = {"id": self._body.get("id"), "response_metadata": self._body, "usage_metadata": self._usage}
            return langchain.read_message(said)
        if self._chunk is not None and (self._usage or self._metrics is None):
            return self._read_chunk()
        reading = self._known or self._metrics
        if reading is None and self._body:
            reading = bedrock.read_converse(self._body, {})
        if reading is not None and self._body:
            stop_reason = text(self._body.get("stopReason"))
            reading = reading._replace(finish_reason=reading.finish_reason or stop_reason)
        return reading

    def _read_chunk(self) -> Reading | None:
        """Read the last chunk for whose answer it is, and the last usage that any chunk said."""
        chunk, usage = self._chunk, self._usage
        if type(chunk) is not dict and type(chunk).__module__.startswith("litellm."):
            reading = read_litellm(chunk)
        else:
            reading = openai.read_chat(fields_of(chunk), {}, provider_name=openai.azure_name(self._body))
            if reading.provider_name is None and type(chunk) is not dict:
                reading = reading._replace(provider_name="openai")
        if reading is None:
            return None
        counts = openai.read_chat({}, usage)[8:14] if usage else reading[8:14]
        finish_reason = text(self._body.get("finish_reason"))
        return Reading(*reading[:8], *counts, *reading[14:])._replace(finish_reason=finish_reason)

    def _add_chunk(self, chunk: Any) -> None:
        """Take a chunk in OpenAI's shape. The last usage counts; each chunk has the id and the model."""
        fields = chunk if type(chunk) is dict else chunk.__dict__
        choices, chunk_id = fields.get("choices"), fields.get("id")
        if chunk_id == self._chunk_id:
            self._is_id_kept = True
        elif chunk_id:
            if choices and self._chunk_id and self._is_chunk_of_another():
                self._begin_another()
            self._chunk_id, self._is_id_kept = chunk_id, False
        self._chunk = chunk
        if choices:
            choice = first(choices)
            reason = choice.get("finish_reason") if type(choice) is dict else getattr(choice, "finish_reason", None)
            if reason is not None:
                self._body["finish_reason"] = reason
        usage = fields.get("usage")
        if not choices or usage is None:
            extra = fields if type(chunk) is dict else getattr(chunk, "__pydantic_extra__", None) or fields
            usage = usage or extra.get("usage")
            if "prompt_filter_results" in extra:
                self._body["prompt_filter_results"] = True
        if usage is not None:
            self._usage = fields_of(usage)

    def _is_chunk_of_another(self) -> bool:
        """Whether a chunk with another id begins another answer."""
        return self._is_id_kept or bool(self._usage and self._body.get("finish_reason"))

    def _add_message_event(self, event: Any) -> None:
        """Take an event of Anthropic's Messages, of the SDK or decoded."""
        fields = event if type(event) is dict else event.__dict__
        kind = fields.get("type")
        if kind == "message_start":
            message = fields_of(fields.get("message"))
            if self._message is not None and (message.get("id") is None or message["id"] != self._message.get("id")):
                self._begin_another()
            self._usage = {**fields_of(message.get("usage"))}
            self._usage.pop("output_tokens", None)  # of a placeholder, before anything was said
            is_sdk = type(event) is not dict
            self._message = {name: message.get(name) for name in ("id", "model")}
            self._message["provider_name"] = "anthropic" if is_sdk or message.get("type") == "message" else None
        elif kind == "message_delta":
            if self._message is None:
                self._message = {"provider_name": "anthropic"}
            usage = fields_of(fields.get("usage"))
            self._usage.update((name, said) for name, said in usage.items() if said is not None)
            self._message["stop_reason"] = fields_of(fields.get("delta")).get("stop_reason")
        metrics = fields.get(bedrock.METRICS)
        if metrics is not None:
            self._metrics = bedrock.read_metrics(fields_of(metrics))

    def _add_response_event(self, event: Any) -> None:
        """Take an event of the Responses API; the one that ends it has the whole answer."""
        fields = event if type(event) is dict else event.__dict__
        response = fields.get("response")
        if response is None:
            return
        is_done = fields.get("type") in _DONE
        if not is_done and self._known is not None:
            return
        reading = (
            openai.read_responses(response, fields_of(response.get("usage")))
            if type(response) is dict
            else read_openai_response(response)
        )
        known = self._known if self._is_done else None
        if known is not None and reading is not None and reading.response_id != known.response_id:
            self._begin_another()
        self._known, self._is_done = reading, is_done

    def _add_langchain(self, event: Any) -> None:
        """Take a chunk of a message: its counts add up, as LangChain's own sum of chunks does."""
        message = getattr(event, "message", event)
        fields = message.__dict__
        usage = fields.get("usage_metadata")
        metadata = fields.get("response_metadata")
        if not usage and not metadata:
            return
        self._is_langchain = True
        if metadata:
            self._body.update(metadata)
        self._body.setdefault("id", fields.get("id"))
        if usage:
            self._usage = _sum_of(self._usage, usage)

    def _add_dict(self, event: dict[str, Any]) -> None:
        if "contentBlockDelta" in event:  # nearly all of a Converse stream
            return
        chunk = event.get("chunk")
        if type(chunk) is dict and "bytes" in chunk:
            raw = chunk["bytes"]
            if any(word in raw for word in _TELLING):
                decoded = json.loads(raw)
                if type(decoded) is dict:
                    self._add_decoded(decoded)
                if self._message is not None:
                    self._message["provider_name"] = bedrock.BEDROCK
            return
        self._add_decoded(event)

    def _add_decoded(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        metadata = event.get("metadata")
        if "messageStop" in event:
            self._body["stopReason"] = fields_of(event["messageStop"]).get("stopReason")
        elif "messageStart" in event:
            if self._is_done:  # each stream of Converse ends with its metadata
                self._begin_another()
        elif type(metadata) is dict and "usage" in metadata:
            if self._is_done:
                self._begin_another()
            self._known, self._is_done = bedrock.read_converse(metadata, fields_of(metadata["usage"])), True
        elif kind in ("message_start", "message_delta", "message_stop"):
            self._add_message_event(event)
        elif type(kind) is str and kind.startswith("response."):
            self._add_response_event(event)
        elif "choices" in event and ("delta" in fields_of(first(event["choices"])) or "usage" in event):
            self._add_chunk(event)
        else:
            self._add_other(event)

    def _add_other(self, event: dict[str, Any]) -> None:
        """Take a part in a model's own shape: Titan's and Llama's say the input first and the output last."""
        metrics = event.get(bedrock.METRICS)
        if type(metrics) is dict:
            self._metrics = bedrock.read_metrics(metrics)
        elif "outputText" in event and ("inputTextTokenCount" in event or "totalOutputTextTokenCount" in event):
            self._add_counts(event, "inputTextTokenCount", "totalOutputTextTokenCount", event.get("completionReason"))
        elif "generation" in event and "prompt_token_count" in event:
            self._add_counts(event, "prompt_token_count", "generation_token_count", event.get("stop_reason"))
        else:
            self._take(read(event))

    def _add_counts(self, event: dict[str, Any], in_name: str, out_name: str, reason: object) -> None:
        known = self._known or Reading(bedrock.BEDROCK, "text_completion")
        said = [event.get(name) for name in (in_name, out_name)]
        counts = [each if type(each) is int and each >= 0 else None for each in said]
        self._known = known._replace(
            input_tokens=known.input_tokens if counts[0] is None else counts[0],
            output_tokens=known.output_tokens if counts[1] is None else counts[1],
            finish_reason=text(reason) or known.finish_reason,
        )

    def _add_opened(self, event: Reading) -> None:
        self._opened = event

    def _add_any(self, event: object) -> None:
        self._take(read(event))

    def _add_nothing(self, event: object) -> None:
        """Text, bytes, numbers: what an application streams to its user."""


def _sum_of(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Add usage metadata up, details too; what is no number is taken from the later."""
    added = {**one}
    for name, said in other.items():
        before = added.get(name)
        if type(said) is dict and type(before) is dict:
            added[name] = _sum_of(before, said)
        elif type(said) is int and type(before) is int:
            added[name] = before + said
        elif said is not None:
            added[name] = said
    return added


Taker = Callable[[StreamReading, Any], None]
_TAKERS: dict[type, Taker] = {dict: StreamReading._add_dict, Reading: StreamReading._add_opened}
_TEXTS = (str, bytes, bytearray, int, float, list, tuple, type(None))


def _find(cls: type) -> Taker:
    """Return who takes events of a class, by the package that it comes from and its name, and remember it."""
    take = _taker_of(cls)
    if len(_TAKERS) >= _MOST_TYPES:
        _TAKERS.clear()
        _TAKERS.update({dict: StreamReading._add_dict, Reading: StreamReading._add_opened})
    _TAKERS[cls] = take
    return take


def _taker_of(cls: type) -> Taker:
    package, name = cls.__module__.partition(".")[0], cls.__name__
    if issubclass(cls, dict):
        return StreamReading._add_dict
    if issubclass(cls, _TEXTS):
        return StreamReading._add_nothing
    bases = {(base.__module__.partition(".")[0], base.__name__) for base in cls.__mro__}
    if bases & {("langchain_core", "AIMessage"), ("langchain_core", "ChatGenerationChunk")}:
        return StreamReading._add_langchain
    if package in ("openai", "litellm") and name in (
        "ChatCompletionChunk",
        "Completion",
        "ModelResponseStream",
        "ModelResponse",
    ):
        return StreamReading._add_chunk
    if package in ("openai", "litellm") and name.endswith("Event"):
        return StreamReading._add_response_event
    if package == "anthropic" and name.endswith("Event"):
        return StreamReading._add_message_event
    return StreamReading._add_any
