"""The words are data: each file is whole, and names only what exists."""

import csv
import re
from collections import Counter
from datetime import date

import pytest

from ai_finops.extract import span_sql, vocabulary

FILES = (
    "attribute_aliases",
    "dialects",
    "operation_names",
    "provider_names",
    "processing_names",
    "input_conventions",
    "output_conventions",
)
OPERATIONS = {
    "chat",
    "text_completion",
    "generate_content",
    "embeddings",
    "rerank",
    "retrieval",
    "execute_tool",
    "invoke_agent",
    "invoke_workflow",
    "pending",
    "other",
}


@pytest.mark.parametrize("name", FILES)
def test_every_row_has_every_field(name):
    with (vocabulary.HERE / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        assert None not in row and None not in row.values(), row
        assert all(value == value.strip() for value in row.values()), row


def test_an_attribute_fills_a_column_once():
    twice = [key for key, count in Counter(vocabulary.aliases()).items() if count > 1]
    assert twice == []
    read = {alias.attribute for alias in vocabulary.aliases() if alias.column}
    left_out = {alias.attribute for alias in vocabulary.aliases() if not alias.column}
    assert read & left_out == set()
    assert {alias.place for alias in vocabulary.aliases()} == {"span", "resource"}


def test_every_column_that_is_filled_is_used():
    query = span_sql.flatten_sql("spans", shapes="shapes", missing=(), as_of=date(2025, 6, 3))
    for column in vocabulary.columns():
        assert query.count(column) > 1, column


def test_operations_and_conventions_are_known():
    assert {name for words in vocabulary.operation_words().values() for name in words.values()} == OPERATIONS
    assert {test for test, *_ in vocabulary.dialect_tests()} == {"attribute", "scope", "scope_prefix"}
    for conventions in (vocabulary.input_conventions(), vocabulary.output_conventions()):
        names = {convention.name for convention in conventions}
        assert names <= {"includes", "excludes", "by_total", "by_total_else_excludes", "by_size"}
        last = conventions[-1]
        assert (last.dialect, last.provider, last.attribute) == ("*", "*", "*")


def test_words_are_in_lower_case():
    words = [word for meanings in vocabulary.operation_words().values() for word in meanings]
    words += [*vocabulary.provider_words(), *vocabulary.processing_words()]
    assert [word for word in words if word != word.lower()] == []


def test_a_convention_names_a_dialect_a_provider_and_an_attribute_that_exist():
    dialects = {dialect for *_, dialect in vocabulary.dialect_tests()} | {"*"}
    providers = set(vocabulary.provider_words().values()) | {"*"}
    for convention in (*vocabulary.input_conventions(), *vocabulary.output_conventions()):
        assert convention.dialect in dialects and convention.provider in providers, convention
        assert convention.attribute in (*vocabulary.span_attribute_names(), "*"), convention


CONTENT = (
    "message.content",
    "message_content",
    "input.value",
    "output.value",
    "document.content",
    "prompt.N",
    "completion.N",
    "query",
    "request_data",
    "response_data",
    "arguments",
    "llm_request",
    "llm_response",
    "observation.input",
    "observation.output",
)


def test_of_content_only_ids_names_and_counts_are_read():
    read = {
        (alias.attribute, alias.column, alias.part)
        for alias in vocabulary.aliases()
        if alias.column and any(words in alias.attribute for words in CONTENT)
    }
    counts = {each for each in read if each[0] == "response_data"}
    assert counts and all(part.startswith("$.usage.") for _, _, part in counts)
    top_ks = {each for each in read if each[0].startswith(("db.", "pinecone."))}
    assert {column for _, column, _ in top_ks} == {"said_top_k", "said_vector_top_k"}
    rest = {(attribute, column) for attribute, column, _ in read - counts - top_ks}
    # What an application sends in place of its queries' texts is read, into a family of its own.
    apart = {(attribute, column) for attribute, column in rest if attribute.startswith("finops.query_")}
    assert {column for _, column in apart} < set(span_sql.QUERY_COLUMNS)
    assert rest - apart == {("output.value", "response_id"), ("request_data", "request_model")}


def test_a_part_is_a_path_or_a_pattern_with_one_group():
    parts = [alias.part for alias in vocabulary.aliases() if alias.part]
    assert parts
    for part in parts:
        assert part.startswith("$.") or (part.startswith("^") and re.compile(part).groups == 1), part


def test_what_tells_a_dialect_is_known():
    assert {"traceloop.workflow.name", "finops.feature", "input.value"} <= set(vocabulary.span_attribute_names())
    assert "service.name" not in vocabulary.span_attribute_names()
