"""The provider's prompt cache: what repeated beginnings of prompts cost, against reading them from it and writing them to it.

**Saving** = read tokens * (input price - read price) - written tokens * (write price - input price), by how long the provider
keeps a prefix. Read are the tokens that an earlier prompt of the model began with, within that time, less those that were
read from the cache already. Written is the shared part (the mean of what was found), once for each long prompt that found
nothing: as with a mark at its end. The low end writes everything that was not found: as with a mark at the end of the prompt,
where a conversation needs it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, WINDOW_DAYS, Opportunity, too_small
from ai_finops.analyse.levers.rates import Rates
from ai_finops.analyse.price_book import PriceBook
from ai_finops.analyse.schemas import to_money

LEVER = "prompt_cache"
LIFETIMES = ("5m", "1h")


class Group(NamedTuple):
    """Prompts of one feature to one model; each model has a cache of its own."""

    feature_id: str
    model_id: str


@dataclass(slots=True)
class Week:
    """What a cache of one lifetime would have read and written in the trailing week; gains and charges in USD."""

    lifetime: str
    read_tokens: float = 0.0
    written_tokens: float = 0.0
    most_written_tokens: float = 0.0
    gain_usd: float = 0.0
    charge_usd: float = 0.0
    most_charge_usd: float = 0.0
    has_prices: bool = True

    @property
    def saving_usd(self) -> float:
        """What it would have saved in the week."""
        return self.gain_usd - self.charge_usd

    @property
    def ratio(self) -> float | None:
        """Share of what goes through the cache that is read."""
        through = self.read_tokens + self.written_tokens
        return self.read_tokens / through if through else None

    @property
    def break_even_ratio(self) -> float | None:
        """The share at which the gain of reads is the charge of writes; 0 where a write costs no more than input."""
        if not (self.read_tokens and self.written_tokens):
            return None
        gain, charge = self.gain_usd / self.read_tokens, self.charge_usd / self.written_tokens
        return charge / (gain + charge) if gain + charge > 0 else None


def find(
    window: Sequence[Mapping[str, Any]], *, book: PriceBook, rates: Rates, assumptions: Assumptions, effort: str
) -> list[Opportunity]:
    """Find what each feature's prompts to a model would save in the provider's cache.

    Args:
        window: The trailing week's rows of `prompt_prefixes` (`build.savings_inputs`).
        effort: What it takes, in words.
    """
    groups: dict[Group, list[Mapping[str, Any]]] = defaultdict(list)
    for row in window:
        groups[Group(row["feature_id"], row["model_id"])].append(row)
    return [
        _opportunity(group, rows, book=book, rates=rates, assumptions=assumptions, effort=effort)
        for group, rows in sorted(groups.items())
        if group.feature_id != "unattributed"
    ]


def _opportunity(
    group: Group,
    rows: Sequence[Mapping[str, Any]],
    *,
    book: PriceBook,
    rates: Rates,
    assumptions: Assumptions,
    effort: str,
) -> Opportunity:
    weeks = [_week(rows, lifetime=lifetime, book=book, rates=rates) for lifetime in LIFETIMES]
    best = max((week for week in weeks if week.has_prices), key=lambda week: week.saving_usd, default=weeks[0])
    current = sum(float(row["allocated_cost_usd"] or 0) for row in rows) * WEEKS_PER_MONTH
    saving = best.saving_usd * WEEKS_PER_MONTH
    prompts, wanted = (
        sum(row["prompt_count"] for row in rows),
        assumptions.value("prompt_cache_min_samples", group.feature_id),
    )
    found = Opportunity(
        lever=LEVER,
        feature_id=group.feature_id,
        about=(group.model_id,),
        current_model_id=group.model_id,
        current_usd=current,
        target_usd=current - saving if best.has_prices else None,
        saving_usd=saving,
        low_saving_usd=(best.gain_usd - best.most_charge_usd) * WEEKS_PER_MONTH,
        high_saving_usd=saving,
        ratio_name="prefix_read_ratio",
        ratio=best.ratio,
        break_even_ratio=best.break_even_ratio,
        evidence=_evidence(best, rows, assumptions=assumptions),
        missing_evidence=None if prompts >= wanted else f"{prompts:,} of the {wanted:,.0f} prompts wanted",
        effort=effort,
        is_measured=prompts >= wanted,
        reason=_reason_against(best, rows),
    )
    return too_small(found)


def _week(rows: Sequence[Mapping[str, Any]], *, lifetime: str, book: PriceBook, rates: Rates) -> Week:
    week = Week(lifetime)
    reused = sum(row[f"reused_{lifetime}_count"] for row in rows)
    shared = sum(row[f"reusable_{lifetime}_tokens"] for row in rows) / reused if reused else 0.0
    for row in rows:
        prices = _prices(row, lifetime=lifetime, book=book)
        if prices is None:
            return Week(lifetime, has_prices=False)
        rate = rates.find(row["provider_name"], row["model_id"], current_model_id=row["model_id"])
        gain, charge = (price * rate / 1_000_000 for price in prices)
        read = row[f"unread_{lifetime}_tokens"]
        missed = row["long_prompt_count"] - row[f"reused_{lifetime}_count"]
        written = max(missed * shared - row["written_tokens"], 0.0)
        week.read_tokens += read
        week.gain_usd += read * gain
        week.written_tokens += written
        week.charge_usd += written * charge
        most = max(row[f"unwritten_{lifetime}_tokens"] or 0, written)
        week.most_written_tokens += most
        week.most_charge_usd += most * charge
    return week


def _prices(row: Mapping[str, Any], *, lifetime: str, book: PriceBook) -> tuple[float, float] | None:
    """Return what reading saves and writing adds, USD per million tokens; None where the model's cache has no price.

    A write that has no price of its own is charged as input, which is so where writing is free; an hour's is not: the price
    table then has the price of five minutes in its place.
    """
    found = {
        name: book.find(
            row["provider_name"],
            row["model_id"],
            name,
            region_scope=row["region_scope"],
            processing=row["processing"],
            day=row["usage_date"],
        )
        for name in ("uncached_input", "cache_read_input", f"cache_write_{lifetime}_input")
    }
    whole, read, write = found.values()
    if whole is None or read is None or read.is_inherited:
        return None
    if lifetime == "1h" and (write is None or write.is_inherited):
        return None
    charge = 0.0 if write is None else write.price_usd_per_mtok - whole.price_usd_per_mtok
    return whole.price_usd_per_mtok - read.price_usd_per_mtok, charge


def _reason_against(week: Week, rows: Sequence[Mapping[str, Any]]) -> str | None:
    if not week.has_prices:
        return f"the price table has no price for reading {rows[0]['model_id']}'s prompt cache"
    if not sum(row[f"reused_{week.lifetime}_count"] for row in rows):
        return "no prompt began as an earlier one did, for long enough to be cached"
    if not week.read_tokens:
        return "what repeats is read from the cache already"
    if to_money(week.saving_usd) <= 0:
        return (
            f"prefixes are reused too rarely to pay for writing them: {week.ratio:.1%} of what goes through the cache "
            f"would be read, {week.break_even_ratio:.1%} are wanted"
        )
    return None


def _evidence(week: Week, rows: Sequence[Mapping[str, Any]], *, assumptions: Assumptions) -> str:
    days = len({row["usage_date"] for row in rows})
    prompts, reused = (sum(row[name] for row in rows) for name in ("prompt_count", f"reused_{week.lifetime}_count"))
    least = assumptions.find("prompt_cache_min_prefix_tokens", rows[0]["feature_id"])
    tokens = f"{week.read_tokens:,.0f} tokens more to be read, {week.written_tokens:,.0f} to be written"
    return (
        f"{reused:,} of {prompts:,} prompts with known blocks on {days} of the trailing {WINDOW_DAYS} days "
        f"began as an earlier one within {week.lifetime}, by {least} at least: {tokens}"
    )
