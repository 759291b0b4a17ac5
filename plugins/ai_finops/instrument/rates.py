"""The prices of one model on one day, compiled from genai-prices so that a call is priced in less than a microsecond.

As genai-prices does: a class of tokens without a price of its own has that of the class it is part of (a cached token that of
input, a write for an hour that of a write); above a threshold of input tokens, all tokens have the price of that tier.
"""

from __future__ import annotations

from decimal import Decimal

from genai_prices import types

_PER_MTOK = 1_000_000
_PER_KCOUNT = 1_000
_FIELDS = (
    "input_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "output_mtok",
    "output_reasoning_mtok",
)


class Rates:
    """USD per million tokens by class, and per request. None has no price."""

    __slots__ = ("_all", "_parts", "larger", "request_usd", "threshold")

    def __init__(self, prices: dict[str, float | None], *, request_usd: float) -> None:
        whole, output = prices["input_mtok"], prices["output_mtok"]
        read = _first(prices, "cache_read_mtok", "input_mtok")
        write = _first(prices, "cache_write_mtok", "input_mtok")
        hour = _first(prices, "cache_write_1h_mtok", "cache_write_mtok", "input_mtok")
        reasoning = _first(prices, "output_reasoning_mtok", "output_mtok")
        self._parts = (whole, read, write, hour, output, reasoning)
        self._all: tuple[float, float, float, float, float, float] | None = None
        """Of a model that has a price of every class, as nearly all have."""
        if whole is not None and output is not None:
            self._all = (whole, read or 0.0, write or 0.0, hour or 0.0, output, reasoning or 0.0)
        self.request_usd = request_usd
        self.threshold: int | None = None
        """Input tokens above which `larger` holds."""
        self.larger: Rates | None = None

    def cost_usd(
        self, whole: int, read: int, written: int, for_an_hour: int, output: int, reasoning: int
    ) -> float | None:
        """Return the cost of a call in USD; None where a class that was used has no price.

        Args:
            whole: Input tokens, of which `read` and `written` are parts, and `for_an_hour` a part of `written`.
            output: Of which `reasoning` is a part.
        """
        if self.threshold is not None and self.larger is not None and whole > self.threshold:
            return self.larger.cost_usd(whole, read, written, for_an_hour, output, reasoning)
        if self._all is not None:
            input_usd, read_usd, write_usd, hour_usd, output_usd, reasoning_usd = self._all
            usd = (whole - read - written) * input_usd + read * read_usd
            usd += (written - for_an_hour) * write_usd + for_an_hour * hour_usd
            usd += (output - reasoning) * output_usd + reasoning * reasoning_usd
            return usd / _PER_MTOK + self.request_usd
        tokens = (whole - read - written, read, written - for_an_hour, for_an_hour, output - reasoning, reasoning)
        usd = 0.0
        for count, price in zip(tokens, self._parts, strict=True):
            if count:
                if price is None:
                    return None
                usd += count * price
        return usd / _PER_MTOK + self.request_usd


def rates_of(price: types.ModelPrice) -> Rates | None:
    """Compile a price; None where it prices no token (audio by the hour, documents by the page)."""
    fields = price.__dict__
    found = {name: fields.get(name) for name in _FIELDS}
    if all(each is None for each in found.values()):
        return None
    thresholds = {tier.start for each in found.values() if isinstance(each, types.TieredPrices) for tier in each.tiers}
    per_request = fields.get("requests_kcount")
    request_usd = float(per_request) / _PER_KCOUNT if isinstance(per_request, Decimal) else 0.0
    larger: Rates | None = None
    above: int | None = None
    for start in sorted(thresholds, reverse=True):
        rates = Rates({name: _usd(each, start) for name, each in found.items()}, request_usd=request_usd)
        rates.threshold, rates.larger = above, larger
        above, larger = start, rates
    rates = Rates({name: _usd(each, None) for name, each in found.items()}, request_usd=request_usd)
    rates.threshold, rates.larger = above, larger
    return rates


def _usd(price: Decimal | types.TieredPrices | None, threshold: int | None) -> float | None:
    """Return what a class costs above `threshold` input tokens, or below all of them."""
    if isinstance(price, types.TieredPrices):
        reached = [tier.price for tier in price.tiers if threshold is not None and tier.start <= threshold]
        return float(reached[-1] if reached else price.base)
    return None if price is None else float(price)


def _first(prices: dict[str, float | None], *names: str) -> float | None:
    return next((prices[name] for name in names if prices[name] is not None), None)
