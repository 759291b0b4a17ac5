"""The guard of the landings: it can refuse."""

from dataclasses import replace
from datetime import date

import pytest

from ai_finops import extract
from ai_finops.extract import s3_objects, traces
from tests.extract.made import json_bytes, request, span

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)
KEY = "otlp/year=2025/month=06/day=02/a.json"
LIST = ("s3:ListBucket", "arn:aws:s3:::{bucket}")
GET = ("s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}/*")


@pytest.fixture
def land(clients, settings, lake):
    clients["s3"].put_object(Bucket=settings.traces_bucket, Key=KEY, Body=json_bytes(request(span(1))))
    arguments = {"lake": lake, "clients": clients, "as_of": AS_OF}
    return lambda **changes: traces.land(DAY, **arguments | {"settings": settings} | changes)


@pytest.mark.parametrize(
    ("allowed", "refused"),
    [
        ((LIST, GET), None),
        ((LIST,), "traces called s3:GetObject on arn:aws:s3:::{bucket}/" + KEY),
        ((GET,), "traces called s3:ListObjectsV2 on arn:aws:s3:::{bucket}, which needs s3:ListBucket"),
        ((LIST, ("s3:GetObject", "arn:aws:s3:::{bucket}/other/*")), "traces called s3:GetObject"),
        ((("s3:ListBucket", "arn:aws:s3:::other"), GET), "traces called s3:ListObjectsV2"),
        ((), "traces called s3:ListObjectsV2"),
    ],
)
def test_what_is_not_in_the_permissions_is_refused(land, settings, monkeypatch, permission_guard, allowed, refused):
    monkeypatch.setattr(traces, "PERMISSIONS", allowed)
    if refused is None:
        assert land().loaded_count == 1
        assert permission_guard.allowed == ["s3:ListBucket", "s3:GetObject"]
        return
    with pytest.raises(AssertionError, match=refused.format(bucket=settings.traces_bucket)):
        land()
    assert len(permission_guard.refused) == 1
    permission_guard.refused.clear()


def test_the_registry_s_own_clients_are_watched_too(land, settings, monkeypatch, permission_guard):
    monkeypatch.setattr(traces, "PERMISSIONS", ())
    with pytest.raises(AssertionError, match="traces called s3:ListObjectsV2"):
        extract.land("traces", DAY, settings=settings, as_of=AS_OF)
    permission_guard.refused.clear()


def test_a_test_s_own_calls_are_free(clients, settings, permission_guard):
    clients["s3"].put_object(Bucket=settings.traces_bucket, Key="k", Body=b"")
    clients["s3"].delete_object(Bucket=settings.traces_bucket, Key="k")
    assert (permission_guard.refused, permission_guard.allowed) == ([], [])


def test_a_test_may_change_a_bucket_while_it_is_read(land, clients, settings, monkeypatch, permission_guard):
    listed = s3_objects.list_objects

    def list_and_add(*args, **names):
        clients["s3"].put_object(Bucket=settings.traces_bucket, Key=f"{KEY}.late", Body=b"")
        return listed(*args, **names)

    monkeypatch.setattr(s3_objects, "list_objects", list_and_add)
    assert land().loaded_count == 1
    assert permission_guard.allowed == ["s3:ListBucket", "s3:GetObject", "s3:GetObject"]


def test_the_settings_of_the_landing_count(land, settings, permission_guard):
    with pytest.raises(Exception, match="does not exist"):
        land(settings=replace(settings, traces_bucket="no-such-bucket"))
    assert permission_guard.allowed == ["s3:ListBucket"]
