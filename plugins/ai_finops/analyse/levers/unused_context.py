"""Unused context: what answering calls paid for retrieved documents on which no answer drew.

**Saving** is all of it, a month: what would be saved if retrieval had left out every document that nothing used. It is the
most that shorter context can bring, since which documents will be used is not known before. Tokens are priced at what an
input token of the very call cost, on its share of the bill (`int_unused_documents_priced`).

**Low** is the same where answers record what they cite. An estimate of use is right as often as labels say: the saving
times the low end of that agreement's 95 % interval. An estimate that nobody has validated has a low of 0 and is not
measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.efforts import Efforts
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, WINDOW_DAYS, Opportunity, too_small

LEVER = "unused_context"
RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Week:
    """Documents in the prompts of a feature's calls of the trailing week, and what those that nothing used cost, USD."""

    day_count: int
    call_count: int
    """Calls whose tokens and money are known."""
    unknown_call_count: int
    document_count: int
    unused_document_count: int
    unused_tokens: int
    input_usd: float
    unused_usd: float
    is_token_count_estimated: bool
    validations: tuple[str, ...]
    low_agreement_ratio: float | None
    """The lowest of the days; None where a day has none."""


def find(rows: Iterable[Mapping[str, Any]], *, assumptions: Assumptions, efforts: Efforts) -> list[Opportunity]:
    """Find what unused documents cost, one opportunity per feature and kind of evidence.

    Args:
        rows: The trailing week of `rpt_unused_context`, each with `low_agreement_ratio` of `int_use_validations_named`.
        assumptions: For the smallest sample.
        efforts: For what it takes.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["usage_date"]):
        if row["feature_id"] != "unattributed":
            groups[row["feature_id"], row["evidence"]].append(row)
    effort = efforts.of(LEVER).implementation
    return [
        _opportunity(feature, evidence, _summed(days), assumptions=assumptions, effort=effort)
        for (feature, evidence), days in sorted(groups.items())
    ]


def _summed(days: Sequence[Mapping[str, Any]]) -> Week:
    unknown = sum(day["unknown_cost_call_count"] for day in days)
    lows = [day["low_agreement_ratio"] for day in days]
    return Week(
        day_count=len(days),
        call_count=sum(day["call_count"] for day in days) - unknown,
        unknown_call_count=unknown,
        document_count=sum(day["document_count"] for day in days),
        unused_document_count=sum(day["unused_document_count"] for day in days),
        unused_tokens=sum(day["unused_tokens"] or 0 for day in days),
        input_usd=float(sum(day["input_cost_usd"] or 0 for day in days)),
        unused_usd=float(sum(day["unused_input_cost_usd"] or 0 for day in days)),
        is_token_count_estimated=any(day["is_token_count_estimated"] for day in days),
        validations=tuple(sorted({day["validation"] for day in days})),
        low_agreement_ratio=None if None in lows else min(lows),
    )


def _opportunity(feature: str, evidence: str, week: Week, *, assumptions: Assumptions, effort: str) -> Opportunity:
    saving = week.unused_usd * WEEKS_PER_MONTH
    certainty = 1.0 if week.validations == (RECORDED,) else week.low_agreement_ratio or 0.0
    wanted = assumptions.value("unused_context_min_calls", feature)
    found = Opportunity(
        lever=LEVER,
        feature_id=feature,
        about=(evidence,),
        current_usd=week.input_usd * WEEKS_PER_MONTH,
        target_usd=(week.input_usd - week.unused_usd) * WEEKS_PER_MONTH,
        saving_usd=saving,
        low_saving_usd=saving * certainty,
        high_saving_usd=saving,
        ratio_name="unused_document_cost_ratio",
        ratio=week.unused_usd / week.input_usd if week.input_usd else None,
        evidence=_evidence(evidence, week),
        missing_evidence=_missing_evidence(week, wanted=wanted, certainty=certainty),
        effort=effort,
        is_measured=certainty > 0 and week.call_count >= wanted,
    )
    return too_small(found)


def _evidence(evidence: str, week: Week) -> str:
    return (
        f"{evidence} ({', '.join(week.validations)}): {week.unused_document_count:,} of {week.document_count:,} documents in "
        f"the prompts of {week.call_count:,} calls on {week.day_count} of the trailing {WINDOW_DAYS} days influenced nothing, "
        f"{week.unused_tokens:,} tokens at what those calls' input tokens cost, times 365/12/7 for a month; all of them left "
        "out is the most that can be saved"
    )


def _missing_evidence(week: Week, *, wanted: float, certainty: float) -> str | None:
    missing = []
    if not certainty:
        missing.append("the estimate of use is not validated: label a hundred documents, or record citations")
    if week.call_count < wanted:
        missing.append(f"{week.call_count} of the {wanted:g} calls wanted")
    if week.unknown_call_count:
        missing.append(f"tokens or cost of {week.unknown_call_count:,} further calls are not known")
    if week.is_token_count_estimated:
        missing.append("tokens of documents are estimated from the length of their text")
    return "; ".join(missing) or None
