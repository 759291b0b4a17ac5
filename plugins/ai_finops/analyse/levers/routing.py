"""Routing by task type: a task's calls on a cheaper model, priced by the tokens that it uses, else by those of the calls.

**Saving** is the difference of the two costs * the share of shadow comparisons in which the target did no worse; low and high
use the ends of that share's 95 % Wilson interval. Without any comparison the whole difference stands as saving and high end, 0
as the low, and the row says what evidence is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai_finops.analyse.agreement import Agreement, Route
from ai_finops.analyse.levers.opportunity import (
    WEEKS_PER_MONTH,
    WINDOW_DAYS,
    Opportunity,
    too_small,
)
from ai_finops.analyse.levers.targets import Move
from ai_finops.analyse.levers.token_use import SameTokens

LEVER = "routing_by_task_type"


def find(moves: Sequence[tuple[Mapping[str, Any], Move]], *, agreement: Mapping[Route, Agreement]) -> list[Opportunity]:
    """Find what each route would save.

    Args:
        moves: A row of seed `routing_targets` and a group of calls priced on its target (`targets.moves`), of each route.
        agreement: Shadow comparisons made before the date.
    """
    return [_opportunity(move, target=target, agreement=agreement) for target, move in moves]


def _opportunity(move: Move, *, target: Mapping[str, Any], agreement: Mapping[Route, Agreement]) -> Opportunity:
    """Judge one group against one target."""
    group, model = move.group, move.target_model_id
    measured = agreement.get(Route(group.task_type, group.model_id, model))
    shares = (measured.ratio, *measured.interval) if measured else (1.0, 0.0, 1.0)
    # Without a price there is no difference: 0 is the saving that can be shown, and the row is rejected.
    difference = 0.0 if move.target_usd is None else (move.current_usd - move.target_usd) * WEEKS_PER_MONTH
    saving, low, high = (difference * share for share in shares)
    found = Opportunity(
        lever=LEVER,
        feature_id=group.feature_id,
        about=(group.task_type, group.model_id, model),
        task_type=group.task_type,
        current_model_id=group.model_id,
        target_model_id=model,
        current_usd=move.current_usd * WEEKS_PER_MONTH,
        target_usd=None if move.target_usd is None else move.target_usd * WEEKS_PER_MONTH,
        saving_usd=saving,
        low_saving_usd=low,
        high_saving_usd=high,
        agreement_ratio=measured.ratio if measured else None,
        agreement_sample_count=measured.sample_count if measured else 0,
        evidence=_evidence(move, agreement=measured),
        missing_evidence=_missing_evidence(move, target=target, agreement=measured),
        effort=target["effort"],
        is_measured=bool(measured and measured.sample_count >= target["min_samples"]),
        reason=_reason_against(move, target=target, agreement=measured),
    )
    return too_small(found)


def _reason_against(move: Move, *, target: Mapping[str, Any], agreement: Agreement | None) -> str | None:
    """Say why this is not worth doing; None when nothing speaks against it."""
    if move.target_usd is None:
        return "the target has no price for tokens these calls used"
    if move.target_usd >= move.current_usd:
        prices = f"${move.target_usd:,.2f} against ${move.current_usd:,.2f} a week"
        if isinstance(move.token_use, SameTokens):
            return f"the target is not cheaper: {prices} on the same tokens"
        return f"the target is not cheaper per answer: {prices} with the tokens that it uses"
    return None if agreement is None else _reason_of_quality(agreement, target=target)


def _reason_of_quality(agreement: Agreement, *, target: Mapping[str, Any]) -> str | None:
    """Few comparisons cannot show that a target is good enough, but may show that it is not."""
    limit, (low, high) = float(target["min_agreement_ratio"]), agreement.interval
    if high < limit:
        return f"no worse in {high:.1%} of comparisons at most, wanted are {limit:.1%}"
    if agreement.sample_count >= target["min_samples"] and low < limit:
        return f"no worse in {low:.1%} of comparisons at least, wanted are {limit:.1%}"
    return None


def _evidence(move: Move, *, agreement: Agreement | None) -> str:
    days = f"{len(move.days)} of the trailing {WINDOW_DAYS} days"
    tier = f"{move.expensive_ratio:.1%} of the feature's {move.group.task_type} calls are on the expensive tier"
    text = f"{move.call_count:,} calls on {days}, {move.basis}, times 365/12/7 for a month; {tier}"
    if agreement is None:
        return text
    low, high = agreement.interval
    compared = f"{agreement.no_worse_count:,} of {agreement.sample_count:,} shadow comparisons of this task type"
    shares = f"{agreement.ratio:.1%}, 95 % interval {low:.1%} to {high:.1%}"
    return f"{text}; no worse in {compared}, all features ({shares}){_if_all_moved(move, agreement=agreement)}"


def _if_all_moved(move: Move, *, agreement: Agreement) -> str:
    """Say what the target cost means: every call moved, and with it the answers that get worse."""
    if move.target_usd is None or move.target_usd >= move.current_usd:
        return ""
    less = (move.current_usd - move.target_usd) * WEEKS_PER_MONTH
    worse = (1 - agreement.ratio) * move.call_count * WEEKS_PER_MONTH
    return f"; all moved it is ${less:,.2f} less a month, with about {worse:,.0f} worse answers"


def _missing_evidence(move: Move, *, target: Mapping[str, Any], agreement: Agreement | None) -> str | None:
    missing = []
    if agreement is None:
        missing.append("no shadow comparison of these two models on this task type: quality is not known")
    elif agreement.sample_count < target["min_samples"]:
        missing.append(f"{agreement.sample_count} of the {target['min_samples']} shadow comparisons wanted")
    if move.filled_in:
        classes = ", ".join(sorted(move.filled_in))
        missing.append(f"the target has no price of its own for {classes}: taken as other input")
    return "; ".join(missing) or None
