"""A real local AWS for the whole session, and an empty account for each test."""

from __future__ import annotations

import hashlib

import boto3
import pytest
from botocore.config import Config

from ai_finops.config import Settings
from ai_finops.demo.account import create_account
from ai_finops.demo.local_aws import local_aws


@pytest.fixture(scope="session")
def aws():
    with local_aws() as running:
        yield running


@pytest.fixture(scope="session")
def clients(aws):
    def client(name: str):
        return boto3.session.Session().client(
            name,
            endpoint_url=aws.endpoint,
            region_name=aws.region,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            config=Config(proxies={}, retries={"total_max_attempts": 2}),
        )

    return {name: client(name) for name in ("s3", "cloudwatch")}


@pytest.fixture
def settings(request, tmp_path) -> Settings:
    """Settings with bucket names that no other test uses."""
    name = f"t{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    env = {"AI_FINOPS_HOME": str(tmp_path), "AI_FINOPS_TRACES_BUCKET": f"{name}-traces"}
    return Settings.from_env(env | {"AI_FINOPS_BILLING_BUCKET": f"{name}-billing"})


@pytest.fixture
def account(clients, settings):
    """The settings of an account that has its buckets, empty."""
    create_account(clients, settings)
    return settings


@pytest.fixture
def bodies(clients):
    """Read all objects of a bucket: body by key."""

    def read(bucket: str) -> dict[str, bytes]:
        pages = clients["s3"].get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: clients["s3"].get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    return read
