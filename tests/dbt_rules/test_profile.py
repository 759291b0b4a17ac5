"""The profile that builds run with says what the settings say."""

from __future__ import annotations

import pytest
import yaml
from jinja2 import Template

from ai_finops.config import REPOSITORY, build_memory


@pytest.mark.parametrize("environ", [{}, {"AI_FINOPS_BUILD_MEMORY": ""}, {"AI_FINOPS_BUILD_MEMORY": "5GB"}])
def test_dbt_takes_the_memory_of_the_setting(environ):
    profile = yaml.safe_load((REPOSITORY / "dbt_project" / "profiles.yml").read_text())
    written = profile["ai_finops"]["outputs"]["duckdb"]["settings"]["memory_limit"]

    assert Template(written).render(env_var=environ.get) == build_memory(environ)
