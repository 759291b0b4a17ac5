"""One call in every dialect and generation that is known, and what in it is not a call."""

import json

import pytest

from tests.extract.loading import load_named
from tests.extract.test_span_sql import classes

USAGE = (60, 30, 10, 0, 20, 5)
"""60 uncached, 30 read from the cache, 10 written to it for five minutes, 20 output of which 5 reasoning."""
ANTHROPIC = {"provider": "anthropic", "model": "claude-sonnet-4-5"}


def as_text(**plain) -> str:
    return json.dumps(plain)


SEMCONV = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.response.id": "r"}
GENERATIONS = {
    "2026": SEMCONV
    | {
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_write.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 5,
    },
    "1.40": SEMCONV
    | {
        "gen_ai.provider.name": "openai",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 5,
    },
    "traceloop": {
        "traceloop.workflow.name": "w",
        "gen_ai.system": "OpenAI",
        "llm.request.type": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.response.id": "r",
        "gen_ai.usage.prompt_tokens": 100,
        "gen_ai.usage.completion_tokens": 20,
        "llm.usage.total_tokens": 120,
        "gen_ai.usage.cache_read_input_tokens": 30,
        "gen_ai.usage.cache_creation_input_tokens": 10,
        "gen_ai.usage.reasoning_tokens": 5,
    },
    "openinference": {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.model_name": "m",
        "output.value": '{"id": "resp_r", "output": "SECRET"}',
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 20,
        "llm.token_count.total": 120,
        "llm.token_count.prompt_details.cache_read": 30,
        "llm.token_count.prompt_details.cache_write": 10,
        "llm.token_count.completion_details.reasoning": 5,
    },
    "vercel 4": {
        "ai.operationId": "ai.generateText.doGenerate",
        "ai.model.provider": "anthropic.messages",
        "ai.model.id": "m",
        "ai.response.id": "r",
        "ai.usage.promptTokens": 60,
        "ai.usage.completionTokens": 20,
        "ai.response.providerMetadata": as_text(
            anthropic={"cacheReadInputTokens": 30, "cacheCreationInputTokens": 10}, openai={"reasoningTokens": 5}
        ),
    },
    "vercel 5": {
        "ai.operationId": "ai.streamText.doStream",
        "gen_ai.system": "anthropic.messages",
        "gen_ai.request.model": "m",
        "ai.response.id": "r",
        "ai.usage.inputTokens": 60,
        "ai.usage.outputTokens": 20,
        "ai.usage.totalTokens": 80,
        "ai.usage.cachedInputTokens": 30,
        "ai.usage.reasoningTokens": 5,
        "ai.response.providerMetadata": as_text(
            anthropic={
                "usage": {
                    "cache_read_input_tokens": 30,
                    "cache_creation_input_tokens": 10,
                    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 0},
                }
            }
        ),
    },
    "vercel 6": {
        "ai.operationId": "ai.generateObject.doGenerate",
        "gen_ai.system": "anthropic.messages",
        "gen_ai.request.model": "m",
        "ai.response.id": "r",
        "ai.usage.inputTokens": 100,
        "ai.usage.outputTokens": 20,
        "ai.usage.inputTokenDetails.noCacheTokens": 60,
        "ai.usage.inputTokenDetails.cacheReadTokens": 30,
        "ai.usage.inputTokenDetails.cacheWriteTokens": 10,
        "ai.usage.outputTokenDetails.reasoningTokens": 5,
    },
    "vercel 7": SEMCONV
    | {
        "scope": "ai",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_creation.input_tokens": 10,
        "ai.usage.outputTokenDetails.reasoningTokens": 5,
    },
    "langfuse": {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "m",
        "gen_ai.response.id": "r",
        "langfuse.observation.usage_details": as_text(
            input=60, input_cached_tokens=30, input_cache_creation=10, output=15, output_reasoning_tokens=5, total=120
        ),
    },
    "langfuse with OpenAI's keys": {
        "langfuse.observation.type": "generation",
        "langfuse.observation.model.name": "m",
        "gen_ai.response.id": "r",
        "langfuse.observation.usage_details": as_text(
            prompt_tokens=100,
            completion_tokens=20,
            total_tokens=120,
            prompt_tokens_details={"cached_tokens": 30},
            input_cache_creation=10,
            completion_tokens_details={"reasoning_tokens": 5},
        ),
    },
    "langfuse with Anthropic's keys": {
        "langfuse.observation.type": "span",  # what its SDK says until 3.3.0
        "langfuse.observation.model.name": "m",
        "gen_ai.response.id": "r",
        "langfuse.observation.usage_details": as_text(
            input_tokens=60,
            cache_read_input_tokens=30,
            cache_creation_input_tokens=10,
            output_tokens=15,
            output_reasoning=5,
        ),
    },
    "logfire": SEMCONV
    | {
        "scope": "logfire.openai",
        "gen_ai.system": "openai",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.raw": as_text(
            input_tokens=100,
            output_tokens=20,
            input_tokens_details={"cached_tokens": 30},
            cache_creation_input_tokens=10,
            output_tokens_details={"reasoning_tokens": 5},
        ),
    },
    "logfire before": SEMCONV
    | {
        "scope": "logfire.anthropic",
        "gen_ai.system": "anthropic",
        "gen_ai.usage.reasoning_tokens": 5,
        "response_data": as_text(
            message={"content": "SECRET"},
            usage={
                "input_tokens": 60,
                "output_tokens": 20,
                "cache_read_input_tokens": 30,
                "cache_creation_input_tokens": 10,
            },
        ),
    },
    "pydantic_ai": SEMCONV
    | {
        "scope": "pydantic-ai",
        "gen_ai.system": "anthropic",
        "logfire.msg": "chat m",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.details.cache_read_tokens": 30,
        "gen_ai.usage.details.cache_write_tokens": 10,
        "gen_ai.usage.details.reasoning_tokens": 5,
    },
    "langsmith": SEMCONV
    | {
        "langsmith.span.kind": "llm",
        "gen_ai.system": "anthropic",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.total_tokens": 120,
        "gen_ai.usage.input_token_details": "{'cache_creation': 10, 'cache_read': 30}",
        "gen_ai.usage.output_token_details": "{'reasoning': 5}",
    },
    "finops": {
        "scope": "ai_finops.instrument",
        "finops.feature": "search",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.response.id": "r",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 30,
        "gen_ai.usage.cache_write.input_tokens": 10,
        "gen_ai.usage.reasoning.output_tokens": 5,
    },
}
DIALECTS = {
    "2026": "semconv",
    "1.40": "semconv",
    "traceloop": "openllmetry",
    "vercel 4": "vercel",
    "vercel 5": "vercel",
    "vercel 6": "vercel",
    "vercel 7": "vercel",
    "langfuse with OpenAI's keys": "langfuse",
    "langfuse with Anthropic's keys": "langfuse",
    "logfire before": "logfire",
}


@pytest.fixture(scope="module")
def generations(tmp_path_factory):
    return load_named(tmp_path_factory.mktemp("generations"), GENERATIONS)


@pytest.mark.parametrize("name", GENERATIONS)
def test_a_call_reads_the_same_in_every_generation(generations, name):
    row = generations[name]
    assert classes(row) == USAGE
    assert (row["operation_name"], row["has_usage"], row["request_model"]) == ("chat", True, "m")
    assert row["response_id"] == ("resp_r" if name == "openinference" else "r")
    assert row["dialect"] == DIALECTS.get(name, name)
    assert "SECRET" not in str(row)


def test_the_figures_that_a_span_says_are_counted(generations):
    assert generations["2026"]["usage_figure_count"] == 5
    assert generations["vercel 6"]["usage_figure_count"] == 6  # the uncached input too
    assert generations["vercel 5"]["usage_figure_count"] == 7  # cache writes by their life too


def test_bare_names(tmp_path):
    plain = {
        "feature": "search",
        "model_tier": "cheap",
        "input_tokens": 100,
        "output_tokens": 20,
        "estimated_cost_usd": 0.25,
    }
    rows = load_named(
        tmp_path,
        {
            "all": plain,
            "feature and counts": {"feature": "search", "input_tokens": 100, "output_tokens": 20},
            "tier alone": {"model_tier": "cheap"},
            "half": {"feature": "search", "output_tokens": 20},
            "input alone": {"input_tokens": 1},
        },
    )
    row = rows["all"]
    assert (row["dialect"], row["operation_name"], row["has_usage"]) == ("bare", "chat", True)
    assert (row["feature_id"], row["model_tier"], row["reported_cost_usd"]) == ("search", "cheap", 0.25)
    assert classes(row) == (100, 0, 0, 0, 20, None)
    assert rows["feature and counts"]["operation_name"] == "chat"
    assert {rows[name]["operation_name"] for name in ("tier alone", "half", "input alone")} == {"other"}


CALL = {"gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}


@pytest.mark.parametrize(
    ("operation", "spans"),
    [
        # A call that names no operation, as older frameworks write it.
        ("chat", {"model and usage": CALL, "type unknown": CALL | {"llm.request.type": ""}}),
        (
            "other",
            {"no usage": {"gen_ai.request.model": "m"}, "new operation": CALL | {"gen_ai.operation.name": "new"}},
        ),
        # LangSmith's exporter calls the first two chat and embeddings.
        ("other", {"prompt": CALL | {"langsmith.span.kind": "prompt", "gen_ai.operation.name": "chat"}}),
        ("retrieval", {"retriever": {"langsmith.span.kind": "retriever", "gen_ai.operation.name": "embeddings"}}),
        ("invoke_workflow", {"chain": CALL | {"langsmith.span.kind": "chain", "gen_ai.operation.name": "chain"}}),
        ("chat", {"llm": CALL | {"langsmith.span.kind": "llm", "gen_ai.operation.name": "chat"}}),
        # The outer span of Vercel's SDK has the sum of its steps.
        (
            "invoke_workflow",
            {name: CALL | {"ai.operationId": f"ai.{name}"} for name in ("generateText", "streamObject", "embedMany")},
        ),
        ("embeddings", {"embed": {"ai.operationId": "ai.embed.doEmbed", "ai.usage.tokens": 7}}),
        ("rerank", {"rerank": {"ai.operationId": "ai.rerank.doRerank"}}),
        ("execute_tool", {"vercel": {"ai.operationId": "ai.toolCall"}, "unnamed": {"gen_ai.tool.name": "t"}}),
        ("invoke_agent", {"run": {"agent_name": "a", "model_name": "m", "gen_ai.usage.input_tokens": 31}}),
        ("chat", {"of an agent": CALL | {"gen_ai.agent.name": "a"}}),
        ("retrieval", {"vector store": {"db.system": "chroma", "db.chroma.query.n_results": 4}}),
        # logfire: a span that has not ended is written twice; a log repeats the request of a stream.
        ("pending", {"pending": CALL | {"logfire.span_type": "pending_span", "gen_ai.operation.name": "chat"}}),
        ("other", {"log": {"logfire.span_type": "log", "gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}}),
        ("chat", {"log with usage": CALL | {"logfire.span_type": "log", "gen_ai.operation.name": "chat"}}),
        ("other", {"guardrail": CALL | {"openinference.span.kind": "GUARDRAIL"}}),
        ("other", {"evaluator": CALL | {"langfuse.observation.type": "evaluator"}}),
    ],
)
def test_what_is_a_call_and_what_is_not(tmp_path, operation, spans):
    assert {name: row["operation_name"] for name, row in load_named(tmp_path, spans).items()} == dict.fromkeys(
        spans, operation
    )


def test_an_outer_span_of_vercel_is_no_call_and_an_embedding_is_one(tmp_path):
    row = load_named(tmp_path, {"embed": {"ai.operationId": "ai.embed.doEmbed", "ai.usage.tokens": 7}})["embed"]
    assert (classes(row), row["has_usage"]) == ((7, 0, 0, 0, 0, None), True)


CACHED = {"gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 20, "gen_ai.usage.cache_read_input_tokens": 40}


@pytest.mark.parametrize(
    ("dialect", "provider", "said", "uncached"),
    [
        # The semantic conventions include what was cached …
        ("semconv", "openai", 100, 60),
        ("semconv", "anthropic", 100, 60),
        # … and Anthropic's and Converse's own counts do not: less input than cached tokens shows them.
        ("semconv", "anthropic", 39, 39),
        ("semconv", "aws.bedrock", 39, 39),
        ("semconv", "anthropic", 40, 0),
        ("openllmetry", "aws.bedrock", 100, 100),
        ("openllmetry", "anthropic", 100, 60),
        ("openinference", "openai", 100, 60),
        ("logfire", "anthropic", 100, 100),
        ("logfire", "openai", 100, 60),
        ("vercel", "anthropic", 100, 100),
        ("vercel", "aws.bedrock", 100, 100),
        ("vercel", "openai", 100, 60),
        ("langsmith", "openai", 100, 60),
        ("pydantic_ai", "anthropic", 100, 60),
        ("finops", "openai", 100, 60),
    ],
)
def test_input_tokens_by_dialect_and_provider(tmp_path, dialect, provider, said, uncached):
    marks = {
        "openllmetry": {"traceloop.entity.name": "e"},
        "openinference": {"openinference.span.kind": "LLM"},
        "logfire": {"scope": f"logfire.{provider}"},
        "vercel": {"ai.operationId": "ai.generateText.doGenerate"},
        "langsmith": {"langsmith.span.kind": "llm"},
        "pydantic_ai": {"scope": "pydantic-ai"},
        "finops": {"scope": "ai_finops"},
    }
    plain = CACHED | {"gen_ai.system": provider, "gen_ai.usage.input_tokens": said} | marks.get(dialect, {})
    row = load_named(tmp_path, {"call": plain})["call"]
    assert row["dialect"] == dialect
    assert classes(row)[:2] == (uncached, 40)


@pytest.mark.parametrize(
    ("usage", "read"),
    [
        ({"input": 60, "input_cached_tokens": 40, "output": 20, "total": 120}, (60, 40, 20)),
        ({"input": 100, "input_cached_tokens": 40, "output": 20, "total": 120}, (60, 40, 20)),
        ({"input": 100, "input_cached_tokens": 40, "output": 20}, (100, 40, 20)),
        ({"input": 100, "input_cached_tokens": 40, "output": 20, "total": 999}, (100, 40, 20)),
        (
            {"input": 60, "input_cached_tokens": 7, "output": 20, "output_reasoning_tokens": 8, "total": 87},
            (60, 7, 20),
        ),
        # As much reasoning as cached: only the whole sum can tell.
        ({"input": 60, "input_cached_tokens": 8, "output": 20, "output_reasoning_tokens": 8, "total": 96}, (60, 8, 28)),
        ({"input": 60, "input_cached_tokens": 8, "output": 20, "output_reasoning_tokens": 8, "total": 80}, (52, 8, 20)),
        ({"input": 60, "input_cached_tokens": 7, "output": 20, "output_reasoning_tokens": 8, "total": 88}, (53, 7, 28)),
    ],
)
def test_langfuse_s_own_total_shows_what_its_counts_include(tmp_path, usage, read):
    plain = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": json.dumps(usage)}
    row = load_named(tmp_path, {"call": plain})["call"]
    assert (row["uncached_input_tokens"], row["cache_read_input_tokens"], row["output_tokens"]) == read


@pytest.mark.parametrize(("reasoning", "output"), [(20, 20), (21, 41)])
def test_more_reasoning_than_output_is_beside_it(tmp_path, reasoning, output):
    row = load_named(tmp_path, {"call": CALL | {"gen_ai.usage.reasoning_tokens": reasoning}})["call"]
    assert (row["output_tokens"], row["reasoning_output_tokens"]) == (output, reasoning)


@pytest.mark.parametrize("value", ["NaN", "null", "None", "undefined"])
def test_a_count_that_an_exporter_was_not_given_is_not_said(tmp_path, value):
    row = load_named(tmp_path, {"call": CALL | {"gen_ai.usage.output_tokens": value}})["call"]
    assert (row["output_tokens"], row["has_usage"]) == (None, False)


@pytest.mark.parametrize("text", ["{", "[1]", "null", '"text"', "{'cache_read': }"])
def test_json_that_is_none_says_nothing(tmp_path, text):
    parts = ("gen_ai.usage.raw", "langfuse.observation.usage_details", "gen_ai.usage.input_token_details", "metadata")
    row = load_named(tmp_path, {"call": CALL | dict.fromkeys(parts, text)})["call"]
    assert classes(row) == (100, 0, 0, 0, 20, None)


@pytest.mark.parametrize(
    ("column", "in_order"),
    [
        (
            "feature_id",
            [
                ("finops.feature", "@"),
                ("feature", "@"),
                ("tag", "@"),
                ("traceloop.association.properties.feature", "@"),
                ("langfuse.trace.metadata.feature", "@"),
                ("langsmith.metadata.feature", "@"),
                ("ai.telemetry.metadata.feature", "@"),
                ("metadata", '{"feature": "@"}'),
            ],
        ),
        ("pipeline_id", [("finops.pipeline", "@"), ("traceloop.workflow.name", "@"), ("ai.telemetry.functionId", "@")]),
        (
            "journey_name",
            [
                ("finops.journey.name", "@"),
                ("traceloop.association.properties.journey_name", "@"),
                ("langfuse.observation.metadata.journey_name", "@"),
                ("langfuse.trace.metadata.journey_name", "@"),
                ("langsmith.metadata.journey_name", "@"),
                ("ai.telemetry.metadata.journeyName", "@"),
                ("metadata", '{"journey_name": "@"}'),
            ],
        ),
        ("prompt_version", [("finops.prompt_version", "@"), ("traceloop.prompt.version", "@")]),
        (
            "processing",
            [
                ("finops.processing", "@"),
                ("openai.response.service_tier", "@"),
                ("ai.response.providerMetadata", '{"openai": {"serviceTier": "@"}}'),
                ("openai.request.service_tier", "@"),
            ],
        ),
    ],
)
def test_whole_attributes_and_parts_of_them_come_in_their_order(tmp_path, column, in_order):
    spans = {
        f"from {first}": {
            name: value.replace("@", f"rank {rank}")
            for rank, (name, value) in reversed(list(enumerate(in_order)))
            if rank >= first
        }
        for first in range(len(in_order))
    }
    rows = load_named(tmp_path, spans)
    assert [rows[f"from {first}"][column] for first in range(len(in_order))] == [
        f"rank {first}" for first in range(len(in_order))
    ]


def test_a_list_of_tags_names_no_feature(tmp_path):
    assert load_named(tmp_path, {"call": CALL | {"tag": ["a", "b"]}})["call"]["feature_id"] is None


@pytest.mark.parametrize(
    ("tier", "processing"), [("default", "on_demand"), ("Standard", "on_demand"), ("flex", "flex"), ("new", "new")]
)
def test_service_tiers(tmp_path, tier, processing):
    row = load_named(tmp_path, {"call": CALL | {"openai.response.service_tier": tier}})["call"]
    assert row["processing"] == processing
    assert load_named(tmp_path, {"call": CALL})["call"]["processing"] is None


DOCUMENTS = [{"id": "a", "score": 0.9}, {"id": "b", "score": 0.5}, {"id": "c", "content": "SECRET"}]
READ = [{"id": "a", "score": 0.9}, {"id": "b", "score": 0.5}, {"id": "c", "score": None}]
RETRIEVAL = {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.top_k": 5, "gen_ai.data_source.id": "kb"}


@pytest.mark.parametrize(
    "said",
    [
        {"gen_ai.retrieval.documents": DOCUMENTS},
        {"gen_ai.retrieval.documents": json.dumps(DOCUMENTS)},
        {"gen_ai.retrieval.documents": [json.dumps(each) for each in DOCUMENTS]},
        {"finops.retrieval.documents": json.dumps(DOCUMENTS)},
        {
            "retrieval.documents.0.document.id": "a",
            "retrieval.documents.0.document.score": 0.9,
            "retrieval.documents.1.document.id": "b",
            "retrieval.documents.1.document.score": 0.5,
            "retrieval.documents.2.document.id": "c",
            "retrieval.documents.2.document.content": "SECRET",
        },
    ],
)
def test_retrieved_documents_keep_order_ids_and_scores_and_no_text(tmp_path, said):
    row = load_named(tmp_path, {"search": RETRIEVAL | said})["search"]
    assert json.loads(row["details_json"]) == {"documents": READ, "top_k": 5, "data_source_id": "kb"}
    assert (row["operation_name"], row["has_usage"]) == ("retrieval", False)
    assert "SECRET" not in str(row)


@pytest.mark.parametrize("said", ["not json", "{}", "7", "[]"])
def test_documents_that_are_none_are_no_documents(tmp_path, said):
    row = load_named(tmp_path, {"search": RETRIEVAL | {"gen_ai.retrieval.documents": said}})["search"]
    assert json.loads(row["details_json"])["documents"] == []


def test_a_rerank_by_vercel_and_by_hand(tmp_path):
    rows = load_named(
        tmp_path,
        {
            "vercel": {
                "ai.operationId": "ai.rerank.doRerank",
                "ai.ranking": ['{"index": 1, "relevanceScore": 0.8}', '{"index": 0, "relevanceScore": 0.1}'],
            },
            "by hand": {
                "gen_ai.operation.name": "rerank",
                "gen_ai.rerank.top_n": 2,
                "finops.rerank.input_documents": DOCUMENTS,
                "finops.rerank.output_documents": '["b", "a"]',
            },
            "counted": {"gen_ai.operation.name": "rerank", "gen_ai.rerank.candidate.count": 150},
        },
    )
    vercel, by_hand, counted = (json.loads(rows[name]["details_json"]) for name in ("vercel", "by hand", "counted"))
    assert vercel["output_documents"] == [{"id": "1", "score": 0.8}, {"id": "0", "score": 0.1}]
    assert (by_hand["input_documents"], by_hand["top_k"]) == (READ, 2)
    assert [each["id"] for each in by_hand["output_documents"]] == ["b", "a"]
    assert (counted["input_documents"], counted["input_document_count"]) == ([], 150)
    assert [rows[name]["has_usage"] for name in ("vercel", "by hand", "counted")] == [True, True, False]


def test_what_an_answer_draws_on(tmp_path):
    spans = {
        "list": CALL | {"finops.cited_document_ids": ["a", "c"]},
        "text": CALL | {"finops.cited_document_ids": '["a", 7]'},
        "none": CALL,
    }
    rows = load_named(tmp_path, spans)
    details = {name: json.loads(row["details_json"] or "null") for name, row in rows.items()}
    assert details == {
        "list": {"cited_document_ids": ["a", "c"]},
        "text": {"cited_document_ids": ["a", "7"]},
        "none": None,
    }


def test_how_far_an_answer_draws_on_documents(tmp_path):
    uses = [{"id": "a", "use_score": 0.75, "token_count": 120}, {"id": 7, "use_score": 1}]
    spans = {
        "list": CALL | {"finops.document_uses": uses, "finops.document_use_method": "word_overlap_1"},
        "text": CALL | {"finops.document_uses": json.dumps(uses), "finops.cited_document_ids": []},
        "wrong": CALL
        | {"finops.document_uses": '[{"id": "a", "use_score": "nan", "token_count": -1}, {"use_score": 1.5}, 3]'},
        "none": CALL | {"finops.document_uses": "not json", "finops.document_use_method": "alone"},
    }
    rows = load_named(tmp_path, spans)
    details = {name: json.loads(row["details_json"] or "null") for name, row in rows.items()}
    read = [{"id": "a", "use_score": 0.75, "token_count": 120}, {"id": "7", "use_score": 1.0, "token_count": None}]
    nothing = {"use_score": None, "token_count": None}
    assert details == {
        "list": {"document_uses": read, "document_use_method": "word_overlap_1"},
        "text": {"cited_document_ids": [], "document_uses": read},
        "wrong": {"document_uses": [{"id": "a"} | nothing, {"id": None} | nothing, {"id": "3"} | nothing]},
        "none": {"document_use_method": "alone"},
    }


def test_tools_and_agents_keep_their_names(tmp_path):
    rows = load_named(
        tmp_path,
        {
            "tool": {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", "gen_ai.tool.call.id": "c"},
            "agent": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a", "gen_ai.agent.id": "i"},
        },
    )
    assert json.loads(rows["tool"]["details_json"]) == {"tool_name": "t", "tool_call_id": "c"}
    assert json.loads(rows["agent"]["details_json"]) == {"agent_name": "a", "agent_id": "i"}


@pytest.mark.parametrize(
    ("value", "response_id"),
    [
        ('{"id":"chatcmpl-1","choices":[]}', "chatcmpl-1"),
        (' { "id" : "msg_01" }', "msg_01"),
        ('{"id":"chatcmpl-1, cut', None),
        ('{"id":"order-7","lines":[]}', None),
        ('{"data":{"id":"msg_01"}}', None),
        ("plain text", None),
    ],
)
def test_only_a_provider_s_own_id_is_read_of_an_answer(tmp_path, value, response_id):
    plain = {"openinference.span.kind": "LLM", "output.value": value}
    assert load_named(tmp_path, {"call": plain})["call"]["response_id"] == response_id
