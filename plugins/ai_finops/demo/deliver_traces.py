"""Put the sample's spans into the traces bucket: a stand-in for the OpenTelemetry Collector's awss3exporter.

The real exporter writes an object per batch under the minute of ingestion; this one batches a service's hour into one object,
written at its last minute. Keys and bodies are the same on every run, so a delivery can be repeated.

| service | encoding | compression |
|---|---|---|
| docs-api | `otlp_json` | gzip |
| growth-api | `otlp_json` | none |
| support-api | `otlp_proto` | gzip in odd hours |

legal-api is not instrumented and sends nothing. On the sample's tenth day (2025-06-11 when it is not shifted) one more object
is cut off half-way, as an upload that broke: it holds the beginning of a request with a health-check span that exists nowhere
else, so no total misses anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.config import Settings
from ai_finops.demo.account import ACCOUNT_ID, Uploader
from ai_finops.demo.call_rows import Call, SampleTables, first_day, hour_of, midnight
from ai_finops.demo.otlp import INTERNAL, Span, Value, encode_json, encode_protobuf, hex_id
from ai_finops.demo.span_dialects import DIALECTS, SHADOW_SERVICE, shadow_span
from ai_finops.demo.span_parts import Rerank, SaidQuery, Surroundings
from ai_finops.errors import SampleError
from ai_finops.query_text import encode_embedding, fingerprint, normalise

BROKEN_DAY_OFFSET = 9
_FINGERPRINT_KEY = b"made up: a product's key is its own"
_Render = Callable[[Surroundings], list[Span]]


def deliver_traces(
    sample: SampleTables, calls: list[Call], *, first: date, last: date, s3: Any, settings: Settings
) -> tuple[int, int, int]:
    """Put what landed from `first` to `last`; return the counts of objects, of spans in them, and of bytes.

    Raises:
        SourceMissing, SourceForbidden, SourceUnavailable: The bucket is not there, refused, or did not answer.
        SampleError: A service of the sample has no dialect.
    """
    span_count = 0
    around = _surroundings(sample, calls)
    with Uploader(s3, bucket=settings.traces_bucket) as uploader:
        for (hour, service), group in _landed_groups(sample, calls, first=first, last=last).items():
            spans = [span for render in group for span in render(around)]
            span_count += len(spans)
            uploader.put(_key(service, hour, settings=settings), _body(service, hour, spans, settings=settings))
        broken_day = first_day(calls) + timedelta(days=BROKEN_DAY_OFFSET)
        if first <= broken_day <= last:
            uploader.put(*_broken_object(broken_day, settings=settings))
    return uploader.object_count, span_count, uploader.byte_count


def _landed_groups(
    sample: SampleTables, calls: list[Call], *, first: date, last: date
) -> dict[tuple[datetime, str], list[_Render]]:
    # Within an object, spans stand in the order in which they landed.
    begin, end = midnight(first), midnight(last + timedelta(days=1))
    landed = sorted(
        (moment, number, service, render)
        for number, (moment, service, render) in enumerate(
            itertools.chain(_call_landings(calls), _shadow_landings(sample))
        )
        if begin <= moment < end
    )
    groups: dict[tuple[datetime, str], list[_Render]] = {}
    for moment, _, service, render in landed:
        groups.setdefault((hour_of(moment), service), []).append(render)
    return groups


def _call_landings(calls: list[Call]) -> Iterator[tuple[datetime, str, _Render]]:
    for call in calls:
        if call.is_instrumented:
            spans_of = DIALECTS.get(call.service_name)
            if spans_of is None:
                raise SampleError(
                    f"call {call.call_number} is instrumented, but service {call.service_name!r} has no span dialect; "
                    f"known are {', '.join(DIALECTS)}"
                )
            for moment in call.landings():
                yield moment, call.service_name, lambda around, call=call, spans_of=spans_of: spans_of(call, around)


def _shadow_landings(sample: SampleTables) -> Iterator[tuple[datetime, str, _Render]]:
    for number, row in enumerate(sample.shadow.to_pylist()):
        span = shadow_span(row, number=number)
        yield span.ended_at, SHADOW_SERVICE, lambda around, span=span: [span]


def _surroundings(sample: SampleTables, calls: list[Call]) -> Surroundings:
    children: dict[int, list[Call]] = {}
    for call in calls:
        if call.parent_call_number is not None:
            children.setdefault(call.parent_call_number, []).append(call)
    texts = sample.queries.select(["query_number", "text"]).to_pydict()
    queries = dict(zip(texts["query_number"], texts["text"], strict=True))
    return Surroundings(
        queries=queries,
        said_queries=_said_queries(queries),
        reranks={row["rerank_number"]: _rerank(row) for row in sample.reranks.to_pylist()},
        children=children,
    )


def _said_queries(queries: Mapping[int, str]) -> dict[int, SaidQuery]:
    embedder = StaticEmbedder()
    vectors = embedder.embed([normalise(text) for text in queries.values()])
    return {
        number: SaidQuery(fingerprint(text, key=_FINGERPRINT_KEY), encode_embedding(vector), embedder.embedder_id)
        for (number, text), vector in zip(queries.items(), vectors.tolist(), strict=True)
    }


def _rerank(row: dict) -> Rerank:
    documents = zip(row["docid"], row["rank_before"], row["rank_after"], row["score_before"], strict=True)
    return Rerank(tuple(documents))


def _resource(service: str, *, settings: Settings) -> dict[str, Value]:
    return {
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.version": "1.34.0",
        "service.name": service,
        "cloud.provider": "aws",
        "cloud.account.id": ACCOUNT_ID,
        "cloud.region": settings.aws_region,
        "deployment.environment.name": "production",
    }


def _is_compressed(service: str, hour: datetime) -> bool:
    return service == "docs-api" or (service == "support-api" and hour.hour % 2 == 1)


def _body(service: str, hour: datetime, spans: list[Span], *, settings: Settings) -> bytes:
    encode = encode_protobuf if service == "support-api" else encode_json
    return encode(spans, resource=_resource(service, settings=settings), compress=_is_compressed(service, hour))


def _key(service: str, hour: datetime, *, settings: Settings, minute: int = 59) -> str:
    extension = ".binpb" if service == "support-api" else ".json"
    if _is_compressed(service, hour):
        extension += ".gz"
    at = hour.replace(minute=minute)
    folder = f"{settings.traces_prefix}/{at:{settings.traces_partition_format}}/hour={at:%H}/minute={at:%M}"
    return f"{folder}/{service}_traces_{hex_id('object', service, at.isoformat(), length=16)}{extension}"


def _broken_object(day: date, *, settings: Settings) -> tuple[str, bytes]:
    at = midnight(day) + timedelta(hours=5)
    span = Span(
        scope=("opentelemetry.instrumentation.fastapi", "0.55b0"),
        trace_id=hex_id("broken-trace", length=32),
        span_id=hex_id("broken", length=16),
        parent_span_id="",
        name="GET /health",
        kind=INTERNAL,
        started_at=at,
        ended_at=at + timedelta(milliseconds=2),
        attributes={"http.request.method": "GET", "http.route": "/health"},
    )
    whole = encode_json([span], resource=_resource("docs-api", settings=settings), compress=True)
    return _key("docs-api", at, settings=settings, minute=17), whole[: len(whole) // 2]
