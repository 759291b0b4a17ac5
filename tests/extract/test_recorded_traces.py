"""What real libraries and frameworks exported, as the lake has it; tests/warehouse/test_recorded_calls.py goes on."""

import json
from collections import Counter, defaultdict
from datetime import date

import pytest

from tests.extract import recorded
from tests.extract.loading import load
from tests.extract.made import json_bytes, protobuf_bytes

AS_OF = date(2026, 12, 1)  # after the replay
CALLS = {"chat", "embeddings", "text_completion", "generate_content", "rerank"}


@pytest.fixture(scope="module", params=recorded.REPLAYED)
def replayed(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, load(folder, json_bytes(recorded.replay(request.param)), as_of=AS_OF)


@pytest.fixture(scope="module")
def frameworks(tmp_path_factory):
    requests = map(recorded.framework, recorded.FRAMEWORKS)
    return load(tmp_path_factory.mktemp("frameworks"), *map(json_bytes, requests), as_of=AS_OF)


def calls_by_trace(loaded) -> dict[str, list[dict]]:
    by_trace = defaultdict(list)
    for row in loaded.spans:
        if row["operation_name"] in CALLS:
            by_trace[row["trace_id"]].append(row)
    return by_trace


def test_every_span_of_a_call_says_what_the_provider_counted_or_nothing(replayed):
    name, loaded = replayed
    by_trace = calls_by_trace(loaded)
    for trace_id, truth in recorded.replay_truth(name).items():
        said = {tuple(row[column] for column in recorded.CLASSES) for row in by_trace[trace_id] if row["has_usage"]}
        assert said <= {recorded.NOT_SAID.get((name, truth), truth)}, trace_id
        if not said:
            assert {row["scope_name"] for row in by_trace[trace_id]} == {recorded.WITHOUT_USAGE[name]}


def test_dialects_and_doubles(replayed):
    name, loaded = replayed
    by_trace = calls_by_trace(loaded)
    assert len(by_trace) == 38
    own = [row for spans in by_trace.values() for row in spans if row["scope_name"] != recorded.SDK]
    assert {row["dialect"] for row in own} == {name}
    doubles = [spans for spans in by_trace.values() if len(spans) == 2]
    assert len(doubles) == (0 if name == "semconv" else 6)
    for spans in doubles:
        assert recorded.SDK in {row["scope_name"] for row in spans}
        assert len({row["response_id"] for row in spans}) == 1  # OpenInference's stands in its output value


def test_what_is_no_call_is_kept_as_what_it_is(replayed):
    _, loaded = replayed
    others = [row for row in loaded.spans if row["operation_name"] not in CALLS]
    assert {row["scope_name"] for row in others} == {"replay"}
    assert len(others) == 38 and len(others) + sum(map(len, calls_by_trace(loaded).values())) == len(loaded.spans)


def test_kinds_of_spans_that_frameworks_write(frameworks):
    assert frameworks.quarantine == []
    kinds = Counter((row["dialect"], row["operation_name"]) for row in frameworks.spans)
    assert kinds == {
        ("openinference", "chat"): 7,
        ("openinference", "invoke_agent"): 4,
        ("openinference", "invoke_workflow"): 1,
        ("openinference", "execute_tool"): 3,
        ("pydantic_ai", "chat"): 1,
        ("pydantic_ai", "invoke_agent"): 1,
        ("vercel", "chat"): 1,
        ("vercel", "invoke_workflow"): 1,
        ("vercel", "execute_tool"): 1,
        # Langfuse's own spans, without an attribute.
        ("langfuse", "other"): 13,
    }
    assert {row["attribute_count"] for row in frameworks.spans if row["dialect"] == "langfuse"} == {0}


def test_an_agent_repeats_its_calls_usage_and_is_none(frameworks):
    agent = next(row for row in frameworks.spans if row["span_id"] == "0a4fac2553f22f2e")
    assert (agent["operation_name"], agent["uncached_input_tokens"], agent["output_tokens"]) == ("invoke_agent", 31, 96)


def test_names_that_nobody_mapped_are_few_and_known(replayed, frameworks):
    _, loaded = replayed
    assert loaded.unmapped == {}
    # A bug of Agno's instrumentation, and a field of OpenAI Agents'.
    assert set(frameworks.unmapped) == {
        ("agno{key_suffix}.tools", "unknown_service"),
        ("graph.node.id", "unknown_service"),
    }


def test_as_protobuf_they_read_the_same(replayed, tmp_path):
    name, loaded = replayed
    again = load(tmp_path, ("protobuf", protobuf_bytes(recorded.replay(name))), as_of=AS_OF)
    assert again.spans == loaded.spans
    assert again.unmapped == loaded.unmapped


def test_frameworks_as_protobuf_read_the_same(frameworks, tmp_path):
    objects = [("protobuf", protobuf_bytes(recorded.framework(name))) for name in recorded.FRAMEWORKS]
    again = load(tmp_path, *objects, as_of=AS_OF)
    assert again.spans == frameworks.spans
    assert again.unmapped == frameworks.unmapped


def test_no_recorded_text_is_kept(replayed, frameworks):
    _, loaded = replayed
    for spans in (loaded.spans, frameworks.spans):
        kept = json.dumps([row["details_json"] for row in spans])
        assert "content" not in kept and "[cut]" not in json.dumps(spans, default=str)
    for words in ("Twitter", "Langfuse is a tool", "Tokyo"):
        assert words not in json.dumps(frameworks.spans, default=str)
