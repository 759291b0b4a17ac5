"""What a shadow run costs the request that it looks at, with a candidate that never answers: `make bench BENCH=shadow_runs`."""

from __future__ import annotations

import logging
import threading
from time import perf_counter_ns
from types import SimpleNamespace

from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from tests.router.shadow_made import LARGE, Recorded, converse, shadow_of

CALLS = 50_000
SHORT, LONG = (Request("word " * words, task_type="extraction") for words in (10, 3200))


class Dead:
    """A client that hangs."""

    def complete(self, request: Request, *, model: object) -> Answer:
        threading.Event().wait()
        raise AssertionError


def main() -> None:
    """Print median and p99 of `Shadow.observe`, in microseconds."""
    logging.disable(logging.CRITICAL)
    routed = SimpleNamespace(answer=Answer("Oslo", converse("Oslo")), model=LARGE, attempts=())
    for name, share, request, queued in (
        ("not in the share", 0.0, SHORT, 100),
        ("in the share, queue full", 1.0, SHORT, 100),
        ("in the share, queue free", 1.0, SHORT, 10 * CALLS),
        ("in the share, queue free, 16,000 characters", 1.0, LONG, 10 * CALLS),
    ):
        shadow = shadow_of(Recorded(), Dead(), share=share, max_queued=queued)
        times = []
        for _ in range(CALLS):
            begun = perf_counter_ns()
            shadow.observe(request, routed)
            times.append(perf_counter_ns() - begun)
        times.sort()
        print(f"{name}: median {times[CALLS // 2] / 1e3:.2f} us, p99 {times[CALLS * 99 // 100] / 1e3:.2f} us")


if __name__ == "__main__":
    main()
