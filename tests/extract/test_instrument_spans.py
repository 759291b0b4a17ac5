"""What the decorator and the router write on spans, as the lake keeps it."""

import json

from tests.extract.loading import load, load_named, load_one
from tests.extract.made import CALL, json_bytes, request, span


def test_a_routing_decision(tmp_path):
    plain = {
        "finops.feature": "search",
        "finops.task_type": "extraction",
        "finops.routing.policy": "support",
        "finops.routing.policy_version": "0123456789ab",
        "finops.routing.strategy": "confidence",
        "finops.routing.reason": "below 0.8",
        "finops.routing.tier": "expensive",
        "finops.routing.model": "big",
        "finops.routing.first_model": "small",
        "finops.routing.is_escalated": True,
        "finops.routing.is_fallback": False,
        "finops.routing.confidence": 0.625,
        "finops.routing.attempt_count": 2,
        "finops.routing.estimated_cost_usd": 0.0125,
        "finops.routing.capable_cost_usd": 0.01,
    }
    row = load_one(tmp_path, plain, name="finops.routing", scope="ai_finops.router")
    assert (row["operation_name"], row["dialect"], row["has_usage"]) == ("routing", "finops", False)
    assert (row["feature_id"], row["task_type"], row["reported_cost_usd"]) == ("search", "extraction", None)
    said = {name.removeprefix("finops.routing."): value for name, value in plain.items() if "routing" in name}
    assert json.loads(row["details_json"]) == said


def test_a_figure_of_a_decision_that_is_none_is_not_said(tmp_path):
    cases = [
        ({}, (None, None, None)),
        ({"confidence": -2.5, "attempt_count": 0, "estimated_cost_usd": 0}, (-2.5, 0, 0.0)),
        ({"confidence": "NaN", "attempt_count": -1, "estimated_cost_usd": -0.01}, (None, None, None)),
        ({"confidence": "high", "attempt_count": "two", "estimated_cost_usd": "Infinity"}, (None, None, None)),
    ]
    spans = [
        span(number, {f"finops.routing.{name}": value for name, value in said.items()}, name="finops.routing")
        for number, (said, _) in enumerate(cases, start=1)
    ]
    loaded = load(tmp_path, json_bytes(request(*spans)))
    details = [json.loads(row["details_json"]) for row in loaded.spans]
    names = ("confidence", "attempt_count", "estimated_cost_usd")
    assert [tuple(each[name] for name in names) for each in details] == [read for _, read in cases]
    assert {(each["is_escalated"], each["policy"]) for each in details} == {(None, None)}


def test_the_time_to_the_first_token_is_in_milliseconds(tmp_path):
    cases = {
        "finops": ({"finops.time_to_first_token_ms": 312.5}, 312.5),
        "vercel": ({"ai.response.msToFirstChunk": 312.5}, 312.5),
        "the conventions say seconds": ({"gen_ai.response.time_to_first_chunk": 0.25}, 250.0),
        "both": ({"gen_ai.response.time_to_first_chunk": 0.25, "finops.time_to_first_token_ms": 312.5}, 312.5),
        "at once": ({"finops.time_to_first_token_ms": 0}, 0.0),
        "before it began": ({"finops.time_to_first_token_ms": -1}, None),
        "a word": ({"finops.time_to_first_token_ms": "soon"}, None),
        "nothing": ({}, None),
    }
    rows = load_named(tmp_path, {name: CALL | said for name, (said, _) in cases.items()})
    assert {name: rows[name]["time_to_first_token_ms"] for name in cases} == {
        name: read for name, (_, read) in cases.items()
    }


def test_retries_of_a_call(tmp_path):
    cases = {
        "finops": {"finops.retry_count": 2},
        "none": {"retry_attempts": 0},
        "less": {"retry_attempts": -1},
        "unsaid": {},
    }
    rows = load_named(tmp_path, {name: CALL | said for name, said in cases.items()})
    assert [rows[name]["retry_count"] for name in cases] == [2, 0, None, None]


def test_a_gap_says_its_reason_and_what_the_decorator_says_is_mapped(tmp_path):
    plain = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "finops.usage_gap": "stream_not_followed",
        "finops.cost_gap": "no_usage",
        "finops.currency": "USD",
        "finops.price_catalog_version": "0.2.3",
        "finops.is_stream": True,
        "finops.retry_count": 0,
        "finops.time_to_first_token_ms": 1.0,
        "gen_ai.response.finish_reasons": ["stop"],
        "server.address": "api.example.com",
        "server.port": 443,
    }
    loaded = load(tmp_path, json_bytes(request(span(1, plain), scope="ai_finops.instrument")))
    assert [row["usage_gap"] for row in loaded.spans] == ["stream_not_followed"]
    assert loaded.unmapped == {}
