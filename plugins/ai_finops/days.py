"""Days, weeks and months as the pipeline counts them: UTC days, ISO weeks, calendar months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ai_finops.errors import SettingsError


def parse_day(text: str, *, what: str = "day") -> date:
    """Read `YYYY-MM-DD`.

    Raises:
        SettingsError: The text is not such a date; the message names `what` and the text.
    """
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"{what} {text!r} is not a date; write it as YYYY-MM-DD") from error


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield each day from `first` to `last`, both included; nothing when `last` is earlier."""
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def week_start(day: date) -> date:
    """Return the Monday of the ISO week that holds `day`."""
    return day - timedelta(days=day.weekday())


def month_start(day: date) -> date:
    """Return the first day of the month that holds `day`."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """Return the last day of the month that holds `day`."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def billing_period(day: date) -> str:
    """Return the billing period, `YYYY-MM`, that holds `day`."""
    return f"{day:%Y-%m}"


def morning_after(day: date) -> date:
    """Return the clock, `as_of`, of a run about `day`: the morning after, whenever the run really happens."""
    return day + timedelta(days=1)
