"""Objects of a bucket: from the local AWS, and from a stand-in that breaks off."""

from datetime import UTC, datetime, timedelta

import pytest

from ai_finops.errors import SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract import s3_objects
from ai_finops.extract.s3_objects import (
    ObjectChanged,
    ObjectGone,
    S3Object,
    fetch_each,
    has_objects,
    list_objects,
    read_object,
)
from tests.extract.stand_in import Answer, s3_error


@pytest.fixture
def bucket(settings) -> str:
    return settings.traces_bucket


def put(clients, bucket: str, **bodies: bytes) -> None:
    for key, body in bodies.items():
        clients["s3"].put_object(Bucket=bucket, Key=key, Body=body)


def test_objects_below_a_prefix_in_key_order(clients, bucket):
    for key in ("a/2", "a/1", "a/", "b/1", "aa/1"):
        clients["s3"].put_object(Bucket=bucket, Key=key, Body=b"xyz"[: len(key)])
    assert list_objects(clients["s3"], bucket=bucket, prefix="a/") == [S3Object("a/1", 3), S3Object("a/2", 3)]
    assert has_objects(clients["s3"], bucket=bucket, prefix="b/")
    assert not has_objects(clients["s3"], bucket=bucket, prefix="c/")


def test_an_object_is_listed_with_the_time_that_it_was_written(clients, bucket):
    put(clients, bucket, a=b"")
    (found,) = list_objects(clients["s3"], bucket=bucket, prefix="a")
    assert found.modified_at == clients["s3"].list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"]
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(hours=1)


def test_content_newer_than_it_may_be_is_refused(clients, bucket):
    put(clients, bucket, a=b"x")
    now = datetime.now(UTC)
    assert read_object(clients["s3"], bucket=bucket, key="a", unmodified_since=now + timedelta(hours=1)).read() == b"x"
    with pytest.raises(ObjectChanged):
        read_object(clients["s3"], bucket=bucket, key="a", unmodified_since=now - timedelta(hours=1))


def test_more_objects_than_a_page(clients, bucket):
    for number in range(7):
        put(clients, bucket, **{f"k{number}": b""})
    found = []
    real = clients["s3"].list_objects_v2

    def small_pages(**arguments):
        found.append(arguments)
        return real(**arguments | {"MaxKeys": 3})

    paginator = clients["s3"].get_paginator("list_objects_v2")
    paginator._method = small_pages  # a page of the local AWS has 1,000 keys; asking for fewer keeps the test short

    class Client:
        def get_paginator(self, _):
            return paginator

    assert len(list_objects(Client(), bucket=bucket, prefix="")) == 7
    assert len(found) == 3


def test_fetched_in_the_order_asked_for_small_and_large(clients, bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(s3_objects, "IN_MEMORY_BYTES", 20)
    bodies = {f"k{number:02d}": b"x" * number for number in range(40)}
    put(clients, bucket, **bodies)
    objects = list_objects(clients["s3"], bucket=bucket, prefix="k")
    fetched = {}
    for each in fetch_each(clients["s3"], bucket=bucket, objects=objects, folder=tmp_path):
        with each.file as file:
            fetched[each.object.key] = file.read()
    assert list(fetched.items()) == list(bodies.items())


def test_an_object_that_is_gone_has_no_file(clients, bucket, tmp_path):
    put(clients, bucket, here=b"1")
    objects = [S3Object("gone", 1), S3Object("here", 1)]
    fetched = list(fetch_each(clients["s3"], bucket=bucket, objects=objects, folder=tmp_path))
    assert [each.file and each.file.read() for each in fetched] == [None, b"1"]
    with pytest.raises(ObjectGone):
        read_object(clients["s3"], bucket=bucket, key="gone")


def test_a_missing_bucket_is_named(clients):
    with pytest.raises(SourceMissing, match="no-such-bucket"):
        list_objects(clients["s3"], bucket="no-such-bucket", prefix="")
    with pytest.raises(SourceMissing, match="no-such-bucket"):
        read_object(clients["s3"], bucket="no-such-bucket", key="k")


def test_refused_credentials_name_the_bucket_and_the_permission(stand_in_aws):
    stand_in_aws.answer = lambda path, number: s3_error("AccessDenied", 403)
    with pytest.raises(SourceForbidden, match=r"ai-traces.*s3:ListBucket on arn:aws:s3:::ai-traces"):
        list_objects(stand_in_aws.clients["s3"], bucket="ai-traces", prefix="otlp/")
    with pytest.raises(SourceForbidden, match=r"s3://ai-traces/k: .*s3:GetObject on arn:aws:s3:::ai-traces/\*"):
        read_object(stand_in_aws.clients["s3"], bucket="ai-traces", key="k")


@pytest.mark.parametrize("in_memory_bytes", [1, 1000])
def test_a_connection_that_breaks_off_is_tried_again(stand_in_aws, tmp_path, monkeypatch, in_memory_bytes):
    monkeypatch.setattr(s3_objects, "IN_MEMORY_BYTES", in_memory_bytes)
    stand_in_aws.answer = lambda path, number: Answer(body=b"0123456789", cut_after=None if number else 4)
    with read_object(stand_in_aws.clients["s3"], bucket="b", key="k", folder=tmp_path) as file:
        assert file.read() == b"0123456789"
    assert len(stand_in_aws.paths) == 2


def test_a_connection_that_always_breaks_off_is_unavailable(stand_in_aws):
    stand_in_aws.answer = lambda path, number: Answer(body=b"0123456789", cut_after=4)
    with pytest.raises(SourceUnavailable, match="s3://b/k"):
        read_object(stand_in_aws.clients["s3"], bucket="b", key="k")
    assert len(stand_in_aws.paths) == s3_objects.READ_ATTEMPTS


def test_a_failure_of_one_object_ends_the_fetching(stand_in_aws, tmp_path):
    stand_in_aws.answer = lambda path, number: s3_error("AccessDenied", 403) if "k05" in path else Answer(body=b"x")
    objects = [S3Object(f"k{number:02d}", 1) for number in range(100)]
    seen = []
    with pytest.raises(SourceForbidden):
        seen.extend(fetch_each(stand_in_aws.clients["s3"], bucket="b", objects=objects, folder=tmp_path))
    assert len(stand_in_aws.paths) < 40
