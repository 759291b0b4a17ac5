"""What could be saved, lever by lever, as it would have been found on each date of issue.

**Per month** is the trailing 7 days * 365/12/7. **Costs** are what the account pays: list prices (`raw.prices`) of each
call's day at the account's own rate of each model (`levers.rates`), or the allocated cost where no price is compared.
Long-context prices are not used. Calls without a price or a feature are left out. docs/savings.md says what each lever is
computed from.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from ai_finops.analyse.agreement import count_agreement
from ai_finops.analyse.levers import batch_or_flex, cascade, prompt_cache, routing, semantic_cache, targets
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import LONGEST_WINDOW_DAYS, CallSums
from ai_finops.analyse.levers.evidence import Evidence, find_by_evidence
from ai_finops.analyse.levers.opportunity import WINDOW_DAYS, Opportunity, one_target_each, ranked
from ai_finops.analyse.levers.payback import with_work
from ai_finops.analyse.levers.rates import Rates
from ai_finops.analyse.levers.token_use import TokenEvidence, own_tokens, paired_tokens
from ai_finops.analyse.price_book import PriceBook
from ai_finops.analyse.schemas import CACHE_CURVES, SAVINGS, to_table

_NO_CURVES = CACHE_CURVES.empty_table()
NO_EFFORT = "not known"
"""What a lever takes where nobody says: without seed `lever_efforts`."""


@dataclass(frozen=True, slots=True)
class Known:
    """What levers read, whatever the date; each looks only at days before its own."""

    calls: CallSums
    book: PriceBook
    routes: Sequence[Mapping[str, Any]]
    comparisons: pa.Table
    assumptions: Assumptions
    delay_tolerant: Collection[str]
    cache_curves: Mapping[date, Sequence[Mapping[str, Any]]]
    prompt_prefixes: Mapping[date, Sequence[Mapping[str, Any]]]
    escalations: Sequence[Mapping[str, Any]] = field(default=())
    evidence: Evidence | None = None


def find(
    call_sums: pa.Table,
    *,
    prices: pa.Table,
    routing_targets: pa.Table,
    comparisons: pa.Table,
    features: pa.Table,
    task_types: pa.Table,
    lever_assumptions: pa.Table,
    as_of_dates: Collection[date],
    cache_curves: pa.Table = _NO_CURVES,
    prompt_prefixes: pa.Table | None = None,
    escalations: Sequence[Mapping[str, Any]] = (),
    evidence: Evidence | None = None,
) -> pa.Table:
    """Find what each lever would save, as it would have been found on each of `as_of_dates`.

    Args:
        call_sums: Calls summed by day and what decides their price, as `levers.call_sums.Row`.
        prices: `raw.prices`.
        routing_targets: Seed: task_type, target_model_id, min_agreement_ratio, min_samples, effort.
        comparisons: Rows of `int_shadow_comparisons_resolved`.
        features: Seed: feature_id, owner.
        task_types: Seed: task_type, is_delay_tolerant.
        lever_assumptions: Seed: assumption_name, feature_id, value, unit, source, is_default.
        as_of_dates: Dates of issue, any set; each sees only calls and comparisons before it, and reads 28 days of sums.
        cache_curves: Rows of `cache_curves.curves`.
        prompt_prefixes: Of `build.savings_inputs`.
        escalations: What routers logged, as `cascade.count_logged` takes it.
        evidence: For the levers that rest on documents, rerankers, answers and queries; without it they are not asked.
    Returns:
        Per as_of_date by rank: open and measured, open and not, rejected; the larger saving first.
    Raises:
        BuildError: A seed lacks an assumption; names it.
    """
    known = Known(
        calls=CallSums.from_table(call_sums),
        book=PriceBook.from_table(prices),
        routes=sorted(routing_targets.to_pylist(), key=lambda row: (row["task_type"], row["target_model_id"])),
        comparisons=comparisons,
        assumptions=Assumptions.from_table(lever_assumptions),
        delay_tolerant={row["task_type"] for row in task_types.to_pylist() if row["is_delay_tolerant"]},
        cache_curves=_by_day(cache_curves),
        prompt_prefixes={} if prompt_prefixes is None else _by_day(prompt_prefixes),
        escalations=escalations,
        evidence=evidence,
    )
    owners = dict(zip(features["feature_id"].to_pylist(), features["owner"].to_pylist(), strict=True))
    rows: list[dict[str, Any]] = []
    for as_of in sorted(set(as_of_dates)):
        rows += ranked(_found_on(as_of, known), as_of=as_of, owners=owners)
    return to_table(rows, schema=SAVINGS)


def _found_on(as_of: date, known: Known) -> list[Opportunity]:
    """Return what can be said on one date: every lever's opportunities, with their work and on as many days as there are."""
    found = _asked_on(as_of, known)
    if (evidence := known.evidence) is not None:
        found = with_work(found, efforts=evidence.efforts, assumptions=known.assumptions)
    return one_target_each(_short(found, day_count=known.calls.day_count(as_of)))


def _short(found: Sequence[Opportunity], *, day_count: int) -> list[Opportunity]:
    """Return them as not measured where the trailing week lacks days: a week's habits are not seen in fewer."""
    if day_count >= WINDOW_DAYS:
        return list(found)
    days = f"{day_count} of the trailing {WINDOW_DAYS} days"
    return [
        replace(each, is_measured=False, missing_evidence="; ".join(filter(None, (days, each.missing_evidence))))
        for each in found
    ]


def _effort(lever: str, known: Known) -> str:
    return NO_EFFORT if known.evidence is None else known.evidence.efforts.of(lever).implementation


def _asked_on(as_of: date, known: Known) -> list[Opportunity]:
    """Ask every lever, as of one date."""
    window = known.calls.window(as_of)
    history = known.calls.window(as_of, days=LONGEST_WINDOW_DAYS)
    agreement = count_agreement(known.comparisons, before=as_of)
    book, assumptions, rates = known.book, known.assumptions, Rates.of(history)
    evidence = TokenEvidence(own_tokens(history), paired_tokens(known.comparisons, before=as_of))
    moves = [
        (target, move)
        for target in known.routes
        for move in targets.moves(
            window, evidence=evidence, target=target, book=book, rates=rates, assumptions=assumptions
        )
    ]
    logged = cascade.count_logged(known.escalations, before=as_of)
    curves, prefixes = (_window(days, as_of) for days in (known.cache_curves, known.prompt_prefixes))
    caches = semantic_cache.find(
        curves,
        calls=window,
        assumptions=assumptions,
        book=book,
        as_of=as_of,
        effort=_effort(semantic_cache.LEVER, known),
    )
    cached = _effort(prompt_cache.LEVER, known)
    later = _effort(batch_or_flex.LEVER, known)
    more: list[Opportunity] = []
    if known.evidence is not None:
        more = find_by_evidence(
            known.evidence,
            window=window,
            caches=caches,
            book=book,
            rates=rates,
            assumptions=assumptions,
            as_of=as_of,
        )
    return [
        *routing.find(moves, agreement=agreement),
        *cascade.find(moves, agreement=agreement, logged=logged, assumptions=assumptions),
        *caches,
        *prompt_cache.find(prefixes, book=book, rates=rates, assumptions=assumptions, effort=cached),
        *batch_or_flex.find(window, book=book, rates=rates, delay_tolerant=known.delay_tolerant, effort=later),
        *more,
    ]


def _by_day(table: pa.Table) -> dict[date, list[Mapping[str, Any]]]:
    by_day: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
    for row in table.to_pylist():
        by_day[row["usage_date"]].append(row)
    return by_day


def _window(by_day: Mapping[date, Iterable[Mapping[str, Any]]], as_of: date) -> list[Mapping[str, Any]]:
    before = (as_of - timedelta(days=back) for back in range(WINDOW_DAYS, 0, -1))
    return [row for day in before for row in by_day.get(day, ())]
