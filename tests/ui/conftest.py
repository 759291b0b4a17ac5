"""A published build of the tiny marts, and the page on it, its permission asked of nobody (test_access.py asks Airflow)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ai_finops.config import Settings
from ai_finops.ui.access import require_access
from ai_finops.ui.app import create_page
from tests.ui.published_marts import BUILD, make_tiny

TODAY = date(2025, 6, 12)
"""A day after the clock of the tiny marts."""
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "=cmd|'/c calc'!A1",
    "x" * 300,
    "\u202eevil\u202c",
)
"""Names that a service may send."""
DIGEST = """
update rpt_weekly_digest set
    as_of_date = week_start_date + 7, month_start_date = date '2025-06-01', top_feature_id = 'chat',
    top_feature_name = 'Chat', top_feature_cost_usd = 14, unattributed_cost_usd = 1.75, unknown_cost_call_count = 0,
    month_unknown_cost_call_count = 0, unknown_cost_feature_count = 0, unpriced_call_count = 0,
    quarantined_record_count = 0, gap_call_count = 0
"""
"""What a digest never lacks and the tiny one leaves out."""


def make_settings(folder: Path) -> Settings:
    return Settings.from_env({"AI_FINOPS_HOME": str(folder / "var")})


def publish_tiny(settings: Settings, *statements: str, build_id: str = BUILD.build_id) -> Path:
    """Put the tiny marts, changed by some SQL, where readers read; as publishing leaves them, without its steps."""
    folder = settings.published / "builds" / build_id
    folder.mkdir(parents=True)
    with make_tiny() as connection:
        for statement in (DIGEST, *statements):
            connection.execute(statement)
        connection.execute(f"update dim_builds set build_id = '{build_id}'")
        connection.execute(f"attach '{folder / 'marts.duckdb'}' as file; copy from database marts to file; detach file")
    draft = settings.published / "draft"
    draft.symlink_to(f"builds/{build_id}")
    draft.replace(settings.published / "current")
    return folder


def make_client(settings: Settings, *, today: date = TODAY, prefix: str = "/ai-cost") -> TestClient:
    """The page below a prefix, as Airflow mounts it."""
    return TestClient(
        make_root(settings, today=today, prefix=prefix), raise_server_exceptions=False, follow_redirects=False
    )


def make_root(settings: Settings, *, today: date = TODAY, prefix: str = "/ai-cost") -> FastAPI:
    page = create_page(settings, today=lambda: today)
    page.dependency_overrides[require_access] = lambda: None
    root = FastAPI()
    root.mount(prefix, page)
    return root


@pytest.fixture(scope="package")
def published(tmp_path_factory) -> Settings:
    """Settings of a home in which the tiny marts are published; for tests that only read."""
    settings = make_settings(tmp_path_factory.mktemp("page"))
    publish_tiny(settings)
    return settings


@pytest.fixture(scope="package")
def client(published) -> TestClient:
    return make_client(published)
