"""Measure what estimating the use of retrieved documents takes of a landing that keeps texts.

    make bench BENCH=context_uses                          10,000 retrievals of ten documents in a day
    make bench BENCH=context_uses BENCH_RETRIEVALS=2000

The texts are made up: documents of 1,200 characters and answers of 600, of words drawn by Zipf's law from 20,000. Beside the
whole, which reads the day's texts and spans from a lake, stands the estimate alone over the same texts, with making them. The
peak is that of a process that does nothing but the whole.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from ai_finops.config import Settings
from ai_finops.context_use import estimate_uses
from ai_finops.extract import context_uses
from ai_finops.lake import Lake
from ai_finops.lake_schemas import SPAN_CONTENTS, SPANS, tables_of

DAY = date(2025, 6, 2)
DOCUMENTS = 10
WORDS = 20_000


def main() -> None:
    """Make a day in a lake, estimate its uses in a process of its own, and print what that took."""
    count = int(os.environ.get("BENCH_RETRIEVALS", "10000"))
    with tempfile.TemporaryDirectory(prefix="context-uses-") as folder:
        lake = Lake(Path(folder) / "lake")
        # Each in a process of its own: a process begins with the peak of the one that starts it.
        for step in (_write_day, _settle):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                seconds, peak = pool.apply(step, (Path(folder), count))
        rows = lake.current_version(context_uses.FAMILY, str(DAY)).row_counts[context_uses.TABLE]
    started = time.process_time()
    for documents, answer in _retrievals(count):
        estimate_uses(answer, documents=documents, question="which of these")
    alone = time.process_time() - started
    print(f"{count:,} retrievals of {DOCUMENTS} documents, {rows:,} estimates, load {os.getloadavg()[0]:.1f}\n")
    print("| What | measured |\n|---|---|")
    print(f"| reading the texts, estimating, writing: CPU s | {seconds:.1f} |")
    print(f"| of which ms for a document | {1000 * seconds / (count * DOCUMENTS):.3f} |")
    print(f"| estimate and making the texts, CPU s | {alone:.1f} |")
    print(f"| peak, MB | {peak:.0f} |")


def _settle(folder: Path, _count: int) -> tuple[float, float]:
    settings = Settings.from_env({"AI_FINOPS_HOME": str(folder), "AI_FINOPS_KEEP_CONTENT": "true"})
    started = time.process_time()
    context_uses.settle(DAY, settings=settings, lake=Lake(folder / "lake"), as_of=DAY + timedelta(days=1))
    return time.process_time() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _retrievals(count: int) -> Iterator[tuple[list[str], str]]:
    numbers = np.random.default_rng(3)
    words = [
        "".join(chr(97 + letter) for letter in numbers.integers(0, 26, numbers.integers(2, 11))) for _ in range(WORDS)
    ]

    def text(characters: int) -> str:
        places = np.minimum(numbers.zipf(1.3, characters // 6), WORDS) - 1
        return ". ".join(" ".join(words[place] for place in part) for part in np.array_split(places, characters // 100))

    for _ in range(count):
        documents = [text(1200) for _ in range(DOCUMENTS)]
        yield documents, text(500) + ". " + documents[0][:100]


def _write_day(folder: Path, count: int) -> tuple[float, float]:
    lake, spans, texts = Lake(folder / "lake"), [], []
    noon = datetime(2025, 6, 2, 12, tzinfo=UTC)
    for number, (documents, answer) in enumerate(_retrievals(count)):
        ids = {"trace_id": f"{number:032x}", "landing_date": DAY}
        spans.append(ids | {"span_id": "1", "operation_name": "retrieval", "started_at": noon})
        spans.append(ids | {"span_id": "2", "operation_name": "chat", "started_at": noon})
        for place, document in enumerate(documents):
            name = f"retrieval.documents.{place}.document.content"
            texts.append(
                ids | {"span_id": "1", "attribute_name": name, "content_kind": "document", "content": document}
            )
        said = {"attribute_name": "output.value", "content_kind": "answer", "content": answer}
        texts.append(ids | {"span_id": "2"} | said)
    tables = {name: schema.empty_table() for name, schema in tables_of("traces").items()}
    lake.write_partition("traces", str(DAY), tables=tables | {"spans": pa.Table.from_pylist(spans, schema=SPANS)})
    contents = pa.Table.from_pylist(texts, schema=SPAN_CONTENTS)
    lake.write_partition("trace_contents", str(DAY), tables={"span_contents": contents})
    return 0.0, 0.0


if __name__ == "__main__":
    main()
