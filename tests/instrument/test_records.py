"""What is recorded beside model calls goes through the real exporter and comes out of the extractor in its columns."""

import json

import pytest

from ai_finops.context_use import METHOD_ID, estimate_uses
from ai_finops.instrument import deferred, feature, record_spans, tracking
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.records import (
    query_fingerprint,
    query_span,
    record_context_use,
    record_prompt_blocks,
    record_query,
    record_rerank,
    record_retrieval,
)
from ai_finops.instrument.switch import set_on
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.query_text import fingerprint
from tests.instrument.exported import collecting, extracted, provider_to, sent

KEY = b"sixteen bytes or"


@pytest.fixture
def collector():
    with collecting() as collector:
        yield collector


@pytest.fixture
def provider(collector, monkeypatch):
    provider = provider_to(collector)
    tracer = provider.get_tracer("ai_finops.instrument")
    monkeypatch.setattr(record_spans, "_tracer", tracer)
    undo = tracking._use_tracer(tracer)
    monkeypatch.setenv("AI_FINOPS_QUERY_KEY", KEY.decode())
    forget_losses()
    yield provider
    undo()
    provider.shutdown()


@pytest.fixture
def tracer(provider):
    return provider.get_tracer("the service's own")


@pytest.fixture
def landed(provider, collector, tmp_path):
    """Send all, land it; spans by name, and queries."""

    def landed():
        assert deferred.flush_deferred(20)
        provider.force_flush()
        return extracted(tmp_path, collector.bodies)

    return landed


@pytest.fixture
def names(provider, collector):
    """Send all; the names of the spans."""

    def names():
        assert deferred.flush_deferred(20)
        provider.force_flush()
        return sent(collector.bodies)

    return names


def details(span) -> dict:
    return json.loads(span["details_json"])


def test_retrieval_as_a_block_lands_with_ids_scores_and_who_asked(landed):
    with (
        feature("support_answer", journey="j-7", journey_name="onboarding"),
        record_retrieval(top_k=3, data_source="kb-1") as retrieval,
    ):
        retrieval.found([{"id": "d1", "score": 0.5, "text": "A secret"}, {"id": "d2", "score": 0.25}])
    spans, _ = landed()

    span = spans["retrieval"]
    assert details(span) == {
        "documents": [{"id": "d1", "score": 0.5}, {"id": "d2", "score": 0.25}],
        "top_k": 3,
        "data_source_id": "kb-1",
    }
    assert (span["operation_name"], span["dialect"], span["service_name"]) == ("retrieval", "finops", "support-api")
    assert (span["feature_id"], span["journey_id"], span["journey_name"]) == ("support_answer", "j-7", "onboarding")


def test_retrieval_with_its_documents_is_recorded_at_once(landed):
    record_retrieval(["d1", ("d2", 0.25)], top_k=2)
    spans, _ = landed()

    assert details(spans["retrieval"])["documents"] == [{"id": "d1", "score": None}, {"id": "d2", "score": 0.25}]


def test_a_retrieval_that_finds_nothing_lands_with_no_documents(landed):
    record_retrieval([], top_k=2)
    spans, _ = landed()

    assert details(spans["retrieval"])["documents"] == []


def test_no_text_is_in_what_is_sent(names, collector, tracer):
    document = {"id": "d1", "score": 0.5, "content": "A SECRET text", "metadata": {"title": "A SECRET title"}}
    with tracer.start_as_current_span("request"):
        record_query("A SECRET question")
        record_prompt_blocks(["A SECRET block"])
        record_retrieval([document], query="A SECRET query")
        record_rerank([document], [document], model="cohere.rerank-v3-5:0", query="A SECRET query")
        record_context_use(
            answer="A SECRET answer", documents={"d1": "A SECRET document"}, question="A SECRET question"
        )

    assert len(names()) == 4
    assert b"SECRET" not in b"".join(collector.bodies)


def test_openinference_names_land_in_the_same_columns(landed, collector, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_RETRIEVAL_NAMES", "openinference")
    record_retrieval([("d1", 0.5), ("d2", 0.25)])
    record_rerank(["d1", "d2"], [("d2", 0.9), ("d1", 0.1)], model="rerank-1", top_k=2, search_units=1)
    spans, _ = landed()

    assert details(spans["retrieval"])["documents"] == [{"id": "d1", "score": 0.5}, {"id": "d2", "score": 0.25}]
    rerank = spans["rerank rerank-1"]
    assert details(rerank)["input_documents"] == [{"id": "d1", "score": None}, {"id": "d2", "score": None}]
    assert details(rerank)["output_documents"] == [{"id": "d2", "score": 0.9}, {"id": "d1", "score": 0.1}]
    assert details(rerank)["top_k"] == 2
    assert b"retrieval.documents.0.document.id" in b"".join(collector.bodies)
    assert b"gen_ai.retrieval.documents" not in b"".join(collector.bodies)


def test_openinference_names_leave_room_for_the_other_attributes(landed, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_RETRIEVAL_NAMES", "openinference")
    with feature("support_answer"):
        record_retrieval([(f"d{number}", 0.5) for number in range(48)])
        assert losses() == {}
        record_rerank([f"d{number}" for number in range(25)], range(25), model="of 25")
        assert losses() == {"documents_cut": 2}
    spans, _ = landed()

    assert len(details(spans["retrieval"])["documents"]) == 48
    assert len(details(spans["rerank of 25"])["output_documents"]) == 24
    assert {span["feature_id"] for span in spans.values()} == {"support_answer"}


def test_rerank_lands_as_a_priced_call_with_both_orders(landed):
    results = {"results": [{"index": 1, "relevanceScore": 0.75}, {"index": 0, "relevanceScore": 0.125}]}
    with record_rerank(
        ["d1", "d2", "d3"], model="cohere.rerank-v3-5:0", provider="aws.bedrock", top_k=2, search_units=3
    ) as rerank:
        rerank.ranked(results["results"])
    spans, _ = landed()

    span = spans["rerank cohere.rerank-v3-5:0"]
    assert (span["operation_name"], span["request_model"], span["provider_name"], span["search_unit_count"]) == (
        "rerank",
        "cohere.rerank-v3-5:0",
        "aws.bedrock",
        3,
    )
    assert span["reported_cost_usd"] != 0  # no list price is known of it: that is a gap and no cost of zero
    assert details(span) == {
        "input_documents": [{"id": each, "score": None} for each in ("d1", "d2", "d3")],
        "output_documents": [{"id": "d2", "score": 0.75}, {"id": "d1", "score": 0.125}],
        "input_document_count": 3,
        "top_k": 2,
    }


def test_rerank_without_search_units_lands_without_a_count_of_them(landed):
    record_rerank(["d1"], ["d1"], model="cohere.rerank-v3-5:0")
    spans, _ = landed()

    span = spans["rerank cohere.rerank-v3-5:0"]
    assert (span["search_unit_count"], span["usage_gap"], span["reported_cost_usd"]) == (None, "no_search_units", None)


def test_rerank_inside_a_decorated_rerank_is_the_same_span(landed):
    @track_llm_cost(feature="search", operation="rerank", model="cohere.rerank-v3-5:0")
    def rerank():
        record_rerank(["d1", "d2"], ["d2", "d1"], query="which card")

    rerank()
    spans, _ = landed()

    assert list(spans) == ["rerank cohere.rerank-v3-5:0"]
    assert [each["id"] for each in details(spans["rerank cohere.rerank-v3-5:0"])["output_documents"]] == ["d2", "d1"]


def test_cited_documents_land_on_a_span_of_their_own_in_the_trace(landed, tracer):
    with tracer.start_as_current_span("request"), feature("support_answer"):
        record_context_use(["d1", "d3"])
    spans, _ = landed()

    span = spans["finops.context_use"]
    assert details(span) == {"cited_document_ids": ["d1", "d3"]}
    assert (span["operation_name"], span["feature_id"]) == ("other", "support_answer")
    assert span["trace_id"] == spans["request"]["trace_id"]


def test_an_answer_that_draws_on_nothing_says_so(landed, tracer):
    with tracer.start_as_current_span("request"):
        record_context_use([])
    spans, _ = landed()

    assert details(spans["finops.context_use"]) == {"cited_document_ids": []}


def test_scores_are_estimated_from_texts_as_the_pipeline_does(landed, tracer):
    answer, question = "You can return the toaster within thirty days.", "How long may I return a toaster?"
    texts = {"d1": "Toasters can be returned within thirty days.", "d2": "Our offices are closed on Sunday."}
    with tracer.start_as_current_span("request"):
        record_context_use(answer=answer, documents=texts, question=question, token_counts={"d1": 9})
    spans, _ = landed()

    scores = estimate_uses(answer, documents=list(texts.values()), question=question)
    assert scores[0] > 0.5 > scores[1]
    assert details(spans["finops.context_use"]) == {
        "document_uses": [
            {"id": "d1", "use_score": round(scores[0], 4), "token_count": 9},
            {"id": "d2", "use_score": round(scores[1], 4), "token_count": None},
        ],
        "document_use_method": METHOD_ID,
    }


def test_scores_of_ones_own_land_with_their_method(landed, tracer):
    with tracer.start_as_current_span("request"):
        record_context_use(uses={"d1": 0.875}, method="attention_1", token_counts={"d2": 40})
    spans, _ = landed()

    assert details(spans["finops.context_use"]) == {
        "document_uses": [
            {"id": "d1", "use_score": 0.875, "token_count": None},
            {"id": "d2", "use_score": None, "token_count": 40},
        ],
        "document_use_method": "attention_1",
    }


def test_context_use_outside_of_a_trace_is_counted_as_lost(names):
    record_context_use(["d1"])

    assert names() == []
    assert losses() == {"context_use_without_trace": 1}


def test_query_on_the_current_span_lands_as_its_fingerprint(landed, tracer):
    with tracer.start_as_current_span("request"):
        record_query("Where is my card?")
    _, queries = landed()

    (query,) = queries
    assert (query["fingerprint"], query["embedding"], query["evidence"]) == (
        fingerprint("where is my  CARD", key=KEY),
        None,
        "said",
    )


def test_query_span_lands_with_the_bundled_embedding_and_its_embedder(landed, monkeypatch):
    from ai_finops.analyse.embedder import StaticEmbedder

    monkeypatch.setenv("AI_FINOPS_QUERY_EMBEDDER", "bundled")
    with query_span("Where is my card?"):
        pass
    spans, (query,) = landed()

    embedder = StaticEmbedder()
    (vector,) = embedder.embed(["where is my card"])
    assert query["embedder_id"] == embedder.embedder_id == "minilm-l6-v2-static-256-int8"
    assert query["embedding"] == pytest.approx(vector.tolist(), abs=1e-6)
    assert query["span_id"] == spans["finops.query"]["span_id"]


def test_calls_of_a_query_lie_below_its_span(landed):
    @track_llm_cost(feature="support_answer")
    def answer():
        return {"model": "gpt-4o-mini", "usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}}

    with query_span("Where is my card?"):
        record_retrieval(["d1"])
        answer()
    spans, (query,) = landed()

    above = {name: span["parent_span_id"] for name, span in spans.items()}
    assert above.pop("finops.query") is None
    assert len(above) == 2
    assert set(above.values()) == {query["span_id"]}


def test_without_a_key_there_is_no_fingerprint_and_it_is_counted(landed, tracer, monkeypatch):
    monkeypatch.delenv("AI_FINOPS_QUERY_KEY")
    with tracer.start_as_current_span("request"):
        record_query("Where is my card?")
        record_prompt_blocks(["block"])

    assert query_fingerprint("Where is my card?") is None
    assert landed()[1] == []
    assert losses() == {"query_without_key": 1}


def test_a_missing_model_ends_the_span_without_an_embedding(landed, monkeypatch, tmp_path):
    monkeypatch.setenv("AI_FINOPS_QUERY_EMBEDDER", str(tmp_path))
    with query_span("Where is my card?"):
        pass
    _, (query,) = landed()

    assert query["embedding"] is None
    assert losses() == {"deferred_failed": 1}


def test_a_search_names_the_query_of_the_span_around_it_unless_that_has_one(landed, tracer):
    with tracer.start_as_current_span("request"):
        record_retrieval(["d1"], query="card whereabouts")
    with tracer.start_as_current_span("other request"):
        record_query("Where is my card?")
        record_retrieval(["d1"], query="card whereabouts")
    _, queries = landed()

    assert sorted(query["fingerprint"] for query in queries) == sorted(
        fingerprint(text, key=KEY) for text in ("card whereabouts", "where is my card")
    )


def test_prompts_share_the_hashes_of_the_blocks_that_they_begin_with(landed, tracer):
    prompts = {"a": ["system", "tools", "one"], "b": ["system", "tools", "two", "more"], "c": ["systemtools", "one"]}
    for name, blocks in prompts.items():
        with tracer.start_as_current_span(name):
            record_prompt_blocks(blocks, block_tokens=64)
    spans, queries = landed()

    names = {span["span_id"]: name for name, span in spans.items()}
    blocks = {names[query["span_id"]]: query["prompt_blocks"] for query in queries}
    assert {query["prompt_block_tokens"] for query in queries} == {64}
    assert [len(blocks[name]) for name in "abc"] == [3, 4, 2]
    assert blocks["a"][:2] == blocks["b"][:2]
    assert not set(blocks["a"][2:] + blocks["c"]) & set(blocks["b"])
    assert not set(blocks["a"]) & set(blocks["c"])


def test_a_text_is_cut_into_whole_blocks(landed, tracer):
    for byte_count in (7, 8, 15, 16):
        with tracer.start_as_current_span(f"of {byte_count}"):
            record_prompt_blocks("x" * byte_count, block_tokens=2)  # of 8 bytes
    spans, queries = landed()

    names = {span["span_id"]: name for name, span in spans.items()}
    counts = {names[query["span_id"]]: len(query["prompt_blocks"]) for query in queries}
    assert counts == {"of 8": 1, "of 15": 1, "of 16": 2}


def test_what_a_block_raises_goes_on_and_is_named_on_its_span(landed, collector):
    error = ValueError("A SECRET text")
    with pytest.raises(ValueError) as raised, record_retrieval(top_k=3):
        raise error
    spans, _ = landed()

    assert raised.value is error
    assert (spans["retrieval"]["status_code"], spans["retrieval"]["error_type"]) == (2, "ValueError")
    assert b"SECRET" not in b"".join(collector.bodies)


class _Hostile:
    """Raises whatever is asked of it."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __iter__(self):
        raise RuntimeError("iter")


@pytest.mark.parametrize(
    "record",
    [
        lambda: record_retrieval([_Hostile()]),
        lambda: record_retrieval(_Hostile()),
        lambda: record_rerank(_Hostile(), [1], model=object()),
        lambda: record_rerank([1], _Hostile(), search_units="many"),
        lambda: record_context_use(_Hostile()),
        lambda: record_context_use(answer=7, documents={"d1": None}),
        lambda: record_query(7),
        lambda: record_query(None),
        lambda: query_fingerprint(b"bytes"),
        lambda: record_prompt_blocks(7),
        lambda: record_prompt_blocks("text", block_tokens=0),
    ],
)
def test_nothing_that_is_passed_raises(tracer, names, record):
    with tracer.start_as_current_span("request"):
        record()

    assert "request" in names()
    assert sum(losses().values()) >= 1


def test_switched_off_nothing_is_sent(names):
    with set_on(False):
        record_retrieval(["d1"])
        with record_retrieval(top_k=3) as retrieval:
            retrieval.found(["d1"])
        with query_span("Where is my card?"):
            record_query("Where is my card?")
            record_context_use(["d1"])
    assert names() == []
    assert losses() == {}


def test_switched_off_inside_a_block_its_span_ends(names):
    retrieval = record_retrieval(top_k=3)
    retrieval.__enter__()
    with set_on(False):
        retrieval.found(["d1"])
        retrieval.__exit__(None, None, None)
    assert names() == ["retrieval"]


def test_all_that_the_package_names_is_there():
    import ai_finops.instrument as package

    assert [name for name in package.__all__ if getattr(package, name, None) is None] == []
    assert package.record_retrieval is record_retrieval
    with pytest.raises(AttributeError, match="has no attribute 'record_nothing'"):
        package.record_nothing  # noqa: B018
