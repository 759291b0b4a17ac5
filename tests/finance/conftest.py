"""A deployment in a temporary folder whose published marts a test writes."""

from __future__ import annotations

import pytest

from ai_finops.config import Settings
from tests.finance.worked_month import Publisher


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "var")})


@pytest.fixture
def publish(settings) -> Publisher:
    return Publisher(settings)
