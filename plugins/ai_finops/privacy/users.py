"""Ids of users on their way into the lake: a pseudonym in the place of each, and which rows are of somebody forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.config import Settings
from ai_finops.privacy import user_keys
from ai_finops.privacy.forgotten_rows import is_telling
from ai_finops.privacy.user_keys import FORGOTTEN, UserKeys, landing

MOST_KNOWN = 200_000
"""Users that are remembered from one batch to the next; about 50 MB."""
_ID_COLUMNS = ("trace_id", "request_id", "response_id")


@dataclass(slots=True)
class Users:
    """The users of one landing."""

    _keys: UserKeys
    is_sealed: bool = False
    """Whether ids come as `SealedUsers` left them, of spans that were read elsewhere."""
    keeps: bool = True
    """Whether who made a call is kept at all; a day that is past the retention of that names nobody."""
    _known: dict[str, str | None] = field(default_factory=dict)
    _forgotten_ids: frozenset[str] | None = None

    def named(self, said: Iterable[str | None]) -> dict[str | None, str | None]:
        """Return what stands in the place of each id as it was said; blanks around it do not count, and a blank is none."""
        said = list(dict.fromkeys(said))
        return dict(zip(said, self._named(said), strict=True))

    def hide(self, spans: pa.Table) -> pa.Table:
        """Return spans with pseudonyms in column `user_id`; where nobody is named any more, without conversations too."""
        if not self.keeps:
            nobody = pa.nulls(len(spans), pa.string())
            spans = spans.set_column(spans.schema.get_field_index("journey_id"), "journey_id", nobody)
        return _renamed(spans, self._named)

    def forgotten_traces(self, spans: pa.Table) -> set[str]:
        """Return the traces, of spans with pseudonyms, that are a forgotten user's: who is named in one, or by its ids."""
        is_theirs = pc.fill_null(pc.equal(spans["user_id"], FORGOTTEN), False)
        if known := self.forgotten_ids:
            ids = pa.array(sorted(known), pa.string())
            for name in _ID_COLUMNS:
                is_theirs = pc.or_(is_theirs, pc.is_in(spans[name], value_set=ids))
        return set(pc.unique(spans["trace_id"].filter(is_theirs)).to_pylist()) - {None}

    @property
    def forgotten_ids(self) -> frozenset[str]:
        """Traces, requests and answers that are known to be a forgotten user's."""
        if self._forgotten_ids is None:
            self._forgotten_ids = self._keys.forgotten_ids()
        return self._forgotten_ids

    def remember_ids(self, ids: Iterable[str | None]) -> None:
        """Note traces, requests and answers as a forgotten user's."""
        new = {each for each in ids if is_telling(each)} - self.forgotten_ids
        if new:
            self._keys.remember_ids(new)
            self._forgotten_ids = self.forgotten_ids | new

    def _named(self, said: list[str | None]) -> list[str | None]:
        """Return what stands in the place of each of these, no two of which are the same."""
        if len(self._known) > MOST_KNOWN:
            self._known.clear()
        known = self._known
        if new := [each for each in said if each not in known]:
            stripped = {each: (each or "").strip() for each in new}
            ask = self._keys.pseudonyms_of_sealed if self.is_sealed else self._keys.pseudonyms
            pseudonyms = ask(filter(None, set(stripped.values())))
            known.update((each, pseudonyms.get(user_id)) for each, user_id in stripped.items())
        named = [known[each] for each in said]
        return named if self.keeps else [each if each == FORGOTTEN else None for each in named]


@dataclass(slots=True)
class SealedUsers:
    """Seals the ids of users on a machine that has the deployment's secret and not its keys."""

    _secret: bytes

    def hide(self, spans: pa.Table) -> pa.Table:
        """Return spans with seals in column `user_id`; blanks around an id do not count, and a blank is none."""

        seal = user_keys.hash_of_users(self._secret)
        return _renamed(
            spans,
            lambda said: [seal(user_id).hex() if (user_id := (each or "").strip()) else None for each in said],
        )


def _renamed(spans: pa.Table, name: Callable[[list[str | None]], list[str | None]]) -> pa.Table:
    at = spans.schema.get_field_index("user_id")
    column = spans.column(at)
    if column.null_count == len(column):
        return spans
    said = column.combine_chunks().dictionary_encode()
    names = pa.array(name(said.dictionary.to_pylist()), pa.string())
    return spans.set_column(at, "user_id", names.take(said.indices))


@contextmanager
def landing_users(day: date, *, settings: Settings, as_of: date, is_sealed: bool = False) -> Iterator[Users]:
    """Open the users of the landing of a day, as of a date that tells whether the day may still name them.

    Args:
        is_sealed: Whether `SealedUsers` had the spans before.
    Raises:
        LakeError: The keys cannot be read or written.
        SettingsError: They were made with another secret.
    """
    with landing(settings) as keys:
        yield Users(keys, is_sealed=is_sealed, keeps=day >= first_day_with_users(settings, as_of=as_of))


def first_day_with_users(settings: Settings, *, as_of: date) -> date:
    """Return the first landing day whose calls still say who they were for."""
    return as_of - timedelta(days=settings.user_retention_days)
