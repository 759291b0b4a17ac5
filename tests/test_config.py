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


def read(**env):
    return Settings.from_env({f"AI_FINOPS_{name}": text for name, text in env.items()})


def test_cost_explorer_groups_by_service_and_usage_type_unless_told():
    assert read().cost_explorer_keys == ("SERVICE", "USAGE_TYPE")
    assert read(COST_EXPLORER_KEYS="TAG:aws:createdBy, LINKED_ACCOUNT").cost_explorer_keys == (
        "TAG:aws:createdBy",
        "LINKED_ACCOUNT",
    )
    assert read(COST_EXPLORER_KEYS="COST_CATEGORY:team").cost_explorer_keys == ("COST_CATEGORY:team",)


@pytest.mark.parametrize("keys", [",", "SERVICE,USAGE_TYPE,OPERATION", "SERVICE,SERVICE"])
def test_one_or_two_different_group_keys_and_no_more(keys):
    with pytest.raises(
        SettingsError, match=r"AI_FINOPS_COST_EXPLORER_KEYS is .*; Cost Explorer groups by one key or by two"
    ):
        read(COST_EXPLORER_KEYS=keys)


@pytest.mark.parametrize("key", ["service", "MODEL", "TAG", "TAG:", "OTHER:x"])
def test_an_unknown_group_key_is_named(key):
    with pytest.raises(
        SettingsError, match=f"AI_FINOPS_COST_EXPLORER_KEYS names unknown group key '{key}'; known are AZ,"
    ):
        read(COST_EXPLORER_KEYS=key)


def test_accounts_have_twelve_digits_and_count_once():
    accounts = ("111122223333", "444455556666")
    assert read(COST_EXPLORER_ACCOUNTS=", ".join(accounts + accounts)).cost_explorer_accounts == accounts
    assert read().cost_explorer_accounts == ()
    with pytest.raises(SettingsError, match="AI_FINOPS_COST_EXPLORER_ACCOUNTS names '1234'"):
        read(COST_EXPLORER_ACCOUNTS="111122223333,1234")


@pytest.mark.parametrize(
    ("name", "default", "least"),
    [("COST_EXPLORER_LOOKBACK_DAYS", 45, 0), ("OPENAI_DAYS_READ", 3, 1), ("ANTHROPIC_DAYS_READ", 3, 1)],
)
def test_day_counts_are_whole_and_bounded(name, default, least):
    assert getattr(read(), name.lower()) == default
    assert getattr(read(**{name: str(least)}), name.lower()) == least
    assert getattr(read(**{name: "400"}), name.lower()) == 400
    for text in (str(least - 1), "401", "2.5", "some", "١"):
        with pytest.raises(
            SettingsError, match=f"AI_FINOPS_{name} is '.*'; write a number of days from {least} to 400"
        ):
            read(**{name: text})


def test_how_late_spans_may_come_is_two_weeks_at_most():
    assert [read(SPANS_LATE_DAYS=text).spans_late_days for text in ("", "0", "14")] == [2, 0, 14]
    with pytest.raises(SettingsError, match="AI_FINOPS_SPANS_LATE_DAYS is '15'; write a number of days from 0 to 14"):
        read(SPANS_LATE_DAYS="15")


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
