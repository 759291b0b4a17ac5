"""When calls arrive: a real client's 10-minute rates over 14 days, laid on the sample's 14 days.

**Which day becomes which.** The trace has no dates. Its quiet days are 4-5 and 11-12, counted from 0, so its day 0 is
taken for a Tuesday; the sample's Monday is the trace's last day and the others follow, weekday on weekday.
**How many.** Rates are scaled so that the feature's total is met; a window's count is the rise of the running sum,
rounded down, from a random start (systematic sampling), so no window is more than one call off its share.
**When in the window.** The intervals are drawn from the client's own fitted distribution (Gamma or Weibull) by its
shape, and stretched to fill the window, which keeps how bursty the client is; where the fit cannot be used, uniform.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from ai_finops.demo.sample_plan import DAY_COUNT, FIRST_DATE, Feature
from ai_finops.demo.sample_source import RATES, read_rates
from ai_finops.errors import SampleError

WINDOW_MS = 600_000
WINDOWS_PER_DAY = 144
TRACE_SHIFT_DAYS = 1
"""The trace's day 0 is the sample's second day."""
SMALLEST_USABLE_SHAPE = 0.05
"""Below it a drawn interval can underflow to zero."""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Calls of one feature in order of arrival: milliseconds since the sample's first midnight, and which client."""

    at_ms: np.ndarray
    client_index: np.ndarray


def draw_arrivals(source: Path, feature: Feature, *, rng: np.random.Generator) -> Arrivals:
    """Draw all arrivals of a feature over its active days.

    Raises:
        SampleError: A client of the plan is missing, does not cover the days, or is silent on the active days.
    """
    skipped_windows = (feature.first_date - FIRST_DATE).days * WINDOWS_PER_DAY
    active_days = DAY_COUNT - (feature.first_date - FIRST_DATE).days
    times, owners = [], []
    for index, client in enumerate(feature.clients):
        rates = read_rates(source, tier=client.tier, number=client.number)
        if rates.num_rows != DAY_COUNT * WINDOWS_PER_DAY:
            raise SampleError(
                f"{RATES} has {rates.num_rows} windows of client {client} instead of "
                f"{DAY_COUNT * WINDOWS_PER_DAY}; fetch the file again"
            )
        total = round(feature.calls_per_day * active_days * client.share)
        drawn = _draw_client(rates, total=total, skipped_windows=skipped_windows, rng=rng)
        times.append(drawn)
        owners.append(np.full(len(drawn), index))
    at_ms, owner = np.concatenate(times), np.concatenate(owners)
    order = np.argsort(at_ms, kind="stable")
    return Arrivals(at_ms=at_ms[order], client_index=owner[order])


def _draw_client(rates: pa.Table, *, total: int, skipped_windows: int, rng: np.random.Generator) -> np.ndarray:
    shift = TRACE_SHIFT_DAYS * WINDOWS_PER_DAY
    rate = np.roll(rates["rate_rps"].to_numpy(), shift)
    rate[:skipped_windows] = 0.0
    if rate.sum() <= 0:
        raise SampleError(f"{RATES} has no request on the active days of a client that the plan uses; change the plan")
    counts = share_out(rate, total=total, start=rng.random())
    shape = np.roll(rates["fit_p1"].to_numpy(zero_copy_only=False), shift)
    kind = np.roll(rates["fit_dist"].to_numpy(zero_copy_only=False), shift)
    return spread(counts, shape=shape, kind=kind, rng=rng)


def share_out(weights: np.ndarray, *, total: int, start: float) -> np.ndarray:
    """Return whole counts in proportion to `weights`, adding up to `total`; `start` is in [0, 1)."""
    running = np.cumsum(weights) * (total / weights.sum())
    running[-1] = total  # the float sum may end a hair below
    return np.diff(np.floor(running + start).astype(np.int64), prepend=0)


def spread(counts: np.ndarray, *, shape: np.ndarray, kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the arrival times (ms since the first window's start) of `counts[i]` calls in each window `i`."""
    owner = np.repeat(np.arange(len(counts)), counts + 1)  # n calls have n + 1 intervals around them
    usable = np.isfinite(shape) & (shape >= SMALLEST_USABLE_SHAPE)
    is_weibull = (usable & (kind == "Weibull"))[owner]
    is_gamma = (usable & (kind == "Gamma"))[owner]
    interval = rng.standard_exponential(len(owner))  # exponential intervals, stretched to fill, are uniform arrivals
    interval[is_gamma] = rng.standard_gamma(shape[owner[is_gamma]])
    interval[is_weibull] = rng.weibull(shape[owner[is_weibull]])
    first = np.concatenate(([0], np.cumsum(counts + 1)[:-1]))
    interval /= np.add.reduceat(interval, first)[owner]
    inside = np.cumsum(interval) - owner  # every window's intervals add up to one
    is_call = np.ones(len(owner), dtype=bool)
    is_call[first + counts] = False
    inside_ms = np.clip(inside[is_call], 0.0, 1.0) * (WINDOW_MS - 1)
    return (owner[is_call] * WINDOW_MS + inside_ms).astype(np.int64)
