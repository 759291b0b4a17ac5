"""boto3 clients and what their errors become, against a stand-in that answers with them."""

from dataclasses import replace
from datetime import datetime

import pytest
from botocore.exceptions import ClientError

from ai_finops import aws
from ai_finops.api_calls import ApiCalls
from ai_finops.config import Settings
from ai_finops.errors import (
    SettingsError,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceThrottled,
    SourceUnavailable,
)
from tests.extract.stand_in import Answer, clients_of, s3_error, stand_in, use_endpoint

PERMISSION = "s3:ListBucket on arn:aws:s3:::ai-traces"


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.from_env({"AI_FINOPS_HOME": str(tmp_path), "AWS_REGION": "eu-central-1"})


@pytest.fixture
def stand_in_aws(monkeypatch, settings):
    with stand_in() as running:
        running.clients = clients_of(running.endpoint, monkeypatch=monkeypatch, settings=settings)
        yield running


def list_named(clients) -> None:
    with aws.errors_named("the bucket ai-traces", permission=PERMISSION):
        clients["s3"].list_objects_v2(Bucket="ai-traces")


@pytest.mark.parametrize(
    ("code", "status", "error", "says"),
    [
        ("AccessDenied", 403, SourceForbidden, PERMISSION),
        ("ExpiredToken", 400, SourceForbidden, "renew the credentials"),
        ("SomethingNew", 403, SourceForbidden, PERMISSION),
        ("NoSuchBucket", 404, aws.BucketMissing, "correct its name"),
        ("NoSuchKey", 404, SourceMissing, "correct its name"),
        ("IllegalLocationConstraintException", 400, SourceMissing, "AWS_REGION"),
        ("SlowDown", 503, SourceThrottled, "try again"),
        ("InternalError", 500, SourceUnavailable, "try again"),
        ("Throttling", 400, SourceThrottled, "try again"),
        ("MalformedXML", 400, SourceError, "MalformedXML"),
    ],
)
def test_an_answer_becomes_a_named_error(stand_in_aws, code, status, error, says):
    stand_in_aws.answer = lambda path, number: s3_error(code, status)
    with pytest.raises(SourceError) as caught:
        list_named(stand_in_aws.clients)
    assert type(caught.value) is error
    message = str(caught.value)
    assert "the bucket ai-traces" in message and code in message and says in message
    assert "\n" not in message


LISTED = b"<ListBucketResult><Contents><Key>k</Key><Size>1</Size></Contents></ListBucketResult>"


@pytest.mark.parametrize("cut_after", [0, 20, len(LISTED) - 1])
def test_an_answer_that_breaks_off_is_asked_for_again(stand_in_aws, cut_after):
    whole = Answer(200, LISTED, {"Content-Type": "application/xml"})
    stand_in_aws.answer = lambda path, number: whole if number else replace(whole, cut_after=cut_after)
    (only,) = stand_in_aws.clients["s3"].list_objects_v2(Bucket="ai-traces")["Contents"]
    assert (only["Key"], len(stand_in_aws.paths)) == ("k", 2)


def test_an_answer_that_always_breaks_off_is_no_answer(stand_in_aws):
    # Half a JSON answer; botocore alone would read it as an answer that says nothing.
    cut = Answer(200, b'{"Metrics": [{"Namespace": "AI/FinOps"}]}', cut_after=20)
    stand_in_aws.answer = lambda path, number: cut
    with (
        pytest.raises(SourceUnavailable, match="20 read, but total bytes expected is 41"),
        aws.errors_named("metrics", permission="cloudwatch:ListMetrics"),
    ):
        stand_in_aws.clients["cloudwatch"].list_metrics()
    assert len(stand_in_aws.paths) == 2


def test_an_answer_to_head_has_no_body_and_is_whole(stand_in_aws):
    stand_in_aws.answer = lambda path, number: Answer(200, b"12345")
    assert stand_in_aws.clients["s3"].head_object(Bucket="b", Key="k")["ContentLength"] == 5


def test_a_fault_is_tried_again_and_forgotten(stand_in_aws):
    fine = Answer(200, b"<ListBucketResult/>", {"Content-Type": "application/xml"})
    stand_in_aws.answer = lambda path, number: fine if number else s3_error("InternalError", 500)
    with aws.calls_counted(stand_in_aws.clients) as calls:
        list_named(stand_in_aws.clients)
    assert calls.count == 2 == len(stand_in_aws.paths)
    assert calls.calls() == (ApiCalls("s3", "ListObjectsV2", stand_in_aws.clients["s3"].meta.region_name, 2),)


def test_metrics_asked_for_are_counted_once_however_often_they_are_sent(stand_in_aws):
    fine = Answer(200, b"{}", {"Content-Type": "application/json"})
    stand_in_aws.answer = lambda path, number: fine if number else Answer(500)
    metric = {"Namespace": "AI/FinOps", "MetricName": "InputTokens"}
    queries = [
        {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}} for number in range(3)
    ]
    with aws.calls_counted(stand_in_aws.clients) as calls:
        stand_in_aws.clients["cloudwatch"].get_metric_data(
            MetricDataQueries=queries, StartTime=datetime(2025, 6, 1), EndTime=datetime(2025, 6, 2)
        )
    (told,) = calls.calls()
    assert (told.operation_name, told.call_count, told.item_count) == ("GetMetricData", 2, 3)


def test_a_client_that_comes_later_is_counted_too(stand_in_aws):
    stand_in_aws.answer = lambda path, number: Answer(200, b"<ListBucketResult/>", {"Content-Type": "application/xml"})
    with aws.calls_counted({}) as calls:
        calls.watch(stand_in_aws.clients["s3"])
        list_named(stand_in_aws.clients)
    list_named(stand_in_aws.clients)
    assert calls.count == 1


def test_calls_are_counted_inside_the_block_only(stand_in_aws):
    stand_in_aws.answer = lambda path, number: Answer(200, b"<ListBucketResult/>", {"Content-Type": "application/xml"})
    with aws.calls_counted(stand_in_aws.clients) as calls:
        list_named(stand_in_aws.clients)
    list_named(stand_in_aws.clients)
    assert calls.count == 1


def test_nobody_listening_is_unavailable(monkeypatch, settings):
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(SourceUnavailable, match="AWS_ENDPOINT_URL"):
        list_named({"s3": aws.client("s3", settings=settings, max_attempts=1)})


def test_no_credentials_is_forbidden(monkeypatch, settings, tmp_path):
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(SourceForbidden, match="no usable AWS credentials"):
        list_named({"s3": aws.client("s3", settings=settings)})


def test_an_unknown_profile_is_a_setting(monkeypatch, settings):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    with pytest.raises(SettingsError, match="AWS_PROFILE"):
        aws.client("s3", settings=settings)


@pytest.mark.parametrize(("name", "value"), [("AWS_ENDPOINT_URL", "not a url"), ("AWS_REGION", "no region!")])
def test_an_endpoint_or_region_that_is_none_is_a_setting(monkeypatch, settings, name, value):
    use_endpoint(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    named = Settings.from_env({"AI_FINOPS_HOME": str(settings.home), name: value})
    with pytest.raises(SettingsError, match=f"{value}.*correct .*{name}"):
        aws.client("s3", settings=named)


def test_a_name_that_aws_would_not_take_is_a_setting(stand_in_aws):
    with pytest.raises(SettingsError) as caught, aws.errors_named("the bucket no bucket!", permission="y"):
        stand_in_aws.clients["s3"].list_objects_v2(Bucket="no bucket!")
    assert "\n" not in str(caught.value)
    assert "the bucket no bucket!" in str(caught.value)
    assert stand_in_aws.paths == []


def test_other_errors_come_through(stand_in_aws):
    with pytest.raises(ZeroDivisionError), aws.errors_named("x", permission="y"):
        raise ZeroDivisionError


def test_the_cause_is_kept(stand_in_aws):
    stand_in_aws.answer = lambda path, number: s3_error("AccessDenied", 403)
    with pytest.raises(SourceForbidden) as caught:
        list_named(stand_in_aws.clients)
    assert isinstance(caught.value.__cause__, ClientError)
    assert stand_in_aws.clients["s3"].meta.region_name == "eu-central-1"
