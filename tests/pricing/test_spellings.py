"""The match rules of genai-prices as a seed."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from genai_prices import types

from ai_finops.extract.bedrock_profiles import GEOGRAPHIES
from ai_finops.pricing.providers import catalog_provider, split_scope
from ai_finops.pricing.spellings import catalog_spellings, rule_of, write_seed
from tests import sql

PROJECT = Path(__file__).resolve().parents[2] / "dbt_project"
SEED, MACROS = PROJECT / "seeds" / "catalog_spellings.csv", PROJECT / "macros"
NO_SPEECH = types.ClauseRegex("^(?!.*-tts(?:$|-))")


def rules(provider_name, model_id):
    return [
        (rule.match_kind, rule.spelling)
        for rule in catalog_spellings()
        if (rule.provider_name, rule.model_id) == (provider_name, model_id)
    ]


def test_seed_is_that_of_the_installed_version():
    """Otherwise: python -m ai_finops.pricing.spellings > dbt_project/seeds/catalog_spellings.csv"""
    written = io.StringIO()
    write_seed(written)
    assert SEED.read_text() == written.getvalue()


def test_rules_are_in_order_and_end_in_a_model():
    order = {}
    for rule in catalog_spellings():
        assert rule.precedence > order.get(rule.provider_name, 0)
        assert rule.model_id
        order[rule.provider_name] = rule.precedence
    assert {"aws.bedrock", "gcp.vertex_ai", "azure.ai.openai", "openai", "anthropic", "mistral_ai"} <= set(order)


def test_bedrock_rules_name_no_geography():
    assert rules("aws.bedrock", "anthropic.claude-sonnet-5-5") == [
        ("ends_with", "anthropic.claude-sonnet-5-5"),
        ("contains", "anthropic.claude-sonnet-5-5-v1"),
        ("equals", "claude-sonnet-5-5"),
        ("starts_with", "anthropic.claude-sonnet-5-5-v1"),
        ("starts_with", "claude-sonnet-5-5-v1"),
    ]


def test_every_geography_of_the_catalog_is_known():
    named = {
        spelling.lower().strip("/").split(f".{vendor}.")[0]
        for model in catalog_provider("aws").models
        for vendor in [split_scope(model.id, "aws")[0].split(".")[0]]
        for spelling in re.findall(r"='([^']+)'", repr(model.match))
        if f".{vendor}." in spelling
    }
    assert {"us", "us-gov", "in", "global"} <= named <= set(GEOGRAPHIES)
    for macro in ("bedrock.sql", "model_key.sql"):
        assert f"({'|'.join(GEOGRAPHIES)})[.]" in (MACROS / macro).read_text()


def test_what_is_sold_for_another_is_named_as_there():
    assert ("equals", "gpt-4o-2024-08-06") in rules("azure.ai.openai", "gpt-4o")
    assert rules("azure.ai.openai", "gpt-4o") == rules("openai", "gpt-4o")
    # Google has its own Claude Opus 4.1, which the other's rules name as well.
    assert rules("gcp.vertex_ai", "claude-opus-4-1") == []
    assert ("starts_with", "claude-opus-4.1") in rules("gcp.vertex_ai", "claude-4-opus")


def test_a_model_without_a_price_is_known_by_its_id():
    assert ("equals", "deepseek-reasoner") in rules("deepseek", "deepseek-reasoner")
    assert ("equals", "gpt-4o") not in rules("openai", "gpt-4o")


@pytest.mark.parametrize(
    ("clauses", "expected"),
    [
        ([types.ClauseEquals("A-b")], ("equals", "a-b", "")),
        ([types.ClauseStartsWith("A-b")], ("starts_with", "a-b", "")),
        ([types.ClauseEndsWith("A-b")], ("ends_with", "a-b", "")),
        ([types.ClauseContains("A-b")], ("contains", "a-b", "")),
        ([types.ClauseRegex(r"^a-\D$")], ("pattern", r"^a-\D$", "")),
        ([types.ClauseStartsWith("a"), NO_SPEECH], ("starts_with", "a", "-tts(?:$|-)")),
    ],
)
def test_each_kind_of_clause_is_a_row(clauses, expected):
    assert rule_of(clauses, of="x") == expected


@pytest.mark.parametrize(
    "clauses",
    [
        [types.ClauseStartsWith("a"), types.ClauseEndsWith("b")],
        [NO_SPEECH],
        [types.ClauseStartsWith("a"), types.ClauseRegex("^(?!b)")],
        [types.ClauseRegex("^(?=b)")],
    ],
)
def test_a_rule_that_the_warehouse_cannot_try_is_refused(clauses):
    with pytest.raises(ValueError, match="x's y"):
        rule_of(clauses, of="x's y")


def test_patterns_are_ones_that_the_warehouse_can_read():
    patterns = {rule.spelling for rule in catalog_spellings() if rule.match_kind == "pattern"}
    patterns |= {rule.excluded_pattern for rule in catalog_spellings() if rule.excluded_pattern}
    assert patterns
    for pattern in patterns:
        sql.rows("select regexp_matches('x', $1)", pattern)
