"""What counts as an anomaly of a day's cost, as people decided it in seed `anomaly_rules`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa

from ai_finops.analyse.spend import MICROS
from ai_finops.errors import BuildError

EVERY_FEATURE = "*"
TRAILING_DAYS, SAME_WEEKDAY = "trailing_days", "same_weekday"


@dataclass(frozen=True, slots=True)
class AnomalyRule:
    """The rule of one feature, or of all that have none of their own."""

    baseline_kind: str
    """`trailing_days`, or `same_weekday` where enough of those are known."""
    trailing_day_count: int
    """How many days before the day itself the mean is of, at most."""
    same_weekday_count: int
    """How many weeks back the same weekday is looked for."""
    smallest_known_day_count: int
    """With fewer known days in the mean there is no verdict."""
    anomaly_ratio: Fraction
    """A cost above so many times the mean is an anomaly,"""
    smallest_excess_micros: int
    """if it is above the mean by more than this; micro-dollars."""
    step_day_count: int
    """Anomalies on so many days in a row are a step: the level from then on."""


@dataclass(frozen=True, slots=True)
class AnomalyRules:
    """The rules by feature, with the one for all others."""

    by_feature: dict[str, AnomalyRule]

    @classmethod
    def from_table(cls, rules: pa.Table) -> AnomalyRules:
        """Read rows of seed `anomaly_rules`.

        Raises:
            BuildError: No row is for every feature.
        """
        by_feature = {
            row["feature_id"]: AnomalyRule(
                baseline_kind=row["baseline_kind"],
                trailing_day_count=row["trailing_day_count"],
                same_weekday_count=row["same_weekday_count"],
                smallest_known_day_count=row["smallest_known_day_count"],
                anomaly_ratio=Fraction(Decimal(str(row["anomaly_ratio"]))),
                smallest_excess_micros=int(Decimal(str(row["smallest_excess_cost_usd"])) * MICROS),
                step_day_count=row["step_day_count"],
            )
            for row in rules.to_pylist()
        }
        if EVERY_FEATURE not in by_feature:
            raise BuildError(
                f"seed anomaly_rules has no rule for every feature; "
                f"add a row with feature_id {EVERY_FEATURE} to dbt_project/seeds/anomaly_rules.csv"
            )
        return cls(by_feature)

    def of(self, feature_id: str) -> AnomalyRule:
        """Return the feature's own rule, else the one for every feature."""
        return self.by_feature.get(feature_id, self.by_feature[EVERY_FEATURE])
