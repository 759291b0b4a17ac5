"""boto3's CloudWatch client for metrics, and which of its errors mean what.

Least permission: `cloudwatch:PutMetricData` on `*`, with the condition `cloudwatch:namespace` = `AI/FinOps`.
"""

from __future__ import annotations

import os
from typing import Any

from ai_finops.instrument.metrics import lifetimes

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 5
MAX_ATTEMPTS = 2
"""One more than one: a connection that was kept open for a minute may have been closed at the other end."""
COMPRESSED_FROM_BYTES = 1_024
_WRONG_DATA = ("InvalidParameter", "MissingParameter", "MissingRequiredParameter", "Validation", "Serialization")
_TOO_LARGE = 413


def make_client() -> Any:
    """Return a client; credentials, region and endpoint come from where boto3 always finds them.

    Imports boto3, which takes a third of a second: not for the request path.

    Raises:
        ImportError: The extra `cloudwatch` is not installed.
        botocore.exceptions.BotoCoreError: There is no region, or a setting that boto3 does not take.
    """
    with lifetimes.no_fork():
        import boto3
        from botocore.config import Config

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
        request_min_compression_size_bytes=COMPRESSED_FROM_BYTES,
        max_pool_connections=1,
        parameter_validation=False,  # half of what a request costs, for data that this package made
    )
    session = boto3.session.Session()  # the default one may be in use by other threads
    # boto3 for Python alone does not read AWS_REGION, the only one that some container services set.
    region = session.region_name or os.environ.get("AWS_REGION")
    return session.client("cloudwatch", region_name=region, config=config)


def is_wrong_data(error: Exception) -> bool:
    """Return whether CloudWatch, or botocore before it, refuses what was sent, so that the same would be refused again."""
    code, status = _code_and_status(error)
    named = code or type(error).__name__
    return status == _TOO_LARGE or named.startswith(_WRONG_DATA) or named == "ParamValidationError"


def described(error: Exception) -> str:
    """Return an error in a few words: what AWS calls it, or what it is."""
    code, status = _code_and_status(error)
    if code or status:
        return f"{code or 'answer'} ({status})"
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said[:200]}"


def _code_and_status(error: Exception) -> tuple[str, int]:
    # By its shape and not its class, so that nothing of botocore has to be imported to ask.
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return "", 0
    code = str(response.get("Error", {}).get("Code") or "")
    return code, int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
