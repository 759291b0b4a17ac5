"""The data dictionary: what it makes of a manifest, and that the page in git is what the dbt project says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_finops import dictionary
from ai_finops.build.marts import MARTS
from ai_finops.dictionary import Column, Table, tables_of, to_markdown
from ai_finops.own_tables import OWN_TABLES

REPOSITORY = Path(__file__).resolve().parents[1]
MANIFEST = REPOSITORY / "dbt_project" / "target" / "manifest.json"
PAGE = REPOSITORY / "docs" / "data_dictionary.md"


def test_the_page_in_git_is_what_the_project_says():
    made = to_markdown(tables_of(dictionary.read_manifest(MANIFEST)))
    assert PAGE.read_text() == made, "docs/data_dictionary.md is not what the dbt project says; run make dictionary"


def test_every_table_says_who_answers_and_what_each_column_means():
    tables = tables_of(dictionary.read_manifest(MANIFEST))
    assert [table.name for table in tables] == sorted([*MARTS, *OWN_TABLES])
    for table in tables:
        assert table.description and table.owner and table.access == "public", table.name
        assert set(table.grain) <= {column.name for column in table.columns}, table.name
        assert [c.name for c in table.columns if not (c.description and c.data_type)] == [], table.name


MANIFEST_OF_ONE = {
    "nodes": {
        "model.ai_finops.dim_days": {
            "unique_id": "model.ai_finops.dim_days",
            "resource_type": "model",
            "name": "dim_days",
            "description": "Days,\n  one by one.\n",
            "group": "platform",
            "access": "public",
            "columns": {
                "usage_date": {
                    "name": "usage_date",
                    "data_type": "date",
                    "description": "UTC day.",
                    "constraints": [{"type": "not_null"}],
                },
                "kind": {"name": "kind", "data_type": "string", "description": "a | b", "constraints": []},
                "note": {"name": "note", "data_type": None, "description": ""},
            },
        },
        **{
            f"test.{number}": {
                "resource_type": "test",
                "attached_node": "model.ai_finops.dim_days",
                "column_name": column,
                "test_metadata": {"name": name, "kwargs": kwargs},
            }
            for number, (column, name, kwargs) in enumerate(
                [
                    ("usage_date", "unique", {}),
                    ("kind", "not_null", {}),
                    ("kind", "accepted_values", {"values": ["work", "rest"]}),
                    (None, "is_unique_by", {}),
                ]
            )
        },
    },
    "groups": {"group.platform": {"name": "platform", "owner": {"name": "Platform", "email": "platform@example.com"}}},
    "exposures": {
        "exposure.page": {"name": "page", "label": "The page", "depends_on": {"nodes": ["model.ai_finops.dim_days"]}},
        "exposure.files": {"name": "files", "label": None, "depends_on": {"nodes": ["model.ai_finops.dim_days"]}},
    },
}


def test_facts_come_from_contract_and_tests():
    table = next(table for table in tables_of(MANIFEST_OF_ONE) if table.name == "dim_days")
    assert table == Table(
        "dim_days",
        "Days, one by one.",
        ("usage_date",),
        "platform",
        "Platform <platform@example.com>",
        "public",
        ("The page", "files"),
        (
            Column("usage_date", "date", "UTC day.", is_required=True, is_unique=True),
            Column("kind", "string", "a | b", is_required=True, values=("work", "rest")),
            Column("note", "", ""),
        ),
    )


def test_a_table_as_markdown():
    table = next(table for table in tables_of(MANIFEST_OF_ONE) if table.name == "dim_days")
    text = to_markdown([table])
    assert "| [`dim_days`](#dim_days) | Days, one by one. | platform |\n" in text
    assert text.endswith(
        "## dim_days\n\nDays, one by one.\n\n"
        "One row per `usage_date`. Owner: Platform <platform@example.com>. Read by: The page, files.\n\n"
        "| Column | Type | Meaning |\n|---|---|---|\n"
        "| `usage_date` | date | UTC day. *Unique.* *Never NULL.* |\n"
        "| `kind` | string | a \\| b *Never NULL.* *One of* `work`, `rest`. |\n"
        "| `note` |  |  |\n"
    )


def test_the_command_writes_the_page(tmp_path):
    assert dictionary.main([str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text() == PAGE.read_text()


@pytest.mark.parametrize("arguments", [[], ["one.md", "two.md"]])
def test_without_one_file_it_says_how(arguments, capsys):
    assert dictionary.main(arguments) == 1
    assert "usage: python -m ai_finops.dictionary FILE" in capsys.readouterr().err


def test_without_a_manifest_it_says_how(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AI_FINOPS_DBT_PROJECT", str(tmp_path))
    assert dictionary.main([str(tmp_path / "page.md")]) == 1
    assert "after make manifest" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()
