"""What became of every record of every object: read = loaded + ignored + quarantined + duplicate.

A record is what the source counts: a span, a bill line, a metric point. A line or an object that cannot be read, so that
nobody can say how many records it holds, is one record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa

from ai_finops.lake_schemas import OBJECTS, QUARANTINE

COUNTS = ("read_count", "loaded_count", "ignored_count", "quarantined_count", "duplicate_count")


@dataclass(slots=True)
class Account:
    """The counts of one object."""

    object_key: str
    bytes_read: int = 0
    read_count: int = 0
    loaded_count: int = 0
    ignored_count: int = 0
    quarantined_count: int = 0
    duplicate_count: int = 0
    reason: str | None = None
    """Why the object, or a part of it, was not loaded."""


@dataclass(slots=True)
class Accounts:
    """The accounts of one landing; objects are numbered in the order they are opened."""

    source: str
    landing_date: date
    objects: list[Account] = field(default_factory=list)
    _quarantine: list[dict] = field(default_factory=list)

    def open(self, object_key: str, *, bytes_read: int = 0) -> int:
        """Start an object's account and return its number."""
        self.objects.append(Account(object_key, bytes_read))
        return len(self.objects) - 1

    def quarantine(self, number: int, *, place: str, reason: str, record_count: int = 1) -> None:
        """Set records of an object aside; they count as read here."""
        account = self.objects[number]
        account.read_count += record_count
        account.quarantined_count += record_count
        account.reason = account.reason or reason
        self._quarantine.append(
            {
                "source": self.source,
                "landing_date": self.landing_date,
                "object_key": account.object_key,
                "place": place,
                "reason": reason,
                "record_count": record_count,
            }
        )

    def ignore(self, number: int, *, reason: str, record_count: int = 1) -> None:
        """Leave records of an object out on purpose; they count as read here."""
        account = self.objects[number]
        account.read_count += record_count
        account.ignored_count += record_count
        account.reason = account.reason or reason

    def adopt(self, objects: pa.Table, quarantine: pa.Table) -> int:
        """Go on with the accounts of other objects, as `objects_table` and `quarantine_table` gave them.

        Returns:
            The number of the first of these objects here.
        """
        first = len(self.objects)
        names = ("object_key", "bytes_read", *COUNTS, "reason")
        self.objects += [Account(**{name: row[name] for name in names}) for row in objects.to_pylist()]
        self._quarantine += quarantine.to_pylist()
        return first

    def totals(self) -> dict[str, int]:
        """Return the sums over all objects under the names of an `Outcome`."""
        names = (*COUNTS, "bytes_read")
        return {name: sum(getattr(account, name) for account in self.objects) for name in names}

    def objects_table(self) -> pa.Table:
        """Return the lake's `objects` rows, one per object."""
        rows = [
            {name: getattr(account, name) for name in ("object_key", "bytes_read", *COUNTS, "reason")}
            | {"source": self.source, "landing_date": self.landing_date}
            for account in self.objects
        ]
        return pa.Table.from_pylist(rows, schema=OBJECTS)

    def quarantine_table(self) -> pa.Table:
        """Return the lake's `quarantine` rows, by object, place and reason."""
        order = sorted(self._quarantine, key=lambda row: (row["object_key"], row["place"], row["reason"]))
        return pa.Table.from_pylist(order, schema=QUARANTINE)
