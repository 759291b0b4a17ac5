"""What a landing asked of whose API: requests by operation and region, which is what APIs charge by.

A request is counted when it is sent, repeated ones included. Where an operation is charged by what one request asks for, as
CloudWatch's GetMetricData by metrics, that is counted too, once a request that was meant, however often it was sent.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

Kind = tuple[str, str, str | None]
"""Service, operation and region."""


@dataclass(frozen=True, slots=True)
class ApiCalls:
    """Calls of one operation in one region."""

    service_name: str
    """As boto3 calls it (`s3`, `ce`), or the admin API (`openai`)."""
    operation_name: str
    """As the service calls it (`ListObjectsV2`), or the method of an admin API (`GET`)."""
    region_id: str | None
    """None where the API has no regions."""
    call_count: int
    """Requests sent, repeated ones included."""
    item_count: int = 0
    """What the requests asked for, where they are charged by that; else 0."""

    @property
    def kind(self) -> Kind:
        """What tells it from other calls."""
        return (self.service_name, self.operation_name, self.region_id)


class ApiTally:
    """Counts calls, from several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[Kind] = Counter()
        self._items: Counter[Kind] = Counter()

    def add(self, kind: Kind, *, calls: int = 0, items: int = 0) -> None:
        """Count calls, or items, of a kind."""
        with self._lock:
            self._calls[kind] += calls
            self._items[kind] += items

    @property
    def count(self) -> int:
        """Requests sent so far."""
        with self._lock:
            return self._calls.total()

    def calls(self) -> tuple[ApiCalls, ...]:
        """Return what was counted so far, in order of its kind."""
        with self._lock:
            counted = [ApiCalls(*kind, count, self._items[kind]) for kind, count in self._calls.items() if count]
        return in_order(counted)


def in_order(calls: list[ApiCalls]) -> tuple[ApiCalls, ...]:
    """Sort calls by kind, so that the same ones are the same text."""
    return tuple(sorted(calls, key=lambda each: tuple(part or "" for part in each.kind)))
