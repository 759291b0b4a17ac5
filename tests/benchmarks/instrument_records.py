"""What a record costs on the request path, beside a bare span: `make bench BENCH=instrument_records` (BENCH_CALLS=20000)."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from ai_finops.instrument import record_spans
from ai_finops.instrument.deferred import flush_deferred
from ai_finops.instrument.records import record_context_use, record_prompt_blocks, record_query, record_retrieval

CALLS = int(os.environ.get("BENCH_CALLS", "20000"))
DOCUMENTS = [(f"document-{number}", 1 / (number + 1)) for number in range(10)]
TEXTS = {name: "The card was sent to the address of the account. " * 20 for name, _ in DOCUMENTS}
PROMPT = "The card was sent to the address of the account. " * 160


class _Nowhere(SpanExporter):
    def export(self, spans):
        return SpanExportResult.SUCCESS


def main() -> None:
    os.environ["AI_FINOPS_QUERY_KEY"] = "0123456789abcdef0123456789abcdef"
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(_Nowhere(), max_queue_size=100_000))
    record_spans._tracer = tracer = provider.get_tracer("bench")
    cases: dict[str, Callable[[], object]] = {
        "bare span": lambda: tracer.start_span("bare").end(),
        "record_retrieval, 10 documents": lambda: record_retrieval(DOCUMENTS, top_k=10),
        "record_context_use, cited": lambda: record_context_use(["document-1", "document-2"]),
        "record_context_use, 10 texts of 1 KB": lambda: record_context_use(answer=PROMPT, documents=TEXTS),
        "record_query": lambda: record_query("Where is my card?"),
        f"record_prompt_blocks, {len(PROMPT):,} bytes": lambda: record_prompt_blocks(PROMPT),
    }
    print(f"{CALLS} calls each, microseconds on the request path\n{'':40}  median     p99")
    with tracer.start_as_current_span("request"):
        for name, call in cases.items():
            count = CALLS if "texts" not in name else min(CALLS, 500)
            times = sorted(_timed(call) for _ in range(count))
            print(f"{name:40} {statistics.median(times):7.1f} {times[int(len(times) * 0.99)]:7.1f}")
            flush_deferred(120)


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - began) / 1_000


if __name__ == "__main__":
    main()
