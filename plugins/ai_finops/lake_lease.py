"""A lock as an object of a bucket, for writers on several machines.

Who makes the object holds the lock, and writes it again every few seconds; who gives it back removes it. A write goes through
only where the object is the one that the writer knows (S3's conditional writes), so of two that want the lock one gets it. A
waiting process that sees no new content for `EXPIRES_SECONDS` by its own clock takes the lock over: no two clocks are compared.
A holder that slept that long finds out before anything of its becomes visible (`require`).
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from ai_finops.errors import LakeError, LakeUnavailable
from ai_finops.lake_bucket import Bucket

EXPIRES_SECONDS = 30.0
_RENEWALS = 5
"""How often a lock is written again before it would expire."""
_WAIT_SECONDS = 0.5
logger = logging.getLogger(__name__)


class Lease:
    """A lock that this process holds, written again by a thread of its own."""

    def __init__(self, bucket: Bucket, key: str, stamp: str, *, expires_seconds: float) -> None:
        self._bucket, self._key, self._stamp = bucket, key, stamp
        self._expires_seconds = expires_seconds
        self._is_lost = False
        self._busy = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew_again, name=f"hold {key}", daemon=True)
        self._thread.start()

    def require(self) -> None:
        """Make sure that the lock is held, by writing it again.

        Raises:
            LakeUnavailable: Another process has taken it over, since this one stood still for too long.
        """
        with self._busy:
            self._renew()
        if self._is_lost:
            raise LakeUnavailable(
                f"lost the lock {self._bucket.address(self._key)} to another writer after standing still for "
                f"{self._expires_seconds:g} s or longer; nothing became visible; try again"
            )

    def give_back(self) -> None:
        """Remove the lock, if it is still held."""
        self._ended.set()
        self._thread.join()
        if self._is_lost:
            return
        try:
            self._bucket.remove_one(self._key, stamp=self._stamp)
        except LakeError as error:
            logger.warning("%s; the lock is free again in %g s", error, self._expires_seconds)

    def _renew(self) -> None:
        if not self._is_lost:
            stamp = self._bucket.swap(self._key, _content(), stamp=self._stamp)
            self._is_lost = stamp is None
            self._stamp = stamp or self._stamp

    def _renew_again(self) -> None:
        while not self._ended.wait(self._expires_seconds / _RENEWALS):
            try:
                with self._busy:
                    self._renew()
            except LakeError as error:  # the next time, or `require`, will tell
                logger.warning("%s", error)


@contextmanager
def hold_lease(bucket: Bucket, key: str) -> Iterator[Lease]:
    """Wait for, then hold, the lock `key`.

    Raises:
        LakeError: The bucket refuses.
    """
    expires_seconds = EXPIRES_SECONDS
    lease = Lease(bucket, key, _acquire(bucket, key, expires_seconds), expires_seconds=expires_seconds)
    try:
        yield lease
    finally:
        lease.give_back()


def _acquire(bucket: Bucket, key: str, expires_seconds: float) -> str:
    """Return the stamp of the lock once it is this process's."""
    seen, seen_at = None, time.monotonic()
    stamp = bucket.create(key, _content())
    while stamp is None:
        current = bucket.stamp(key)
        if current is None:
            stamp = bucket.create(key, _content())
        elif current != seen:
            seen, seen_at = current, time.monotonic()
        elif time.monotonic() - seen_at >= expires_seconds:
            stamp = bucket.swap(key, _content(), stamp=seen)
            logger.warning("the holder of the lock %s stood still: taking it over", bucket.address(key))
        if stamp is None:
            time.sleep(min(_WAIT_SECONDS, expires_seconds / _RENEWALS))
    return stamp


def _content() -> bytes:
    """What tells one write from every other, and a person who holds the lock."""
    return json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "write": uuid4().hex}).encode()
