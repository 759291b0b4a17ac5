"""Distillation: a small model trained on the answers of the present one, for the part of the queries that stays the same.

**Saving**, a month: stable share * (what the feature's expensive calls cost - the same tokens on the small model) -
hosting. The stable share is measured: of queries of the last complete week, those with one as alike in the week before
(`analyse.drift`). Low and high take the ends of its 95 % Wilson interval. The rest stays on the present model.

**Paid once** are training (pairs * tokens of an answer and its prompt * epochs * price) and the person-days of seed
`lever_efforts`. What is taken for given is in seed `lever_assumptions`. **Never measured** is how well the small model will
answer: it does not exist yet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from ai_finops.analyse.agreement import wilson_interval
from ai_finops.analyse.drift import week_of
from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import Row, generating, tokens_of
from ai_finops.analyse.levers.efforts import Efforts
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, Opportunity, too_small
from ai_finops.analyse.levers.payback import too_late, work_usd
from ai_finops.analyse.levers.rates import Rates
from ai_finops.analyse.price_book import PriceBook
from ai_finops.analyse.schemas import to_money

LEVER = "distillation"
EVERY_FEATURE = "*"
Share = tuple[float, float, float]
"""A share of queries, and the ends of its 95 % interval."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A feature's row of `query_drifts` for the last complete week."""

    asked_count: int
    covered_count: int
    self_covered_count: int
    reference_count: int
    basis: str
    """What covers a query, in words."""

    @property
    def stable(self) -> Share:
        """Share of queries with one as alike in the week before."""
        interval = wilson_interval(self.covered_count, sample_count=self.asked_count)
        return self.covered_count / self.asked_count, *interval

    @property
    def ratio(self) -> float:
        """Share of what the week covers of itself that the week before does not, to 12 places; 0 where it covers no less."""
        if not self.self_covered_count:
            return 0.0
        return max(0.0, round(1 - self.covered_count / self.self_covered_count, 12))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Answered queries within the retention of texts: what could be trained on."""

    count: int = 0
    """Without those that repeat one of the 24 hours before."""
    kept_count: int = 0
    """Those whose texts are kept in the lake."""


@dataclass(frozen=True, slots=True)
class Money:
    """USD a month of a feature's expensive calls: now, on the small model, and to host this; and once, to train it."""

    model_id: str
    current_usd: float
    target_usd: float | None
    hosting_usd: float
    training_usd: float
    call_count: int

    @property
    def difference_usd(self) -> float:
        """What would be saved if every call were moved, hosting left aside; 0 where the small model has no price."""
        return 0.0 if self.target_usd is None else self.current_usd - self.target_usd

    def saving(self, share: float) -> float:
        """Return what moving a share of the calls saves."""
        return share * self.difference_usd - self.hosting_usd


@dataclass(frozen=True, slots=True)
class Distilled:
    """An opportunity, and what it is made of."""

    opportunity: Opportunity
    money: Money
    drift: Drift | None
    pairs: Pairs


@dataclass(frozen=True, slots=True)
class Queries:
    """What is known of queries, whatever the date."""

    drifts: Mapping[tuple[str, date], Mapping[str, Any]]
    """Rows of `query_drifts` by feature and week."""
    training: Mapping[str, Sequence[Mapping[str, Any]]]
    """Answered queries of a feature by day: usage_date, distinct_query_count, kept_query_count."""
    retention_days: int

    @classmethod
    def of(
        cls, drifts: Iterable[Mapping[str, Any]], training: Iterable[Mapping[str, Any]], *, retention_days: int
    ) -> Queries:
        """Put rows where they are asked for."""
        by_feature: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in training:
            by_feature[row["feature_id"]].append(row)
        by_week = {(row["feature_id"], row["week_start_date"]): row for row in drifts}
        return cls(by_week, by_feature, retention_days)

    def week(self, feature: str, *, as_of: date) -> Mapping[str, Any] | None:
        """Return the row of the last complete week."""
        return self.drifts.get((feature, week_of(as_of) - timedelta(weeks=1)))

    def drift(self, feature: str, *, as_of: date) -> Drift | None:
        """Return the drift of the last complete week; None where it was not measured."""
        row = self.week(feature, as_of=as_of)
        if row is None or not row["asked_count"]:
            return None
        alike = (
            "the same text" if row["embedder_id"] is None else f"one at a similarity of {row['similarity']:g} or more"
        )
        return Drift(
            row["asked_count"], row["covered_count"], row["self_covered_count"], row["reference_count"], basis=alike
        )

    def pairs(self, feature: str, *, as_of: date) -> Pairs:
        """Return the answered queries of the days before `as_of` whose texts may still lie."""
        first = as_of - timedelta(days=self.retention_days)
        rows = [row for row in self.training.get(feature, ()) if first <= row["usage_date"] < as_of]
        return Pairs(sum(row["distinct_query_count"] for row in rows), sum(row["kept_query_count"] for row in rows))


def find(
    window: Sequence[Row],
    *,
    queries: Queries,
    targets: Iterable[Mapping[str, Any]],
    book: PriceBook,
    rates: Rates,
    assumptions: Assumptions,
    efforts: Efforts,
    as_of: date,
) -> list[Distilled]:
    """Find what a model of one's own would save, one per feature with expensive calls and a target.

    Args:
        window: The trailing week's sums of calls.
        queries: Drifts and training pairs.
        targets: Seed `distillation_targets`: feature_id, or `*` for every other, and target_model_id.
        book: Prices.
        rates: What the account pays of them.
        assumptions: Training, hosting and limits.
        efforts: For what it takes.
        as_of: Date of issue.
    """
    models = {row["feature_id"]: row["target_model_id"] for row in targets}
    by_feature: dict[str, list[Row]] = defaultdict(list)
    for row in generating(window):
        if row["model_tier"] == "expensive":
            by_feature[row["feature_id"]].append(row)
    found = []
    for feature, rows in sorted(by_feature.items()):
        model = models.get(feature) or models.get(EVERY_FEATURE)
        if model is None:
            continue
        pairs = queries.pairs(feature, as_of=as_of)
        money = _money(feature, rows, model=model, pairs=pairs, book=book, rates=rates, assumptions=assumptions)
        drift = queries.drift(feature, as_of=as_of)
        found.append(_distilled(feature, money, drift, pairs, assumptions=assumptions, efforts=efforts))
    return found


def _money(
    feature: str,
    rows: Sequence[Row],
    *,
    model: str,
    pairs: Pairs,
    book: PriceBook,
    rates: Rates,
    assumptions: Assumptions,
) -> Money:
    def given(name: str) -> float:
        return assumptions.value(f"distillation_{name}", feature)

    calls = sum(row["call_count"] for row in rows)
    tokens = sum(sum(tokens_of(row).values()) for row in rows) / calls
    trained = min(pairs.count, given("max_training_pairs"))
    current = sum(float(row["estimated_cost_usd"]) * _rate(row, row["model_id"], rates) for row in rows)
    target = _on_target(rows, model=model, book=book, rates=rates)
    return Money(
        model_id=model,
        current_usd=current * WEEKS_PER_MONTH,
        target_usd=None if target is None else target * WEEKS_PER_MONTH,
        hosting_usd=given("hosting_usd_per_hour") * given("hosting_hours_per_month"),
        training_usd=trained * tokens * given("training_epochs") * given("training_usd_per_mtok") / 1_000_000,
        call_count=calls,
    )


def _on_target(rows: Iterable[Row], *, model: str, book: PriceBook, rates: Rates) -> float | None:
    """Return what the same tokens would cost on the small model, as the account pays; None where one has no price."""
    cost = 0.0
    for row in rows:
        where = {"region_scope": row["region_scope"], "processing": row["processing"], "day": row["usage_date"]}
        quote = book.quote(row["provider_name"], model, tokens_of(row), **where)
        if quote is None:
            return None
        cost += quote.cost_usd * _rate(row, model, rates)
    return cost


def _rate(row: Row, model: str, rates: Rates) -> float:
    return rates.find(row["provider_name"], model, current_model_id=row["model_id"])


def _distilled(
    feature: str, money: Money, drift: Drift | None, pairs: Pairs, *, assumptions: Assumptions, efforts: Efforts
) -> Distilled:
    effort = efforts.of(LEVER)
    labour = work_usd(LEVER, feature, efforts=efforts, assumptions=assumptions)
    # Of queries that nobody measured no share can be shown to be stable, and any may be.
    savings = tuple(map(money.saving, drift.stable)) if drift else (0.0, 0.0, money.saving(1.0))
    found = Opportunity(
        lever=LEVER,
        feature_id=feature,
        about=(money.model_id,),
        target_model_id=money.model_id,
        current_usd=money.current_usd,
        target_usd=None if money.target_usd is None else money.current_usd - savings[0],
        saving_usd=savings[0],
        low_saving_usd=min(savings),
        high_saving_usd=max(savings),
        ratio_name="stable_query_ratio",
        ratio=drift.stable[0] if drift else None,
        break_even_ratio=money.hosting_usd / money.difference_usd if money.difference_usd > 0 else None,
        upfront_cost_usd=money.training_usd + labour,
        evidence=_evidence(money, drift, pairs, labour=labour),
        missing_evidence=_missing_evidence(drift, pairs, feature=feature, assumptions=assumptions),
        effort=effort.implementation,
    )
    if (reason := _reason_against(found, money, drift, pairs, assumptions=assumptions)) is not None:
        return Distilled(found.rejected(reason), money, drift, pairs)
    return Distilled(too_small(found), money, drift, pairs)


def _reason_against(
    found: Opportunity, money: Money, drift: Drift | None, pairs: Pairs, *, assumptions: Assumptions
) -> str | None:
    """Return the first that speaks against it; None while nothing does."""
    feature = found.feature_id
    wanted = assumptions.value("distillation_min_training_pairs", feature)
    if money.target_usd is None:
        return f"{money.model_id} has no price for tokens these calls used"
    if pairs.count < wanted:
        return f"too few training pairs: {pairs.count:,} of {wanted:,.0f}"
    if money.difference_usd <= 0:
        prices = f"${money.target_usd:,.2f} against ${money.current_usd:,.2f} a month"
        return f"{money.model_id} is not cheaper: {prices} on the same tokens"
    if drift is None:
        return "the drift of its queries is not measured"
    limit = assumptions.value("distillation_max_drift_ratio", feature)
    if _is_enough(drift, feature=feature, assumptions=assumptions) and drift.ratio > limit:
        return f"the queries drift by {drift.ratio:.1%} from one week to the next, {limit:.0%} is the limit"
    if to_money(found.saving_usd) <= 0:
        gross = drift.stable[0] * money.difference_usd
        return (
            f"small model and hosting are dearer than today: the stable {drift.stable[0]:.1%} save ${gross:,.2f} a month, "
            "hosting costs "
            f"${money.hosting_usd:,.2f}"
        )
    return too_late(found.break_even_weeks, feature=feature, assumptions=assumptions)


def _is_enough(drift: Drift, *, feature: str, assumptions: Assumptions) -> bool:
    return drift.asked_count >= assumptions.value("distillation_min_drift_samples", feature)


def _evidence(money: Money, drift: Drift | None, pairs: Pairs, *, labour: float) -> str:
    stable = "drift not measured"
    if drift is not None:
        stable = (
            f"{drift.covered_count:,} of {drift.asked_count:,} queries of the last complete week had {drift.basis} among "
            f"{drift.reference_count:,} of the week before, {drift.self_covered_count:,} among as many of their own week"
        )
    return (
        f"{stable}; {money.call_count:,} calls of the trailing week, same tokens, times 365/12/7 for a month; "
        f"{pairs.count:,} training "
        f"pairs; hosting ${money.hosting_usd:,.2f} a month, once ${money.training_usd:,.2f} for training and "
        f"${labour:,.2f} for work "
        "(assumptions)"
    )


def _missing_evidence(drift: Drift | None, pairs: Pairs, *, feature: str, assumptions: Assumptions) -> str:
    missing = ["how well the small model answers is known only when it was trained: hold pairs back"]
    if drift is None:
        missing.append("the drift of its queries is not measured: fingerprints or embeddings of two weeks are wanted")
    elif not _is_enough(drift, feature=feature, assumptions=assumptions):
        wanted = assumptions.value("distillation_min_drift_samples", feature)
        missing.append(f"{drift.asked_count} of the {wanted:g} queries wanted for the drift")
    if pairs.kept_count < pairs.count:
        missing.append(
            f"texts of {pairs.kept_count:,} of {pairs.count:,} pairs are kept: the others have to come from the product"
        )
    return "; ".join(missing)
