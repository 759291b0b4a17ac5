"""Buckets of the account, and what happens when S3 does not play along."""

from __future__ import annotations

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from botocore.config import Config

from ai_finops.demo.account import Uploader, create_account
from ai_finops.errors import SourceForbidden, SourceMissing, SourceUnavailable


def _s3(endpoint: str):
    return boto3.session.Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(proxies={}, retries={"total_max_attempts": 1}, connect_timeout=2),
    )


@pytest.fixture
def refusing():
    """An S3 that answers every request with the status and code set on it."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self):
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"<Error><Code>{self.server.code}</Code><Message>no</Message></Error>".encode()
            self.send_response(self.server.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_account_can_be_created_twice(clients, account):
    create_account(clients, account)
    names = {bucket["Name"] for bucket in clients["s3"].list_buckets()["Buckets"]}
    assert {account.traces_bucket, account.billing_bucket} <= names


def test_an_account_elsewhere_has_its_buckets_there(clients, settings):
    create_account(clients, replace(settings, aws_region="us-west-2"))
    assert clients["s3"].get_bucket_location(Bucket=settings.billing_bucket)["LocationConstraint"] == "us-west-2"


@pytest.mark.parametrize(
    ("status", "code", "error", "message"),
    [
        (403, "AccessDenied", SourceForbidden, r"bucket b refused these credentials \(AccessDenied\)"),
        (404, "NoSuchBucket", SourceMissing, "bucket b does not exist"),
        (503, "SlowDown", SourceUnavailable, "bucket b answered SlowDown; try again"),
    ],
)
def test_a_refused_object_comes_out_as_our_error(refusing, status, code, error, message):
    refusing.status, refusing.code = status, code
    s3 = _s3(f"http://127.0.0.1:{refusing.server_port}")
    with pytest.raises(error, match=message), Uploader(s3, bucket="b") as uploader:
        uploader.put("key", b"body")


def test_an_account_that_is_not_ours_to_create_is_refused(refusing, settings):
    refusing.status, refusing.code = 403, "AccessDenied"
    with pytest.raises(SourceForbidden, match=settings.traces_bucket):
        create_account({"s3": _s3(f"http://127.0.0.1:{refusing.server_port}")}, settings)


def test_a_server_that_is_gone_is_unavailable(settings):
    with pytest.raises(SourceUnavailable, match="is the local AWS running"):
        create_account({"s3": _s3("http://127.0.0.1:1")}, settings)


def test_the_first_failure_stops_later_puts(refusing):
    refusing.status, refusing.code = 404, "NoSuchBucket"
    s3 = _s3(f"http://127.0.0.1:{refusing.server_port}")
    with pytest.raises(SourceMissing), Uploader(s3, bucket="b") as uploader:
        for number in range(1000):
            uploader.put(f"key-{number}", b"")
    assert uploader.object_count < 100


def test_an_error_of_the_caller_is_not_replaced(refusing):
    refusing.status, refusing.code = 404, "NoSuchBucket"
    s3 = _s3(f"http://127.0.0.1:{refusing.server_port}")
    with pytest.raises(ZeroDivisionError), Uploader(s3, bucket="b") as uploader:
        uploader.put("key", b"")
        raise ZeroDivisionError
