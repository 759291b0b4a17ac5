"""Cache and distillation together: the head of the queries from the cache, the torso on a small model, the tail as it is.

**Head** is what the cache answers rightly at the point that it is judged by. **Torso** is the stable share less the head: a
query with one as alike within a day is taken to be among those with one in the week before. **Tail** is the rest. Saving =
the cache's + torso * (current - small model) - hosting; queries of each part are taken to cost alike. It is worth doing
only where it saves more than the better of the two alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.distillation import Distilled
from ai_finops.analyse.levers.efforts import Efforts
from ai_finops.analyse.levers.opportunity import Opportunity, too_small
from ai_finops.analyse.levers.payback import work_usd
from ai_finops.analyse.schemas import to_money

LEVER = "cache_and_distillation"


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of the queries by who answers them; together 1."""

    head_ratio: float
    torso_ratio: float
    tail_ratio: float

    @classmethod
    def of(cls, *, right_hit_ratio: float, stable_ratio: float) -> Split:
        """Return the split of queries of which the cache answers some rightly, and some are stable."""
        torso = max(0.0, stable_ratio - right_hit_ratio)
        return cls(right_hit_ratio, torso, 1 - right_hit_ratio - torso)


def find(
    distilled: Iterable[Distilled],
    *,
    caches: Mapping[str, Opportunity],
    assumptions: Assumptions,
    efforts: Efforts,
) -> list[Opportunity]:
    """Find what both together would save, one per feature of which drift and cache are known.

    Args:
        distilled: Of lever distillation.
        caches: Opportunities of lever semantic_cache by feature, each with its `head_ratio`.
        assumptions: For the price of work.
        efforts: For what it takes.
    """
    return [
        _combined(each, caches[feature], assumptions=assumptions, efforts=efforts)
        for each in distilled
        if (feature := each.opportunity.feature_id) in caches and each.drift
    ]


def _combined(distilled: Distilled, cache: Opportunity, *, assumptions: Assumptions, efforts: Efforts) -> Opportunity:
    alone, effort = distilled.opportunity, efforts.of(LEVER)
    splits = [Split.of(right_hit_ratio=cache.head_ratio or 0.0, stable_ratio=share) for share in distilled.drift.stable]
    cached = (cache.saving_usd, cache.low_saving_usd, cache.high_saving_usd)
    savings = [usd + distilled.money.saving(split.torso_ratio) for usd, split in zip(cached, splits, strict=True)]
    labour = work_usd(LEVER, alone.feature_id, efforts=efforts, assumptions=assumptions)
    found = Opportunity(
        lever=LEVER,
        feature_id=alone.feature_id,
        about=alone.about,
        target_model_id=alone.target_model_id,
        current_usd=cache.current_usd,
        target_usd=None if alone.target_usd is None else cache.current_usd - savings[0],
        saving_usd=savings[0],
        low_saving_usd=min(savings),
        high_saving_usd=max(savings),
        ratio_name="head_and_torso_ratio",
        ratio=splits[0].head_ratio + splits[0].torso_ratio,
        head_ratio=splits[0].head_ratio,
        torso_ratio=splits[0].torso_ratio,
        tail_ratio=splits[0].tail_ratio,
        upfront_cost_usd=distilled.money.training_usd + labour,
        evidence=_evidence(splits[0], distilled, cache),
        missing_evidence="; ".join(filter(None, (alone.missing_evidence, cache.missing_evidence))) or None,
        effort=effort.implementation,
    )
    if (reason := _reason_against(found, alone, cache)) is not None:
        return found.rejected(reason)
    return too_small(found)


def _reason_against(found: Opportunity, distilled: Opportunity, cache: Opportunity) -> str | None:
    if distilled.reason is not None:
        return f"its distilled part does not hold: {distilled.reason}"
    better = max((cache, distilled), key=lambda each: each.saving_usd)
    if to_money(found.saving_usd) <= to_money(better.saving_usd):
        return f"saves ${found.saving_usd:,.2f} a month, and {better.lever} alone ${better.saving_usd:,.2f}"
    return None


def _evidence(split: Split, distilled: Distilled, cache: Opportunity) -> str:
    return (
        f"head {split.head_ratio:.1%} from the cache (${cache.saving_usd:,.2f} a month after its costs), torso "
        f"{split.torso_ratio:.1%} on "
        f"{distilled.money.model_id} (${distilled.money.saving(split.torso_ratio):,.2f} after hosting), tail "
        f"{split.tail_ratio:.1%} as it is"
    )
