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


def test_the_lake_is_a_folder_under_home_or_where_it_is_said_to_be(tmp_path):
    home = {"HOME": str(tmp_path)}
    assert read(**home).lake == tmp_path / "lake"
    assert read(**home, LAKE=str(tmp_path / "of all")).lake == tmp_path / "of all"
    on_s3 = read(**home, LAKE="s3://a-bucket/ai/lake/").lake
    assert (on_s3.bucket, on_s3.prefix, str(on_s3)) == ("a-bucket", "ai/lake", "s3://a-bucket/ai/lake")
    assert (on_s3.copies, on_s3.copies_bytes, on_s3.aws_region) == (tmp_path / "lake_copies", 50 * 10**9, "us-east-1")
    whole = read(LAKE="s3://a-bucket", LAKE_COPIES=str(tmp_path), LAKE_COPIES_GB="0").lake
    assert (whole.prefix, whole.key("a/b"), str(whole)) == ("", "a/b", "s3://a-bucket")
    assert (whole.copies, whole.copies_bytes) == (tmp_path, 0)


@pytest.mark.parametrize(
    "text", ["s3://", "s3://x", "s3://Bucket/a", "s3://bucket//a", "s3://bucket/a*b", "gs://bucket/a"]
)
def test_a_lake_that_is_nowhere_is_refused(text):
    with pytest.raises(SettingsError, match=r"AI_FINOPS_LAKE is .*; write a folder, or s3://<bucket>/<prefix>"):
        read(LAKE=text)


@pytest.mark.parametrize("text", ["1.5", "-1", "100000", "some"])
def test_room_for_copies_is_a_whole_number_of_gigabytes(text):
    with pytest.raises(SettingsError, match=r"AI_FINOPS_LAKE_COPIES_GB is .*; write a whole number of GB"):
        read(LAKE_COPIES_GB=text)


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


def test_alarms_are_off_unless_told():
    settings = read()
    assert (settings.alarms, settings.alarms_namespace, settings.alarm_actions) == ("none", "AIFinOps", ())
    assert settings.pushgateway_url == ""


@pytest.mark.parametrize("kind", ["none", "cloudwatch", "prometheus"])
def test_where_alarms_are_kept(kind):
    assert read(ALARMS=kind).alarms == kind


@pytest.mark.parametrize("kind", ["CloudWatch", "sns", "true"])
def test_where_alarms_are_not_kept(kind):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_ALARMS is '{kind}'; known are none, cloudwatch, prometheus"):
        read(ALARMS=kind)


@pytest.mark.parametrize("name", ["a b", "AI/FinOps", "AWS/Bedrock", "ä", "x" * 101])
def test_a_namespace_that_would_not_do(name):
    with pytest.raises(SettingsError, match=r"AI_FINOPS_ALARMS_NAMESPACE is '.*'; write up to 100 letters, digits"):
        read(ALARMS_NAMESPACE=name)


@pytest.mark.parametrize("name", ["Staging", "AI-FinOps_2.0", "x" * 100])
def test_a_namespace_that_would_do(name):
    assert read(ALARMS_NAMESPACE=name).alarms_namespace == name


TOPIC = "arn:aws:sns:eu-west-1:111122223333:ai-cost"


def topics(*arns: str) -> tuple[str, ...]:
    return Settings.from_env({"AI_FINOPS_ALARM_ACTIONS": ",".join(arns), "AWS_REGION": "eu-west-1"}).alarm_actions


def test_topics_of_the_region_each_once():
    assert topics(TOPIC, " " + TOPIC, TOPIC + "-2") == (TOPIC, TOPIC + "-2")
    assert len(topics(*(f"{TOPIC}-{number}" for number in range(5)))) == 5


@pytest.mark.parametrize(
    "arn",
    [
        "ai-cost",
        "arn:aws:sqs:eu-west-1:111122223333:ai-cost",
        "arn:aws:sns:eu-west-1:1111:ai-cost",
        "arn:aws:sns:eu-west-1:111122223333:",
        "arn:aws:sns:eu-west-1:111122223333:a b",
    ],
)
def test_what_is_no_topic_is_named(arn):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_ALARM_ACTIONS names '{arn}'; write ARNs of SNS topics"):
        topics(arn)


def test_a_topic_of_another_region_is_named():
    elsewhere = TOPIC.replace("eu-west-1", "us-east-1")
    with pytest.raises(SettingsError, match="a topic of us-east-1; alarms in eu-west-1 can tell topics there alone"):
        topics(elsewhere)


def test_more_than_five_topics_are_refused():
    with pytest.raises(SettingsError, match="names 6 topics; an alarm takes 5 at most"):
        topics(*(f"{TOPIC}-{number}" for number in range(6)))


def test_files_for_prometheus_lie_under_home_unless_told(tmp_path):
    settings = read(HOME=str(tmp_path))
    assert settings.prometheus_textfile == tmp_path / "alarms" / "ai_finops.prom"
    assert settings.prometheus_rules == tmp_path / "alarms" / "ai_finops.rules.yml"
    assert read(PROMETHEUS_TEXTFILE=str(tmp_path / "x.prom")).prometheus_textfile == tmp_path / "x.prom"


@pytest.mark.parametrize("url", ["http://gateway:9091", "https://gateway.example.com/push/"])
def test_a_pushgateway_s_base_url(url):
    assert read(PUSHGATEWAY_URL=url).pushgateway_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["gateway:9091", "ftp://gateway", "http://", "http://me:secret@gateway", "http://g/?a=b"]
)
def test_what_is_no_base_url_is_refused_and_not_repeated(url):
    with pytest.raises(SettingsError, match="AI_FINOPS_PUSHGATEWAY_URL is no base URL") as raised:
        read(PUSHGATEWAY_URL=url)
    assert "secret" not in str(raised.value)


def test_the_message_goes_to_slack_alone_unless_told():
    settings = read()
    assert (settings.email_connection, settings.email_to, settings.alert_channel) == ("", (), "")
    assert (settings.page_url, settings.timezone) == ("", "UTC")
    assert settings.slack_connection == ""  # slack_default, if it is there


def test_the_message_by_mail_is_told_by_whom_and_to_whom():
    settings = read(EMAIL_CONNECTION="smtp_default", EMAIL_TO="a@example.com, b@example.com,a@example.com")
    assert (settings.email_connection, settings.email_to) == ("smtp_default", ("a@example.com", "b@example.com"))


@pytest.mark.parametrize(
    ("env", "lacking"),
    [({"EMAIL_TO": "a@example.com"}, "EMAIL_CONNECTION"), ({"EMAIL_CONNECTION": "smtp_default"}, "EMAIL_TO")],
)
def test_a_mail_without_the_other_half_is_refused(env, lacking):
    with pytest.raises(SettingsError, match=f"AI_FINOPS_{lacking} is missing"):
        read(**env)


@pytest.mark.parametrize(
    "text", ["nobody", "a@b@c", "A <a@example.com>", "a@example.com\nBcc: x@example.com", "ä@example.com"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SettingsError, match="AI_FINOPS_EMAIL_TO names"):
        read(EMAIL_CONNECTION="smtp_default", EMAIL_TO=text)


@pytest.mark.parametrize("text", ["Europe/Berlin", "America/New_York", "UTC"])
def test_a_zone_is_taken(text):
    assert read(TIMEZONE=text).timezone == text


@pytest.mark.parametrize("text", ["Mars/Base", "../etc/passwd", "/etc/localtime", "CET+1", "Europe"])
def test_what_is_no_zone_is_refused(text):
    with pytest.raises(SettingsError, match="AI_FINOPS_TIMEZONE is"):
        read(TIMEZONE=text)


@pytest.mark.parametrize("text", ["https://airflow.example/ai-cost/weekly", "http://localhost:8080/ai-cost/weekly"])
def test_a_page_is_taken(text):
    assert read(PAGE_URL=text).page_url == text


@pytest.mark.parametrize(
    "text", ["airflow.example", "https://a.example/x?week=1", "https://a.example/|x>", "javascript:x"]
)
def test_what_is_no_page_is_refused(text):
    with pytest.raises(SettingsError, match="AI_FINOPS_PAGE_URL is"):
        read(PAGE_URL=text)


@pytest.mark.parametrize(
    "text", ["public", "pg_marts", "information_schema", "AI", "1a", "a-b", 'a"b', "a" * 31, "a b"]
)
def test_a_schema_that_is_not_the_marts_own_or_no_name_is_refused(text):
    with pytest.raises(SettingsError, match=r"AI_FINOPS_POSTGRES_SCHEMA is .* a schema of the marts' own"):
        Settings.from_env({"AI_FINOPS_POSTGRES_SCHEMA": text})


def test_postgres_settings_are_read():
    settings = Settings.from_env({})
    assert (settings.postgres_connection, settings.postgres_schema, settings.postgres_readers) == ("", "ai_finops", ())
    settings = Settings.from_env(
        {
            "AI_FINOPS_POSTGRES_CONNECTION": "bi",
            "AI_FINOPS_POSTGRES_SCHEMA": "a" * 30,
            "AI_FINOPS_POSTGRES_READERS": "bi_reader, Grafana-1,bi_reader",
        }
    )
    assert settings.postgres_schema == "a" * 30
    assert (settings.postgres_connection, settings.postgres_readers) == ("bi", ("bi_reader", "Grafana-1"))


def test_a_reader_that_is_no_role_is_refused():
    with pytest.raises(SettingsError, match="AI_FINOPS_POSTGRES_READERS names 'a;drop'"):
        Settings.from_env({"AI_FINOPS_POSTGRES_READERS": "bi, a;drop"})


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("s3://finance-files", "s3://finance-files"),
        ("s3://finance-files/ai-cost/", "s3://finance-files/ai-cost"),
        ("s3://a.b-c.9/x/y=z/AI_cost.1", "s3://a.b-c.9/x/y=z/AI_cost.1"),
    ],
)
def test_where_finances_files_go(text, kept):
    assert read(FINANCE_S3=text).finance_s3 == kept


@pytest.mark.parametrize(
    "text",
    [
        "finance-files/x",
        "https://finance-files/x",
        "s3://",
        "s3://ab",
        "s3://Finance/x",
        "s3://files//x",
        "s3://files/a b",
        "s3://files/?x",
    ],
)
def test_a_place_for_finances_files_that_is_none(text):
    with pytest.raises(SettingsError, match=r"AI_FINOPS_FINANCE_S3 is .*; write s3://<bucket>/<prefix>"):
        read(FINANCE_S3=text)


@pytest.mark.parametrize(("text", "memory"), [("", "2GB"), ("256MB", "256MB"), ("1GB", "1GB"), ("64GB", "64GB")])
def test_memory_of_a_build(text, memory):
    assert read(BUILD_MEMORY=text).build_memory == memory


@pytest.mark.parametrize("text", ["255MB", "0GB", "2", "2gb", "2.5GB", "80%", "-1GB", "2GB'; drop table x; --"])
def test_memory_of_a_build_that_is_no_amount_or_too_little(text):
    with pytest.raises(SettingsError, match=r"AI_FINOPS_BUILD_MEMORY is .*; write whole MB or GB such as 2GB, 256MB"):
        read(BUILD_MEMORY=text)


@pytest.mark.parametrize("text", ["06:01", "08:00", "23:59"])
def test_marts_are_due_at_a_time_after_the_extraction_began(text):
    assert f"{read(MARTS_DUE=text).marts_due:%H:%M}" == text


@pytest.mark.parametrize("text", ["06:00", "00:00", "24:00", "8:00", "08:60", "08:00+02:00", "morning"])
def test_a_deadline_before_the_extraction_or_none_at_all_is_refused(text):
    with pytest.raises(SettingsError, match=r"AI_FINOPS_MARTS_DUE is .*; write a time of UTC after 06:00"):
        read(MARTS_DUE=text)


@pytest.mark.parametrize("text", ["1", "120", "3600"])
def test_the_wait_between_attempts_is_a_number_of_seconds(text):
    assert read(RETRY_DELAY_SECONDS=text).retry_delay_seconds == int(text)


@pytest.mark.parametrize("text", ["0", "3601", "-1", "1.5", "2m"])
def test_a_wait_that_is_none_is_refused(text):
    with pytest.raises(SettingsError, match="AI_FINOPS_RETRY_DELAY_SECONDS is"):
        read(RETRY_DELAY_SECONDS=text)


@pytest.mark.parametrize("text", ["docs/runbook.md", "https://git.example/ai-finops/docs/runbook.md"])
def test_the_runbook_is_where_people_read_it(text):
    assert read(RUNBOOK_URL=text).runbook_url == text


@pytest.mark.parametrize("text", ["https://x/?a=b", "a#b", "<!channel>", "a b"])
def test_an_address_of_the_runbook_that_would_break_the_alert_is_refused(text):
    with pytest.raises(SettingsError, match="AI_FINOPS_RUNBOOK_URL is"):
        read(RUNBOOK_URL=text)


@pytest.mark.parametrize("text", ["0", "97", "-1", "four", "1.5"])
def test_a_day_has_from_one_to_96_shards(text):
    assert [Settings.from_env({"AI_FINOPS_TRACE_SHARDS": each}).trace_shards for each in ("", "1", "96")] == [1, 1, 96]
    with pytest.raises(SettingsError, match=f"AI_FINOPS_TRACE_SHARDS is '{text}'; write a number from 1 .* to 96"):
        Settings.from_env({"AI_FINOPS_TRACE_SHARDS": text})
