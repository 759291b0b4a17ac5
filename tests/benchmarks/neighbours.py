"""Measure the search for earlier neighbours against the product of all pairs, and the embedder against its model alone.

    make bench BENCH=neighbours                        100,000 queries of one feature in a day
    make bench BENCH=neighbours BENCH_QUERIES=20000

The queries are a composite: texts of the bundled sample (BANKING77), of which most have some words taken out, put in or
borrowed from others; each is another text, so that neither way gains by repeats. They are asked at random seconds of one day,
and both ways decide which of five thresholds an earlier one reaches. The yardstick is the blocked float32 product of the lower
triangle in numpy, 2,048 by 2,048, and the largest of each row. One thread of BLAS for both; the peak is that of a process that
does nothing but search.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import tempfile
import time
from collections.abc import Callable

for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ[_name] = "1"

import numpy as np  # noqa: E402

from ai_finops.analyse.embedder import BUNDLED, StaticEmbedder  # noqa: E402
from ai_finops.analyse.neighbours import similarity_levels  # noqa: E402
from ai_finops.demo.sample import SAMPLE_FOLDER  # noqa: E402
from ai_finops.query_text import normalise  # noqa: E402

THRESHOLDS = (0.85, 0.90, 0.92, 0.95, 0.98)
DAY = 86_400
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
FILLERS = ("please", "hi", "hello", "thanks", "asap", "today", "again", "urgent", "so")


def main() -> None:
    """Embed the queries both ways, search both ways, in turns, and print the medians."""
    texts = _queries(int(os.environ.get("BENCH_QUERIES", "100000")))
    embedder = StaticEmbedder()
    alone, ours = _in_turns(lambda: _model_alone(texts), lambda: embedder.embed(texts))
    vectors = embedder.embed(texts)
    keys = np.unique(np.array(texts), return_inverse=True)[1].astype(np.int64)
    asked_at = np.sort(np.random.default_rng(7).integers(0, DAY, len(texts)))
    found = similarity_levels(vectors, keys, asked_at, thresholds=THRESHOLDS, window=DAY)
    product = _levels_by_product(vectors, asked_at)
    search_s, product_s = _in_turns(
        lambda: similarity_levels(vectors, keys, asked_at, thresholds=THRESHOLDS, window=DAY),
        lambda: _levels_by_product(vectors, asked_at),
    )
    peak = _peak_mb(vectors, keys, asked_at)
    print(f"{len(texts):,} queries, {ROUNDS} rounds, load {os.getloadavg()[0]:.1f}, numpy {np.__version__}\n")
    print("| What | measured | target |\n|---|---|---|")
    print(f"| product of all pairs, CPU s | {product_s:.2f} | |")
    print(f"| search, CPU s | {search_s:.2f} | |")
    print(f"| **search ÷ product** | **{search_s / product_s:.2f}** | ≤ 0.7 |")
    print(f"| peak of a process that searches, MB | {peak:.0f} | < 500 |")
    print(f"| queries that reach {', '.join(map(str, THRESHOLDS))} | {_shares(found)} | |")
    print(f"| decided otherwise than by the product in 32 bits | {int((found != product).sum())} | 0 |")
    print(f"| model alone, texts a CPU second | {len(texts) / alone:,.0f} | |")
    print(f"| embedder ÷ model alone | {alone / ours:.2f} | ≥ 0.8 |")


def _queries(count: int) -> list[str]:
    import pyarrow.parquet as pq

    rng = random.Random(5)
    texts = pq.read_table(SAMPLE_FOLDER / "queries.parquet")["text"].to_pylist()
    made: dict[str, None] = {}
    while len(made) < count:
        words = rng.choice(texts).split()
        for _ in range(rng.choice((0, 1, 1, 2, 3, 4))):
            kind = rng.random()
            if kind < 0.5 and len(words) > 3:
                words.pop(rng.randrange(len(words)))
            else:
                word = rng.choice(FILLERS) if kind < 0.8 else rng.choice(rng.choice(texts).split())
                words.insert(rng.randrange(len(words) + 1), word)
        made[normalise(" ".join(words))] = None
    return list(made)


def _model_alone(texts: list[str]) -> None:
    from model2vec import StaticModel

    if not hasattr(_model_alone, "model"):
        _model_alone.model = StaticModel.from_pretrained(BUNDLED, normalize=True)
    _model_alone.model.encode(list(dict.fromkeys(texts)), use_multiprocessing=False)


def _levels_by_product(vectors: np.ndarray, asked_at: np.ndarray, *, block: int = 2048) -> np.ndarray:
    best = np.full(len(vectors), -1, dtype=np.float32)
    oldest = np.searchsorted(asked_at, asked_at - DAY, side="left")
    for first in range(0, len(vectors), block):
        end = min(first + block, len(vectors))
        for start in range(oldest[first] // block * block, end, block):
            stop = min(start + block, end)
            products = vectors[first:end] @ vectors[start:stop].T
            earlier = np.arange(start, stop)[None, :]
            if stop > first:
                products[earlier >= np.arange(first, end)[:, None]] = -1
            if start < oldest[end - 1]:
                products[earlier < oldest[first:end, None]] = -1
            np.maximum(best[first:end], products.max(axis=1), out=best[first:end])
    return np.searchsorted(np.array(THRESHOLDS), best, side="right").astype(np.int8)


def _in_turns(*ways: Callable[[], object]) -> list[float]:
    """Run the ways in turns; return the median CPU seconds of each."""
    seconds: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way()
    for _ in range(ROUNDS):
        for way, taken in zip(ways, seconds, strict=True):
            before = time.process_time()
            way()
            taken.append(time.process_time() - before)
    return [float(np.median(taken)) for taken in seconds]


def _peak_mb(vectors: np.ndarray, keys: np.ndarray, asked_at: np.ndarray) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = f"{folder}/queries.npz"
        np.savez(path, vectors=vectors, keys=keys, asked_at=asked_at)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(_search_of_file, (path,))


def _search_of_file(path: str) -> float:
    with np.load(path) as arrays:
        vectors, keys, asked_at = arrays["vectors"], arrays["keys"], arrays["asked_at"]
    similarity_levels(vectors, keys, asked_at, thresholds=THRESHOLDS, window=DAY)
    # Not getrusage: what the process that started this one held would count too.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def _shares(levels: np.ndarray) -> str:
    return ", ".join(f"{100 * (levels > reached).mean():.1f} %" for reached in range(len(THRESHOLDS)))


if __name__ == "__main__":
    main()
