"""How many tokens each call has, as its provider counted them, and whether the call's own span says so."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ai_finops.demo.sample_arrivals import TRACE_SHIFT_DAYS, Arrivals
from ai_finops.demo.sample_plan import DAY_COUNT, Client, Feature
from ai_finops.demo.sample_source import TOKEN_STATS, read_azure_pairs, read_mooncake, read_token_stats
from ai_finops.errors import SampleError

BLOCK_TOKENS = 512
STATS_WINDOW_MS = 21_600_000
STATS_WINDOWS_PER_DAY = 4
P95_SIGMAS = 1.6448536269514722
"""How many standard deviations the 95th percentile of a normal distribution lies above its median."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """One entry per call: the three input classes, the output, and whether the span carries them."""

    uncached_input: np.ndarray
    cache_read: np.ndarray
    cache_write: np.ndarray
    output: np.ndarray
    has_usage: np.ndarray

    @classmethod
    def without_cache(cls, inputs: np.ndarray, outputs: np.ndarray, has_usage: np.ndarray | None = None) -> Tokens:
        """All input is uncached."""
        nothing = np.zeros(len(inputs), dtype=np.int64)
        known = np.ones(len(inputs), dtype=bool) if has_usage is None else has_usage
        return cls(inputs, nothing, nothing, outputs, known)


def draw_tokens(source: Path, feature: Feature, *, arrivals: Arrivals, rng: np.random.Generator) -> Tokens:
    """Draw the tokens of all calls of a feature from the source its plan names."""
    draw = {
        "azure": _from_azure,
        "mooncake": _from_mooncake,
        "mooncake_cached": _from_mooncake_in_order,
        "servegen": _from_servegen,
    }[feature.tokens]
    return draw(source, feature, arrivals, rng)


def _from_azure(source: Path, feature: Feature, arrivals: Arrivals, rng: np.random.Generator) -> Tokens:
    pairs = read_azure_pairs(source)
    row = _shuffled_rows(pairs.num_rows, count=len(arrivals.at_ms), rng=rng)
    return Tokens.without_cache(pairs["input_tokens"].to_numpy()[row], pairs["output_tokens"].to_numpy()[row])


def _from_mooncake(source: Path, feature: Feature, arrivals: Arrivals, rng: np.random.Generator) -> Tokens:
    trace = read_mooncake(source)
    row = _shuffled_rows(trace.num_rows, count=len(arrivals.at_ms), rng=rng)
    return Tokens.without_cache(trace["input_tokens"].to_numpy()[row], trace["output_tokens"].to_numpy()[row])


def _from_mooncake_in_order(source: Path, feature: Feature, arrivals: Arrivals, rng: np.random.Generator) -> Tokens:
    """The n-th call is the trace's n-th request: prefix reuse only means something in the order it happened."""
    trace = read_mooncake(source)
    inputs, outputs = trace["input_tokens"].to_numpy(), trace["output_tokens"].to_numpy()
    cached = cached_blocks(trace["hash_ids"].to_pylist())
    row = np.arange(len(arrivals.at_ms)) % trace.num_rows
    full = inputs // BLOCK_TOKENS
    read = np.minimum(cached, full)
    return Tokens(
        uncached_input=(inputs - full * BLOCK_TOKENS)[row],
        cache_read=(read * BLOCK_TOKENS)[row],
        cache_write=((full - read) * BLOCK_TOKENS)[row],
        output=outputs[row],
        has_usage=np.ones(len(row), dtype=bool),
    )


def cached_blocks(requests: list[list[int]]) -> np.ndarray:
    """Return how many leading blocks of each request some earlier request already had; nothing is ever forgotten."""
    known: set[int] = set()
    counts = np.zeros(len(requests), dtype=np.int64)
    for number, blocks in enumerate(requests):
        counts[number] = next((index for index, block in enumerate(blocks) if block not in known), len(blocks))
        known.update(blocks)
    return counts


def _from_servegen(source: Path, feature: Feature, arrivals: Arrivals, rng: np.random.Generator) -> Tokens:
    """A lognormal through p50 and p95 of the client's 6-hour window, capped at its max; input and output independent.

    A client without statistics leaves its spans without usage; what its provider counted, which the bill needs, is
    drawn from other windows of the feature's first client.
    """
    first = _stats_by_window(source, feature.clients[0])
    if not first["input_tokens"]:
        raise SampleError(f"{TOKEN_STATS} has no statistics of client {feature.clients[0]}; change the plan")
    known = [first] + [_stats_by_window(source, client) for client in feature.clients[1:]]
    trace_days = (arrivals.at_ms // (STATS_WINDOW_MS * STATS_WINDOWS_PER_DAY) - TRACE_SHIFT_DAYS) % DAY_COUNT
    window = trace_days * STATS_WINDOWS_PER_DAY + arrivals.at_ms // STATS_WINDOW_MS % STATS_WINDOWS_PER_DAY
    has_usage = np.array(
        [int(at) in known[client]["input_tokens"] for client, at in zip(arrivals.client_index, window, strict=True)]
    )
    usable = np.array(sorted(first["input_tokens"].keys() & first["output_tokens"].keys()))
    elsewhere = usable[rng.integers(len(usable), size=len(window))]
    drawn = []
    for metric in ("input_tokens", "output_tokens"):
        stats = np.array(
            [
                known[client][metric][int(at)] if covered else first[metric][int(other)]
                for client, at, covered, other in zip(arrivals.client_index, window, has_usage, elsewhere, strict=True)
            ]
        )
        drawn.append(_lognormal(stats, rng=rng))
    return Tokens.without_cache(drawn[0], drawn[1], has_usage)


def _stats_by_window(source: Path, client: Client) -> dict[str, dict[int, tuple[float, float, float]]]:
    """Return p50, p95 and max by metric and window; only windows that have both metrics."""
    rows = read_token_stats(source, tier=client.tier, number=client.number).to_pylist()
    stats: dict[str, dict[int, tuple[float, float, float]]] = {"input_tokens": {}, "output_tokens": {}}
    for row in rows:
        stats[row["metric"]][row["window_number"]] = (row["p50"], row["p95"], row["max"])
    both = stats["input_tokens"].keys() & stats["output_tokens"].keys()
    return {metric: {window: values[window] for window in both} for metric, values in stats.items()}


def _lognormal(stats: np.ndarray, *, rng: np.random.Generator) -> np.ndarray:
    p50, p95, largest = np.maximum(stats.T, 1.0)
    sigma = np.log(np.maximum(p95 / p50, 1.0)) / P95_SIGMAS
    drawn = p50 * np.exp(sigma * rng.standard_normal(len(p50)))
    return np.maximum(np.rint(np.minimum(drawn, largest)), 1).astype(np.int64)


def _shuffled_rows(available: int, *, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `count` row numbers; no row comes a second time before every row came once."""
    rounds = -(-count // available)
    return np.concatenate([rng.permutation(available) for _ in range(max(rounds, 1))])[:count]
