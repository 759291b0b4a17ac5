"""One thing that could be done to save, in dollars a month, with what speaks for and against it; and the order to do them in.

**Rank.** Open and measured first, then open and not, then rejected; of equals the larger saving. A lever's figures are its
own: two levers on the same calls do not add up, because what one has saved the other cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from ai_finops.analyse.schemas import to_money

WINDOW_DAYS = 7
WEEKS_PER_MONTH = 365 / 12 / 7
SMALLEST_SAVING_USD = Decimal(1)
"""Below it, a month, nothing is worth a decision."""
LEVERS = (
    "routing_by_task_type",
    "confidence_cascade",
    "semantic_cache",
    "prompt_cache",
    "distillation",
    "cache_and_distillation",
    "batch_or_flex",
    "unused_context",
    "redundant_reranker",
    "verbose_output",
)


@dataclass(frozen=True, slots=True)
class Opportunity:
    """One lever on one feature; costs and savings in US dollars a month, running costs of the lever taken off the saving."""

    lever: str
    feature_id: str
    about: tuple[str, ...]
    """What tells it from others of its lever and feature: task type, models, similarity; may be empty."""
    current_usd: float
    """What the calls that it acts on cost today."""
    target_usd: float | None
    """What they would cost; None where that has no price."""
    saving_usd: float
    low_saving_usd: float
    high_saving_usd: float
    evidence: str
    effort: str
    task_type: str | None = None
    current_model_id: str | None = None
    target_model_id: str | None = None
    ratio_name: str | None = None
    """What the lever turns on, such as right_hit_ratio or escalation_ratio."""
    ratio: float | None = None
    break_even_ratio: float | None = None
    """The value of that ratio at which nothing is saved, computed from prices."""
    agreement_ratio: float | None = None
    agreement_sample_count: int = 0
    head_ratio: float | None = None
    """Share of queries that a cache answers rightly; None where the lever has none."""
    torso_ratio: float | None = None
    """Behind a cache, the share that a distilled model answers."""
    tail_ratio: float | None = None
    """The share that stays as it is then."""
    upfront_cost_usd: float | None = None
    """What has to be paid once before it saves; None where nothing is."""
    missing_evidence: str | None = None
    is_measured: bool = False
    """Whether what it rests on was measured on these calls, and often enough."""
    reason: str | None = None
    """Why it is not worth doing; None while it is open."""

    @property
    def opportunity_id(self) -> str:
        """The same for the same opportunity on any date."""
        return ":".join((self.lever, self.feature_id, *self.about))

    @property
    def break_even_weeks(self) -> float | None:
        """Weeks until what was paid once has come back; None where nothing was, or it never does."""
        if not self.upfront_cost_usd or self.saving_usd <= 0:
            return None
        return self.upfront_cost_usd / (self.saving_usd / WEEKS_PER_MONTH)

    def rejected(self, reason: str) -> Opportunity:
        """Return this with a reason against it."""
        return replace(self, reason=reason)


def too_small(opportunity: Opportunity) -> Opportunity:
    """Reject what saves less than a decision is worth, unless something else speaks against it already."""
    if opportunity.reason is None and to_money(opportunity.saving_usd) < SMALLEST_SAVING_USD:
        return opportunity.rejected(f"saves less than ${SMALLEST_SAVING_USD} a month")
    return opportunity


def one_target_each(found: Iterable[Opportunity]) -> list[Opportunity]:
    """Calls can be moved only once: of a lever's several open targets for the same calls the first in rank stays open."""
    first: dict[tuple, str | None] = {}
    kept = []
    for each in sorted(found, key=in_order):
        calls = (each.lever, each.feature_id, each.task_type, each.current_model_id)
        better = first.setdefault(calls, each.target_model_id) if each.reason is None else None
        if better not in (None, each.target_model_id):
            each = each.rejected(f"{better} is the better target for the same calls")
        kept.append(each)
    return kept


def ranked(opportunities: Iterable[Opportunity], *, as_of: date, owners: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield rows of `schemas.SAVINGS` for one date, rank 1 first."""
    for rank, found in enumerate(sorted(opportunities, key=in_order), 1):
        low, high = sorted((found.low_saving_usd, found.high_saving_usd))
        yield {
            "as_of_date": as_of,
            "opportunity_id": found.opportunity_id,
            "feature_id": found.feature_id,
            "lever": found.lever,
            "task_type": found.task_type,
            "current_model_id": found.current_model_id,
            "target_model_id": found.target_model_id,
            "current_cost_usd_per_month": to_money(found.current_usd),
            "target_cost_usd_per_month": None if found.target_usd is None else to_money(found.target_usd),
            "saving_usd_per_month": to_money(found.saving_usd),
            "low_saving_usd_per_month": to_money(low),
            "high_saving_usd_per_month": to_money(high),
            "ratio_name": found.ratio_name,
            "ratio": found.ratio,
            "break_even_ratio": found.break_even_ratio,
            "head_ratio": found.head_ratio,
            "torso_ratio": found.torso_ratio,
            "tail_ratio": found.tail_ratio,
            "agreement_ratio": found.agreement_ratio,
            "agreement_sample_count": found.agreement_sample_count,
            "upfront_cost_usd": None if found.upfront_cost_usd is None else to_money(found.upfront_cost_usd),
            "break_even_weeks": found.break_even_weeks,
            "evidence": found.evidence,
            "missing_evidence": found.missing_evidence,
            "effort": found.effort,
            "owner": owners.get(found.feature_id) or "nobody named",
            "status": "open" if found.reason is None else "rejected",
            "reason": found.reason,
            "is_measured": found.is_measured,
            "rank": rank,
        }


def in_order(found: Opportunity) -> tuple:
    """Return the key that puts opportunities into the order of their rank."""
    return found.reason is not None, not found.is_measured, -to_money(found.saving_usd), found.opportunity_id
