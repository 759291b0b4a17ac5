"""The account that the local AWS plays: its number, its buckets, and the one way objects are put into them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from ai_finops.config import Settings
from ai_finops.errors import SourceForbidden, SourceMissing, SourceUnavailable

ACCOUNT_ID = "111122223333"
Clients = Mapping[str, Any]
"""boto3 clients by service name: `s3`, `cloudwatch`."""
_WORKER_COUNT = 4
_MAX_WAITING_COUNT = 32


def create_account(clients: Clients, settings: Settings) -> None:
    """Create the two buckets of a new account; buckets that it already has stay as they are.

    Raises:
        SourceForbidden, SourceUnavailable: S3 refused, or did not answer.
    """
    for bucket in (settings.traces_bucket, settings.billing_bucket):
        extra = {}
        if settings.aws_region != "us-east-1":
            extra["CreateBucketConfiguration"] = {"LocationConstraint": settings.aws_region}
        with errors_named(f"bucket {bucket}"):
            try:
                clients["s3"].create_bucket(Bucket=bucket, **extra)
            except ClientError as error:
                if error.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
                    raise


@contextlib.contextmanager
def errors_named(what: str) -> Iterator[None]:
    """Turn botocore's errors into this package's, naming `what` was addressed."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in ("NoSuchBucket", "404"):
            raise SourceMissing(f"{what} does not exist; create the account's buckets first") from error
        if code in ("AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"):
            raise SourceForbidden(f"{what} refused these credentials ({code}); check the AWS_* variables") from error
        raise SourceUnavailable(f"{what} answered {code}; try again") from error
    except BotoCoreError as error:
        raise SourceUnavailable(f"{what} did not answer ({error}); is the local AWS running?") from error


class Uploader:
    """Puts objects into one bucket from a small pool; the first failure comes out of the next `put` or of the end.

    At most `_MAX_WAITING_COUNT` bodies are held, so that rendering cannot run away from the server.
    """

    def __init__(self, s3: Any, *, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(_WORKER_COUNT, thread_name_prefix="put")
        self._room = BoundedSemaphore(_MAX_WAITING_COUNT)
        self._failure: BaseException | None = None
        self.object_count = 0
        self.byte_count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=kind is not None)
        if kind is None:
            self._raise_failure()

    def put(self, key: str, body: bytes) -> None:
        """Queue one object.

        Raises:
            SourceMissing, SourceForbidden, SourceUnavailable: An earlier put failed.
        """
        self._raise_failure()
        self._room.acquire()
        self.object_count += 1
        self.byte_count += len(body)
        self._pool.submit(self._put_now, key, body).add_done_callback(self._settle)

    def _put_now(self, key: str, body: bytes) -> None:
        with errors_named(f"bucket {self._bucket}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)

    def _settle(self, future: Future) -> None:
        self._room.release()
        if not future.cancelled() and self._failure is None:
            self._failure = future.exception()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure
