"""Providers' usage bodies, read into classes that do not overlap."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

import pytest

from ai_finops.pricing.usage_bodies import TokenUsage, read_usage
from tests.pricing.provider_bodies import known_differences, readings


def usage(uncached=None, read=None, written_5m=None, written_1h=None, output=None, reasoning=None):
    return TokenUsage(uncached, read, written_5m, written_1h, output, reasoning)


def read(body, provider_name="anthropic", api_flavor="default", root="usage"):
    return read_usage({root: body}, provider_name=provider_name, api_flavor=api_flavor)


def test_bodies_are_read_as_genai_prices_own_tests_expect():
    different, count = {}, 0
    for reading in readings():
        count += 1
        found = asdict(read_usage(reading.body, provider_name=reading.provider_id, api_flavor=reading.api_flavor))
        expected = reading.expected_classes
        assert (found["uncached_input_tokens"] is None) == (reading.expected_counts == {}), reading
        what = [
            f"{name} {tokens or 0} for {expected.get(name, 0)}"
            for name, tokens in found.items()
            if (tokens or 0) != expected.get(name, 0)
        ]
        if what:
            different[reading.key] = "; ".join(what)
    assert count == 4118
    assert different == {key: row["what"] for key, row in known_differences("usage").items()}


ANTHROPIC = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 700,
    "cache_read_input_tokens": 2_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 300},
    "output_tokens": 50,
    "output_tokens_details": {"thinking_tokens": 20},
}


@pytest.mark.parametrize(
    ("provider_name", "api_flavor", "body", "expected"),
    [
        # Cached tokens beside the input, written ones by how long they are kept.
        ("anthropic", "default", ANTHROPIC, usage(10, 2_000, 400, 300, 50, 20)),
        ("aws.bedrock", "anthropic", ANTHROPIC, usage(10, 2_000, 400, 300, 50)),
        # Cached tokens inside the input, reasoning inside the output.
        (
            "openai",
            "chat",
            {
                "prompt_tokens": 1_000,
                "prompt_tokens_details": {"cached_tokens": 600},
                "completion_tokens": 80,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            usage(400, 600, 0, 0, 80, 30),
        ),
        (
            "azure.ai.openai",
            "responses",
            {"input_tokens": 1_000, "input_tokens_details": {"cached_tokens": 600}, "output_tokens": 80},
            usage(400, 600, 0, 0, 80),
        ),
        # Reasoning beside the output.
        (
            "x_ai",
            "chat",
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "completion_tokens_details": {"reasoning_tokens": 100},
            },
            usage(10, 0, 0, 0, 105, 100),
        ),
        # Converse: cached tokens beside the input.
        (
            "aws.bedrock",
            "default",
            {
                "inputTokens": 3,
                "cacheReadInputTokens": 2_000,
                "cacheWriteInputTokens": 300,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 100}],
                "outputTokens": 60,
            },
            usage(3, 2_000, 100, 200, 60),
        ),
        # Nova's own body has another spelling, which must not be added to the usual one.
        (
            "aws.bedrock",
            "default",
            {"inputTokens": 3, "cacheReadInputTokenCount": 20, "cacheWriteInputTokenCount": 7, "outputTokens": 6},
            usage(3, 20, 7, 0, 6),
        ),
        (
            "aws.bedrock",
            "default",
            {"inputTokens": 3, "cacheReadInputTokens": 20, "cacheReadInputTokenCount": 20, "outputTokens": 6},
            usage(3, 20, 0, 0, 6),
        ),
        (
            "deepseek",
            "chat",
            {"prompt_tokens": 563, "prompt_cache_hit_tokens": 512, "completion_tokens": 9},
            usage(51, 512, 0, 0, 9),
        ),
        ("openai", "embeddings", {"prompt_tokens": 8, "total_tokens": 8}, usage(8, 0, 0, 0, 0)),
    ],
)
def test_each_provider_counts_in_its_own_way(provider_name, api_flavor, body, expected):
    assert read(body, provider_name, api_flavor) == expected


@pytest.mark.parametrize("provider_name", ["gcp.gemini", "gcp.vertex_ai", "google"])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "toolUsePromptTokenCount": 5,
                "candidatesTokenCount": 20,
                "thoughtsTokenCount": 30,
            },
            usage(45, 60, 0, 0, 50, 30),
        ),
        # Protobuf leaves zeros out: a refused prompt has no candidates.
        ({"promptTokenCount": 14, "totalTokenCount": 14}, usage(14, 0, 0, 0, 0)),
        ({"trafficType": "ON_DEMAND"}, usage()),
    ],
)
def test_gemini_leaves_zeros_out(provider_name, body, expected):
    assert read(body, provider_name, root="usageMetadata") == expected


def test_cache_writes_are_for_five_minutes_unless_the_body_says_otherwise():
    assert read({"input_tokens": 1, "cache_creation_input_tokens": 9, "output_tokens": 1}) == usage(1, 0, 9, 0, 1)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, usage()),
        ({"service_tier": "standard"}, usage()),
        (None, usage()),
        ("a lot", usage()),
        # The event that ends a stream says the output alone.
        ({"output_tokens": 15}, usage(output=15)),
        ({"input_tokens": 10}, usage(10, 0, 0, 0)),
        ({"cache_read_input_tokens": 5, "output_tokens": 15}, usage(read=5, output=15)),
        ({"input_tokens": None, "output_tokens": 15}, usage(output=15)),
    ],
)
def test_what_a_body_does_not_say_is_not_known(body, expected):
    assert read(body) == expected


@pytest.mark.parametrize("count", [-1, "12", True, 1.5, float("nan"), float("inf"), [3]])
def test_what_is_no_count_is_not_known(count):
    assert read(ANTHROPIC | {"output_tokens": count}) == usage(10, 2_000, 400, 300)
    # Without it nobody can say what is left of the input.
    assert read(ANTHROPIC | {"cache_read_input_tokens": count}) == usage(None, None, 400, 300, 50, 20)


@pytest.mark.parametrize(("cached", "uncached"), [(1_000, 0), (1_001, None)])
def test_no_class_is_below_zero(cached, uncached):
    body = {"prompt_tokens": 1_000, "prompt_tokens_details": {"cached_tokens": cached}, "completion_tokens": 1}
    assert read(body, "openai", "chat") == usage(uncached, cached, 0, 0, 1)


@pytest.mark.parametrize(("for_an_hour", "written"), [(700, (0, 700)), (701, (None, None))])
def test_more_one_hour_writes_than_writes_is_not_known(for_an_hour, written):
    body = ANTHROPIC | {"cache_creation": {"ephemeral_1h_input_tokens": for_an_hour}}
    assert read(body) == usage(10, 2_000, *written, 50, 20)


def test_writes_told_by_duration_alone_are_counted():
    body = {name: value for name, value in ANTHROPIC.items() if name != "cache_creation_input_tokens"}
    assert read(body) == usage(10, 2_000, 400, 300, 50, 20)


@pytest.mark.parametrize(("thinking", "reasoning"), [(50, 50), (51, None)])
def test_reasoning_is_a_part_of_output(thinking, reasoning):
    body = ANTHROPIC | {"output_tokens_details": {"thinking_tokens": thinking}}
    assert read(body) == usage(10, 2_000, 400, 300, 50, reasoning)


@pytest.mark.parametrize("provider_name", ["anthropic", "aws.bedrock", "azure.ai.inference", "gcp.vertex_ai"])
def test_a_compaction_is_billed_beside_the_answer(provider_name):
    """The counts at the top are those of the other iterations (23,000 and 1,000 here)."""
    body = {
        "input_tokens": 23_000,
        "output_tokens": 1_000,
        "iterations": [
            {"type": "compaction", "input_tokens": 170_000, "cache_read_input_tokens": 10_000, "output_tokens": 3_500},
            {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000},
        ],
    }
    flavor = "default" if provider_name == "anthropic" else "anthropic"
    assert read(body, provider_name, flavor) == usage(193_000, 10_000, 0, 0, 4_500)


def test_unknown_provider_and_flavor_are_named():
    with pytest.raises(LookupError, match="no provider 'acme'"):
        read_usage({}, provider_name="acme", api_flavor="default")
    with pytest.raises(LookupError, match="no 'converse' body of aws; it reads: anthropic, default"):
        read_usage({}, provider_name="aws.bedrock", api_flavor="converse")


def test_a_service_needs_genai_prices_and_no_more():
    code = """
import sys
import ai_finops.pricing.usage_bodies
print(sorted({"airflow", "boto3", "dbt", "duckdb", "numpy", "pandas", "pyarrow"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
