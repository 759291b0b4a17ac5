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


def test_content_is_kept_only_when_somebody_says_so():
    chosen = {"AI_FINOPS_KEEP_CONTENT": "True", "AI_FINOPS_CONTENT_RETENTION_DAYS": "7"}
    settings = Settings.from_env(chosen)
    assert (settings.keep_content, settings.content_retention_days) == (True, 7)
    assert Settings.from_env({}).keep_content is False


@pytest.mark.parametrize(
    ("name", "value"),
    [("KEEP_CONTENT", "yes"), ("CONTENT_RETENTION_DAYS", "0"), ("CONTENT_RETENTION_DAYS", "a week")],
)
def test_a_wrong_flag_or_number_is_named(name, value):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_{name} is '{value}'"):
        Settings.from_env({f"AI_FINOPS_{name}": value})
