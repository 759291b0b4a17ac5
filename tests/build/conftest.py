"""Settings of a deployment in a temporary folder, with a dbt project of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ai_finops.config import Settings

SEEDS = Path(__file__).parents[2] / "dbt_project" / "seeds"


@pytest.fixture
def settings(tmp_path):
    project = tmp_path / "dbt_project"
    (project / "seeds").mkdir(parents=True)
    for seed in ("price_overlay.csv", "closing_rules.csv"):
        shutil.copy(SEEDS / seed, project / "seeds")
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "var"), "AI_FINOPS_DBT_PROJECT": str(project)})
