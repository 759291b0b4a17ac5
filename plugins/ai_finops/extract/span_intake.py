"""What becomes of spans once they are read, in the order in which they come: hidden users, repeats, counts, the lake's file.

A landing gives it the spans of its objects as they are read. One that is divided gives it those that its shards wrote down, in
the same order (span_spill.py): so both write the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.extract.accounts import Accounts
from ai_finops.extract.contents import Texts
from ai_finops.extract.span_file import SpanFile
from ai_finops.extract.span_queries import SpanQueries
from ai_finops.lake_schemas import SPANS, UNMAPPED_ATTRIBUTES
from ai_finops.privacy.forgotten_rows import Forgotten, ids_of_traces, quarantine_without, spans_without
from ai_finops.privacy.users import Users

if TYPE_CHECKING:
    from ai_finops.analyse.embedder import Embedder

MAX_UNMAPPED_NAMES = 1000


class SpanTaker(Protocol):
    """Takes spans as `span_table` gives them."""

    def take(self, spans: pa.Table, *, unmapped: Mapping[int, Sequence[str]]) -> None:
        """Take spans.

        Args:
            spans: object_number, object_line, shape, reason, identity, and the lake's columns.
            unmapped: Attribute names that the vocabulary does not hold, by shape; only shapes that have some.
        """

    def close(self) -> None:
        """Give back files."""


class SpanIntake:
    """Takes spans and accounts for them; `settle` ends it. Everything it writes lies in `folder`."""

    def __init__(self, folder: Path, *, accounts: Accounts, users: Users) -> None:
        """Start with nothing."""
        self.forgotten_traces: set[str] = set()
        """Traces of forgotten users that were met."""
        self._accounts = accounts
        self._users = users
        self._folder = folder
        self._file = SpanFile(folder / "spans.parquet")
        self._queries = SpanQueries(folder)
        self._wrong = _WrongSpans()
        self._unmapped: Counter[tuple[str, str | None]] = Counter()

    @property
    def spans(self) -> Path:
        """The lake's file of spans, whole after `settle`."""
        return self._file.path

    def close(self) -> None:
        """Give back the files."""
        self._file.close()
        self._queries.close()

    def take(self, spans: pa.Table, *, unmapped: Mapping[int, Sequence[str]]) -> None:
        """Account for spans and write those that can be kept."""
        self._count(spans, "read_count")
        spans = self._users.hide(spans)
        self.forgotten_traces |= self._users.forgotten_traces(spans)
        if spans["reason"].null_count < len(spans):
            self._wrong.add(spans.filter(pc.is_valid(spans["reason"])))
            spans = spans.filter(pc.is_null(spans["reason"]))
        is_new = self._file.add(self._with_places(spans), identities=spans["identity"].to_numpy())
        if not is_new.all():
            self._count(spans.filter(pa.array(~is_new)), "duplicate_count")
            spans = spans.filter(pa.array(is_new))
        self._count(spans, "loaded_count")
        self._count_unmapped(spans, unmapped)
        self._unmapped += self._queries.add(spans, object_keys=self._object_keys(spans))

    def settle(self) -> dict[str, pa.Table | Path]:
        """Settle the accounts, and return the lake's tables."""
        changes = self._file.finish()
        if self.forgotten_traces:
            self._forget()
        for account in self._accounts.objects:
            change = changes[account.object_key]
            account.loaded_count += change
            account.duplicate_count -= change
        self._wrong.quarantine(self._accounts)
        quarantine = self._accounts.quarantine_table()
        return {
            "spans": self._file.path,
            "unmapped_attributes": self._unmapped_table(),
            "objects": self._accounts.objects_table(),
            "quarantine": quarantine_without(quarantine) if self.forgotten_traces else quarantine,
        }

    def queries(self, *, texts: Texts | None = None, open_embedder: Callable[[], Embedder] | None = None) -> Texts:
        """Return what the loaded spans say of queries, after `settle`, and what their texts say where these are kept."""
        return self._queries.write(
            self._folder / "span_queries.parquet",
            spans=self._file.path,
            landing_date=self._accounts.landing_date,
            texts=texts.file if texts else None,
            open_embedder=open_embedder,
            without_traces=self.forgotten_traces,
        )

    def _forget(self) -> None:
        """Take out of the file whose forgotten traces are; a span may have come before the one that names the user."""
        forgotten = Forgotten(frozenset(), frozenset(self.forgotten_traces))
        self._file.rewrite(lambda spans: spans_without(spans, forgotten))
        self._users.remember_ids(ids_of_traces(self._file.path, self.forgotten_traces))

    def _count(self, spans: pa.Table, name: str) -> None:
        counts = np.bincount(spans["object_number"].to_numpy())
        for number in np.flatnonzero(counts):
            account = self._accounts.objects[number]
            setattr(account, name, getattr(account, name) + int(counts[number]))

    def _object_keys(self, spans: pa.Table) -> pa.Array:
        numbers = spans["object_number"].to_numpy()
        first, last = (int(numbers[0]), int(numbers[-1])) if len(numbers) else (0, 0)
        keys = pa.array([account.object_key for account in self._accounts.objects[first : last + 1]], pa.string())
        return keys.take(pa.array(numbers - first))

    def _with_places(self, spans: pa.Table) -> pa.Table:
        object_keys = self._object_keys(spans)
        dates = pa.repeat(pa.scalar(self._accounts.landing_date, pa.date32()), len(spans))
        spans = spans.append_column("object_key", object_keys).append_column("landing_date", dates)
        return spans.select(SPANS.names).cast(SPANS)

    def _count_unmapped(self, spans: pa.Table, unmapped: Mapping[int, Sequence[str]]) -> None:
        """Count the spans by attribute name that the vocabulary does not hold; indexes in names are written N."""
        if not unmapped:
            return
        keys = ["service_name", "shape"]
        groups = spans.select(keys).group_by(keys).aggregate([([], "count_all")])
        counts = zip(*(groups[name].to_pylist() for name in (*keys, "count_all")), strict=True)
        for service, shape, count in counts:
            for name in unmapped.get(shape, ()):
                self._unmapped[name, service] += count

    def _unmapped_table(self) -> pa.Table:
        ordered = sorted(self._unmapped.items(), key=lambda each: (-each[1], each[0][0], each[0][1] or ""))
        day = self._accounts.landing_date
        rows = [
            {"landing_date": day, "attribute_name": name, "service_name": service, "span_count": count}
            for (name, service), count in ordered[:MAX_UNMAPPED_NAMES]
        ]
        return pa.Table.from_pylist(rows, schema=UNMAPPED_ATTRIBUTES)


@dataclass(slots=True)
class _WrongSpans:
    """Spans that are set aside, counted by object and reason, with the place of the first."""

    _found: dict[tuple[int, str], tuple[int, str, int]] = field(default_factory=dict)

    def add(self, spans: pa.Table) -> None:
        names = ("object_number", "reason", "object_line", "span_id")
        for number, reason, line, span_id in zip(*(spans[name].to_pylist() for name in names), strict=True):
            *first, count = self._found.get((number, reason), (line, span_id or "", 0))
            first = min((line, span_id or ""), tuple(first))
            self._found[number, reason] = (*first, count + 1)

    def quarantine(self, accounts: Accounts) -> None:
        for (number, reason), (line, span_id, count) in sorted(self._found.items()):
            place = f"line {line}, span {span_id}" + (f" and {count - 1} more" if count > 1 else "")
            accounts.objects[number].read_count -= count  # it was counted as read before, and is again just below
            accounts.quarantine(number, place=place, reason=reason, record_count=count)
