"""Attribute names of the GenAI semantic conventions, in the version that `OTEL_SEMCONV_STABILITY_OPT_IN` selects.

Without it, and with `gen_ai_latest_experimental`, names are those of the first release of the conventions' own repository
(semconv-genai 0.1.0). `gen_ai_1_36` in the list selects the names from before the experimental ones, for backends that know
no others; it is a word of this package, because OpenTelemetry has none for "the old ones".
Source: opentelemetry.io/docs/specs/semconv/gen-ai, github.com/open-telemetry/semantic-conventions-genai
"""

from __future__ import annotations

import os
from dataclasses import dataclass

OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
LATEST = "gen_ai_latest_experimental"
OLD = "gen_ai_1_36"


@dataclass(frozen=True, slots=True)
class Names:
    """What an attribute is called in one version."""

    version: str
    provider: str = "gen_ai.provider.name"
    cache_read_input_tokens: str = "gen_ai.usage.cache_read.input_tokens"
    cache_write_input_tokens: str = "gen_ai.usage.cache_write.input_tokens"
    reasoning_output_tokens: str = "gen_ai.usage.reasoning.output_tokens"
    operation: str = "gen_ai.operation.name"
    request_model: str = "gen_ai.request.model"
    response_model: str = "gen_ai.response.model"
    response_id: str = "gen_ai.response.id"
    finish_reasons: str = "gen_ai.response.finish_reasons"
    input_tokens: str = "gen_ai.usage.input_tokens"
    output_tokens: str = "gen_ai.usage.output_tokens"


_LATEST = Names(version="semconv-genai 0.1.0")
_OLD = Names(
    version="semconv 1.36",
    provider="gen_ai.system",
    # 1.36 has no name for these three; 1.41 was the last release that had them beside the old ones.
    cache_read_input_tokens="gen_ai.usage.cache_read.input_tokens",
    cache_write_input_tokens="gen_ai.usage.cache_creation.input_tokens",
    reasoning_output_tokens="gen_ai.usage.reasoning.output_tokens",
)


def select_names(opt_in: str | None = None) -> Names:
    """Return the names for a value of `OTEL_SEMCONV_STABILITY_OPT_IN` (the environment's by default).

    Words of other conventions in the list are theirs; with both words of this one the latest wins.
    """
    words = {word.strip() for word in (os.environ.get(OPT_IN, "") if opt_in is None else opt_in).split(",")}
    return _OLD if OLD in words and LATEST not in words else _LATEST
