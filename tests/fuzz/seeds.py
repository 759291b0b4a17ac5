"""What the inputs are edited from: recorded files, and hand-made ones in every shape that a decoder tells apart."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tests.extract import exports, invocations
from tests.extract.made import CALL, TRACE, attributes, json_bytes, protobuf_bytes, request, span

FIXTURES = Path(__file__).parents[1] / "fixtures"
SECRET = "planted-prompt-7f3a"
_RECORDED_BYTES = 60_000
"""Of longer recordings the spans are taken apart: an edit of a small input is read faster."""


def _recorded_spans() -> list[bytes]:
    seeds = []
    for path in sorted([*FIXTURES.glob("otlp_replay/*.json"), *FIXTURES.glob("langfuse_otlp/*.json")]):
        for line in path.read_text().splitlines():
            for resource_spans in json.loads(line).get("resourceSpans", []):
                one = json.dumps({"resourceSpans": [resource_spans]}, separators=(",", ":")).encode()
                if len(one) <= _RECORDED_BYTES:
                    seeds.append(one)
    return sorted(set(seeds), key=lambda each: (len(each), each))[:24]


def _calls() -> list[dict]:
    messages = json.dumps([{"role": "user", "parts": [{"type": "text", "content": SECRET}]}])
    return [
        request(span(1, CALL | {"finops.feature": "search", "user.id": "u1", "gen_ai.input.messages": messages})),
        request(span(2, {"llm.model_name": "gpt-4o", "llm.token_count.prompt": 12, "input.value": SECRET})),
        request(span(3, CALL | {"list": ["a", 1, 2.5, True], "map": {"a": {"b": [1]}}}), span(4), resource={}),
        request(span(5, CALL | {"gen_ai.usage.cache_read.input_tokens": 7, "deep": [[[[1]]]]}, status={"code": 2})),
    ]


OTLP_JSON = (*_recorded_spans(), *(json_bytes(each) for each in _calls()), json_bytes(*_calls()))
OTLP_PROTOBUF = tuple(protobuf_bytes(each) for each in _calls())
_RECORDS = [
    invocations.record(1),
    invocations.record(2, usage={"cacheReadInputTokenCount": 9, "outputTokenCount": None}),
    invocations.record(3, body={"output": {"message": {"content": [{"text": SECRET}]}}, "usage": {"inputTokens": 5}}),
    invocations.record(4, operation="InvokeModel", modelId="arn:aws:bedrock:us-east-1:1:inference-profile/x"),
    invocations.record(5, errorCode="ThrottlingException", requestMetadata={}),
]
INVOCATION_LOGS = (
    *(json.dumps(each, separators=(",", ":")).encode() for each in _RECORDS),
    invocations.lines(*_RECORDS),
    *invocations.RECORDED.read_bytes().splitlines()[:4],
)
LOGGED_SPANS = tuple(
    json.dumps(each).encode()
    for each in (
        {
            "resource": {"attributes": {"service.name": "docs-api", "list": [1, "a", None]}},
            "scope": {"name": "some.library", "version": "1"},
            "traceId": TRACE,
            "spanId": f"{number:016x}",
            "parentSpanId": "",
            "name": "chat",
            "kind": "CLIENT",
            "startTimeUnixNano": 1748865600000000000,
            "durationNano": 2_000_000_000,
            "status": {"code": "OK"},
            "attributes": CALL | {"question": SECRET},
        }
        for number in range(1, 4)
    )
)
_MESSAGES = [
    {"role": "system", "content": "be kind"},
    {"role": "user", "parts": [{"type": "text", "content": SECRET}, {"text": "and why"}]},
    {"role": "assistant", "content": [{"type": "text", "text": "because"}], "tool_calls": [{"id": "1"}]},
]
SAID_TEXTS = tuple(
    each.encode() if isinstance(each, str) else json.dumps(each).encode()
    for each in (
        _MESSAGES,
        {"messages": _MESSAGES},
        {"contents": [{"role": "user", "parts": [{"text": "where"}]}], "query": "where", "documents": [["a", 1.5]]},
        {"values": [{"kvlistValue": {"values": attributes({"role": "user", "content": ["where", {"a": 1}]})}}]},
        {"values": [{"intValue": "3"}, {"doubleValue": -4.5}, {"stringValue": "block"}]},
        [0.1, -2, 3e5],
        ["first block", "second block"],
        "AACAPwAAAEA=",
        "where is my card",
        "512",
    )
)
_LINES = [
    exports.cur_line(1.25),
    exports.cur_line("0.000000000123", line_item_line_item_description=SECRET),
    exports.cur_line(-3, line_item_line_item_type="Credit"),
    exports.cur_line(7.5, **exports.EC2),
]
_LEGACY = [exports.legacy_row(line) for line in _LINES]
CUR_CSV = (
    exports.csv_bytes(_LINES, names=exports.CUR_SCHEMA.names),
    exports.csv_bytes(_LEGACY, names=list(dict.fromkeys(name for row in _LEGACY for name in row))),
)
FOCUS_CSV = (
    exports.csv_bytes(
        [exports.focus_charge(2), exports.focus_charge("-0.5", ChargeCategory="Credit", ChargeDescription=SECRET)],
        names=exports.FOCUS_SCHEMA.names,
    ),
    b"\n".join((FIXTURES / "focus_sample" / "focus_sample.csv").read_bytes().split(b"\n")[:6]) + b"\n",
)
CUR_PACKED = tuple(gzip.compress(each, mtime=0) for each in CUR_CSV)
CUR_ZIPPED = tuple(exports.zipped(each) for each in CUR_CSV)
CUR_PARQUET = (exports.parquet_bytes([{**exports.cur_line(2)}, {**exports.cur_line(3)}]),)
