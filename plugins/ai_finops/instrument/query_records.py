"""What can be said of a query without its text: a keyed fingerprint, an embedding where switched on, blocks of the prompt.

They go on the span that stands for the query: the model call's own, or one around all calls that answer it. The embedding is
computed off the request path and is there when the span ends later than that, which `query_span` waits for.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence

from opentelemetry import trace
from opentelemetry.trace import Span
from opentelemetry.util.types import AttributeValue

from ai_finops.instrument.deferred import add_later, end_later
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.query_embedder import embedder_setting, embedding_of
from ai_finops.instrument.query_key import query_key
from ai_finops.instrument.record_spans import Block, guarded
from ai_finops.query_text import fingerprint

FINGERPRINT = "finops.query_fingerprint"
MAX_QUERY_CHARACTERS = 20_000
"""Of a text that are embedded."""
MAX_BLOCKS = 1_024
"""Of a prompt; those after them are left out, as they come after all others."""
BLOCK_TOKENS = 512
_BYTES_PER_TOKEN = 4
_BLOCK_DIGITS = 16


@guarded
def query_fingerprint(text: str) -> str | None:
    """Return the keyed fingerprint of a query's text, for `finops.query_fingerprint` of a span; None without a key.

    HMAC-SHA-256 of the normalised text under `AI_FINOPS_QUERY_KEY`: equal texts are equal under one key, and nobody without the
    key can try out texts. There is no unkeyed one.
    """
    key = query_key()
    return None if key is None else fingerprint(text, key=key)


@guarded
def record_query(text: str) -> None:
    """Say on the current span what was asked, without its text: on the model call's own, or on one around all its calls.

    With `AI_FINOPS_QUERY_EMBEDDER` the embedding follows from another thread, if it is there before the span ends.
    """
    _record(trace.get_current_span(), text)


@guarded
def record_query_once(text: str | None) -> None:
    """`record_query`, unless the span says a query already; for those who only pass on what they search for."""
    span = trace.get_current_span()
    if text and span.is_recording() and FINGERPRINT not in (getattr(span, "attributes", None) or ()):
        _record(span, text)


class QuerySpan(Block):
    """A span that stands for a query, with all that answers it inside."""

    def __init__(self, text: str) -> None:
        super().__init__("finops.query", lambda: _fingerprinted(text))
        self._text = text

    def _finish(self, span: Span) -> None:
        setting, text = embedder_setting(), self._text[:MAX_QUERY_CHARACTERS]
        if setting is None:
            span.end()
        else:
            end_later(span, lambda: embedding_of(text, setting=setting), byte_count=len(text))


def query_span(text: str) -> QuerySpan:
    """Run a block as the answering of a query, on a span of its own: where none is at hand that holds all its calls."""
    return QuerySpan(text)


@guarded
def record_prompt_blocks(prompt: str | Sequence[str], *, block_tokens: int = BLOCK_TOKENS) -> None:
    """Say on the current span how the prompt begins, without its text: a keyed hash of it up to the end of each block.

    Two prompts share their first blocks with equal hashes, which is what a provider's cache could have read.

    Args:
        prompt: Blocks of `block_tokens` tokens each; or a text, which is cut every `4 × block_tokens` bytes, a rule of thumb,
            and whose last block is left out where it is not full.
        block_tokens: Tokens of a block, the same for all prompts that are to be compared.
    """
    key, span = query_key(), trace.get_current_span()
    if key is None or not span.is_recording():
        return
    blocks = _cut(prompt, block_tokens * _BYTES_PER_TOKEN) if isinstance(prompt, str) else map(_encoded, prompt)
    hashes = list(_prefix_hashes(blocks, key))
    if hashes:
        span.set_attributes({"finops.prompt_block_fingerprints": hashes, "finops.prompt_block_tokens": block_tokens})


def _record(span: Span, text: str) -> None:
    if not span.is_recording():
        return
    span.set_attributes(_fingerprinted(text))
    setting, kept = embedder_setting(), text[:MAX_QUERY_CHARACTERS]
    if setting is not None:
        add_later(span, lambda: embedding_of(kept, setting=setting), byte_count=len(kept))


def _fingerprinted(text: str) -> dict[str, AttributeValue]:
    key = query_key()
    if key is None:
        count_loss("query_without_key")
        return {}
    return {FINGERPRINT: fingerprint(text, key=key)}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _cut(prompt: str, byte_count: int) -> Iterator[bytes]:
    content = _encoded(prompt[: MAX_BLOCKS * byte_count])
    for start in range(0, len(content) - byte_count + 1, byte_count):
        yield content[start : start + byte_count]


def _prefix_hashes(blocks: Iterator[bytes], key: bytes) -> Iterator[str]:
    """The hash of each block together with all before it; its length first, so that a cut elsewhere is another prompt."""
    running = hmac.new(key, digestmod=hashlib.sha256)
    for _, block in zip(range(MAX_BLOCKS), blocks, strict=False):
        running.update(len(block).to_bytes(8, "big") + block)
        yield running.copy().hexdigest()[:_BLOCK_DIGITS]
