"""A week's digest to vary, published marts that hold it, and a stand-in for Slack's API."""

import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

import duckdb
import pytest

from ai_finops.config import Settings
from ai_finops.report import WeeklyDigest, edition, slack_delivery, slack_entry
from ai_finops.report.chart import draw
from tests.report.slack_api import TOKEN, SlackApi

WEEK = WeeklyDigest(
    marts_as_of_date=date(2025, 6, 16),
    week_start_date=date(2025, 6, 9),
    as_of_date=date(2025, 6, 16),
    covered_day_count=7,
    missing_days=None,
    not_compared_reason=None,
    total_cost_usd=Decimal("2140.37"),
    previous_covered_day_count=7,
    previous_total_cost_usd=Decimal("1981.82"),
    change_ratio=0.08,
    top_feature_id="document_summarization",
    top_feature_name="Document summarization",
    top_feature_cost_usd=Decimal("889.61"),
    top_feature_share_ratio=0.4156,
    previous_top_feature_share_ratio=0.3122,
    previous_top_feature_call_count=4770,
    unattributed_cost_usd=Decimal("0.00"),
    unattributed_share_ratio=0.0,
    estimated_share_ratio=0.0,
    month_start_date=date(2025, 6, 1),
    month_to_date_cost_usd=Decimal("4122.19"),
    projected_month_end_cost_usd=Decimal("9800.40"),
    projection_status="ok",
    projection_error_ratio=0.124,
    projection_error_horizon="7d",
    projection_missing_day_count=0,
    risen_cost_usd=Decimal("190.05"),
    main_driver="new_caller",
    main_driver_feature_id="batch_summarization",
    main_driver_detail=(
        "batch_summarization calls pipeline summarize from docs-api, already used by document_summarization"
    ),
    main_driver_cost_usd=Decimal("131.20"),
    main_driver_share_ratio=0.8275,
    recommended_opportunity_id="routing_by_task_type:batch_summarization:summarization:sonnet:haiku",
    recommended_feature_name="Batch summarization",
    recommended_task_type="summarization",
    recommended_target_model_id="anthropic.claude-3-5-haiku-20241022-v1:0",
    recommended_saving_usd_per_month=Decimal("340.12"),
    recommended_agreement_ratio=0.8583,
    recommended_agreement_sample_count=360,
    recommended_lever="routing_by_task_type",
    recommended_current_model_id="anthropic.claude-sonnet-4-20250514-v1:0",
    recommended_ratio_name=None,
    recommended_ratio=None,
    recommended_break_even_ratio=None,
    recommended_break_even_weeks=None,
    recommended_is_measured=True,
    unknown_cost_call_count=0,
    previous_unknown_cost_call_count=0,
    month_unknown_cost_call_count=0,
    unknown_cost_feature_count=0,
    unpriced_call_count=0,
    quarantined_record_count=0,
    gap_call_count=0,
    undecided_sprint_start_date=None,
    undecided_sprint_end_date=None,
)

SQL_TYPES = {
    "date": "date",
    "int": "bigint",
    "str": "varchar",
    "Decimal": "decimal(18, 6)",
    "float": "double",
    "bool": "boolean",
}


BESIDE_THE_DIGEST = (
    """create table if not exists fct_weekly_metrics (
        metric_name varchar, feature_id varchar, dimension varchar, status varchar, verdict varchar, owner varchar,
        action varchar, value double, healthy_bound double, warning_bound double, healthy_lower_bound double,
        cost_at_stake_usd decimal(18, 6), week_start_date date)""",
    """create table if not exists fct_daily_feature_costs (
        feature_id varchar, display_name varchar, request_count bigint, unknown_cost_call_count bigint,
        allocated_cost_usd decimal(18, 6), usage_date date)""",
    """create table if not exists fct_cost_projections (
        feature_id varchar, scenario varchar, target_period varchar, month_number bigint, actual_cost_usd decimal(18, 6),
        projected_cost_usd decimal(18, 6), low_cost_usd decimal(18, 6), high_cost_usd decimal(18, 6), as_of_date date,
        target_date date)""",
    "create table if not exists fct_daily_extract_outcomes (source varchar, status varchar, landing_date date)",
    """create table if not exists fct_daily_reconciliations (
        billing_account_id varchar, billed_cost_usd decimal(18, 6), is_settled boolean, usage_date date)""",
)
"""The marts that the message reads beside the digest, empty, with the columns that it reads."""
A_METRIC = """create table fct_weekly_metrics as select
    'token_amplification' as metric_name, 'chat' as feature_id, 'all' as dimension, 'warning' as status, null as verdict,
    'prompt owner' as owner, 'rewrite prompts' as action, 0.9::double as value, 0.5::double as healthy_bound,
    0.8::double as warning_bound, null::double as healthy_lower_bound, null::decimal(18, 6) as cost_at_stake_usd,
    date '2025-06-09' as week_start_date"""
"""A metric of the week that is not healthy."""
METRIC_LINE = "Warning: Output per input token, chat at 0.90× (healthy below 0.50×). Prompt owner: rewrite prompts."


@pytest.fixture
def week() -> Callable[..., WeeklyDigest]:
    """Return the week of June 9 with some fields changed."""
    return lambda **changes: replace(WEEK, **changes)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """Settings of a home that nobody else uses."""
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path), "AI_FINOPS_SLACK_CHANNEL": "#ai-cost"})


@pytest.fixture
def publish(settings) -> Callable[..., None]:
    """Publish marts that hold these weeks, and more tables given as SQL."""

    def publish_weeks(
        *digests: WeeklyDigest, statements: tuple[str, ...] = (), as_of: date = date(2025, 6, 16)
    ) -> None:
        folder = settings.published / "builds" / "000001-2025-06-16-00000000"
        folder.mkdir(parents=True)
        columns = [field for field in fields(WeeklyDigest) if field.name != "marts_as_of_date"]
        types = ", ".join(f"{column.name} {SQL_TYPES[column.type.split(' ')[0]]}" for column in columns)
        with duckdb.connect(str(folder / "marts.duckdb")) as connection:
            connection.begin()
            connection.execute("create table dim_builds as select ? as as_of_date", [as_of])
            connection.execute(f"create table rpt_weekly_digest ({types})")
            for digest in digests:
                values = [getattr(digest, column.name) for column in columns]
                marks = ", ".join("?" * len(values))
                connection.execute(f"insert into rpt_weekly_digest values ({marks})", values)
            for statement in (*statements, *BESIDE_THE_DIGEST):
                connection.execute(statement)
            connection.commit()
        (settings.published / "current").symlink_to(folder.relative_to(settings.published))

    return publish_weeks


@pytest.fixture
def publish_again(settings, publish) -> Callable[..., None]:
    """Publish other marts in place of those that are."""

    def publish_others(*digests: WeeklyDigest, **given: Any) -> None:
        if settings.published.exists():
            (settings.published / "current").unlink()
            shutil.rmtree(settings.published / "builds")
        publish(*digests, **given)

    return publish_others


_drawn: dict[str, bytes] = {}


@pytest.fixture(autouse=True)
def draw_each_picture_once(monkeypatch):
    """Draw what was drawn before no second time: the same series gives the same bytes (test_chart holds it to that)."""

    def drawn(series) -> bytes:
        if repr(series) not in _drawn:
            _drawn[repr(series)] = draw(series)
        return _drawn[repr(series)]

    monkeypatch.setattr(edition, "draw", drawn)


@pytest.fixture
def slack(monkeypatch):
    """A Slack that answers, and the Airflow connection to it."""
    api = SlackApi()
    connect(monkeypatch, api)
    monkeypatch.setattr(slack_entry, "SETTLE_SECONDS", 0)
    monkeypatch.setattr(slack_delivery, "PICTURE_WAITS_SECONDS", (0, 0, 0))
    yield api
    api.stop()


def connect(monkeypatch, api: SlackApi, *, password: str = TOKEN, **extra: str) -> None:
    """Let the Airflow connection point to a Slack."""
    connection = {
        "conn_type": "slack",
        "password": password,
        "extra": {"base_url": f"{api.url}/api/", "timeout": 5, **extra},
    }
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", json.dumps(connection))
