"""Reading one result of a report field by field, and noticing the fields that nobody read.

A field that is null, or an empty text, is not said. What cannot be read as what it must be stops the landing: a bill with a
number left out is wrong and looks right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from ai_finops.errors import SourceBroken

MOST_COUNTED = 10**15
"""A day's count above this is absurd."""
_SCALE = Decimal("1e-12")
_LAKE = Context(prec=38, rounding=ROUND_HALF_EVEN)
_WIDE = Context(prec=100)
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def exact_decimal(said: str | int | Decimal, *, power_of_ten: int = 0) -> Decimal:
    """Return a number times a power of ten as the lake's decimal(38, 12).

    It is exact, or rounded half to even where it has more than twelve decimals.

    Raises:
        ValueError: It is no number, not finite, or has more than 26 digits before the point.
    """
    is_number = isinstance(said, (int, Decimal)) and not isinstance(said, bool)
    is_text = isinstance(said, str) and _NUMBER.fullmatch(said)
    if not (is_number or is_text) or not Decimal(said).is_finite():
        raise ValueError(f"{said!r} is no number")
    try:
        return Decimal(said).scaleb(power_of_ten, context=_WIDE).quantize(_SCALE, context=_LAKE)
    except ArithmeticError:
        raise ValueError(f"{said!r} does not fit into 26 digits before the point") from None


class SaidFields:
    """The fields of one JSON object.

    Args:
        said: The object.
        place: Where it is, for messages: `OpenAI costs 2025-06-04, result 3`.
    Raises:
        SourceBroken: It is no object. Each reader raises it too, with the place and the field.
    """

    def __init__(self, said: Any, *, place: str, prefix: str = "") -> None:
        self._said, self._place, self._prefix = said, place, prefix
        if not isinstance(said, dict):
            raise self.broken(f"{prefix.rstrip('.') or 'it'} is no object")
        self._read: set[str] = set()
        self._parts: list[SaidFields] = []

    def text(self, name: str, *, is_required: bool = False) -> str | None:
        """Return a text; None when it is not said."""
        said = self._get(name, is_required)
        if said is not None and not isinstance(said, str):
            raise self._broken(name, said, "is no text")
        return said

    def flag(self, name: str) -> bool | None:
        """Return true or false; None when it is not said."""
        said = self._get(name, False)
        if said is not None and not isinstance(said, bool):
            raise self._broken(name, said, "is neither true nor false")
        return said

    def count(self, name: str, *, is_required: bool = False) -> int | None:
        """Return a count, which is whole, not negative and not absurd; None when it is not said."""
        said = self.decimal(name, is_required=is_required)
        if said is None:
            return None
        if said != said.to_integral_value() or not 0 <= said <= MOST_COUNTED:
            raise self._broken(name, said, f"is no whole number from 0 to {MOST_COUNTED}")
        return int(said)

    def decimal(self, name: str, *, is_required: bool = False, power_of_ten: int = 0) -> Decimal | None:
        """Return a number, said as one or as text, times a power of ten as decimal(38, 12); None when it is not said."""
        said = self._get(name, is_required)
        try:
            return None if said is None else exact_decimal(said, power_of_ten=power_of_ten)
        except ValueError as error:
            raise self._broken(name, said, "is no number that can be kept") from error

    def as_said(self, name: str) -> str | None:
        """Return a number's digits as they were written; None when it is not said."""
        said = self._get(name, False)
        return None if said is None else str(said)

    def part(self, name: str, *, is_required: bool = False) -> SaidFields | None:
        """Return the fields of an object in this one; None when it is not said."""
        said = self._get(name, is_required)
        if said is None:
            return None
        part = SaidFields(said, place=self._place, prefix=f"{self._prefix}{name}.")
        self._parts.append(part)
        return part

    def listed(self, name: str) -> list[Any]:
        """Return a list, which must be there."""
        said = self._get(name, True)
        if not isinstance(said, list):
            raise self._broken(name, said, "is no list")
        return said

    def missing(self, name: str) -> SourceBroken:
        """Return the error that says a field is missing."""
        return self.broken(f"the field {self._prefix}{name} is missing")

    def broken(self, what: str) -> SourceBroken:
        """Return the error that says what is wrong here."""
        return SourceBroken(f"{self._place}: {what}; the API has changed or fails, the old partitions stay")

    def unread(self) -> Iterator[str]:
        """Yield the names of fields that nobody asked for, those of parts as `part.name`."""
        yield from (f"{self._prefix}{name}" for name in self._said if name not in self._read)
        for part in self._parts:
            yield from part.unread()

    def leave(self, *names: str) -> None:
        """Count fields as read that are known and left out on purpose."""
        self._read.update(names)

    def _get(self, name: str, is_required: bool) -> Any:
        self._read.add(name)
        said = self._said.get(name)
        if said is None or said == "":
            if is_required:
                raise self.missing(name)
            return None
        return said

    def _broken(self, name: str, said: Any, why: str) -> SourceBroken:
        shown = repr(said) if isinstance(said, (int, Decimal)) else type(said).__name__
        return self.broken(f"the field {self._prefix}{name} {why} ({shown})")
