"""A published build of the tiny marts, and the page on it, its permission asked of nobody (test_access.py asks Airflow)."""

from __future__ import annotations

from datetime import date

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from ai_finops.config import Settings
from ai_finops.publish import publish
from ai_finops.ui.access import require_access
from ai_finops.ui.app import create_page
from tests.publish.test_swap import pass_audit
from tests.quality.tiny_marts import change, make_build

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


def make_settings(path):
    return Settings.from_env({"AI_FINOPS_HOME": str(path / "var")})


def publish_tiny(settings, *statements, number=1):
    build = make_build(settings, number=number)
    if statements:
        change(build, *statements)
    pass_audit(build)
    return publish(settings=settings, build=build)


def make_client(settings, *, today=TODAY, prefix="/ai-cost"):
    """The page below a prefix, as Airflow mounts it."""
    page = create_page(settings, today=lambda: today)
    page.dependency_overrides[require_access] = lambda: None
    root = FastAPI()
    root.mount(prefix, page)
    return TestClient(root, raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture(scope="package")
def settings(tmp_path_factory):
    """Settings of a home in which the tiny marts are published."""
    settings = make_settings(tmp_path_factory.mktemp("page"))
    publish_tiny(settings)
    return settings


@pytest.fixture(scope="package")
def client(settings):
    return make_client(settings)
