"""Confidence cascade: the cheap model answers first, and what it is not sure of goes to the expensive one as well.

**Cost** of an answer = cheap + p * expensive, where p is the share that escalates. It saves while p < 1 - cheap / expensive,
which is the break-even; at it, and above, it is rejected. p is what a router logged; else what shadow comparisons say at
best: the share in which the cheap model did worse, as if its confidence told exactly those. Low and high take the ends of p's
95 % Wilson interval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from ai_finops.analyse.agreement import Agreement, Route, wilson_interval
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import LONGEST_WINDOW_DAYS
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, WINDOW_DAYS, Opportunity, too_small
from ai_finops.analyse.levers.targets import Move
from ai_finops.analyse.schemas import to_money

LEVER = "confidence_cascade"


class Cascade(NamedTuple):
    """Whose answers, and the model that is asked first: how sure it is does not turn on where the others go."""

    feature_id: str
    task_type: str
    cheap_model_id: str


@dataclass(frozen=True, slots=True)
class Escalations:
    """Answers that went on to the expensive model, of all; logged by a router, or inferred from shadow comparisons."""

    escalated_count: int
    answer_count: int
    is_logged: bool

    @property
    def ratio(self) -> float:
        """Share that escalates; there is at least one answer."""
        return self.escalated_count / self.answer_count

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end of the share's 95 % Wilson interval."""
        return wilson_interval(self.escalated_count, sample_count=self.answer_count)


def count_logged(rows: Iterable[Mapping[str, Any]], *, before: date) -> dict[Cascade, Escalations]:
    """Count what routers logged in the `LONGEST_WINDOW_DAYS` days before a date: a policy that is long gone says little.

    Args:
        rows: usage_date, feature_id, task_type, cheap_model_id, answer_count and escalated_count of a day.
    """
    found: dict[Cascade, Escalations] = {}
    first = before - timedelta(days=LONGEST_WINDOW_DAYS)
    for row in rows:
        if not first <= row["usage_date"] < before or not row["answer_count"]:
            continue
        cascade = Cascade(*(row[name] for name in Cascade._fields))
        known = found.get(cascade, Escalations(0, 0, is_logged=True))
        found[cascade] = Escalations(
            known.escalated_count + row["escalated_count"], known.answer_count + row["answer_count"], is_logged=True
        )
    return found


def find(
    moves: Sequence[tuple[Mapping[str, Any], Move]],
    *,
    agreement: Mapping[Route, Agreement],
    logged: Mapping[Cascade, Escalations],
    assumptions: Assumptions,
) -> list[Opportunity]:
    """Find what a cascade along each route would save.

    Args:
        moves: As for routing: a cascade goes to the same cheap models.
        agreement: Shadow comparisons made before the date.
        logged: What routers logged before the date.
        assumptions: For the smallest sample.
    """
    return [
        _opportunity(
            move,
            target=target,
            compared=agreement.get(Route(move.group.task_type, move.group.model_id, move.target_model_id)),
            logged=logged.get(_cascade(move)),
            assumptions=assumptions,
        )
        for target, move in moves
    ]


def _cascade(move: Move) -> Cascade:
    group = move.group
    return Cascade(group.feature_id, group.task_type, move.target_model_id)


def _inferred(compared: Agreement | None) -> Escalations | None:
    """Return how often answers would have to escalate by what was compared: each that was worse."""
    if compared is None:
        return None
    return Escalations(compared.sample_count - compared.no_worse_count, compared.sample_count, is_logged=False)


def _opportunity(
    move: Move,
    *,
    target: Mapping[str, Any],
    compared: Agreement | None,
    logged: Escalations | None,
    assumptions: Assumptions,
) -> Opportunity:
    group, escalations = move.group, logged or _inferred(compared)
    wanted = assumptions.value("escalation_min_samples", group.feature_id)
    # Without prices or a share nothing can be shown: 0 is the saving, and the row is rejected.
    saving, low, high = _savings(move, escalations) if escalations and move.target_usd is not None else (0.0, 0.0, 0.0)
    current = move.current_usd * WEEKS_PER_MONTH
    found = Opportunity(
        lever=LEVER,
        feature_id=group.feature_id,
        about=(group.task_type, group.model_id, move.target_model_id),
        task_type=group.task_type,
        current_model_id=group.model_id,
        target_model_id=move.target_model_id,
        current_usd=current,
        target_usd=current - saving if escalations and move.target_usd is not None else None,
        saving_usd=saving,
        low_saving_usd=low,
        high_saving_usd=high,
        ratio_name="escalation_ratio",
        ratio=escalations.ratio if escalations else None,
        break_even_ratio=_break_even(move),
        agreement_ratio=compared.ratio if compared else None,
        agreement_sample_count=compared.sample_count if compared else 0,
        evidence=_evidence(move, escalations),
        missing_evidence=_missing_evidence(move, escalations, wanted=wanted),
        effort=f"medium: a confidence for each answer and a threshold; {target['effort']}",
        is_measured=bool(escalations and escalations.is_logged and escalations.answer_count >= wanted),
        reason=_reason_against(move, escalations),
    )
    return too_small(found)


def _savings(move: Move, escalations: Escalations) -> tuple[float, float, float]:
    """Return saving, low and high, USD a month: of three shares that escalate."""
    least, most = escalations.interval
    shares = (escalations.ratio, most, least)
    saving, low, high = (move.current_usd - (move.target_usd + share * move.current_usd) for share in shares)
    return saving * WEEKS_PER_MONTH, low * WEEKS_PER_MONTH, high * WEEKS_PER_MONTH


def _break_even(move: Move) -> float | None:
    """Return the share of answers at whose escalation nothing is saved; None without a price, 0 where cheap is not cheap."""
    if move.target_usd is None or not move.current_usd:
        return None
    return max(0.0, 1 - move.target_usd / move.current_usd)


def _reason_against(move: Move, escalations: Escalations | None) -> str | None:
    if move.target_usd is None:
        return "the cheap model has no price for tokens these calls used"
    if move.target_usd >= move.current_usd:
        return f"the cheap model is not cheaper: ${move.target_usd:,.2f} against ${move.current_usd:,.2f} a week"
    if escalations is None:
        return "how often it would escalate is not known, so that no saving can be shown"
    break_even = _break_even(move)
    if to_money(_savings(move, escalations)[0]) <= 0:
        often = f"{escalations.ratio:.1%} of answers"
        return f"it escalates too often: {often}, and from {break_even:.1%} on it costs more than it saves"
    return None


def _evidence(move: Move, escalations: Escalations | None) -> str:
    calls = f"{move.call_count:,} calls on {len(move.days)} of the trailing {WINDOW_DAYS} days, {move.basis}"
    if escalations is None:
        return calls
    low, high = escalations.interval
    source = (
        "answers escalated, as logged"
        if escalations.is_logged
        else "shadow answers were worse and would have to escalate"
    )
    shares = f"{escalations.ratio:.1%}, 95 % interval {low:.1%} to {high:.1%}"
    return f"{calls}; {escalations.escalated_count:,} of {escalations.answer_count:,} {source} ({shares})"


def _missing_evidence(move: Move, escalations: Escalations | None, *, wanted: float) -> str | None:
    if escalations is None:
        return "no logged escalation, and no shadow comparison of these two models on this task type"
    missing = []
    if not escalations.is_logged:
        missing.append("no logged escalation: that confidence tells exactly the worse answers is taken for granted")
    if escalations.answer_count < wanted:
        missing.append(f"{escalations.answer_count:,} of the {wanted:,.0f} answers wanted")
    break_even = _break_even(move)
    if break_even is not None and escalations.ratio < break_even <= escalations.interval[1]:
        missing.append("the interval reaches the break-even")
    return "; ".join(missing) or None
