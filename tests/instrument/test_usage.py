"""Reading what a call used out of what its client returned."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy
import pytest
from botocore.response import StreamingBody
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.instrument.losses import losses
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.usage import read, read_as, register_reader, unregister_readers
from ai_finops.pricing.usage_bodies import read_usage
from tests.instrument.bedrock_runtime import REQUEST_ID, Wire, call, converse
from tests.instrument.json_values import json_objects, json_values
from tests.pricing.provider_bodies import Reading as Expected
from tests.pricing.provider_bodies import known_differences, readings
from tests.services.following import counts

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
_COUNTS = {
    "input_tokens": "input_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_write_tokens": "cache_write_input_tokens",
    "cache_write_1h_tokens": "cache_write_1h_input_tokens",
    "output_tokens": "output_tokens",
    "output_reasoning_tokens": "reasoning_output_tokens",
}


@pytest.fixture(autouse=True)
def _no_readers_stay():
    yield
    unregister_readers()


def expected_counts(expected: Expected) -> dict[str, int]:
    """What the fixture expects, in the names of a reading; zeros are not in it."""
    said = expected.expected_counts
    return {ours: said[theirs] for theirs, ours in _COUNTS.items() if said.get(theirs)}


def said_counts(reading: Reading | None) -> dict[str, int]:
    return {name: count for name, count in counts(reading).items() if count}


def own_reading(of: list[Expected]) -> Expected:
    """The expectation for a body as what it is, among those for it as another provider's."""
    body = of[0].body
    usage = body.get("usage", {})
    model = body.get("model", "")
    if "usageMetadata" in body:
        own = ("google", "default")
    elif "meta" in body:
        own = ("cohere", "embeddings")
    elif "billed_units" in usage:
        own = ("cohere", "default")
    elif "inputTokens" in usage:
        own = ("aws", "default")
    elif "prompt_tokens" in usage:
        own = ("openai", "chat")
    else:
        own = ("anthropic", "default") if model.startswith("claude") else ("openai", "responses")
    return next(each for each in of if (each.provider_id, each.api_flavor) == own)


def test_real_bodies_are_read_as_what_they_are():
    by_body: dict[tuple[int, str], list[Expected]] = {}
    for each in readings():
        by_body.setdefault((each.line, each.file), []).append(each)
    different = {
        key: (said_counts(read(of[0].body)), expected_counts(own_reading(of)))
        for key, of in by_body.items()
        if said_counts(read(of[0].body)) != expected_counts(own_reading(of))
    }
    assert len(by_body) == 332
    assert different == {}


def test_bodies_are_read_as_any_provider_that_is_named():
    different, number = set(), 0
    for each in readings():
        number += 1
        found = read_as(each.body, provider_name=each.provider_id, api_flavor=each.api_flavor)
        if said_counts(found) != expected_counts(each):
            different.add(each.key)
    assert number == 4_118
    assert different == set(known_differences("usage"))


def test_the_fast_readers_agree_with_the_rules_of_genai_prices():
    for each in readings():
        if (each.provider_id, each.api_flavor) not in _FAST or own_key(each) != (each.provider_id, each.api_flavor):
            continue
        usage = read_usage(each.body, provider_name=each.provider_id, api_flavor=each.api_flavor)
        parts = (usage.uncached_input_tokens, usage.cache_read_input_tokens, usage.cache_write_5m_input_tokens,
                 usage.cache_write_1h_input_tokens)  # fmt: skip
        found = read(each.body)
        assert found.input_tokens == (None if None in parts else sum(parts))
        assert found.output_tokens == usage.output_tokens or each.api_flavor == "embeddings"


_FAST = {
    ("anthropic", "default"),
    ("openai", "chat"),
    ("openai", "responses"),
    ("aws", "default"),
    ("google", "default"),
}


def own_key(each: Expected) -> tuple[str, str]:
    """Which of the fast readers a body is for."""
    usage = each.body.get("usage", {})
    if "usageMetadata" in each.body:
        return "google", "default"
    if "inputTokens" in usage:
        return "aws", "default"
    if "prompt_tokens" in usage:
        return "openai", "chat"
    return ("anthropic", "default") if str(each.body.get("model")).startswith("claude") else ("openai", "responses")


@pytest.mark.parametrize("dialect", ["semconv", "openllmetry", "openinference"])
def test_usage_objects_of_recorded_calls(dialect):
    with (FIXTURES / "otlp_replay" / f"{dialect}.truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 38
    for row in rows:
        usage = json.loads(row["usage"])
        body: dict[str, Any] = {"usage": usage, "model": row["response_model"]}
        if row["kind"] == "openai.embeddings":
            body["object"] = "list"
        if row["kind"] == "bedrock.converse":
            body = {"usage": usage}
        reading = read(body)
        if row["kind"] == "anthropic.messages":
            cached = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
            expected = (usage["input_tokens"] + cached, usage["output_tokens"])
        elif row["kind"] == "bedrock.converse":
            expected = (usage["inputTokens"], usage["outputTokens"])
        else:
            expected = (usage["prompt_tokens"], usage.get("completion_tokens"))
        assert (reading.input_tokens, reading.output_tokens) == expected
        assert reading.operation_name == ("embeddings" if row["kind"] == "openai.embeddings" else "chat")
        if row["kind"] != "openai.embeddings":
            assert (read(usage).input_tokens, read(usage).output_tokens) == expected


def test_the_body_in_a_bedrock_invocation_log():
    record = json.loads((FIXTURES / "bedrock_logs" / "nova_lite_conversestream.jsonl").read_text())
    reading = read(record["output"]["outputBodyJson"])
    assert counts(reading) == {"input_tokens": 4, "output_tokens": 38}
    assert reading.finish_reason == "end_turn"


# Converse, through boto3's own parser.

CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
    "stopReason": "end_turn",
    "usage": {
        "inputTokens": 3,
        "outputTokens": 61,
        "totalTokens": 2_435,
        "cacheReadInputTokens": 2_074,
        "cacheWriteInputTokens": 297,
        "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 97}],
    },
    "metrics": {"latencyMs": 10},
    "serviceTier": {"type": "priority"},
}


def test_converse():
    assert read(converse(CONVERSE)) == Reading(
        provider_name="aws.bedrock",
        operation_name="chat",
        request_id=REQUEST_ID,
        processing="priority",
        finish_reason="end_turn",
        input_tokens=2_374,  # 3 + 2,074 + 297: cached tokens stand beside the input
        cache_read_input_tokens=2_074,
        cache_write_input_tokens=297,
        cache_write_1h_input_tokens=200,
        output_tokens=61,
        retry_count=0,
    )


@pytest.mark.parametrize(
    ("tier", "latency", "processing"),
    [
        (None, None, None),
        (None, "standard", None),
        ("default", "standard", "default"),
        ("default", "optimized", "latency_optimized"),
        (None, "optimized", "latency_optimized"),
        ("flex", "optimized", "flex"),
    ],
)
def test_how_converse_was_processed(tier, latency, processing):
    answer = CONVERSE | {"serviceTier": {"type": tier}, "performanceConfig": {"latency": latency}}
    assert read(answer).processing == processing


def test_the_model_that_a_prompt_router_chose_answered():
    invoked = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-5-sonnet-20240620-v1:0"
    answer = CONVERSE | {"trace": {"promptRouter": {"invokedModelId": invoked}}}
    assert read(answer).response_model == invoked


def test_retries_are_read():
    answer = CONVERSE | {"ResponseMetadata": {"RequestId": "r", "RetryAttempts": 2, "HTTPHeaders": {}}}
    assert (read(answer).request_id, read(answer).retry_count) == ("r", 2)


# InvokeModel.


def invoke(headers, body=b'{"generation": "Hi"}'):
    wire = Wire([body])
    return call("invoke_model", wire, headers=headers, modelId="m", body=b"{}"), wire


def test_invoke_model_is_read_by_its_headers_and_its_body_is_left_to_the_caller():
    answer, wire = invoke(
        {
            "x-amzn-bedrock-input-token-count": "3",
            "x-amzn-bedrock-cache-read-input-token-count": "2074",
            "x-amzn-bedrock-cache-write-input-token-count": "297",
            "x-amzn-bedrock-output-token-count": "61",
            "x-amzn-bedrock-invocation-latency": "900",
        }
    )
    reading = read(answer)
    assert (reading.provider_name, reading.request_id) == ("aws.bedrock", REQUEST_ID)
    assert counts(reading) == {
        "input_tokens": 2_374,
        "cache_read_input_tokens": 2_074,
        "cache_write_input_tokens": 297,
        "output_tokens": 61,
    }
    assert isinstance(answer["body"], StreamingBody)
    assert wire.read_count == 0
    assert json.loads(answer["body"].read()) == {"generation": "Hi"}


@pytest.mark.parametrize("said", ["", "-3", "1.5", "many", "9" * 30])
def test_a_header_that_is_no_count_is_not_known(said):
    answer, _ = invoke({"x-amzn-bedrock-input-token-count": said, "x-amzn-bedrock-output-token-count": "61"})
    assert counts(read(answer)) == {"output_tokens": 61}


def test_an_invoked_model_that_counts_nothing_has_no_usage():
    answer, _ = invoke({"x-amzn-bedrock-invocation-latency": "900"})
    assert (read(answer).request_id, read(answer).has_usage) == (REQUEST_ID, False)


def test_other_answers_of_boto3_are_not_of_a_model():
    meta = {"RequestId": "r", "HTTPStatusCode": 200, "RetryAttempts": 0, "HTTPHeaders": {"x-amz-request-id": "r"}}
    assert read({"ResponseMetadata": meta, "Buckets": [], "Owner": {"ID": "x"}}) is None
    assert read({"ResponseMetadata": meta, "body": "text"}) is None
    assert read({"ResponseMetadata": {}}) is None


ANTHROPIC = {
    "id": "msg_bdrk_01",
    "type": "message",
    "model": "claude-sonnet-4-5-20250929",
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 700,
        "cache_read_input_tokens": 2_000,
        "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 20},
    },
}
ANTHROPIC_COUNTS = {
    "input_tokens": 2_710,
    "cache_read_input_tokens": 2_000,
    "cache_write_input_tokens": 700,
    "cache_write_1h_input_tokens": 300,
    "output_tokens": 50,
    "reasoning_output_tokens": 20,
}
NOVA_USAGE = {"inputTokens": 3, "cacheReadInputTokenCount": 20, "cacheWriteInputTokenCount": 7, "outputTokens": 6}
RESULTS = [{"index": 0, "relevance_score": 0.9}]


@pytest.mark.parametrize(
    ("body", "provider_name", "operation_name", "expected"),
    [
        (ANTHROPIC, "aws.bedrock", "chat", ANTHROPIC_COUNTS),
        (ANTHROPIC | {"id": "msg_01"}, "anthropic", "chat", ANTHROPIC_COUNTS),
        (
            {"output": {"message": {}}, "stopReason": "end_turn", "usage": NOVA_USAGE},
            "aws.bedrock",
            "chat",
            {"input_tokens": 30, "cache_read_input_tokens": 20, "cache_write_input_tokens": 7, "output_tokens": 6},
        ),
        (
            {
                "inputTextTokenCount": 5,
                "results": [
                    {"tokenCount": 9, "outputText": "a", "completionReason": "FINISH"},
                    {"tokenCount": 2, "outputText": "b", "completionReason": "FINISH"},
                ],
            },
            "aws.bedrock",
            "text_completion",
            {"input_tokens": 5, "output_tokens": 11},
        ),
        ({"embedding": [0.1], "inputTextTokenCount": 8}, "aws.bedrock", "embeddings", {"input_tokens": 8}),
        ({"embeddingsByType": {}, "inputTextTokenCount": 8}, "aws.bedrock", "embeddings", {"input_tokens": 8}),
        (
            {"generation": "Hi", "prompt_token_count": 17, "generation_token_count": 2, "stop_reason": "stop"},
            "aws.bedrock",
            "text_completion",
            {"input_tokens": 17, "output_tokens": 2},
        ),
        # Mistral on Bedrock speaks OpenAI's shape.
        (
            {"object": "chat.completion", "model": "mistral-large-2407", "choices": [], "usage":
             {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}},
            "mistral_ai",
            "chat",
            {"input_tokens": 10, "output_tokens": 5},
        ),
        # Cohere: what is billed, not what the model saw.
        (
            {"usage": {"billed_units": {"input_tokens": 51, "output_tokens": 13},
                       "tokens": {"input_tokens": 1_533, "output_tokens": 36}}},
            "cohere",
            "chat",
            {"input_tokens": 51, "output_tokens": 13},
        ),
        # Its SDK has counts as floats.
        ({"message": {}, "usage": {"billed_units": {"input_tokens": 51.0, "output_tokens": 13.0}}}, "cohere", "chat",
         {"input_tokens": 51, "output_tokens": 13}),
        ({"embeddings": [[0.1]], "meta": {"billed_units": {"input_tokens": 4}}}, "cohere", "embeddings", {"input_tokens": 4}),
        ({"results": RESULTS, "meta": {"billed_units": {"search_units": 2}}}, "cohere", "rerank", {"search_units": 2}),
        # xAI counts reasoning beside the output, and its total shows it: 10 + 5 + 100.
        (
            {"model": "grok-4", "choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 115,
             "completion_tokens_details": {"reasoning_tokens": 100}}},
            "x_ai",
            "chat",
            {"input_tokens": 10, "output_tokens": 105, "reasoning_output_tokens": 100},
        ),
        (
            {"modelVersion": "gemini-2.5-pro", "usageMetadata": {"promptTokenCount": 100, "cachedContentTokenCount": 60,
             "toolUsePromptTokenCount": 5, "candidatesTokenCount": 20, "thoughtsTokenCount": 30}},
            "gcp.gemini",
            "chat",
            {"input_tokens": 105, "cache_read_input_tokens": 60, "output_tokens": 50, "reasoning_output_tokens": 30},
        ),
        # A refused prompt: protobuf leaves a count of zero out.
        (
            {"usageMetadata": {"promptTokenCount": 14, "totalTokenCount": 14}},
            "gcp.gemini",
            "chat",
            {"input_tokens": 14, "output_tokens": 0},
        ),
        # The end of a stream of InvokeModel.
        (
            {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 11, "outputTokenCount": 2}},
            "aws.bedrock",
            "chat",
            {"input_tokens": 11, "output_tokens": 2},
        ),
        # LangChain's usage metadata alone: details are parts.
        (
            {"input_tokens": 350, "output_tokens": 240, "total_tokens": 590, "input_token_details": {"cache_read": 100}},
            None,
            "chat",
            {"input_tokens": 350, "cache_read_input_tokens": 100, "output_tokens": 240},
        ),
    ],
)  # fmt: skip
def test_decoded_bodies(body, provider_name, operation_name, expected):
    reading = read(body)
    assert (reading.provider_name, reading.operation_name) == (provider_name, operation_name)
    assert counts(reading) == expected
    assert read(OrderedDict(body)) == reading


def test_a_rerank_through_bedrock_counts_nothing():
    meta = {"RequestId": "r", "RetryAttempts": 1, "HTTPHeaders": {}}
    reading = read({"ResponseMetadata": meta, "results": [{"index": 0, "relevanceScore": 0.9}]})
    assert reading == Reading("aws.bedrock", "rerank", request_id="r", retry_count=1)
    assert reading.has_usage is False


@pytest.mark.parametrize(
    "result",
    [
        None,
        "text",
        b"bytes",
        7,
        1.5,
        True,
        [],
        (),
        object(),
        Exception("no"),
        {},
        {"usage": None},
        {"usage": "much"},
        {"usage": 7},
        {"usage": []},
        {"usage": {}},
        {"usage": {"cpu_seconds": 5}},
        {"usage": {"total_tokens": 15}},
        {"usage": {"prompt_tokens": "12", "completion_tokens": None}},
        {"usage": {"inputTokens": True, "outputTokens": -1}},
        {"usage": {"input_tokens": 1.0}},
        {"input_tokens": 5},
        {"prompt_tokens": 5, "completion_tokens": "7"},
        {"tokens": 12, "cost": 0.5},
        {"results": RESULTS},
        {"results": [{"tokenCount": 5}]},
        {"inputTextTokenCount": 5},
        {"inputTextTokenCount": None, "results": []},
        {"prompt_token_count": 5},
        {"embedding": [0.1]},
        {"meta": {"page": 1}},
        {"meta": {"billed_units": {}}},
        {"usage": {"billed_units": {"input_tokens": 5.5, "output_tokens": -1.0}}},
        {"usageMetadata": {"trafficType": "ON_DEMAND"}},
        {"usageMetadata": None},
        {"usage_metadata": {}},
        {"messages": [{"role": "assistant", "content": "Hi"}]},
        {"outputs": [{"text": "Hi", "stop_reason": "stop"}]},
        {"answer": "Hi", "model": "gpt-4o"},
    ],
)
def test_what_says_nothing_is_none_and_never_zero(result):
    before = losses()
    assert read(result) is None
    assert losses() == before


def test_half_a_usage_stays_half():
    reading = read({"usage": {"output_tokens": 15}})
    assert (reading.input_tokens, reading.output_tokens) == (None, 15)
    reading = read({"choices": [], "usage": {"prompt_tokens": 15, "completion_tokens": "?"}})
    assert (reading.input_tokens, reading.output_tokens) == (15, None)


@pytest.mark.parametrize("count", [-1, "12", True, 1.5, float("nan"), float("inf"), [3], {}])
def test_what_is_no_count_is_not_known(count):
    usage = ANTHROPIC["usage"]
    reading = read(ANTHROPIC | {"usage": usage | {"output_tokens": count}})
    assert (reading.input_tokens, reading.output_tokens) == (2_710, None)
    # Without a part nobody can say the whole.
    for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"):
        assert read(ANTHROPIC | {"usage": usage | {name: count}}).input_tokens is None
    details = {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": count}, "completion_tokens": 7}
    reading = read({"choices": [], "usage": details})
    assert (reading.input_tokens, reading.cache_read_input_tokens, reading.output_tokens) == (None, None, 7)


@pytest.mark.parametrize(("cached", "whole"), [(1_000, 1_000), (1_001, None)])
def test_a_part_is_not_more_than_the_whole(cached, whole):
    usage = {"prompt_tokens": 1_000, "prompt_tokens_details": {"cached_tokens": cached}, "completion_tokens": 1}
    assert read({"choices": [], "usage": usage}).input_tokens == whole


@pytest.mark.parametrize(("for_an_hour", "expected"), [(700, (2_710, 700, 700)), (701, (None, None, None))])
def test_more_one_hour_writes_than_writes_is_not_known(for_an_hour, expected):
    kept = {"ephemeral_1h_input_tokens": for_an_hour}
    reading = read(ANTHROPIC | {"usage": ANTHROPIC["usage"] | {"cache_creation": kept}})
    assert (reading.input_tokens, reading.cache_write_input_tokens, reading.cache_write_1h_input_tokens) == expected


@pytest.mark.parametrize(("thinking", "reasoning"), [(50, 50), (51, None)])
def test_reasoning_is_a_part_of_output(thinking, reasoning):
    usage = ANTHROPIC["usage"] | {"output_tokens_details": {"thinking_tokens": thinking}}
    assert read(ANTHROPIC | {"usage": usage}).reasoning_output_tokens == reasoning


@pytest.mark.parametrize(("told", "reasoning"), [(7, 7), (8, None), (-1, None), (True, None)])
def test_reasoning_is_a_part_of_output_in_openais_shape_too(told, reasoning):
    usage = {"prompt_tokens": 5, "completion_tokens": 7, "completion_tokens_details": {"reasoning_tokens": told}}
    reading = read({"choices": [], "usage": usage})
    assert (reading.output_tokens, reading.reasoning_output_tokens) == (7, reasoning)


@pytest.mark.parametrize(("for_an_hour", "expected"), [(297, (2_374, 297)), (298, (None, None)), (-1, (None, None))])
def test_more_one_hour_writes_than_writes_is_not_known_of_converse_either(for_an_hour, expected):
    usage = CONVERSE["usage"] | {"cacheDetails": [{"ttl": "1h", "inputTokens": for_an_hour}]}
    reading = read(CONVERSE | {"usage": usage})
    assert (reading.input_tokens, reading.cache_write_1h_input_tokens) == expected


def test_writes_told_by_duration_alone_are_counted():
    usage = {name: count for name, count in ANTHROPIC["usage"].items() if name != "cache_creation_input_tokens"}
    assert counts(read(ANTHROPIC | {"usage": usage})) == ANTHROPIC_COUNTS


# Readers of the user's own.


class Answer:
    def __init__(self, tokens):
        self.tokens = tokens


class KindOfAnswer(Answer):
    pass


def read_answer(answer):
    return Reading(input_tokens=answer.tokens)


def test_a_reader_for_a_class_of_the_users_own():
    assert read(Answer(5)) is None
    register_reader(read_answer, for_type=Answer)
    assert read(Answer(5)) == read(KindOfAnswer(5)) == Reading(input_tokens=5)
    assert counts(read({"usage": NOVA_USAGE}))["output_tokens"] == 6


def test_a_reader_for_all_results_comes_before_the_built_in_ones():
    register_reader(lambda result: Reading(output_tokens=1) if isinstance(result, dict) and "ours" in result else None)
    assert read({"ours": 1, "usage": NOVA_USAGE}) == Reading(output_tokens=1)
    assert read({"usage": NOVA_USAGE}).output_tokens == 6
    assert read("text") is None


def test_the_last_reader_is_asked_first():
    register_reader(lambda answer: Reading(input_tokens=1), for_type=Answer)
    register_reader(lambda answer: Reading(input_tokens=2) if answer.tokens else None, for_type=Answer)
    assert (read(Answer(5)).input_tokens, read(Answer(0)).input_tokens) == (2, 1)


@pytest.mark.parametrize("reader", [lambda result: 1 / 0, lambda result: {"input_tokens": 5}])
def test_a_reader_that_fails_is_counted_and_the_next_is_asked(reader):
    register_reader(reader)
    before = losses().get("reader_failed", 0)
    assert read({"usage": NOVA_USAGE}).output_tokens == 6
    assert losses()["reader_failed"] == before + 1


@pytest.mark.parametrize(
    "none", [-1, "5", 5.0, float("nan"), True, 10**12 + 1, 10**30, b"5", [5], object(), Decimal(5)]
)
@pytest.mark.parametrize("field", ["input_tokens", "output_tokens", "search_units", "retry_count"])
def test_of_a_reader_of_the_user_s_own_what_is_no_count_is_not_taken(none, field):
    given = Reading("ours", input_tokens=10, output_tokens=5, search_units=1, retry_count=0)
    register_reader(lambda answer: given._replace(**{field: none}), for_type=Answer)
    before = losses().get("usage_not_taken", 0)
    assert read(Answer(5)) == given._replace(**{field: None})
    assert losses()["usage_not_taken"] == before + 1


@pytest.mark.parametrize("number", [0, 10**12, numpy.int64(7), numpy.uint8(7), IntEnum("Seven", {"SEVEN": 7}).SEVEN])
def test_of_a_reader_of_the_user_s_own_whole_numbers_are_counts(number):
    given = Reading("ours", input_tokens=number, output_tokens=number)
    register_reader(lambda answer: given, for_type=Answer)
    before = losses()
    reading = read(Answer(5))
    assert (reading.input_tokens, reading.output_tokens) == (int(number), int(number))
    assert type(reading.input_tokens) is type(reading.output_tokens) is int
    assert losses() == before


def test_of_a_reader_of_the_user_s_own_a_part_that_is_no_count_leaves_no_sum():
    for parts in ({"cache_read_input_tokens": -1}, {"cache_write_input_tokens": 11}, {"cache_read_input_tokens": 5.5}):
        register_reader(lambda answer, parts=parts: Reading(input_tokens=10, output_tokens=5, **parts), for_type=Answer)
        reading = read(Answer(5))
        assert (reading.input_tokens, reading.output_tokens) == (None, 5)
    whole = Reading(None, "chat", None, "ours-1", None, None, None, None, 10, 4, 3, 2, 5, 5)
    register_reader(lambda answer: whole, for_type=Answer)
    assert read(Answer(5)) == whole


@pytest.mark.parametrize("none", [7, b"model", ["model"], object()])
@pytest.mark.parametrize("field", Reading._fields[:8])
def test_of_a_reader_of_the_user_s_own_what_is_no_text_is_not_taken(none, field):
    register_reader(lambda answer: Reading(input_tokens=1, **{field: none}), for_type=Answer)
    before = losses().get("usage_not_taken", 0)
    assert read(Answer(5)) == Reading(input_tokens=1)
    assert losses()["usage_not_taken"] == before + 1
    register_reader(lambda answer: Reading(input_tokens=1, **{field: ""}), for_type=Answer)
    assert read(Answer(5)) == Reading(input_tokens=1)
    assert losses()["usage_not_taken"] == before + 1


def test_more_than_a_million_million_tokens_are_no_count():
    most, more = 10**12, 10**12 + 1
    for said, counted in ((most, most), (more, None)):
        chat = {"object": "chat.completion", "model": "gpt-4o", "choices": []}
        of_openai = read(chat | {"usage": {"prompt_tokens": 5, "completion_tokens": said}})
        assert (of_openai.input_tokens, of_openai.output_tokens) == (5, counted)
        of_openai = read(chat | {"usage": {"prompt_tokens": said, "completion_tokens": 5}})
        assert (of_openai.input_tokens, of_openai.output_tokens) == (counted, 5)
        usage = {"inputTokens": 1, "outputTokens": said, "cacheReadInputTokens": 2, "cacheWriteInputTokens": 3}
        of_bedrock = read({"usage": usage})
        assert (of_bedrock.input_tokens, of_bedrock.output_tokens) == (6, counted)
        for name in ("inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"):
            of_bedrock = read({"usage": usage | {"outputTokens": 5, name: said}})
            whole = None if counted is None else said + 6 - usage[name]
            assert (of_bedrock.input_tokens, of_bedrock.output_tokens) == (whole, 5), name


def test_a_result_that_fails_when_it_is_looked_at_is_counted():
    class Broken(dict):
        def get(self, *_):
            raise RuntimeError

    before = losses().get("reader_failed", 0)
    assert read(Broken(usage=1)) is None
    assert losses()["reader_failed"] == before + 1


def test_classes_that_are_made_at_run_time_do_not_pile_up():
    from ai_finops.instrument import usage

    for number in range(2_100):
        read(type(f"Made{number}", (), {})())
    assert len(usage._readers) <= 1_024
    assert read({"usage": NOVA_USAGE}).output_tokens == 6


# Objects of packages that have no reader of their own.


def test_an_object_with_a_known_usage_in_a_known_place():
    from dataclasses import dataclass

    @dataclass
    class Usage:
        prompt_tokens: object
        completion_tokens: object

    @dataclass
    class Completion:
        model: str
        usage: object

    assert counts(read(Completion("m", Usage(10, 5)))) == {"input_tokens": 10, "output_tokens": 5}
    assert counts(read(Completion("m", {"inputTokens": 4, "outputTokens": 38}))) == {
        "input_tokens": 4,
        "output_tokens": 38,
    }
    assert read(Completion("m", Usage("10", None))) is None

    @dataclass
    class Metadata:
        prompt_token_count: object
        candidates_token_count: object
        thoughts_token_count: object = None

    @dataclass
    class Content:
        model_version: str
        usage_metadata: object
        usage: object = None

    reading = read(Content("gemini-2.5-pro", Metadata(100, 20, 30)))
    assert (reading.provider_name, reading.response_model) == ("gcp.gemini", "gemini-2.5-pro")
    assert counts(reading) == {"input_tokens": 100, "output_tokens": 50, "reasoning_output_tokens": 30}
    assert read(Completion("m", None)) is None


@settings(deadline=None)
@given(json_values | json_objects | st.builds(lambda inner: {"usage": inner}, json_objects))
def test_no_json_raises_or_counts_below_zero(result):
    before = losses()
    reading = read(result)
    assert losses() == before
    if reading is not None:
        assert all(type(count) is int and count >= 0 for count in counts(reading).values())
        parts = (reading.cache_read_input_tokens or 0) + (reading.cache_write_input_tokens or 0)
        assert reading.input_tokens is None or parts <= reading.input_tokens
        assert reading.has_usage or "ResponseMetadata" in result


def test_a_service_needs_genai_prices_and_no_more():
    code = """
import sys
import ai_finops.instrument.usage, ai_finops.instrument.streams, ai_finops.instrument.price
heavy = {"airflow", "boto3", "botocore", "dbt", "duckdb", "httpx", "numpy", "openai", "pandas", "pyarrow"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
