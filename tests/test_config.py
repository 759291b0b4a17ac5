"""Settings come from the environment, and a wrong one is named."""

import pytest

from ai_finops.config import Settings
from ai_finops.errors import SettingsError


def test_defaults_switch_every_source_on():
    assert Settings.from_env({}).sources == ("traces", "billing", "cloudwatch")


def test_a_source_left_out_is_configuration():
    assert Settings.from_env({"AI_FINOPS_SOURCES": "traces, billing"}).sources == ("traces", "billing")


def test_an_unknown_source_is_named():
    with pytest.raises(SettingsError, match="unknown source 'langfuse'"):
        Settings.from_env({"AI_FINOPS_SOURCES": "traces,langfuse"})


def test_everything_written_lies_under_home(tmp_path):
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path)})
    assert {settings.lake.parent, settings.builds.parent, settings.published.parent} == {tmp_path}


def test_region_follows_the_aws_variables():
    assert Settings.from_env({"AWS_DEFAULT_REGION": "eu-west-1"}).aws_region == "eu-west-1"


@pytest.mark.parametrize(("text", "days"), [("", 2), ("0", 0), ("14", 14)])
def test_how_late_spans_may_come_is_a_number_of_days(text, days):
    assert Settings.from_env({"AI_FINOPS_SPANS_LATE_DAYS": text}).spans_late_days == days


@pytest.mark.parametrize("text", ["15", "-1", "two", "1.5", "²"])
def test_a_number_that_is_none_or_too_large_is_named(text):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_SPANS_LATE_DAYS is '{text}'; give a whole number from 0 to 14"):
        Settings.from_env({"AI_FINOPS_SPANS_LATE_DAYS": text})
