"""Whatever a search or a reranker gives, ids and scores are read out of it, and no text is."""

from types import SimpleNamespace

import pytest

from ai_finops.instrument.documents import MAX_DOCUMENTS, Document, as_maps, read_documents

BEFORE = [Document("a"), Document("b")]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("d1", Document("d1")),
        (7, Document("7")),
        (("d1", 0.5), Document("d1", 0.5)),
        (["d1", "high"], Document("d1")),
        ({"id": "d1", "score": 1}, Document("d1", 1.0)),
        ({"document_id": 7, "relevance_score": 0.5}, Document("7", 0.5)),
        ({"_id": "d1", "_score": 12.5, "_source": {"text": "not read"}}, Document("d1", 12.5)),
        (SimpleNamespace(id="d1", score=0.0), Document("d1", 0.0)),
        # LangChain: a document, and a document with its score
        (SimpleNamespace(id=None, page_content="text", metadata={"source": "a.md"}), Document("a.md")),
        ((SimpleNamespace(id="d1", page_content="text", metadata={}), 0.5), Document("d1", 0.5)),
        # Bedrock's knowledge bases
        (
            {"content": {"text": "text"}, "score": 0.5, "metadata": {"x-amz-bedrock-kb-chunk-id": "c1"}},
            Document("c1", 0.5),
        ),
        # Bedrock's and Cohere's rerank
        ({"index": 1, "relevanceScore": 0.5}, Document("b", 0.5)),
        (SimpleNamespace(index=0, relevance_score=0.25, document=None), Document("a", 0.25)),
        ({"index": 2, "relevanceScore": 0.5}, Document(None, 0.5)),
        ({"index": -1}, Document(None)),
        ({"index": True}, Document(None)),
        ({"score": float("nan"), "id": "d1"}, Document("d1")),
        ({"score": float("inf"), "id": "d1"}, Document("d1")),
        ({"score": True, "id": ""}, Document(None)),
        ({}, Document(None)),
        (None, Document(None)),
        (True, Document(None)),
    ],
)
def test_shapes(given, read):
    assert read_documents([given], before=BEFORE) == [read]


def test_a_place_without_a_list_before_is_its_own_id():
    assert read_documents([{"index": 3}]) == [Document("3")]


def test_no_more_are_read_than_the_pipeline_reads():
    endless = iter(range(10 * MAX_DOCUMENTS))
    assert len(read_documents(endless)) == MAX_DOCUMENTS
    assert next(endless) == MAX_DOCUMENTS + 1


def test_a_long_id_is_cut():
    ((document),) = read_documents(["x" * 301])
    assert document.id == "x" * 300


def test_maps_leave_out_what_is_not_known():
    assert as_maps([Document("a", 0.0), Document("b"), Document(None)]) == [{"id": "a", "score": 0.0}, {"id": "b"}, {}]
