"""A deployment whose traces lie in a local AWS, and the landing of them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

import pytest

from ai_finops import aws
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.extract import traces
from ai_finops.lake import Lake
from tests.extract.stand_in import use_endpoint


@pytest.fixture(scope="session")
def aws_server():
    with local_aws() as running:
        yield running


@pytest.fixture
def settings(request, tmp_path) -> Settings:
    name = f"x{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    env = {"AI_FINOPS_HOME": str(tmp_path / "var"), "AI_FINOPS_TRACES_BUCKET": f"{name}-traces"}
    return replace(Settings.from_env(env), keep_content=True, sources=("traces",))


@pytest.fixture
def lake(settings) -> Lake:
    return Lake(settings.lake)


@pytest.fixture
def clients(monkeypatch, aws_server, settings):
    use_endpoint(monkeypatch, aws_server.endpoint)
    clients = {"s3": aws.client("s3", settings=settings)}
    clients["s3"].create_bucket(Bucket=settings.traces_bucket)
    return clients


@pytest.fixture
def put(clients, settings):
    def put(day: date, name: str, body: bytes) -> None:
        key = f"otlp/year={day:%Y}/month={day:%m}/day={day:%d}/hour=12/{name}"
        clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=body)

    return put


@pytest.fixture
def land(clients, settings, lake):
    def land(day: date, *, as_of: date | None = None, of: Settings = settings):
        as_of = as_of or day + timedelta(days=1)
        outcome = traces.land(day, settings=of, lake=lake, clients=clients, as_of=as_of)
        lake.record_outcome(outcome)
        return outcome

    return land
