"""The words are data: each file is whole, and names only what exists."""

import csv
from collections import Counter
from datetime import date

import pytest

from ai_finops.extract import span_sql, vocabulary

FILES = ("attribute_aliases", "dialects", "operation_names", "provider_names", "input_conventions")
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
    query = span_sql.flatten_sql("somewhere", as_of=date(2025, 6, 3))
    for column in vocabulary.columns():
        assert query.count(column) > 1, column


def test_operations_and_conventions_are_known():
    assert {name for words in vocabulary.operation_words().values() for name in words.values()} == OPERATIONS
    assert {convention for *_, convention in vocabulary.input_conventions()} == {
        "includes_cached",
        "excludes_cached",
        "by_total",
    }
    assert vocabulary.input_conventions()[-1][:2] == ("*", "*")
    assert {test for test, *_ in vocabulary.dialect_tests()} == {"attribute", "scope", "scope_prefix"}


def test_content_is_never_read():
    for words in (
        "message.content",
        "input.value",
        "output.value",
        "document.content",
        "prompt.N",
        "completion.N",
        "query",
    ):
        assert [alias for alias in vocabulary.aliases() if words in alias.attribute and alias.column] == []


def test_what_tells_a_dialect_is_known():
    assert {"traceloop.workflow.name", "finops.feature", "input.value"} <= set(vocabulary.span_attribute_names())
    assert "service.name" not in vocabulary.span_attribute_names()
