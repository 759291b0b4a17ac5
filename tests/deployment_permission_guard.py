"""Holds every AWS call of the pipeline against the policy that `ai-finops permissions` prints, as IAM would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import wraps
from typing import Any

import pytest

from ai_finops import aws, extract, permissions
from ai_finops.config import Settings
from ai_finops.lake_place import LakeOnS3
from tests.extract.permission_guard import ACCOUNT, ACTIONS, is_called_by_a_test, resource_of

assert extract.SOURCES  # loaded once, and not in each process that a test forks
_SERVICES = {"bedrock-runtime": "bedrock"}
"""What IAM calls a service, where boto3 calls it otherwise."""


class DeploymentGuard:
    """Notes what is called."""

    def __init__(self) -> None:
        self.allowed: set[str] = set()
        self.refused: list[str] = []

    def check(self, service: str, operation: str, params: dict, *, region: str, statements: list[dict]) -> None:
        """Note a call; one that no statement allows fails."""
        for action, arn in _asked(service, operation, params, region=region):
            if any(_allows(statement, action, arn, params) for statement in statements):
                self.allowed.add(action)
            else:
                self.refused.append(f"{service}:{operation} on {arn} needs {action}, which no statement allows")
                raise AssertionError(self.refused[-1])


@contextmanager
def deployment_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[DeploymentGuard]:
    """Watch the clients that are made from here on; what a test does with one by itself is free."""
    guard = DeploymentGuard()
    monkeypatch.setattr(aws, "client", _watched(aws.client, guard))
    yield guard
    assert guard.refused == []


def _watched(make_client: Callable, guard: DeploymentGuard) -> Callable:
    @wraps(make_client)
    def make(name: str, **arguments: Any) -> object:
        client, region = make_client(name, **arguments), arguments["settings"].aws_region
        grants = permissions.pipeline_grants(_settings_of(arguments["settings"]))
        statements = permissions.policy_of(grants, aws_region=region)["Statement"]

        def check(params: dict, model: Any, **_: Any) -> None:
            if not is_called_by_a_test():
                guard.check(_SERVICES.get(name, name), model.name, params, region=region, statements=statements)

        client.meta.events.register_first("provide-client-params", check)
        return client

    return make


def _settings_of(given: Settings | LakeOnS3) -> Settings:
    """A lake is given its place alone."""
    if isinstance(given, Settings):
        return given
    return replace(Settings.from_env({"AWS_REGION": given.aws_region}), lake_at=str(given))


def _asked(service: str, operation: str, params: dict, *, region: str) -> list[tuple[str, str]]:
    """Return the actions and resources that IAM looks at."""
    name = f"{service}:{operation}"
    action = ACTIONS.get(name, name)
    if operation == "DeleteObjects":
        keys = [each["Key"] for each in params["Delete"]["Objects"]]
        return [("s3:DeleteObject", f"arn:aws:s3:::{params['Bucket']}/{key}") for key in keys]
    if service == "cloudwatch" and operation in ("PutMetricAlarm", "DeleteAlarms"):
        names = params.get("AlarmNames") or [params["AlarmName"]]
        return [(action, f"arn:aws:cloudwatch:{region}:{ACCOUNT}:alarm:{each}") for each in names]
    if service == "bedrock" and "modelId" in params:
        return [(action, f"arn:aws:bedrock:{region}::foundation-model/{params['modelId']}")]
    return [(action, resource_of(action, params, region=region))]


def _allows(statement: dict, action: str, arn: str, params: dict) -> bool:
    namespace = statement.get("Condition", {}).get("StringEquals", {}).get("cloudwatch:namespace")
    is_fit = namespace in (None, params.get("Namespace"))
    return is_fit and action in statement["Action"] and fnmatchcase(arn, statement["Resource"])
