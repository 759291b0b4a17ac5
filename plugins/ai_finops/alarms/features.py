"""The features that alarms are for: those of seed `features` that exist on a day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ai_finops.alarms.seeds import seed_rows
from ai_finops.days import parse_day
from ai_finops.errors import SettingsError

_COLUMNS = ("feature_id", "display_name", "owner", "first_date", "last_date")


@dataclass(frozen=True, slots=True)
class Feature:
    """A product feature, or one of the two rows of cost without a feature."""

    feature_id: str
    display_name: str
    owner: str
    first_date: date | None
    """First day in production; None where nobody has said."""
    last_date: date | None
    """Last day in production; None while it is."""

    def exists_on(self, day: date) -> bool:
        """Return whether the feature is in production on `day`; the first and the last day included."""
        return (self.first_date or day) <= day <= (self.last_date or day)


def read_features(path: Path) -> list[Feature]:
    """Read seed `features`.

    Raises:
        SettingsError: It cannot be read, or a date in it is none.
    """
    return [
        Feature(
            row["feature_id"],
            row["display_name"],
            row["owner"],
            _day(row["first_date"], what=f"{where}: first_date"),
            _day(row["last_date"], what=f"{where}: last_date"),
        )
        for where, row in seed_rows(path, columns=_COLUMNS)
    ]


def existing(features: Iterable[Feature], *, day: date) -> list[Feature]:
    """Return the features that exist on `day`.

    Raises:
        SettingsError: None does. That is a wrong file rather than a company without features, and all alarms would go.
    """
    found = [feature for feature in features if feature.exists_on(day)]
    if not found:
        raise SettingsError(
            f"seed features has no feature that exists on {day}; no alarm was touched, correct the seed"
        )
    return found


def _day(text: str, *, what: str) -> date | None:
    return parse_day(text, what=what) if text else None
