"""Long requests are cut between spans by their brackets and quotes alone."""

import json

import pytest

from ai_finops.extract import long_requests
from ai_finops.extract.long_requests import NOT_WHOLE, TOO_MANY_VALUES, UncutError, cut
from tests.extract.made import CALL, json_bytes, request, span

TRICKY = ['"', "\\", '\\"', '{"spans":[{', "]}]}", "\\\\", "ä\u2028", ""]


def spans_of(*parts: bytes) -> list[dict]:
    return [
        each
        for part in parts
        for resource_spans in json.loads(part)["resourceSpans"]
        for scope_spans in resource_spans["scopeSpans"]
        for each in scope_spans["spans"]
    ]


def parts_of(content: bytes) -> list[bytes]:
    parts = list(cut(content))
    for start, part in parts:
        first = spans_of(part)[0]
        assert json.JSONDecoder().raw_decode(content[start:].decode())[0] == first
    return [part for _, part in parts]


@pytest.mark.parametrize("block", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("indent", [None, 1])
def test_texts_full_of_brackets_and_quotes_do_not_matter(monkeypatch, block, indent):
    monkeypatch.setattr(long_requests, "_BLOCK", block)
    monkeypatch.setattr(long_requests, "PART_BYTES", 500)
    spans = [span(n, CALL | {text: text for text in TRICKY} | {"l": TRICKY, "m": {"l": [1, "["]}}) for n in range(4)]
    content = json.dumps(request(*spans), indent=indent).encode()
    parts = parts_of(content)
    assert len(parts) == 4
    assert spans_of(*parts) == spans


def test_each_part_has_its_resource_and_scope_and_no_more():
    one, two = request(span(1), scope="a"), request(span(2), scope="b", resource={"service.name": "]}]}]}"})
    one["resourceSpans"][0]["schemaUrl"] = "x" * 1000
    both = {
        "resourceSpans": [*one["resourceSpans"], {"scopeSpans": None}, *two["resourceSpans"]],
        "other": [[[[[[1]]]]]],
    }
    del one["resourceSpans"][0]["schemaUrl"]
    assert [json.loads(part) for part in parts_of(json_bytes(both))] == [one, two]


@pytest.mark.parametrize("content", [b'{"resourceSpans":[]}', b'{"resourceSpans":null}', json_bytes(request())])
def test_without_spans_there_is_no_part(content):
    assert parts_of(content) == []


@pytest.mark.parametrize(
    "content",
    [
        json_bytes(request(span(1)))[:-1],
        json_bytes(request(span(1))) + b"}",
        json_bytes(request(span(1)))[:-30],
        b"]" + json_bytes(request(span(1))),
        json_bytes(request(span(1))).replace(b'"scope":', b'"scope"'),
        b'{"resourceSpans":[7]}',
        b'{"resourceSpans":{}}',
        json_bytes(request(7)),
        json_bytes(request(span(1), 7)),
        json_bytes(request([])).replace(b"spans", b"sp\\u0061ns"),
        json_bytes(request([0], [0])).replace(b"spans", b"sp\\u0061ns"),
        json_bytes(request(span(1))).replace(b'"spans"', b'"spans":[],"spans"'),
        b'{"resourceSpans":[{"resource":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
        json_bytes(request(span(1))).replace(b"docs-api", b"docs\xff"),
    ],
    ids=range(14),
)
def test_what_is_no_request_around_its_spans_is_not_cut(content):
    with pytest.raises(UncutError, match=f"^{NOT_WHOLE}$"):
        list(cut(content))


@pytest.mark.parametrize(("count", "is_cut"), [(994, True), (995, False)])
def test_there_is_a_limit_to_how_many_spans_are_held(monkeypatch, count, is_cut):
    monkeypatch.setattr(long_requests, "MAX_VALUES", 1000)  # six are around the spans
    content = json_bytes({"resourceSpans": [{"scopeSpans": [{"spans": [{}] * count}]}]})
    if is_cut:
        assert len(spans_of(*parts_of(content))) == count
    else:
        with pytest.raises(UncutError, match=f"^{TOO_MANY_VALUES}$"):
            list(cut(content))


def test_a_resource_that_would_be_repeated_often_is_too_large():
    content = json_bytes(request(span(1), resource={"text": "x" * long_requests.MAX_HEAD_BYTES}))
    with pytest.raises(UncutError, match=f"^{TOO_MANY_VALUES}$"):
        list(cut(content))
