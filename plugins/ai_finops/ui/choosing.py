"""What an address chooses of a view. Anybody can write an address: what it names and is not there counts as not said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from ai_finops.ui.view import Choice, Filter

ALL = "all"

Chosen = Mapping[str, Sequence[str]]


def choose_one(
    chosen: Chosen, name: str, label: str, choices: Iterable[Choice], *, default: str | None = None
) -> Filter:
    """Return a filter with one value: the first one of the address that is a choice, else `default`, else the first choice.

    Without choices, or with a default that is none of them, nothing is chosen: `Filter.chosen` is empty.
    """
    choices = tuple(choices)
    known = {choice.value for choice in choices}
    fallback = default if default is not None else next((choice.value for choice in choices), None)
    wanted = [value for value in (*chosen.get(name, ()), fallback) if value in known]
    return Filter(name, label, choices, tuple(wanted[:1]))


def value_of(choice: Filter) -> str | None:
    """Return the one value that is chosen; None where nothing is, or everything."""
    return next((value for value in choice.chosen if value != ALL), None)


def or_all(choices: Iterable[Choice], *, label: str) -> tuple[Choice, ...]:
    """Return the choices after one for all of them."""
    return (Choice(ALL, label), *choices)


def plain(values: Iterable[str]) -> tuple[Choice, ...]:
    """Return choices that are called what they are."""
    return tuple(Choice(value, value) for value in values)


def months(values: Iterable[date]) -> tuple[Choice, ...]:
    """Return months by their first days: `2025-06`, read as `June 2025`."""
    return tuple(Choice(f"{month:%Y-%m}", f"{month:%B %Y}") for month in values)


def month_of(choice: Filter) -> date | None:
    """Return the first day of the month that is chosen."""
    value = value_of(choice)
    return None if value is None else date.fromisoformat(f"{value}-01")
