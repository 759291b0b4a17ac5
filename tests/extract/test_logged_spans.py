"""A logged span becomes OTLP, which reads like the span that a collector would have written."""

import json

import pytest

from ai_finops.extract.logged_spans import NOT_A_SPAN, OTHER_SHAPE, request_of
from tests.extract.loading import load
from tests.extract.made import CALL, NOON, json_bytes, nanoseconds, request, span

ACCOUNT = "111122223333"


def logged(number: int = 1, attributes: dict | None = None, **changes) -> dict:
    """A span as X-Ray logs it; `None` leaves a field out."""
    start = int(nanoseconds(NOON))
    made = {
        "resource": {"attributes": {"service.name": "docs-api", "cloud.region": "us-east-1"}},
        "scope": {"name": "some.library", "version": "1.0"},
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": f"{number:016x}",
        "flags": 256,
        "name": "chat",
        "kind": "CLIENT",
        "startTimeUnixNano": start,
        "endTimeUnixNano": start + 2_000_000_000,
        "durationNano": 2_000_000_000,
        "attributes": CALL if attributes is None else attributes,
        "status": {"code": "UNSET"},
    } | changes
    return {name: value for name, value in made.items() if value is not None}


def request_for(made: dict | str) -> bytes:
    return request_of(made if isinstance(made, str) else json.dumps(made), account_id=ACCOUNT)


def rows(folder, *made: dict) -> list[dict]:
    loaded = load(folder, b"\n".join(request_for(each) for each in made))
    assert loaded.quarantine == []
    return loaded.spans


def test_it_reads_like_the_same_span_in_otlp(tmp_path):
    plain = CALL | {
        "gen_ai.usage.cost": 1e-05,
        "finops.shadow.baseline_correct": True,
        "gen_ai.response.finish_reasons": ["stop"],
        "text": "ä\n\u2028",
        "session.id": "s",
    }
    resource = {"cloud.account.id": ACCOUNT, "service.name": "docs-api", "cloud.region": "us-east-1"}
    as_otlp = load(
        tmp_path,
        json_bytes(request(span(1, plain, status={"code": 2}, parentSpanId="00f067aa0ba902b7"), resource=resource)),
    )
    as_logged = load(tmp_path, request_for(logged(1, plain, status={"code": "ERROR"}, parentSpanId="00f067aa0ba902b7")))
    assert as_logged.spans == as_otlp.spans
    assert as_logged.unmapped == as_otlp.unmapped
    (row,) = as_logged.spans
    assert (row["span_kind"], row["status_code"], row["account_id"], row["region_id"]) == (3, 2, ACCOUNT, "us-east-1")
    assert (row["uncached_input_tokens"], row["output_tokens"], row["reported_cost_usd"]) == (100, 20, 1e-05)


@pytest.mark.parametrize(
    ("kind", "number"),
    [("INTERNAL", 1), ("SERVER", 2), ("client", 3), ("SPAN_KIND_PRODUCER", 4), (5, 5), ("5", 5), (None, 0), ("NEW", 0)],
)
def test_kinds_are_words_or_numbers(tmp_path, kind, number):
    assert rows(tmp_path, logged(kind=kind))[0]["span_kind"] == number


@pytest.mark.parametrize(
    ("status", "code"),
    [({"code": "OK"}, 1), ({"code": "STATUS_CODE_ERROR"}, 2), ({"code": 2}, 2), ({}, 0), (None, 0)],
)
def test_statuses_are_words_or_numbers(tmp_path, status, code):
    assert rows(tmp_path, logged(status=status))[0]["status_code"] == code


def test_the_end_is_known_from_the_duration(tmp_path):
    whole, by_duration = rows(tmp_path, logged(1), logged(2, endTimeUnixNano=None))
    assert by_duration["ended_at"] == whole["ended_at"]


def test_a_trace_id_in_x_ray_s_own_form_is_the_same_id(tmp_path):
    (row,) = rows(tmp_path, logged(traceId="1-0AF76519-16cd43dd8448eb211c80319c"))
    assert row["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_the_resource_s_own_account_wins(tmp_path):
    own = {"attributes": {"cloud.account.id": "444455556666"}}
    assert [
        row["account_id"] for row in rows(tmp_path, logged(1), logged(2, resource=own), logged(3, resource=None))
    ] == [
        ACCOUNT,
        "444455556666",
        ACCOUNT,
    ]


def test_types_of_attributes_are_kept():
    plain = {"n": 1, "x": 0.5, "t": "a", "b": True, "none": None, "l": [1, "a", None], "o": {"k": {"m": 2}}}
    made = json.loads(request_for(logged(1, plain)))
    attributes = made["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"]
    inner = {"kvlistValue": {"values": [{"key": "m", "value": {"intValue": "2"}}]}}
    assert {each["key"]: each["value"] for each in attributes} == {
        "n": {"intValue": "1"},
        "x": {"doubleValue": 0.5},
        "t": {"stringValue": "a"},
        "b": {"boolValue": True},
        "l": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "a"}]}},
        "o": {"kvlistValue": {"values": [{"key": "k", "value": inner}]}},
    }


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("SECRET", "not JSON at character 0: Expecting value"),
        ('{"traceId": "SECRET', "not JSON at character 12: Unterminated string starting at"),
        ("[" * 100_000, "nested too deeply"),
        ('{"traceId": 1, "attributes": {"a": ' + "[" * 900 + "]" * 900 + "}}", OTHER_SHAPE),
        ("[1]", NOT_A_SPAN),
        ('{"SECRET": 1}', NOT_A_SPAN),
        (json.dumps(logged(attributes=None) | {"attributes": ["SECRET"]}), OTHER_SHAPE),
        (json.dumps(logged(name={"SECRET": 1})), OTHER_SHAPE),
        (json.dumps(logged(traceId=["SECRET"])), OTHER_SHAPE),
        (json.dumps(logged(kind=["SECRET"])), OTHER_SHAPE),
        (json.dumps(logged(scope="SECRET")), OTHER_SHAPE),
        (json.dumps(logged(status="SECRET")), OTHER_SHAPE),
        (json.dumps(logged(resource=["SECRET"])), OTHER_SHAPE),
        (json.dumps(logged(endTimeUnixNano=None, durationNano="SECRET")), OTHER_SHAPE),
        (json.dumps(logged(endTimeUnixNano=None, startTimeUnixNano=None)), OTHER_SHAPE),
    ],
)
def test_what_is_no_span_is_told_without_a_word_of_it(message, reason):
    with pytest.raises(ValueError, match="^" + reason.replace("(", r"\(") + "$") as caught:
        request_for(message)
    assert "SECRET" not in str(caught.value) and caught.value.__cause__ is None
