"""boto3 clients, built in one place, and what their errors mean to this package.

Credentials and endpoints are boto3's own business (environment, profile, role). Retries are botocore's adaptive mode with a
bound, so a throttled call slows down instead of failing, and a dead endpoint fails after a few seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from ai_finops.api_calls import ApiTally
from ai_finops.errors import (
    SettingsError,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceThrottled,
    SourceUnavailable,
)

Clients = Mapping[str, Any]
"""Clients by name: boto3's by service (`s3`, `cloudwatch`), and those of providers' admin APIs (`openai`)."""

POOL_SIZE = 8
"""How many calls one extraction has under way at a time."""
MAX_ATTEMPTS = 5
_REFUSED = {
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
}
_NOT_THERE = {
    "404",
    "InvalidBucketName",
    "NoSuchKey",
    "NotFound",
    "ResourceNotFound",
    "ResourceNotFoundException",
}
_OTHER_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect"}
_FULL = {"LimitExceeded", "LimitExceededFault"}
"""CloudWatch: the account has as many alarms as its quota allows."""
_THROTTLED = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_CHARGED_BY = {"GetMetricData": "MetricDataQueries"}
"""Operations that are charged by the entries of a parameter and not by the request."""
_NO_CREDENTIALS = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.CredentialRetrievalError)


class InRegion(Protocol):
    """What says in which region a client works: the settings, or the place of a lake."""

    @property
    def aws_region(self) -> str:
        """Name of the region."""


def client(name: str, *, settings: InRegion, max_attempts: int = MAX_ATTEMPTS) -> Any:
    """Return a boto3 client of the deployment's region.

    Raises:
        SettingsError: The profile does not exist, or the endpoint or the region is none.
    """
    config = Config(
        retries={"mode": "adaptive", "total_max_attempts": max_attempts},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=POOL_SIZE,
    )
    try:
        made = boto3.client(name, region_name=settings.aws_region, config=config)
    except boto.ProfileNotFound as error:
        raise SettingsError(f"{error}; correct AWS_PROFILE or unset it") from error
    except ValueError as error:
        raise SettingsError(f"cannot reach {name}: {error}; correct AWS_ENDPOINT_URL or AWS_REGION") from error
    made.meta.events.register_first("needs-retry", partial(_again_if_cut_off, max_attempts=max_attempts))
    return made


def _again_if_cut_off(
    *, response: tuple | None, operation: Any, attempts: int, max_attempts: int, **_: Any
) -> float | None:
    """Return how many seconds to wait before an answer that broke off is asked for again; None when it is whole.

    botocore reads half a JSON answer as an answer without fields, which would pass for "nothing more". Bodies that are handed
    on as streams are checked by their readers.

    Raises:
        IncompleteReadError: It broke off at the last attempt too.
    """
    if response is None or operation.has_streaming_output or operation.http.get("method") == "HEAD":
        return None
    said, received = response[0].headers.get("Content-Length"), len(response[0].content)
    if said is None or int(said) == received:
        return None
    if attempts < max_attempts:
        return 0.1 * 2**attempts
    raise boto.IncompleteReadError(actual_bytes=received, expected_bytes=int(said))


class BucketMissing(SourceMissing):
    """The bucket itself does not exist; which setting names it is known to whoever asked."""


@contextmanager
def errors_named(reading: str, *, permission: str, verb: str = "read") -> Iterator[None]:
    """Turn botocore's errors into this package's.

    Args:
        reading: What is being read, for example `the bucket ai-traces`.
        permission: What a role needs for it, for example `s3:ListBucket on arn:aws:s3:::ai-traces`.
        verb: What is being done to it.
    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable, SourceError: One sentence with `reading` and what to do.
        SettingsError: A name that AWS would not take.
    """
    doing = f"{verb} {reading}"
    try:
        yield
    except boto.ClientError as error:
        raise _named(error, doing, permission) from error
    except boto.ParamValidationError as error:
        said = " ".join(str(error).split())
        raise SettingsError(f"cannot {doing}: {said}; correct the setting that holds the name") from error
    except _NO_CREDENTIALS as error:
        raise SourceForbidden(
            f"cannot {doing}: there are no usable AWS credentials ({error}); "
            f"give this process credentials that allow {permission}"
        ) from error
    except (boto.BotoCoreError, OSError) as error:
        raise SourceUnavailable(
            f"cannot {doing}: AWS did not answer ({type(error).__name__}: {error}); try again, and check "
            "AWS_ENDPOINT_URL and the network if it stays so"
        ) from error


def _named(error: boto.ClientError, doing: str, permission: str) -> SourceError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _REFUSED or status in (401, 403):
        return SourceForbidden(
            f"cannot {doing}: access was refused ({code or status}); renew the credentials, or allow {permission}"
        )
    if code == "NoSuchBucket":
        return BucketMissing(f"cannot {doing}: the bucket does not exist ({code}); correct its name in the settings")
    if code in _NOT_THERE or status == 404:
        return SourceMissing(f"cannot {doing}: it does not exist ({code or status}); correct its name in the settings")
    if code in _OTHER_REGION:
        return SourceMissing(f"cannot {doing}: it is in another region ({code}); set AWS_REGION to that region")
    if code in _FULL:
        return SourceError(f"cannot {doing}: the account's quota is used up ({code}); raise it in Service Quotas")
    if code in _THROTTLED or status == 429:
        return SourceThrottled(f"cannot {doing}: AWS answered {code or status} to every attempt; try again later")
    if status >= 500:
        return SourceUnavailable(f"cannot {doing}: AWS answered {code or status} to every attempt; try again later")
    return SourceError(f"cannot {doing}: AWS answered {code or status}; this is a defect, report it with the log")


class ClientCalls(ApiTally):
    """The calls that boto3 clients send while it watches them."""

    def __init__(self) -> None:
        super().__init__()
        self._watched: list[tuple[Any, str, Any]] = []

    def watch(self, client: Any) -> None:
        """Count this client's calls too, until the end of the block."""
        about = (client.meta.service_model.service_name, client.meta.region_name)
        for event, handler in (("before-send", self._sent), ("before-parameter-build", self._meant)):
            listener = partial(handler, about)
            client.meta.events.register(event, listener)
            self._watched.append((client, event, listener))

    def stop(self) -> None:
        """Count no more."""
        for client, event, listener in self._watched:
            client.meta.events.unregister(event, listener)
        self._watched.clear()

    def _sent(self, about: tuple[str, str], *, event_name: str, **_: Any) -> None:
        self.add((about[0], event_name.rpartition(".")[2], about[1]), calls=1)

    def _meant(self, about: tuple[str, str], *, event_name: str, params: Mapping[str, Any], **_: Any) -> None:
        operation = event_name.rpartition(".")[2]
        if operation in _CHARGED_BY:
            self.add((about[0], operation, about[1]), items=len(params.get(_CHARGED_BY[operation], ())))


@contextmanager
def calls_counted(clients: Clients) -> Iterator[ClientCalls]:
    """Count the requests that `clients` send inside the block."""
    calls = ClientCalls()
    for each in clients.values():
        calls.watch(each)
    try:
        yield calls
    finally:
        calls.stop()
