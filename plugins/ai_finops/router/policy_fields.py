"""Reading one field after the other of a policy's mapping, and refusing what is not allowed there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ai_finops.router.policy_values import Value, shown


class Fields:
    """The fields of one mapping. Each reader refuses, with the line, what is of another kind or out of range."""

    def __init__(self, value: Value, *, allowed: Iterable[str], required: Iterable[str] = ()) -> None:
        """Refuse a value that is no mapping, keys that are not allowed, and required ones that are missing."""
        allowed = tuple(allowed)
        self._value = value
        self._fields = as_mapping(value, what=f"a mapping of {', '.join(allowed)}")
        for key, field in self._fields.items():
            if key not in allowed:
                near = get_close_matches(key, allowed, n=1)
                hint = f"did you mean `{near[0]}`?" if near else f"allowed: {', '.join(allowed)}"
                field.refuse(f"is not known here; {hint}")
        for key in required:
            if key not in self._fields:
                value.refuse(f"`{key}` is missing")

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def __getitem__(self, key: str) -> Value:
        return self._fields[key]

    def text(self, key: str, *, default: str | None = None) -> str:
        """Return a text that is not empty."""
        if key not in self._fields and default is not None:
            return default
        return as_text(self._fields[key])

    def choice(self, key: str, allowed: Iterable[str], *, default: str | None = None) -> str:
        """Return one of the allowed texts."""
        if key not in self._fields and default is not None:
            return default
        return as_choice(self._fields[key], allowed)

    def number(self, key: str, *, low: float, high: float, default: float | None = None) -> float:
        """Return a number from `low` to `high`, both allowed."""
        if key not in self._fields and default is not None:
            return default
        return as_number(self._fields[key], low=low, high=high)

    def optional_number(self, key: str, *, low: float, high: float) -> float | None:
        """Return a number, or None where the field is missing."""
        return as_number(self._fields[key], low=low, high=high) if key in self._fields else None

    def whole(self, key: str, *, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number from `low` to `high`, both allowed."""
        if key not in self._fields and default is not None:
            return default
        value = self._fields[key]
        if isinstance(value.content, bool) or not isinstance(value.content, int):
            value.refuse(f"has to be a whole number from {low} to {high} and is {_shown(value)}")
        return int(as_number(value, low=low, high=high))

    def boolean(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        if key not in self._fields:
            return default
        value = self._fields[key]
        if not isinstance(value.content, bool):
            value.refuse(f"has to be true or false and is {_shown(value)}")
        return value.content


def as_mapping(value: Value, *, what: str) -> dict[str, Value]:
    """Return the fields of a mapping."""
    if not isinstance(value.content, dict):
        value.refuse(f"has to be {what} and is {_shown(value)}")
    return value.content


def as_list(value: Value, *, what: str) -> list[Value]:
    """Return the values of a list."""
    if not isinstance(value.content, list):
        value.refuse(f"has to be {what} and is {_shown(value)}")
    return value.content


def as_text(value: Value) -> str:
    """Return a text that is not empty."""
    if not isinstance(value.content, str) or not value.content.strip():
        value.refuse(f"has to be a text and is {_shown(value)}")
    return value.content


def as_choice(value: Value, allowed: Iterable[str]) -> str:
    """Return one of the allowed texts."""
    allowed = tuple(allowed)
    if value.content not in allowed or not isinstance(value.content, str):
        value.refuse(f"{_shown(value)} is not known; allowed: {', '.join(allowed)}")
    return value.content


def as_number(value: Value, *, low: float, high: float) -> float:
    """Return a number from `low` to `high`, both allowed."""
    content = value.content
    is_number = isinstance(content, int | float) and not isinstance(content, bool)
    if not is_number or not low <= content <= high:  # NaN is in no range
        value.refuse(f"has to be a number from {low:g} to {high:g} and is {_shown(value)}")
    return float(content)


def _shown(value: Value) -> str:
    """Say a value in a few words, and never all of a long one."""
    content = value.content
    if isinstance(content, dict):
        return "a mapping"
    if isinstance(content, list):
        return "a list"
    if content is None:
        return "empty"
    return shown(content)
