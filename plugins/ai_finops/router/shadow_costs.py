"""What a shadow run can cost at most, and what it did cost."""

from __future__ import annotations

from collections.abc import Callable

from ai_finops.instrument.price import estimate_cost_usd
from ai_finops.instrument.reading import Reading
from ai_finops.router.decision import Request
from ai_finops.router.policy import Model

FRAME_TOKENS = 256
"""What a provider puts around a request's text: roles, marks of turns."""
CostOf = Callable[[Model, Reading, int], "float | None"]
"""Given model, usage and day: USD, or None without a price."""


def cost_usd(model: Model, reading: Reading, day_number: int) -> float | None:
    """Return what a usage costs on a model, by the policy's price, else by list price; None where nobody has one."""
    price = model.price
    if price is None:
        return estimate_cost_usd(
            reading._replace(provider_name=model.provider_name), model=model.model_id, day_number=day_number
        )[0]
    if not reading.has_usage:
        return None
    read, written = reading.cache_read_input_tokens or 0, reading.cache_write_input_tokens or 0
    read_usd, write_usd = price.cache_read_usd_per_mtok, price.cache_write_usd_per_mtok
    input_usd = price.input_usd_per_mtok
    return (
        max(0, (reading.input_tokens or 0) - read - written) * input_usd
        + read * (input_usd if read_usd is None else read_usd)
        + written * (input_usd if write_usd is None else write_usd)
        + (reading.output_tokens or 0) * price.output_usd_per_mtok
    ) / 1e6


def most_usage(request: Request, *, baseline: Reading) -> Reading:
    """Return the most that a request can use: a token for each byte, no tokenizer makes more, and all that it may answer.

    What is no text (pictures, tools in a client's options) shows in what the model in use counted, of which twice is taken.
    """
    said = len(request.text.encode("utf-8", "surrogatepass"))
    said += len((request.system or "").encode("utf-8", "surrogatepass"))
    input_tokens = FRAME_TOKENS + max(said, 2 * (baseline.input_tokens or 0))
    return Reading(input_tokens=input_tokens, output_tokens=request.max_output_tokens)
