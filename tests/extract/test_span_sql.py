"""How a span is read: dialects, operations, token classes, and what is set aside."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from ai_finops.extract.span_sql import ABSURD_TOKENS
from tests.extract.loading import load_one, pseudonym_in, reason_for
from tests.extract.made import CALL, NOON, nanoseconds

SEMCONV = CALL | {
    "gen_ai.response.model": "amazon.nova-lite-v1:0",
    "gen_ai.response.id": "resp-1",
    "aws.request_id": "req-1",
    "gen_ai.usage.cache_read.input_tokens": 30,
    "gen_ai.usage.cache_write.input_tokens": 10,
    "gen_ai.usage.reasoning.output_tokens": 5,
}
OPENINFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.provider": "aws",
    "llm.model_name": "amazon.nova-lite-v1:0",
    "llm.token_count.prompt": 60,
    "llm.token_count.completion": 20,
    "llm.token_count.total": 120,
    "llm.token_count.prompt_details.cache_read": 30,
    "llm.token_count.prompt_details.cache_write": 10,
    "llm.token_count.completion_details.reasoning": 5,
}
OPENLLMETRY = {
    "gen_ai.system": "AWS",
    "llm.request.type": "chat",
    "gen_ai.request.model": "amazon.nova-lite-v1:0",
    "gen_ai.usage.prompt_tokens": 60,
    "gen_ai.usage.completion_tokens": 20,
    "llm.usage.total_tokens": 80,
    "gen_ai.usage.cache_read_input_tokens": 30,
    "gen_ai.usage.cache_creation_input_tokens": 10,
    "gen_ai.usage.reasoning_tokens": 5,
}
CLASSES = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_write_5m_input_tokens",
    "cache_write_1h_input_tokens",
    "output_tokens",
    "reasoning_output_tokens",
)


def classes(row) -> tuple:
    return tuple(row[name] for name in CLASSES)


@pytest.mark.parametrize(
    ("dialect", "plain"), [("semconv", SEMCONV), ("openinference", OPENINFERENCE), ("openllmetry", OPENLLMETRY)]
)
def test_one_call_reads_the_same_in_each_dialect(tmp_path, dialect, plain):
    row = load_one(tmp_path, plain)
    assert row["dialect"] == dialect
    assert (row["operation_name"], row["provider_name"]) == ("chat", "aws.bedrock")
    assert row["request_model"] == "amazon.nova-lite-v1:0"
    assert classes(row) == (60, 30, 10, 0, 20, 5)
    assert row["has_usage"] is True


def test_scalars_of_a_span(tmp_path):
    resource = {"service.name": "docs-api", "cloud.account.id": "111122223333", "cloud.region": "eu-west-1"}
    changes = {"parentSpanId": "00F067AA0BA902B7", "name": "chat nova", "status": {"code": 2}}
    row = load_one(tmp_path, SEMCONV | {"error.type": "ThrottlingException"}, resource=resource, **changes)
    expected = {
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "0000000000000001",
        "parent_span_id": "00f067aa0ba902b7",
        "span_name": "chat nova",
        "span_kind": 3,
        "started_at": NOON,
        "ended_at": NOON + timedelta(seconds=2),
        "status_code": 2,
        "scope_name": "some.library",
        "scope_version": "1.0",
        "service_name": "docs-api",
        "account_id": "111122223333",
        "region_id": "eu-west-1",
        "response_id": "resp-1",
        "request_id": "req-1",
        "error_type": "ThrottlingException",
        "object_key": "0",
        "object_line": 1,
    }
    assert {name: row[name] for name in expected} == expected


def test_business_names_of_a_span(tmp_path):
    plain = CALL | {
        "finops.feature": "search",
        "finops.pipeline": "summarize",
        "finops.journey": "j-1",
        "finops.journey.name": "onboarding",
        "finops.user": "u-1",
        "finops.task_type": "chat",
        "finops.prompt_version": "v3",
        "finops.model_tier": "cheap",
        "gen_ai.usage.cost": 0.25,
    }
    row = load_one(tmp_path, plain)
    names = (
        "feature_id",
        "pipeline_id",
        "journey_id",
        "journey_name",
        "user_id",
        "task_type",
        "prompt_version",
        "model_tier",
    )
    user = pseudonym_in(tmp_path, "u-1")
    assert [row[name] for name in names] == ["search", "summarize", "j-1", "onboarding", user, "chat", "v3", "cheap"]
    assert row["reported_cost_usd"] == 0.25


@pytest.mark.parametrize(
    ("column", "in_order"),
    [
        ("feature_id", ["finops.feature", "feature", "tag"]),
        ("journey_id", ["finops.journey", "gen_ai.conversation.id", "session.id"]),
        ("user_id", ["user.id", "finops.user", "traceloop.association.properties.user_id"]),
        ("model_tier", ["finops.model_tier", "model_tier"]),
        ("request_model", ["gen_ai.request.model", "llm.model_name", "embedding.model_name"]),
    ],
)
def test_the_first_alias_wins_and_an_empty_one_does_not_count(tmp_path, column, in_order):
    for rank, attribute in enumerate(in_order):
        plain = dict.fromkeys(in_order[:rank], "") | {later: later for later in reversed(in_order[rank:])}
        said = pseudonym_in(tmp_path, attribute) if column == "user_id" else attribute
        assert load_one(tmp_path, plain)[column] == said


@pytest.mark.parametrize(
    "names_code",
    [
        "traceloop.workflow.name",
        "gen_ai.workflow.name",
        "gen_ai.agent.name",
        "ai.telemetry.functionId",
        "langfuse.trace.name",
        "langsmith.trace.name",
    ],
)
def test_what_names_code_names_no_journey(tmp_path, names_code):
    assert load_one(tmp_path, CALL | {names_code: "crew", "session.id": "j-1"})["journey_name"] is None


def test_a_journey_s_id_is_not_its_name(tmp_path):
    named = load_one(tmp_path, CALL | {"finops.journey.name": "onboarding"})
    assert (named["journey_id"], named["journey_name"]) == (None, "onboarding")
    known = load_one(tmp_path, CALL | {"finops.journey": "j-1"})
    assert (known["journey_id"], known["journey_name"]) == ("j-1", None)


def test_a_call_s_region_wins_over_its_service_s(tmp_path):
    row = load_one(tmp_path, CALL | {"cloud.region": "us-east-1"}, resource={"cloud.region": "eu-west-1"})
    assert row["region_id"] == "us-east-1"


@pytest.mark.parametrize(
    ("attribute", "word", "operation"),
    [
        ("gen_ai.operation.name", "chat", "chat"),
        ("gen_ai.operation.name", "text_completion", "text_completion"),
        ("gen_ai.operation.name", "generate_content", "generate_content"),
        ("gen_ai.operation.name", "embeddings", "embeddings"),
        ("gen_ai.operation.name", "retrieval", "retrieval"),
        ("gen_ai.operation.name", "execute_tool", "execute_tool"),
        ("gen_ai.operation.name", "invoke_agent", "invoke_agent"),
        ("gen_ai.operation.name", "invoke_workflow", "invoke_workflow"),
        ("gen_ai.operation.name", "something_new", "other"),
        ("openinference.span.kind", "LLM", "chat"),
        ("openinference.span.kind", "EMBEDDING", "embeddings"),
        ("openinference.span.kind", "RERANKER", "rerank"),
        ("openinference.span.kind", "RETRIEVER", "retrieval"),
        ("openinference.span.kind", "TOOL", "execute_tool"),
        ("openinference.span.kind", "AGENT", "invoke_agent"),
        ("openinference.span.kind", "CHAIN", "invoke_workflow"),
        ("openinference.span.kind", "GUARDRAIL", "other"),
        ("llm.request.type", "chat", "chat"),
        ("llm.request.type", "completion", "text_completion"),
        ("llm.request.type", "rerank", "rerank"),
        ("traceloop.span.kind", "workflow", "invoke_workflow"),
        ("traceloop.span.kind", "task", "invoke_workflow"),
        ("traceloop.span.kind", "agent", "invoke_agent"),
        ("http.request.method", "GET", "other"),
    ],
)
def test_operations(tmp_path, attribute, word, operation):
    assert load_one(tmp_path, {attribute: word})["operation_name"] == operation


def test_an_embedding_in_a_span_of_kind_llm(tmp_path):
    plain = {"openinference.span.kind": "LLM", "embedding.model_name": "m", "llm.token_count.prompt": 7}
    row = load_one(tmp_path, plain)
    assert (row["operation_name"], row["has_usage"]) == ("embeddings", True)
    assert classes(row) == (7, 0, 0, 0, 0, None)


def test_a_parent_is_never_a_call_though_it_repeats_usage(tmp_path):
    plain = {"traceloop.span.kind": "workflow", "gen_ai.usage.prompt_tokens": 60, "gen_ai.usage.completion_tokens": 20}
    row = load_one(tmp_path, plain | {"gen_ai.usage.cache_read_input_tokens": 90})
    assert (row["operation_name"], row["uncached_input_tokens"], row["output_tokens"]) == ("invoke_workflow", None, 20)


@pytest.mark.parametrize(
    ("dialect", "plain", "scope"),
    [
        ("finops", CALL, "ai_finops.instrument"),
        ("finops", {"finops.feature": "search"}, "by.hand"),
        ("openinference", {"openinference.span.kind": "LLM"}, "any"),
        ("openllmetry", {"traceloop.span.kind": "task"}, "any"),
        ("openllmetry", CALL, "opentelemetry.instrumentation.bedrock"),
        ("semconv", CALL, "opentelemetry.instrumentation.botocore.bedrock-runtime"),
        ("other", {"http.route": "/"}, "opentelemetry.instrumentation.fastapi"),
    ],
)
def test_dialects(tmp_path, dialect, plain, scope):
    assert load_one(tmp_path, plain, scope=scope)["dialect"] == dialect


@pytest.mark.parametrize(
    ("said", "means"),
    [("bedrock", "aws.bedrock"), ("azure", "azure.ai.openai"), ("Anthropic", "anthropic"), ("NewOne", "newone")],
)
def test_providers(tmp_path, said, means):
    assert load_one(tmp_path, {"gen_ai.system": said})["provider_name"] == means


def test_who_hosts_wins_over_who_made(tmp_path):
    assert load_one(tmp_path, {"llm.system": "anthropic", "llm.provider": "aws"})["provider_name"] == "aws.bedrock"


def test_openinference_input_that_includes_cached_tokens(tmp_path):
    plain = OPENINFERENCE | {"llm.token_count.prompt": 100, "llm.token_count.total": 120}
    assert classes(load_one(tmp_path, plain)) == (60, 30, 10, 0, 20, 5)


def test_openinference_without_a_total_includes_cached_tokens_as_its_specification_says(tmp_path):
    plain = {name: value for name, value in OPENINFERENCE.items() if name != "llm.token_count.total"}
    assert classes(load_one(tmp_path, plain)) == (20, 30, 10, 0, 20, 5)


def test_traceloop_elsewhere_than_on_bedrock_includes_cached_tokens(tmp_path):
    plain = OPENLLMETRY | {"gen_ai.system": "anthropic", "gen_ai.usage.prompt_tokens": 100}
    assert classes(load_one(tmp_path, plain)) == (60, 30, 10, 0, 20, 5)


def test_cache_writes_are_split_by_their_life(tmp_path):
    plain = CALL | {
        "gen_ai.usage.cache_write.input_tokens": 10,
        "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": 4,
        "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 6,
    }
    assert classes(load_one(tmp_path, plain)) == (90, 0, 4, 6, 20, None)
    del plain["gen_ai.usage.cache_write.input_tokens"]
    assert classes(load_one(tmp_path, plain)) == (90, 0, 4, 6, 20, None)


def test_no_usage_is_a_gap_and_not_a_zero(tmp_path):
    row = load_one(tmp_path, {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"})
    assert row["has_usage"] is False
    assert classes(row) == (None,) * 6


def test_a_part_of_the_usage_is_kept_and_is_a_gap(tmp_path):
    row = load_one(tmp_path, {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5})
    assert row["has_usage"] is False
    assert classes(row) == (5, 0, 0, 0, None, None)
    assert load_one(tmp_path, {"gen_ai.operation.name": "embeddings"})["output_tokens"] is None


def test_zero_tokens_are_usage(tmp_path):
    row = load_one(tmp_path, CALL | {"gen_ai.usage.input_tokens": 0, "gen_ai.usage.output_tokens": 0})
    assert row["has_usage"] is True
    assert classes(row) == (0, 0, 0, 0, 0, None)


RERANK = {
    "openinference.span.kind": "RERANKER",
    "reranker.model_name": "cohere.rerank-v3-5:0",
    "reranker.query": "SECRET-QUERY",
    "reranker.input_documents.0.document.id": "a",
    "reranker.input_documents.0.document.score": 0.5,
    "reranker.input_documents.0.document.content": "SECRET-DOCUMENT",
    "reranker.input_documents.1.document.id": "b",
    "reranker.input_documents.10.document.id": "k",
    "reranker.output_documents.0.document.id": "b",
    "reranker.output_documents.0.document.score": 0.9,
}


def test_rerank_documents_keep_order_ids_and_scores_and_no_text(tmp_path):
    row = load_one(tmp_path, RERANK)
    details = json.loads(row["details_json"])
    assert details["input_documents"][0] == {"id": "a", "score": 0.5}
    assert details["input_documents"][1] == {"id": "b", "score": None}
    assert len(details["input_documents"]) == 11 and details["input_documents"][10]["id"] == "k"
    assert details["output_documents"] == [{"id": "b", "score": 0.9}]
    assert "SECRET" not in json.dumps(row, default=str)
    assert (row["request_model"], row["has_usage"]) == ("cohere.rerank-v3-5:0", True)


def test_a_rerank_without_results_is_a_gap(tmp_path):
    plain = {name: value for name, value in RERANK.items() if "output" not in name}
    assert load_one(tmp_path, plain)["has_usage"] is False
    assert load_one(tmp_path, {"openinference.span.kind": "RERANKER"})["details_json"] is None


@pytest.mark.parametrize("index", [2_000_000_000, 2**63 - 1])
def test_an_absurd_document_index_does_not_fill_the_memory(tmp_path, index):
    plain = RERANK | {f"reranker.input_documents.{index}.document.id": "z"}
    assert len(json.loads(load_one(tmp_path, plain)["details_json"])["input_documents"]) == 1000


def test_a_rerank_may_say_its_search_units(tmp_path):
    plain = {"gen_ai.operation.name": "rerank", "gen_ai.usage.search_units": 2}
    row = load_one(tmp_path, plain)
    assert (row["search_unit_count"], row["has_usage"]) == (2, True)


def test_a_shadow_comparison(tmp_path):
    plain = {
        "finops.shadow.task_type": "extraction",
        "finops.shadow.baseline_model": "big",
        "finops.shadow.candidate_model": "small",
        "finops.shadow.baseline_correct": True,
        "finops.shadow.candidate_correct": False,
        "finops.shadow.baseline_input_tokens": 1000,
        "finops.shadow.baseline_output_tokens": 100,
        "finops.shadow.candidate_input_tokens": 1100,
        "finops.shadow.candidate_output_tokens": "many",
        "finops.shadow.method": "judge",
        "finops.shadow.score": 0.75,
    }
    row = load_one(tmp_path, plain, name="finops.shadow")
    assert (row["operation_name"], row["task_type"], row["has_usage"]) == ("shadow", "extraction", False)
    assert json.loads(row["details_json"]) == {
        "task_type": "extraction",
        "baseline_model": "big",
        "candidate_model": "small",
        "baseline_correct": True,
        "candidate_correct": False,
        "baseline_input_tokens": 1000,
        "baseline_output_tokens": 100,
        "candidate_input_tokens": 1100,
        "candidate_output_tokens": None,
        "method": "judge",
        "score": 0.75,
    }


def test_ids_numbers_and_enums_in_other_spellings(tmp_path):
    row = load_one(
        tmp_path,
        traceId="5B8EFFF798038103D269B633813FC60C",
        spanId="EEE19B7EC3C1B174",
        kind="SPAN_KIND_SERVER",
        status={"code": "STATUS_CODE_ERROR"},
        startTimeUnixNano=int(nanoseconds(NOON)),
        attributes=[
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 7}},
            {"key": "gen_ai.usage.output_tokens", "value": {"stringValue": "8"}},
            {"key": "new", "value": {"bytesValue": "AA=="}, "unknown": 1},
        ],
    )
    assert (row["trace_id"], row["span_id"]) == ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")
    assert (row["span_kind"], row["status_code"], row["started_at"]) == (2, 2, NOON)
    assert (row["uncached_input_tokens"], row["output_tokens"]) == (7, 8)


def test_optional_fields_may_be_missing(tmp_path):
    row = load_one(tmp_path, attributes=None, status=None, kind=None, name=None, parentSpanId=None)
    assert (row["span_kind"], row["status_code"], row["span_name"], row["parent_span_id"]) == (0, 0, None, None)
    assert (row["operation_name"], row["dialect"]) == ("other", "other")


MIDNIGHT_AFTER_AS_OF = datetime(2025, 6, 4, tzinfo=UTC)


def starting(moment: datetime) -> dict:
    return {"startTimeUnixNano": nanoseconds(moment), "endTimeUnixNano": nanoseconds(moment)}


def test_a_day_after_as_of_is_still_taken(tmp_path):
    assert load_one(tmp_path, **starting(MIDNIGHT_AFTER_AS_OF))["started_at"] == MIDNIGHT_AFTER_AS_OF


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"traceId": ""}, "trace id is not 32 hex digits"),
        ({"traceId": None}, "trace id is not 32 hex digits"),
        ({"traceId": "g" * 32}, "trace id is not 32 hex digits"),
        ({"spanId": "12"}, "span id is not 16 hex digits"),
        ({"startTimeUnixNano": "0"}, "start or end time is missing"),
        ({"endTimeUnixNano": None}, "start or end time is missing"),
        ({"startTimeUnixNano": "noon"}, "start or end time is missing"),
        ({"endTimeUnixNano": nanoseconds(NOON - timedelta(microseconds=1))}, "ends before it starts"),
        (starting(MIDNIGHT_AFTER_AS_OF + timedelta(microseconds=1)), "starts in the future"),
        ({"startTimeUnixNano": "1748865600000", "endTimeUnixNano": "1748865600000"}, "starts before the year 2000"),
    ],
)
def test_ids_and_times_that_cannot_be(tmp_path, changes, reason):
    assert reason_for(tmp_path, **changes) == reason


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        ({"gen_ai.usage.input_tokens": -1}, "a token count is negative"),
        ({"gen_ai.usage.cache_read.input_tokens": -5}, "a token count is negative"),
        ({"gen_ai.usage.output_tokens": ABSURD_TOKENS + 1}, f"a token count is above {ABSURD_TOKENS}"),
        (
            {"gen_ai.usage.output_tokens": 2**63 - 1, "gen_ai.usage.input_tokens": 2**63 - 1},
            f"a token count is above {ABSURD_TOKENS}",
        ),
        ({"gen_ai.usage.output_tokens": str(10**30)}, f"a token count is above {ABSURD_TOKENS}"),
        ({"gen_ai.usage.search_units": -1}, "a token count is negative"),
        ({"gen_ai.usage.output_tokens": "many"}, "a token count is not a number"),
        (
            {"gen_ai.provider.name": "openai", "gen_ai.usage.cache_read.input_tokens": 101},
            "more cached input tokens than input tokens",
        ),
        (
            {
                "gen_ai.usage.cache_write.input_tokens": 1,
                "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 2,
            },
            "more 1-hour cache writes than cache writes",
        ),
    ],
)
def test_token_counts_that_cannot_be(tmp_path, tokens, reason):
    assert reason_for(tmp_path, CALL | tokens) == reason


@pytest.mark.parametrize(
    "tokens", [{"gen_ai.usage.output_tokens": ABSURD_TOKENS}, {"gen_ai.usage.cache_read.input_tokens": 100}]
)
def test_token_counts_at_the_threshold_are_taken(tmp_path, tokens):
    assert load_one(tmp_path, CALL | tokens)["has_usage"] is True


def test_ended_when_it_started_is_taken(tmp_path):
    assert load_one(tmp_path, **starting(NOON))["ended_at"] == NOON
