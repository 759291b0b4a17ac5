"""Spans land in the collector's layout, in each service's dialect and encoding, when the sample says."""

from __future__ import annotations

import gzip
import json
from datetime import date

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from ai_finops.demo.call_rows import read_calls
from ai_finops.demo.deliver_traces import deliver_traces
from ai_finops.demo.sample_plan import FEATURES
from ai_finops.demo.span_parts import JOURNEY_NAMES
from ai_finops.errors import SampleError, SourceMissing
from tests.demo.hand_made import HAIKU, QUERY, RERANK_ROW, SONNET_4, at, call, json_spans, sample_of, support_chat


def _deliver(sample, clients, settings, *, first: str = "2025-06-02", last: str = "2025-06-02"):
    return deliver_traces(
        sample,
        read_calls(sample.calls),
        first=date.fromisoformat(first),
        last=date.fromisoformat(last),
        s3=clients["s3"],
        settings=settings,
    )


def _hours(keys) -> list[str]:
    return sorted(key.split("year=")[1].split("/minute")[0] for key in keys)


def test_a_call_lands_in_the_hour_in_which_it_ended(clients, account, bodies):
    sample = sample_of(call(1, "2025-06-02 09:59:59"))
    assert _deliver(sample, clients, account)[:2] == (1, 1)
    (key,) = bodies(account.traces_bucket)
    assert key.startswith("otlp/year=2025/month=06/day=02/hour=10/minute=59/docs-api_traces_")
    assert key.endswith(".json.gz")


def test_a_call_that_ends_after_midnight_is_left_to_the_next_day(clients, account, bodies):
    sample = sample_of(call(1, "2025-06-02 23:59:59"))
    assert _deliver(sample, clients, account)[:2] == (0, 0)
    assert _deliver(sample, clients, account, first="2025-06-03", last="2025-06-03")[:2] == (1, 1)


def test_late_and_repeated_spans_land_later(clients, account, bodies):
    # Call 13 comes 30 h late; call 14 comes again 1 + 14 % 12 = 3 h later, call 23 again 1 + 23 % 12 = 12 h later.
    sample = sample_of(
        call(13, "2025-06-02 10:00:00", landing_delay_s=108_000),
        call(14, "2025-06-02 11:00:00", delivery_count=2),
        call(23, "2025-06-02 20:00:00", delivery_count=2),
    )
    assert _deliver(sample, clients, account)[1] == 3
    assert _hours(bodies(account.traces_bucket)) == [f"2025/month=06/day=02/hour={hour}" for hour in (11, 14, 20)]
    assert _deliver(sample, clients, account, first="2025-06-03", last="2025-06-03")[1] == 2
    assert _hours(bodies(account.traces_bucket))[3:] == [f"2025/month=06/day=03/hour={hour}" for hour in ("08", "16")]


def test_the_decorator_writes_todays_names_with_strings_for_integers(clients, account, bodies):
    sample = sample_of(call(1, "2025-06-02 10:00:00", cache_read_input_tokens=20, cache_write_5m_input_tokens=3))
    _deliver(sample, clients, account)
    (body,) = bodies(account.traces_bucket).values()
    (span,) = json_spans(gzip.decompress(body))
    resource = {
        e["key"]: e["value"] for e in json.loads(gzip.decompress(body))["resourceSpans"][0]["resource"]["attributes"]
    }
    assert resource["service.name"] == {"stringValue": "docs-api"}
    assert resource["cloud.account.id"] == {"stringValue": "111122223333"}
    assert resource["cloud.region"] == {"stringValue": "us-east-1"}
    assert span["name"] == f"chat {SONNET_4}"
    assert (len(span["traceId"]), len(span["spanId"])) == (32, 16)
    # 2025-06-02T10:00:00Z is 1748858400 seconds.
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == ("1748858400000000000", "1748858402000000000")
    attributes = span["attributes"]
    assert attributes["gen_ai.usage.input_tokens"] == {"intValue": "1023"}
    assert attributes["gen_ai.usage.cache_read.input_tokens"] == {"intValue": "20"}
    assert attributes["gen_ai.usage.cache_write.input_tokens"] == {"intValue": "3"}
    assert attributes["gen_ai.usage.output_tokens"] == {"intValue": "100"}
    assert attributes["gen_ai.provider.name"] == {"stringValue": "aws.bedrock"}
    assert attributes["finops.feature"] == {"stringValue": "document_summarization"}
    assert attributes["gen_ai.response.finish_reasons"] == {"arrayValue": {"values": [{"stringValue": "end_turn"}]}}


@pytest.mark.parametrize("service", ["docs-api", "growth-api"])
def test_a_journey_has_an_id_and_the_name_of_its_kind(clients, account, bodies, service):
    rows = (
        call(1, "2025-06-02 10:00:00", service_name=service, feature_id="onboarding_assistant"),
        call(2, "2025-06-02 10:00:01", service_name=service, feature_id="onboarding_assistant", journey_number=None),
    )
    _deliver(sample_of(*rows), clients, account)
    ((key, body),) = bodies(account.traces_bucket).items()
    spans = [span["attributes"] for span in json_spans(gzip.decompress(body) if key.endswith(".gz") else body)]
    ids = [each.get("finops.journey") or each.get("gen_ai.conversation.id") for each in spans]
    assert {each and each["stringValue"] for each in ids} == {"journey-8", None}
    assert [each.get("finops.journey.name") for each in spans] == [
        {"stringValue": "onboarding"} if named else None for named in ids
    ]


def test_every_instrumented_feature_s_journeys_have_a_name():
    assert set(JOURNEY_NAMES) == {feature.feature_id for feature in FEATURES if feature.is_instrumented}


@pytest.mark.parametrize("why", [{"has_usage": False}, {"is_error": True}])
@pytest.mark.parametrize("service", ["docs-api", "growth-api"])
def test_a_call_without_usage_shows_no_token_count(clients, account, bodies, why, service):
    _deliver(sample_of(call(1, "2025-06-02 10:00:00", service_name=service, **why)), clients, account)
    ((key, body),) = bodies(account.traces_bucket).items()
    for span in json_spans(gzip.decompress(body) if key.endswith(".gz") else body):
        assert not [name for name in span["attributes"] if "usage" in name]


def test_a_failed_call_has_an_error_status_and_type(clients, account, bodies):
    _deliver(sample_of(call(1, "2025-06-02 10:00:00", is_error=True)), clients, account)
    ((_, body),) = bodies(account.traces_bucket).items()
    (span,) = json_spans(gzip.decompress(body))
    assert span["status"]["code"] == 2
    assert span["attributes"]["error.type"] == {"stringValue": "ThrottlingException"}


def test_traceloop_repeats_the_usage_on_a_workflow_in_plain_json(clients, account, bodies):
    row = call(1, "2025-06-02 10:00:00", service_name="growth-api", pipeline_id="extract", request_model=HAIKU)
    row["cache_read_input_tokens"] = 40
    assert _deliver(sample_of(row), clients, account)[:2] == (1, 2)
    ((key, body),) = bodies(account.traces_bucket).items()
    assert key.endswith(".json")
    workflow, llm = json_spans(body)
    assert "parentSpanId" not in workflow
    assert llm["parentSpanId"] == workflow["spanId"]
    assert llm["traceId"] == workflow["traceId"]
    assert workflow["attributes"]["traceloop.span.kind"] == {"stringValue": "workflow"}
    for span in (workflow, llm):
        assert span["attributes"]["gen_ai.usage.prompt_tokens"] == {"intValue": "1000"}
        assert span["attributes"]["gen_ai.usage.completion_tokens"] == {"intValue": "100"}
        assert span["attributes"]["gen_ai.usage.cache_read_input_tokens"] == {"intValue": "40"}
        assert span["attributes"]["llm.usage.total_tokens"] == {"intValue": "1100"}
    assert llm["attributes"]["gen_ai.request.model"] == {"stringValue": HAIKU}
    assert llm["attributes"]["traceloop.association.properties.user_id"] == {"stringValue": "user-7"}


def _protobuf_spans(body: bytes) -> dict[str, tuple]:
    request = ExportTraceServiceRequest.FromString(body)
    found = {}
    for scope_spans in request.resource_spans[0].scope_spans:
        for span in scope_spans.spans:
            values = {entry.key: getattr(entry.value, entry.value.WhichOneof("value")) for entry in span.attributes}
            found[values["openinference.span.kind"]] = (span, values)
    return found


def test_an_openinference_chat_is_one_trace_in_protobuf(clients, account, bodies):
    sample = sample_of(*support_chat(), queries=(QUERY,), reranks=(RERANK_ROW,))
    assert _deliver(sample, clients, account)[:2] == (1, 5)
    ((key, body),) = bodies(account.traces_bucket).items()
    assert key.endswith(".binpb")
    spans = _protobuf_spans(body)
    assert set(spans) == {"CHAIN", "EMBEDDING", "RETRIEVER", "RERANKER", "LLM"}
    chain, _ = spans.pop("CHAIN")
    assert chain.parent_span_id == b""
    assert chain.start_time_unix_nano == 1748858403 * 10**9
    assert {(span.trace_id, span.parent_span_id) for span, _ in spans.values()} == {(chain.trace_id, chain.span_id)}
    _, llm = spans["LLM"]
    # OpenInference copies Converse's counts: cached tokens are in the total, not in the prompt.
    assert llm["llm.token_count.prompt"] == 1000
    assert llm["llm.token_count.total"] == 1000 + 300 + 50 + 100
    assert llm["llm.token_count.prompt_details.cache_read"] == 300
    assert llm["llm.token_count.prompt_details.cache_write"] == 50
    assert json.loads(llm["input.value"]) == [{"role": "user", "content": [{"text": "Where is my card?"}]}]
    _, embedding = spans["EMBEDDING"]
    assert (embedding["embedding.model_name"], embedding["llm.token_count.prompt"]) == (
        "amazon.titan-embed-text-v2:0",
        12,
    )
    _, reranker = spans["RERANKER"]
    assert reranker["reranker.model_name"] == "cohere.rerank-v3-5:0"
    ids = [reranker[f"reranker.{side}_documents.{n}.document.id"] for side in ("input", "output") for n in (0, 1)]
    assert ids == ["501", "502", "502", "501"]
    assert [reranker[f"reranker.input_documents.{n}.document.score"] for n in (0, 1)] == [0.75, 0.5]
    assert [reranker[f"reranker.output_documents.{n}.document.score"] for n in (0, 1)] == [1.0, 0.5]
    _, retriever = spans["RETRIEVER"]
    assert retriever["retrieval.documents.1.document.id"] == "502"


def test_a_failed_rerank_has_no_new_order(clients, account, bodies):
    chat, embedding, rerank = support_chat()
    sample = sample_of(chat, embedding, rerank | {"is_error": True}, queries=(QUERY,), reranks=(RERANK_ROW,))
    _deliver(sample, clients, account)
    (body,) = bodies(account.traces_bucket).values()
    span, attributes = _protobuf_spans(body)["RERANKER"]
    assert span.status.code == 2
    assert attributes["reranker.input_documents.0.document.id"] == "501"
    assert not [name for name in attributes if name.startswith("reranker.output_documents")]


def test_a_chat_without_search_has_no_chain(clients, account, bodies):
    row = call(1, "2025-06-02 11:00:00", service_name="support-api", feature_id="ticket_triage")
    assert _deliver(sample_of(row), clients, account)[1] == 1
    ((key, body),) = bodies(account.traces_bucket).items()
    assert key.endswith(".binpb.gz")
    ((span, _),) = _protobuf_spans(gzip.decompress(body)).values()
    assert span.parent_span_id == b""
    assert span.status.code == 1


def test_shadow_comparisons_come_from_docs_api(clients, account, bodies):
    shadow = {
        "started_at": at("2025-06-02 10:30:00"),
        "task_type": "summarization",
        "baseline_model": SONNET_4,
        "candidate_model": HAIKU,
        "is_baseline_correct": True,
        "is_candidate_correct": False,
        "subject": "law",
    }
    _deliver(sample_of(call(1, "2025-06-02 10:00:00"), shadow=(shadow,)), clients, account)
    ((key, body),) = bodies(account.traces_bucket).items()
    _, span = json_spans(gzip.decompress(body))
    assert "docs-api" in key
    assert span["name"] == "finops.shadow"
    assert span["attributes"]["finops.shadow.candidate_model"] == {"stringValue": HAIKU}
    assert span["attributes"]["finops.shadow.baseline_correct"] == {"boolValue": True}
    assert span["attributes"]["finops.shadow.candidate_correct"] == {"boolValue": False}


def test_an_uninstrumented_service_sends_nothing(clients, account, bodies):
    row = call(1, "2025-06-02 10:00:00", service_name="legal-api", is_instrumented=False)
    assert _deliver(sample_of(row), clients, account) == (0, 0, 0)
    assert bodies(account.traces_bucket) == {}


def test_an_instrumented_service_without_a_dialect_is_refused(clients, account):
    row = call(1, "2025-06-02 10:00:00", service_name="legal-api")
    with pytest.raises(SampleError, match="call 1 is instrumented, but service 'legal-api' has no span dialect"):
        _deliver(sample_of(row), clients, account)


def test_one_object_of_the_tenth_day_is_cut_off(clients, account, bodies):
    sample = sample_of(call(1, "2025-06-02 10:00:00"))
    assert _deliver(sample, clients, account, first="2025-06-03", last="2025-06-10")[0] == 0
    assert _deliver(sample, clients, account, first="2025-06-11", last="2025-06-12")[:2] == (1, 0)
    ((key, body),) = bodies(account.traces_bucket).items()
    assert "day=11/hour=05/minute=17/docs-api_traces_" in key
    with pytest.raises(EOFError):
        gzip.decompress(body)


def test_delivering_again_changes_nothing(clients, account, bodies):
    sample = sample_of(*support_chat(), call(1, "2025-06-02 10:00:00"), queries=(QUERY,), reranks=(RERANK_ROW,))
    _deliver(sample, clients, account)
    before = bodies(account.traces_bucket)
    _deliver(sample, clients, account)
    assert bodies(account.traces_bucket) == before


def test_a_missing_bucket_is_named(clients, settings):
    with pytest.raises(SourceMissing, match=f"bucket {settings.traces_bucket} does not exist"):
        _deliver(sample_of(call(1, "2025-06-02 10:00:00")), clients, settings)
