"""Spans to measure with: synthetic, the same on every run, in the shapes that real libraries write.

| share of calls | written by | spans of one call |
|---|---|---|
| 45 % | this package's decorator (OpenTelemetry GenAI names) | the call |
| 20 % | OpenLLMetry (older names) | a workflow that repeats its child's usage, and the call |
| 20 % | OpenInference | the call, with its prompt beside it |
| 5 % | OpenInference, a RAG answer | chain, embedding, retriever and reranker of 10 documents, the call |
| 10 % | a web service | the request's server span around a call by OpenTelemetry's own library |

A pool of calls is drawn once from a seed; each call is then given out again and again with new ids, times and request ids, in
OTLP JSON and in protobuf, so that a million spans take seconds to make and never two have the same id.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Value = str | bool | int | float
SEED = 20250602
POOL_CALLS = 4000
SPANS_PER_REQUEST = 500
FIRST_NS = 1_748_822_400_000_000_000  # 2025-06-02T00:00:00Z
_TRACE, _SPAN, _PARENT, _REQUEST = "7" * 31 + "e", "7" * 15 + "a", "7" * 15 + "b", "7" * 31 + "c"
_START, _END = 7_777_777_777_777_777_771, 7_777_777_777_777_777_772
MODELS = ("anthropic.claude-sonnet-4-6-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0", "amazon.nova-lite-v1:0")
FEATURES = ("smart_reply", "doc_summary", "ticket_triage", "search_answers", "contract_review", "onboarding_bot")
_WORDS = (
    "the order invoice customer when refund please why contract page answer summary late missing again which".split()  # noqa: SIM905 - reads better
)


@dataclass(frozen=True, slots=True)
class Template:
    """A span's bytes in pieces, and what stands between them."""

    scope: tuple[str, str]
    is_child: bool
    json_parts: tuple[bytes, ...]
    json_slots: tuple[str, ...]
    protobuf_parts: tuple[bytes, ...]
    protobuf_slots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a run of spans begins, so that runs do not have an id in common."""

    calls_before: int = 0
    spans_before: int = 0
    first_ns: int = FIRST_NS
    ns_per_call: int = 80_000_000
    features: tuple[str, ...] = FEATURES


def requests(
    span_count: int, *, encoding: str, spans_per_request: int = SPANS_PER_REQUEST, stretch: Stretch = Stretch()
) -> Iterator[bytes]:
    """Yield export requests with `span_count` spans in all.

    Args:
        encoding: `json` or `protobuf`; the same spans either way.
    """
    spans = _numbered(span_count, stretch=stretch)
    assemble = _json_request if encoding == "json" else _protobuf_request
    while batch := list(islice(spans, spans_per_request)):
        yield assemble(batch)


def spans_of_a_round(features: tuple[str, ...] = FEATURES) -> int:
    """Return how many spans all calls of the pool have, each given out once."""
    return sum(len(call) for call in _pool(features))


def _numbered(span_count: int, *, stretch: Stretch) -> Iterator[tuple[Template, dict[str, int]]]:
    """Give each span of the pool, over and over, ids and times of its own."""
    pool = _pool(stretch.features)
    made, call = stretch.spans_before, stretch.calls_before
    last = made + span_count
    while True:
        call += 1
        for template in pool[call % len(pool)]:
            if made == last:
                return
            made += 1
            start = stretch.first_ns + (call - stretch.calls_before) * stretch.ns_per_call
            start += (made - stretch.spans_before) * 1000
            yield (
                template,
                {
                    "trace": _mixed(call, 128),
                    "span": _mixed(made, 64),
                    "parent": _mixed(made - 1, 64),
                    "request": _mixed(call + (1 << 40), 128),
                    "start": start,
                    "end": start + 1_500_000_000,
                },
            )


def _mixed(number: int, bits: int) -> int:
    """Spread a number over all bits, one to one, as ids are."""
    return number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << bits)


_JSON_SLOTS = {
    "trace": "%032x",
    "span": "%016x",
    "parent": "%016x",
    "request": "%032x",
    "start": "%d",
    "end": "%d",
}


def _json_request(batch: list[tuple[Template, dict[str, int]]]) -> bytes:
    scopes = []
    for (name, version), spans in _by_scope(batch).items():
        body = b",".join(_fill_json(template, values) for template, values in spans)
        scope = json.dumps({"name": name, "version": version}, separators=(",", ":")).encode()
        scopes.append(b'{"scope":%s,"spans":[%s]}' % (scope, body))
    resource = json.dumps(_json_attributes(_RESOURCE), separators=(",", ":")).encode()
    return b'{"resourceSpans":[{"resource":{"attributes":%s},"scopeSpans":[%s]}]}' % (resource, b",".join(scopes))


def _fill_json(template: Template, values: dict[str, int]) -> bytes:
    pieces = [template.json_parts[0]]
    for slot, part in zip(template.json_slots, template.json_parts[1:], strict=True):
        pieces += ((_JSON_SLOTS[slot] % values[slot]).encode(), part)
    return b"".join(pieces)


def _protobuf_request(batch: list[tuple[Template, dict[str, int]]]) -> bytes:
    scopes = b""
    for (name, version), spans in _by_scope(batch).items():
        scope = _field(1, _field(1, name.encode()) + _field(2, version.encode()))
        body = b"".join(_field(2, _fill_protobuf(template, values)) for template, values in spans)
        scopes += _field(2, scope + body)
    resource = b"".join(_field(1, each.SerializeToString()) for each in _key_values(_RESOURCE))
    return _field(1, _field(1, resource) + scopes)


_PROTOBUF_SLOTS = {
    "trace": lambda value: value.to_bytes(16, "big"),
    "span": lambda value: value.to_bytes(8, "big"),
    "parent": lambda value: value.to_bytes(8, "big"),
    "request": lambda value: b"%032x" % value,
    "start": lambda value: value.to_bytes(8, "little"),
    "end": lambda value: value.to_bytes(8, "little"),
}


def _fill_protobuf(template: Template, values: dict[str, int]) -> bytes:
    pieces = [template.protobuf_parts[0]]
    for slot, part in zip(template.protobuf_slots, template.protobuf_parts[1:], strict=True):
        pieces += (_PROTOBUF_SLOTS[slot](values[slot]), part)
    return b"".join(pieces)


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    length, prefix = len(content), b""
    while length > 0x7F:
        prefix += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + prefix + bytes([length]) + content


def _by_scope(batch: list[tuple[Template, dict[str, int]]]) -> dict[tuple[str, str], list]:
    groups: dict[tuple[str, str], list] = {}
    for template, values in batch:
        groups.setdefault(template.scope, []).append((template, values))
    return groups


@cache
def _pool(features: tuple[str, ...]) -> list[list[Template]]:
    chance = _Chance(SEED, features)
    writers = (_decorator, _openllmetry, _openinference, _rag_answer, _web_service)
    chosen = chance.choices(writers, (45, 20, 20, 5, 10), k=POOL_CALLS)
    return [[_template(*span, is_child=number > 0) for number, span in enumerate(writer(chance))] for writer in chosen]


class _Chance(random.Random):
    """A seeded source of chance that knows which features there are."""

    def __new__(cls, seed: int, _features: tuple[str, ...]) -> _Chance:
        return super().__new__(cls, seed)

    def __init__(self, seed: int, features: tuple[str, ...]) -> None:
        super().__init__(seed)
        self.features = features


_RESOURCE: dict[str, Value] = {
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.43.0",
    "service.name": "support-api",
    "cloud.provider": "aws",
    "cloud.account.id": "111122223333",
    "cloud.region": "us-east-1",
    "deployment.environment.name": "production",
}
_Spans = list[tuple[tuple[str, str], str, int, dict[str, Value]]]


def _decorator(chance: _Chance) -> _Spans:
    model, usage = chance.choice(MODELS), _usage(chance)
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "aws.request_id": _REQUEST,
        **_finops(chance),
        "gen_ai.conversation.id": f"journey-{chance.randrange(10**6)}",
        "user.id": f"user-{chance.randrange(10**5)}",
        "gen_ai.usage.input_tokens": usage["input"] + usage["read"] + usage["write"],
        "gen_ai.usage.cache_read.input_tokens": usage["read"],
        "gen_ai.usage.cache_write.input_tokens": usage["write"],
        "gen_ai.usage.output_tokens": usage["output"],
    }
    return [(("ai_finops.instrument", "0.1.0"), f"chat {model}", 3, attributes)]


def _openllmetry(chance: _Chance) -> _Spans:
    usage, finops, pipeline = _usage(chance), _finops(chance), chance.choice(("extract", "rag_answer", "classify"))
    shared = {
        "traceloop.workflow.name": pipeline,
        "traceloop.entity.name": pipeline,
        **finops,
        "traceloop.association.properties.user_id": f"user-{chance.randrange(10**5)}",
    }
    said = {
        "gen_ai.usage.prompt_tokens": usage["input"],
        "gen_ai.usage.completion_tokens": usage["output"],
        "llm.usage.total_tokens": usage["input"] + usage["output"],
        "gen_ai.usage.cache_read_input_tokens": usage["read"],
        "gen_ai.usage.cache_creation_input_tokens": usage["write"],
    }
    llm = {"gen_ai.system": "AWS", "gen_ai.request.model": chance.choice(MODELS), "llm.request.type": "chat"}
    workflow, bedrock = (f"opentelemetry.instrumentation.{name}" for name in ("traceloop", "bedrock"))
    return [
        ((workflow, "0.40.14"), f"{pipeline}.workflow", 1, {"traceloop.span.kind": "workflow", **shared, **said}),
        ((bedrock, "0.40.14"), "bedrock.converse", 3, {**llm, **shared, **said, "gen_ai.response.id": _REQUEST}),
    ]


_OPENINFERENCE = ("openinference.instrumentation.bedrock", "0.1.61")
_CHAIN = ("openinference.instrumentation.langchain", "0.1.61")


def _openinference(chance: _Chance) -> _Spans:
    usage = _usage(chance)
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.provider": "aws",
        "llm.model_name": chance.choice(MODELS),
        "input.value": _text(chance, 30),
        "input.mime_type": "application/json",
        "llm.token_count.prompt": usage["input"],
        "llm.token_count.completion": usage["output"],
        "llm.token_count.total": sum(usage.values()),
        "llm.token_count.prompt_details.cache_read": usage["read"],
        "llm.token_count.prompt_details.cache_write": usage["write"],
        "llm.finish_reason": "end_turn",
        **_finops(chance),
        "session.id": f"journey-{chance.randrange(10**6)}",
        "user.id": f"user-{chance.randrange(10**5)}",
    }
    return [(_OPENINFERENCE, "bedrock.converse", 1, attributes)]


def _rag_answer(chance: _Chance) -> _Spans:
    question = {"input.value": _text(chance, 12), "input.mime_type": "text/plain"}
    finops = _finops(chance)
    before = [(f"doc-{chance.randrange(10**6)}", round(chance.random(), 6)) for _ in range(10)]
    after = sorted(before, key=lambda document: document[1], reverse=True)
    embedding = {"embedding.model_name": "amazon.titan-embed-text-v2:0", "llm.token_count.prompt": 12}
    rerank = {"reranker.model_name": "cohere.rerank-v3-5:0", "reranker.top_k": 10, "reranker.query": _text(chance, 12)}
    kind = "openinference.span.kind"
    return [
        (_CHAIN, "rag_answer", 1, {kind: "CHAIN", **question, **finops}),
        (_OPENINFERENCE, "bedrock.invoke_model", 1, {kind: "EMBEDDING", "llm.provider": "aws", **embedding, **finops}),
        (_CHAIN, "retrieve", 1, {kind: "RETRIEVER", **question, **_documents("retrieval.documents", before), **finops}),
        (
            _OPENINFERENCE,
            "bedrock.rerank",
            1,
            {kind: "RERANKER", "llm.provider": "aws", **rerank}
            | _documents("reranker.input_documents", before)
            | _documents("reranker.output_documents", after)
            | finops,
        ),
        *_openinference(chance),
    ]


def _web_service(chance: _Chance) -> _Spans:
    usage, model = _usage(chance), chance.choice(MODELS)
    server = {
        "http.request.method": "POST",
        "http.route": "/v1/answers",
        "http.response.status_code": 200,
        "url.scheme": "https",
        "server.address": "answers.internal",
        "network.protocol.version": "1.1",
        "user_agent.original": "python-httpx/0.28",
    }
    call = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "aws.bedrock",
        "gen_ai.request.model": model,
        "gen_ai.request.max_tokens": 1024,
        "gen_ai.request.temperature": 0.2,
        "gen_ai.usage.input_tokens": usage["input"],
        "gen_ai.usage.output_tokens": usage["output"],
        "server.address": "bedrock-runtime.us-east-1.amazonaws.com",
        "server.port": 443,
        "aws.request_id": _REQUEST,
        "rpc.system": "aws-api",
        "rpc.method": "Converse",
        "http.response.status_code": 200,
    }
    botocore = ("opentelemetry.instrumentation.botocore.bedrock-runtime", "0.64b0")
    return [
        (("opentelemetry.instrumentation.fastapi", "0.64b0"), "POST /v1/answers", 2, server),
        (botocore, f"chat {model}", 3, call),
    ]


def _usage(chance: _Chance) -> dict[str, int]:
    is_cached = chance.random() < 0.4
    return {
        "input": int(chance.lognormvariate(6.8, 1)),
        "output": int(chance.lognormvariate(5.3, 0.8)),
        "read": chance.randrange(1024, 8192) if is_cached else 0,
        "write": chance.randrange(1024, 4096) if is_cached and chance.random() < 0.2 else 0,
    }


def _finops(chance: _Chance) -> dict[str, Value]:
    feature = chance.choice(chance.features)
    return {
        "finops.feature": feature,
        "finops.pipeline": f"{feature}_pipeline",
        "finops.task_type": chance.choice(("summarise", "classify", "answer")),
        "finops.model_tier": chance.choice(("large", "small")),
        "finops.prompt_version": f"v{chance.randrange(1, 9)}",
    }


def _documents(prefix: str, documents: list[tuple[str, float]]) -> dict[str, Value]:
    return {
        f"{prefix}.{number}.document.{part}": value
        for number, document in enumerate(documents)
        for part, value in zip(("id", "score"), document, strict=True)
    }


def _text(chance: _Chance, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))


def _template(
    scope: tuple[str, str], name: str, kind: int, attributes: dict[str, Value], *, is_child: bool
) -> Template:
    status = {"code": 1} if kind == 1 else {}
    plain = {
        "traceId": _TRACE,
        "spanId": _SPAN,
        **({"parentSpanId": _PARENT} if is_child else {}),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(_START),
        "endTimeUnixNano": str(_END),
        "attributes": _json_attributes(attributes),
        "status": status,
        "flags": 256,
    }
    marks = {"trace": _TRACE, "span": _SPAN, "request": _REQUEST, "start": str(_START), "end": str(_END)}
    marks |= {"parent": _PARENT} if is_child else {}
    span = Span(
        trace_id=bytes.fromhex(_TRACE),
        span_id=bytes.fromhex(_SPAN),
        parent_span_id=bytes.fromhex(_PARENT) if is_child else b"",
        name=name,
        kind=kind,
        start_time_unix_nano=_START,
        end_time_unix_nano=_END,
        attributes=_key_values(attributes),
        flags=256,
    )
    span.status.code = status.get("code", 0)
    raw = {
        "trace": bytes.fromhex(_TRACE),
        "span": bytes.fromhex(_SPAN),
        "request": _REQUEST.encode(),
        "start": _START.to_bytes(8, "little"),
        "end": _END.to_bytes(8, "little"),
    }
    raw |= {"parent": bytes.fromhex(_PARENT)} if is_child else {}
    as_json = json.dumps(plain, separators=(",", ":")).encode()
    json_slots, json_parts = _cut(as_json, {slot: mark.encode() for slot, mark in marks.items()})
    protobuf_slots, protobuf_parts = _cut(span.SerializeToString(), raw)
    return Template(scope, is_child, json_parts, json_slots, protobuf_parts, protobuf_slots)


def _cut(whole: bytes, marks: dict[str, bytes]) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    found = sorted((whole.index(mark), slot, len(mark)) for slot, mark in marks.items() if mark in whole)
    parts, after = [], 0
    for at, _, length in found:
        parts.append(whole[after:at])
        after = at + length
    return tuple(slot for _, slot, _ in found), (*parts, whole[after:])


def _json_attributes(attributes: dict[str, Value]) -> list[dict]:
    return [{"key": key, "value": _json_value(value)} for key, value in attributes.items()]


def _json_value(value: Value) -> dict:
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value}


def _key_values(attributes: dict[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_any_value(value)) for key, value in attributes.items()]


def _any_value(value: Value) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(double_value=value)
