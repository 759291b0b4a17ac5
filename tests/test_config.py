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


def test_a_source_named_twice_counts_once():
    assert Settings.from_env({"AI_FINOPS_SOURCES": "traces,traces"}).sources == ("traces",)


def test_no_source_at_all_is_refused():
    with pytest.raises(SettingsError, match="AI_FINOPS_SOURCES names no source; known are traces"):
        Settings.from_env({"AI_FINOPS_SOURCES": " , "})


@pytest.mark.parametrize("text", ["%Y-%m", "%d", "%m/%d", "fixed", "%Y/%d"])
def test_a_partition_format_that_does_not_tell_days_apart_is_refused(text):
    with pytest.raises(SettingsError, match="gives several days one prefix"):
        Settings.from_env({"AI_FINOPS_TRACES_PARTITION_FORMAT": text})


@pytest.mark.parametrize("text", ["%Y/%m/%d", "dt=%Y%m%d", "%Y/%j", "year=%Y/month=%m/day=%d"])
def test_a_partition_format_with_the_day_is_taken(text):
    assert Settings.from_env({"AI_FINOPS_TRACES_PARTITION_FORMAT": text}).traces_partition_format == text


def test_a_home_below_the_user_s_own_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings.from_env({"AI_FINOPS_HOME": "~/finops"}).home == tmp_path / "finops"


def test_everything_written_lies_under_home(tmp_path):
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path)})
    assert {settings.lake.parent, settings.builds.parent, settings.published.parent} == {tmp_path}


def test_region_follows_the_aws_variables():
    assert Settings.from_env({"AWS_DEFAULT_REGION": "eu-west-1"}).aws_region == "eu-west-1"
