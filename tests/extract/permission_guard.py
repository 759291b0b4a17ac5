"""Holds every AWS call of a landing against the `PERMISSIONS` of its source, action and resource, as IAM would."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

from ai_finops.extract import permissions

ACTIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "bedrock:Converse": "bedrock:InvokeModel",
}
"""IAM action of an operation, where it is not of the same name (Service Authorization Reference)."""
ACCOUNT = "111122223333"
TESTS = str(Path(__file__).parents[1])


class PermissionGuard:
    """Knows which landing is under way, and what it may call."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.allowed: list[str] = []
        self._landings: list[tuple[str, ModuleType, Any]] = []

    def watching(self, source: str, module: ModuleType) -> Callable:
        """Return `module.land`, under watch."""
        land = module.land

        @wraps(land)
        def watched_land(day: object, **arguments: Any) -> object:
            landing = (source, module, arguments["settings"])
            self._landings.append(landing)
            try:
                return land(day, **arguments)
            finally:
                self._landings.remove(landing)

        return watched_land

    def watched(self, make_client: Callable) -> Callable:
        """Return `make_client` so that the clients it makes are under watch."""

        @wraps(make_client)
        def make(name: str, **arguments: Any) -> object:
            client = make_client(name, **arguments)
            region = client.meta.region_name

            def check(params: dict, model: Any, **_: Any) -> None:
                if not is_called_by_a_test():
                    self._check(f"{name}:{model.name}", params, region=region)

            client.meta.events.register_first("provide-client-params", check)
            return client

        return make

    def _check(self, operation: str, params: dict, *, region: str) -> None:
        action = ACTIONS.get(operation, operation)
        arn = resource_of(action, params, region=region)
        for source, module, settings in self._landings:
            granted = (
                permissions.resource(source, pattern, settings=settings)
                for allowed, pattern in module.PERMISSIONS
                if allowed == action
            )
            if any(fnmatchcase(arn, pattern) for pattern in granted):
                self.allowed.append(action)
                continue
            self.refused.append(
                f"{source} called {operation} on {arn}, which needs {action}; its PERMISSIONS do not allow it"
            )
            raise AssertionError(self.refused[-1])


def is_called_by_a_test() -> bool:
    """Whether the code that calls the client is a test's, as of one that changes a bucket while it is read."""
    frame = sys._getframe(1)
    between = ("/botocore/", "/boto3/", "/permission_guard.py", "/deployment_permission_guard.py")
    while any(name in frame.f_code.co_filename for name in between):
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(TESTS)


def resource_of(action: str, params: dict, *, region: str) -> str:
    """The ARN that a call is about; `*` where IAM knows no resource for it."""
    if action.startswith("s3:"):
        return f"arn:aws:s3:::{params.get('Bucket', '')}" + (f"/{params['Key']}" if "Key" in params else "")
    if action.startswith("logs:"):
        name = params.get("logGroupName") or params.get("logGroupNamePrefix", "")
        return f"arn:aws:logs:{region}:{ACCOUNT}:log-group:{name}:log-stream:"
    return "*"
