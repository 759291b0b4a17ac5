"""How a value stands in a cell: for people, and exactly. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from ai_finops.report.wording import MOST_NAME_LENGTH, dollars, one_line, small_dollars
from ai_finops.ui.page.status_words import status_group
from ai_finops.ui.view import Value
from ai_finops.ui.words import name_words

NUMERIC = frozenset({"usd", "usd_small", "ratio", "times", "count", "number"})
"""Kinds that stand on the right, digit below digit."""
UNKNOWN = "–"
_MOST_SENTENCE = 2000
"""Characters of a definition, or of what an opportunity rests on; none is longer and meant."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One value, written."""

    text: str
    exact: str | None = None
    """What the text leaves out; None where it is all there is."""
    is_known: bool = True
    status: str | None = None
    """`good`, `watch`, `bad` or `none` for a status: its colour and its shape."""


def write(value: Value, kind: str, names: Mapping[str, str] | None = None) -> Cell:
    """Write a value of a kind that `view.Column` names; an unknown kind is text, None is a dash that says so.

    Args:
        value: As it is read.
        kind: How it is written.
        names: Of kind `name`, what people call a value.
    """
    if value is None or (isinstance(value, float) and value != value):
        return Cell(UNKNOWN, "not known", is_known=False)
    match kind:
        case "usd" if isinstance(value, int | float | Decimal):
            return _number(dollars(_decimal(value)), value)
        case "usd_small" if isinstance(value, int | float | Decimal):
            return _number(small_dollars(_decimal(value)), value)
        case "ratio" if isinstance(value, int | float | Decimal):
            return _number(percent(value), value)
        case "times" if isinstance(value, int | float | Decimal):
            return _number(times(value), value)
        case "count" if isinstance(value, int | float | Decimal):
            return _number(f"{_decimal(value):,.0f}", value)
        case "number" if isinstance(value, int | float | Decimal):
            return _number(plain_number(value), value)
        case "month" if isinstance(value, date):
            return Cell(f"{value:%B %Y}")
        case "datetime" if isinstance(value, datetime):
            return Cell(f"{value:%Y-%m-%d %H:%M} UTC", value.isoformat())
        case "flag":
            return Cell("yes" if value else "no")
        case "name":
            return _named(str(value), names)
        case "status":
            return Cell(one_line(str(value)).replace("_", " "), status=status_group(str(value)))
        case _:
            return _text(value.isoformat() if isinstance(value, date) else str(value))


def percent(value: float | Decimal) -> str:
    """Write a ratio in per cent with one decimal; what is not quite nothing is not written as such."""
    hundredfold = _decimal(value) * 100
    if hundredfold and abs(hundredfold) < Decimal("0.05"):
        return "<0.1%" if hundredfold > 0 else ">-0.1%"
    return f"{hundredfold.quantize(Decimal('0.1'), rounding=ROUND_HALF_UP):,}%"


def times(value: float | Decimal) -> str:
    """Write a quotient that may be above one, with two decimals; what is not quite nothing is not written as such."""
    size = _decimal(value)
    if size and abs(size) < Decimal("0.005"):
        return "<0.01×" if size > 0 else ">-0.01×"
    return f"{size.quantize(Decimal('0.01'), rounding=ROUND_HALF_UP):,}×"


def plain_number(value: float | Decimal) -> str:
    """Write a number with as many decimals as its size asks for: 1,234 · 12.3 · 1.23 · 0.0123."""
    size = abs(_decimal(value))
    if size == size.to_integral_value() or size >= 1000:
        return f"{_decimal(value):,.0f}"
    decimals = 1 if size >= 10 else 2 if size >= 1 else 4
    return f"{_decimal(value):,.{decimals}f}"


def _text(words: str) -> Cell:
    """Write a text on one line: a sentence whole, of a name as much as one may have."""
    return Cell(one_line(words, most=_MOST_SENTENCE if " " in words else MOST_NAME_LENGTH))


def _named(name: str, names: Mapping[str, str] | None) -> Cell:
    """Write what people call a thing; its id, where that is something else, is the exact value."""
    cell = _text(name_words(name, names))
    return cell if cell.text == one_line(name) else Cell(cell.text, one_line(name))


def _number(text: str, value: float | Decimal) -> Cell:
    exact = format(value, "f") if isinstance(value, Decimal) else repr(value)
    return Cell(text, exact if exact != text else None)


def _decimal(value: float | Decimal) -> Decimal:
    return value if isinstance(value, Decimal) else Decimal(str(value))
