"""Settings of a deployment in a temporary folder."""

from __future__ import annotations

import pytest

from ai_finops.config import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "var")})
