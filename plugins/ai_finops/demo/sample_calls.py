"""Put a feature's calls together: arrivals, tokens, models, journeys, retrieval before a chat, what goes wrong.

Invented, because no source has it, and said so in `sample/README.md`: how long a call takes, which user and journey it
belongs to, which calls fail, which spans come late or twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ai_finops.demo import sample_plan as plan
from ai_finops.demo.sample_arrivals import draw_arrivals
from ai_finops.demo.sample_plan import Feature
from ai_finops.demo.sample_tokens import draw_tokens
from ai_finops.demo.sample_truth import Columns

SAMPLE_MS = plan.DAY_COUNT * plan.DAY_MS
CHARACTERS_PER_TOKEN = 4
"""Anthropic's and Amazon's rule of thumb for English; the query text comes without token counts."""
JOURNEY_LANES = 4
"""How many journeys of one feature run side by side."""
SPEEDS = {
    plan.SONNET_4: (900.0, 0.05, 14.0),
    plan.SONNET_3_7: (1000.0, 0.05, 14.0),
    plan.HAIKU_3_5: (600.0, 0.03, 9.0),
    plan.NOVA_LITE: (350.0, 0.02, 5.0),
    plan.TITAN_EMBED: (60.0, 0.10, 0.0),
    plan.COHERE_RERANK: (220.0, 0.0, 0.0),
}
"""Milliseconds until the model starts, per input token and per output token."""


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What the features with a query share: the length of each query text, and how many rerank results there are."""

    query_characters: np.ndarray
    rerank_count: int


def compose_feature(source: Path, feature: Feature, *, retrieval: Retrieval, rng: np.random.Generator) -> list[Columns]:
    """Return the feature's calls, one `Columns` per operation; `parent` counts within the first of them."""
    arrivals = draw_arrivals(source, feature, rng=rng)
    tokens = draw_tokens(source, feature, arrivals=arrivals, rng=rng)
    count = len(arrivals.at_ms)
    journeys, users = _journeys(arrivals.at_ms, feature, rng=rng)
    queries = draw_queries(len(retrieval.query_characters), count=count, rng=rng) if feature.has_query else None
    models = np.array([model for model, _ in feature.models])
    chat = Columns(
        feature=feature,
        operation="chat",
        model=models[rng.choice(len(models), size=count, p=[share for _, share in feature.models])],
        at_ms=arrivals.at_ms,
        uncached_input=tokens.uncached_input,
        cache_read=tokens.cache_read,
        cache_write=tokens.cache_write,
        output=tokens.output,
        search_units=np.zeros(count, dtype=np.int32),
        has_usage=tokens.has_usage,
        user=users,
        journey=journeys,
        query=queries,
    )
    steps = _retrieval_steps(chat, retrieval) if feature.has_retrieval else []
    _set_times([*steps, chat], rng=rng)
    for step in [chat, *steps]:
        _let_things_go_wrong(step, rng=rng)
    return [chat, *steps]


def draw_queries(available: int, *, count: int, rng: np.random.Generator) -> np.ndarray:
    """Return which query each call asks; some are asked more often than others (`plan.QUERY_FLATNESS`)."""
    weights = 1.0 / (np.arange(1, available + 1) + plan.QUERY_FLATNESS)
    popularity = rng.permutation(available)
    return popularity[rng.choice(available, size=count, p=weights / weights.sum())]


def _retrieval_steps(chat: Columns, retrieval: Retrieval) -> list[Columns]:
    """The embedding of the query and the rerank of what it found; the same query finds the same documents."""
    count = len(chat.at_ms)
    parent = np.arange(count)
    embedded = -(-retrieval.query_characters[chat.query] // CHARACTERS_PER_TOKEN)
    ranked = chat.query % retrieval.rerank_count + 1  # rerank numbers begin at 1
    nothing = np.zeros(count, dtype=np.int64)
    embedding = chat.step("embeddings", model=plan.TITAN_EMBED, uncached_input=embedded, parent=parent)
    rerank = chat.step("rerank", model=plan.COHERE_RERANK, uncached_input=nothing, parent=parent)
    rerank.search_units = np.ones(count, dtype=np.int32)
    rerank.rerank = ranked
    return [embedding, rerank]


def _set_times(steps: list[Columns], *, rng: np.random.Generator) -> None:
    """Give each step its duration and let the next one start when it ends; all of it ends within the sample."""
    for step in steps:
        start, per_input, per_output = np.array([SPEEDS[model] for model in step.model]).T
        fresh_input = step.uncached_input + step.cache_write
        wanted = start + per_input * fresh_input + per_output * step.output
        step.duration_ms = (wanted * rng.lognormal(0.0, 0.25, size=len(wanted))).astype(np.int64) + 1
    whole = sum(step.duration_ms for step in steps)
    at_ms = np.minimum(steps[0].at_ms, SAMPLE_MS - 1000 - whole)
    for step in steps:
        step.at_ms = at_ms
        at_ms = at_ms + step.duration_ms


def _journeys(at_ms: np.ndarray, feature: Feature, *, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the journey and the user of each call: some journeys run side by side, each ends by chance or idleness."""
    count = len(at_ms)
    lane = rng.integers(JOURNEY_LANES, size=count)
    order = np.lexsort((at_ms, lane))
    gap = np.diff(at_ms[order], prepend=0)
    starts = (np.diff(lane[order], prepend=-1) != 0) | (gap > plan.JOURNEY_IDLE_S * 1000)
    starts |= rng.random(count) < 1.0 / feature.calls_per_journey
    journey = np.empty(count, dtype=np.int64)
    journey[order] = np.cumsum(starts) - 1
    first, how_many = feature.users
    user_of_journey = first + (how_many * rng.random(journey.max() + 1) ** 2).astype(np.int64)  # some come often
    return journey, user_of_journey[journey]


def _let_things_go_wrong(step: Columns, *, rng: np.random.Generator) -> None:
    """Fail some calls (then nothing is counted), and let some spans land late or twice, none after the last day."""
    count = len(step.at_ms)
    step.is_error = rng.random(count) < plan.ERROR_RATIO
    for name in ("uncached_input", "cache_read", "cache_write", "output", "search_units"):
        setattr(step, name, np.where(step.is_error, 0, getattr(step, name)))
    step.has_usage = step.has_usage & ~step.is_error
    is_late, is_long = rng.random(count) < plan.LATE_RATIO, rng.random(count) < plan.LATE_LONG_RATIO
    delay = np.where(is_long, rng.integers(3 * 3600, 30 * 3600, size=count), rng.integers(600, 3 * 3600, size=count))
    landed_ms = step.at_ms + step.duration_ms + delay * 1000
    step.delay_s = np.where(is_late & (landed_ms < SAMPLE_MS), delay, 0)
    step.deliveries = np.where(rng.random(count) < plan.DUPLICATE_RATIO, 2, 1)
    if not step.feature.is_instrumented:
        step.delay_s = np.zeros(count, dtype=np.int64)
        step.deliveries = np.ones(count, dtype=np.int64)
