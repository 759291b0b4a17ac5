"""What a cache of answers costs: embedding and looking up every query, by feature and embedder, and a fixed sum a month."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ai_finops.analyse.levers.assumptions import Assumptions
from ai_finops.analyse.levers.call_sums import Row
from ai_finops.analyse.price_book import PriceBook


@dataclass(frozen=True, slots=True)
class Costs:
    """What the cache costs, in USD."""

    embedding_usd_per_query: float
    lookup_usd_per_query: float
    fixed_usd_per_month: float

    def monthly(self, query_count: float) -> float:
        """Return USD a month for so many queries a month."""
        return (self.embedding_usd_per_query + self.lookup_usd_per_query) * query_count + self.fixed_usd_per_month


def embedded_tokens(calls: Iterable[Row]) -> dict[str, float]:
    """Return the mean tokens of what each feature embedded."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in calls:
        if row["operation_name"] == "embeddings":
            sums[row["feature_id"]][0] += row["uncached_input_tokens"] or 0
            sums[row["feature_id"]][1] += row["call_count"]
    return {feature: tokens / count for feature, (tokens, count) in sums.items() if tokens}


def costs_of(
    feature: str, embedder_id: str, *, query_tokens: float, assumptions: Assumptions, book: PriceBook, day: date
) -> Costs:
    """Return what a feature's cache would cost at the prices of a day; the cache's own are assumptions."""
    return Costs(
        embedding_usd_per_query=query_tokens * _embedding_price(embedder_id, book=book, day=day) / 1_000_000,
        lookup_usd_per_query=assumptions.value("cache_lookup_usd_per_query", feature),
        fixed_usd_per_month=assumptions.value("cache_fixed_usd_per_month", feature),
    )


def _embedding_price(embedder_id: str, *, book: PriceBook, day: date) -> float:
    """Return USD per million tokens: the embedder's in the price table, which may be named with its dimensions; else 0.

    The bundled embedder and one of your own folder are charged by nobody.
    """
    model, _, dimensions = embedder_id.rpartition("-")
    names = (embedder_id, model) if dimensions.isdigit() else (embedder_id,)
    for provider in ("aws.bedrock", "openai"):
        for name in names:
            price = book.find(provider, name, "uncached_input", region_scope="any", processing="on_demand", day=day)
            if price is not None:
                return price.price_usd_per_mtok
    return 0.0
