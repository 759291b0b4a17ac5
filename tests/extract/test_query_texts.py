"""What a span asked, in the forms that the conventions give it."""

from __future__ import annotations

import json

import pytest

from ai_finops.extract.query_texts import MAX_CHARACTERS, Text, query_of

SYSTEM, USER, OTHER = ({"role": role, "content": role.upper()} for role in ("system", "user", "assistant"))


def asked(attribute: str, content, kind: str = "prompt"):
    content = content if isinstance(content, str) else json.dumps(content)
    found = query_of([Text(attribute, kind, content)])
    return found and found[0]


@pytest.mark.parametrize(
    ("attribute", "content", "question"),
    [
        ("input.value", "where is my card", "where is my card"),
        ("input.value", " where is my card ", "where is my card"),
        ("input.value", {"query": "where"}, "where"),
        ("input.value", {"messages": [SYSTEM, USER, OTHER]}, "USER"),
        ("gen_ai.input.messages", [SYSTEM, USER, OTHER, {"role": "user", "content": "again"}, OTHER], "again"),
        (
            "gen_ai.input.messages",
            [{"role": "user", "parts": [{"type": "text", "content": "a"}, {"content": "b"}]}],
            "a\nb",
        ),
        ("input.value", [{"role": "user", "content": [{"text": "bedrock"}]}], "bedrock"),
        ("input.value", [{"role": "human", "content": "langchain"}], "langchain"),
        ("gcp.vertex.agent.llm_request", {"contents": [{"role": "user", "parts": [{"text": "adk"}]}]}, "adk"),
        ("ai.prompt", {"prompt": "vercel"}, "vercel"),
        ("gen_ai.input.messages", [OTHER, SYSTEM], None),
        ("input.value", {"temperature": 1}, None),
        ("input.value", [], None),
        ("input.value", "  ", None),
        ("input.value", "{not json", "{not json"),
        ("input.value", "x" * MAX_CHARACTERS, "x" * MAX_CHARACTERS),
        ("input.value", "x" * (MAX_CHARACTERS + 1), None),
    ],
)
def test_a_question_is_found_in_its_form(attribute, content, question):
    assert asked(attribute, content) == question


def test_otlps_own_lists_and_maps_are_read():
    part = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "where"}}]}}
    message = [
        {"key": "role", "value": {"stringValue": "user"}},
        {"key": "parts", "value": {"arrayValue": {"values": [part]}}},
    ]
    assert asked("gen_ai.input.messages", {"values": [{"kvlistValue": {"values": message}}]}) == "where"


def test_a_query_by_name_goes_before_a_prompt():
    texts = [Text("input.value", "prompt", "prompt"), Text("reranker.query", "query", "query")]
    assert query_of(texts) == ("query", "query_text")
    assert query_of(texts[:1]) == ("prompt", "prompt_text")


def test_of_numbered_messages_the_last_and_never_the_instructions():
    texts = [Text(f"gen_ai.prompt.{number}.content", "prompt", f"message {number}") for number in (0, 10, 9)]
    assert query_of(texts)[0] == "message 10"
    assert query_of([Text("gen_ai.system_instructions", "prompt", "be kind"), *texts])[0] == "message 10"


def test_answers_and_documents_are_no_queries():
    assert query_of([Text("output.value", "answer", "a"), Text("ai.documents", "document", "d")]) is None
    assert query_of([]) is None


def nested(depth: int) -> list:
    message = [{"role": "user", "content": "where"}]
    for _ in range(depth - 1):
        message = [{"role": "user", "content": message}]
    return message


@pytest.mark.parametrize(("depth", "question"), [(3, "where"), (19, "where"), (20, None), (300, None)])
def test_what_is_nested_too_deeply_asks_nothing_and_takes_no_longer(depth, question):
    assert asked("gen_ai.input.messages", nested(depth)) == question


def test_half_a_character_is_a_question_mark():
    assert asked("input.value", r'{"query": "where\ud800"}') == "where?"


def test_a_key_that_is_no_text_is_one():
    pair = {"key": ["role"], "value": {"stringValue": "user"}}
    assert asked("input.value", {"values": [pair]}) is None
