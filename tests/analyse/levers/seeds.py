"""What people decide, for tests of levers: assumptions and efforts by hand."""

from ai_finops.analyse.levers.assumptions import Assumption, Assumptions
from ai_finops.analyse.levers.efforts import Effort, Efforts
from ai_finops.analyse.levers.opportunity import LEVERS


def assumptions(**values: float) -> Assumptions:
    """Assumptions for every feature, by name."""
    return Assumptions({(name, "*"): Assumption(value, "unit", "own", True) for name, value in values.items()})


def efforts(**person_days: float) -> Efforts:
    """Efforts of every lever: 5 person-days and 1 a month, unless given otherwise."""
    return Efforts({lever: Effort(f"build {lever}", person_days.get(lever, 5), f"keep {lever}", 1) for lever in LEVERS})
