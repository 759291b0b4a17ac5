"""A real local AWS over HTTP for the session, buckets of its own for each test, and a lake in a temporary folder."""

from __future__ import annotations

import hashlib

import pytest

from ai_finops import aws, extract
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.lake import Lake
from tests.extract.permission_guard import PermissionGuard
from tests.extract.stand_in import clients_of, stand_in, use_endpoint


@pytest.fixture(scope="session")
def aws_server():
    with local_aws() as running:
        yield running


@pytest.fixture(autouse=True)
def permission_guard(monkeypatch):
    """Let a landing call what its source's `PERMISSIONS` allow, and nothing else; what a test does by itself is free."""
    guard = PermissionGuard()
    for source, module in extract.SOURCES.items():
        monkeypatch.setattr(module, "land", guard.watching(source, module))
    monkeypatch.setattr(aws, "client", guard.watched(aws.client))
    yield guard
    assert guard.refused == []


@pytest.fixture
def settings(request, tmp_path) -> Settings:
    name = f"x{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    env = {"AI_FINOPS_HOME": str(tmp_path), "AI_FINOPS_TRACES_BUCKET": f"{name}-traces"}
    return Settings.from_env(env | {"AI_FINOPS_BILLING_BUCKET": f"{name}-billing"})


@pytest.fixture
def lake(settings) -> Lake:
    return Lake(settings.lake)


@pytest.fixture
def clients(monkeypatch, aws_server, settings):
    """Clients of the local AWS, with the test's two buckets made."""
    use_endpoint(monkeypatch, aws_server.endpoint)
    clients = {name: aws.client(name, settings=settings) for name in ("s3", "cloudwatch")}
    for bucket in (settings.traces_bucket, settings.billing_bucket):
        clients["s3"].create_bucket(Bucket=bucket)
    return clients


@pytest.fixture
def stand_in_aws(monkeypatch, settings):
    """A stand-in that answers as told, and clients of it that try twice."""
    with stand_in() as running:
        running.clients = clients_of(running.endpoint, monkeypatch=monkeypatch, settings=settings)
        yield running
