"""What levers take for given where nothing is measured: seed `lever_assumptions`, by name and feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ai_finops.errors import BuildError

EVERY_FEATURE = "*"


@dataclass(frozen=True, slots=True)
class Assumption:
    """One number and where it comes from; `is_default` until somebody has set it for this deployment."""

    value: float
    unit: str
    source: str
    is_default: bool

    def __str__(self) -> str:
        """Say the number, its unit and its origin, as evidence does: `0.4 ratio (article default)`."""
        origin = self.source if not self.is_default or "default" in self.source else f"{self.source}, default"
        return f"{self.value:g} {self.unit} ({origin})"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """Rows of seed `lever_assumptions` by name and feature; a feature's own row goes before the one for every feature."""

    rows: Mapping[tuple[str, str], Assumption]

    @classmethod
    def from_table(cls, table: pa.Table) -> Assumptions:
        """Read the seed: assumption_name, feature_id, value, unit, source, is_default."""
        return cls(
            {
                (row["assumption_name"], row["feature_id"]): Assumption(
                    float(row["value"]), row["unit"], row["source"], bool(row["is_default"])
                )
                for row in table.to_pylist()
            }
        )

    def find(self, name: str, feature_id: str = EVERY_FEATURE) -> Assumption:
        """Return an assumption with its origin: the feature's own, else that of every feature.

        Raises:
            BuildError: The seed has neither row.
        """
        found = self.rows.get((name, feature_id)) or self.rows.get((name, EVERY_FEATURE))
        if found is None:
            raise BuildError(
                f"seed lever_assumptions has no {name} for every feature; add that row, with feature_id {EVERY_FEATURE}, "
                "to dbt_project/seeds/lever_assumptions.csv"
            )
        return found

    def value(self, name: str, feature_id: str = EVERY_FEATURE) -> float:
        """Return the number alone, in the unit of its row.

        Raises:
            BuildError: The seed has no row for it.
        """
        return self.find(name, feature_id).value
