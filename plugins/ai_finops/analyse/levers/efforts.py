"""What a lever takes to build and to keep: seed `lever_efforts`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from ai_finops.errors import BuildError


@dataclass(frozen=True, slots=True)
class Effort:
    """In words, and in days of one person; maintenance a month."""

    implementation: str
    implementation_person_days: float
    maintenance: str
    maintenance_person_days_per_month: float


@dataclass(frozen=True, slots=True)
class Efforts:
    """Rows of seed `lever_efforts` by lever."""

    rows: Mapping[str, Effort]

    @classmethod
    def from_table(cls, table: pa.Table) -> Efforts:
        """Read the seed."""
        return cls(
            {
                row["lever"]: Effort(
                    row["implementation_effort"],
                    float(row["implementation_person_days"]),
                    row["maintenance_effort"],
                    float(row["maintenance_person_days_per_month"]),
                )
                for row in table.to_pylist()
            }
        )

    def of(self, lever: str) -> Effort:
        """Return the effort of a lever.

        Raises:
            BuildError: The seed has no row for it.
        """
        if lever not in self.rows:
            raise BuildError(
                f"seed lever_efforts has no row for {lever}; add it to dbt_project/seeds/lever_efforts.csv"
            )
        return self.rows[lever]
