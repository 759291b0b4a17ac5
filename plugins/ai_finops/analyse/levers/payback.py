"""Whether what it takes to build comes back: the work of every lever, at the price of a person-day, against its saving.

An opportunity that names no upfront cost of its own costs the person-days of its lever (seed `lever_efforts`) times
assumption `engineer_usd_per_person_day`. An open one whose cost takes longer than `max_break_even_weeks` to come back is
rejected; at the limit it stays open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.efforts import Efforts
from ai_finops.analyse.levers.opportunity import Opportunity


def work_usd(lever: str, feature: str, *, efforts: Efforts, assumptions: Assumptions) -> float:
    """Return USD that building a lever takes once.

    Raises:
        BuildError: A seed lacks the lever's effort or the price of a day; names it.
    """
    days = efforts.of(lever).implementation_person_days
    return days * assumptions.value("engineer_usd_per_person_day", feature)


def too_late(weeks: float | None, *, feature: str, assumptions: Assumptions) -> str | None:
    """Return the reason against what comes back after so many weeks; None up to the limit, or where nothing has to."""
    latest = assumptions.value("max_break_even_weeks", feature)
    if weeks is None or weeks <= latest:
        return None
    return f"what it takes to build comes back after {weeks:,.1f} weeks, {latest:g} is the limit"


def with_work(found: Iterable[Opportunity], *, efforts: Efforts, assumptions: Assumptions) -> list[Opportunity]:
    """Return opportunities with their upfront costs, the open ones that come back too late rejected."""
    return [_with_work(each, efforts=efforts, assumptions=assumptions) for each in found]


def _with_work(found: Opportunity, *, efforts: Efforts, assumptions: Assumptions) -> Opportunity:
    feature = found.feature_id
    if found.upfront_cost_usd is None:
        work = work_usd(found.lever, feature, efforts=efforts, assumptions=assumptions)
        found = replace(found, upfront_cost_usd=work)
    reason = too_late(found.break_even_weeks, feature=feature, assumptions=assumptions)
    return found if found.reason is not None or reason is None else found.rejected(reason)
