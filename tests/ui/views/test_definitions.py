"""What the published build says of its marts and columns."""

from __future__ import annotations

import pytest

from ai_finops.ui.views.definitions import MISSING, definitions

COMMENTS = (
    "comment on table fct_daily_feature_costs is 'One row per day and feature.'",
    "comment on column fct_daily_feature_costs.allocated_cost_usd is 'What it paid; it''s USD.'",
)


@pytest.fixture
def see(marts, settings):
    return lambda *statements, **chosen: definitions(marts("tiny", *statements), chosen=chosen, settings=settings)


def test_every_mart_is_a_section_and_every_column_a_row_with_an_address(see):
    view = see(*COMMENTS)
    marts = [section.heading for section in view.sections]
    assert marts == sorted(marts)
    assert {"dim_builds", "fct_llm_calls", "rpt_weekly_digest"} <= set(marts)
    table = view.table("fct-daily-feature-costs")
    rows = dict(zip(table.row_ids, table.rows, strict=True))
    assert rows["fct_daily_feature_costs.allocated_cost_usd"] == (
        "allocated_cost_usd",
        "DECIMAL(18,6)",
        "What it paid; it's USD.",
    )
    assert rows["fct_daily_feature_costs.feature_id"] == ("feature_id", "VARCHAR", MISSING)
    (section,) = [one for one in view.sections if one.heading == "fct_daily_feature_costs"]
    assert section.sentences == ("One row per day and feature.",)


def test_what_has_no_definition_is_counted(see):
    before, after = see(), see(*COMMENTS)
    assert before.facts[2].value == before.facts[1].value
    assert after.facts[2].value == after.facts[1].value - 1
    assert after.facts[2].status == "watch"


def test_one_mart_alone_may_be_asked_for(see):
    assert [section.heading for section in see(mart=["dim_builds"]).sections] == ["dim_builds"]
    assert len(see(mart=["nothing"]).sections) > 30
