"""What product services import: which feature asked for a model call, what it used, and what it cost by list price.

Needs opentelemetry-api and genai-prices. `FeatureSpanProcessor` also needs the SDK (extra `otel`); see docs/instrument.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ai_finops.instrument.attribution import carry, feature
from ai_finops.instrument.handle import current_call
from ai_finops.instrument.headers import from_headers, write_headers
from ai_finops.instrument.metering import instrument_llm
from ai_finops.instrument.metrics import configure_metrics, flush_metrics
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.instrument.usage import read, register_reader

if TYPE_CHECKING:
    from ai_finops.instrument.feature_processor import FeatureSpanProcessor
    from ai_finops.instrument.records import (
        flush_deferred,
        query_fingerprint,
        query_span,
        record_context_use,
        record_prompt_blocks,
        record_query,
        record_rerank,
        record_retrieval,
    )

__all__ = [
    "FeatureSpanProcessor",
    "Reading",
    "carry",
    "configure_metrics",
    "current_call",
    "feature",
    "flush_deferred",
    "flush_metrics",
    "from_headers",
    "instrument_llm",
    "query_fingerprint",
    "query_span",
    "read",
    "record_context_use",
    "record_prompt_blocks",
    "record_query",
    "record_rerank",
    "record_retrieval",
    "register_reader",
    "track_llm_cost",
    "write_headers",
]


def __getattr__(name: str) -> Any:
    """Import what needs an extra, or what not every service uses, only when it is asked for."""
    if name == "FeatureSpanProcessor":
        from ai_finops.instrument.feature_processor import FeatureSpanProcessor

        return FeatureSpanProcessor
    if name in __all__:
        from ai_finops.instrument import records

        return getattr(records, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
