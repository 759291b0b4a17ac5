"""What a decision of the router takes: median and p99 of `decide`, by strategy, alone and chained, on a prompt of 4,000 tokens.

`make bench BENCH=router_decisions` (BENCH_DECISIONS=20000 decisions each, in turn, so that a slow second of the machine is
shared). The prompts are 16,000 characters of this repository's own pages and code, and made Japanese. Goals: 5 µs for task type
and 50 µs for complexity, at the median. Beside them stand ways of reading the whole prompt, and a whole request with a client
that answers at once.
"""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable
from statistics import quantiles
from time import perf_counter_ns

from ai_finops.config import REPOSITORY
from ai_finops.router.answer import Answer
from ai_finops.router.complexity import measure_complexity
from ai_finops.router.decision import Request, decide
from ai_finops.router.engine import Router
from ai_finops.router.policy import Policy
from ai_finops.router.read_policy import read_policy

CHARACTERS = 16_000
DECISIONS = int(os.environ.get("BENCH_DECISIONS", "20000"))
TASK_TYPE = {"strategy": "task_type", "tiers": {"classification": "cheap", "extraction": "cheap"}}
COMPLEXITY = {"strategy": "complexity", "steps": [{"below": 0.3, "tier": "cheap"}, {"below": 0.55, "tier": "mid"}]}
CONFIDENCE = {"strategy": "confidence", "source": "self_assessment", "threshold": 0.8}
WORDS = re.compile(r"\w+")
MARKS = str.maketrans(dict.fromkeys(".,;:!?()[]{}\"'`*", " "))
BODY = {"output": {"message": {"content": [{"text": "yes"}]}}, "usage": {"inputTokens": 4000, "outputTokens": 100}}


def policy_of(*strategies: dict) -> Policy:
    """A policy of three models on Bedrock."""
    names = (
        ("lite", "amazon.nova-lite-v1:0", "cheap"),
        ("haiku", "anthropic.claude-haiku-4-5-20251001-v1:0", "mid"),
        ("sonnet", "anthropic.claude-sonnet-4-5-20250929-v1:0", "expensive"),
    )
    models = {
        name: {"provider": "aws.bedrock", "model": model, "tier": tier, "capability": place}
        for place, (name, model, tier) in enumerate(names, 1)
    }
    return read_policy(
        {"policy": "bench", "models": models, "default_tier": "expensive", "strategies": list(strategies)}
    )


def prompts() -> dict[str, str]:
    """Prompts of 16,000 characters, by what they are of."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    code = (REPOSITORY / "plugins" / "ai_finops" / "cli.py").read_text(encoding="utf-8")
    japanese = (
        "契約の第三条によれば、売主は引渡しの日から一年間、品質を保証する。なぜ通知を要するのか、比較してください。"
    )
    plain = page.encode("ascii", "ignore").decode()
    return {name: (text * 300)[:CHARACTERS] for name, text in (
        ("English", plain), ("English with other marks", page), ("code", code), ("Japanese", japanese)
    )}  # fmt: skip


def time_in_turn(measured: dict[str, Callable[[], object]], *, times: int) -> dict[str, list[float]]:
    """Return microseconds of each call, one call of each in turn."""
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for number in range(times + times // 10):
        for name, call in measured.items():
            begun = perf_counter_ns()
            call()
            ended = perf_counter_ns()
            if number >= times // 10:  # the first tenth warms up
                taken[name].append((ended - begun) / 1000)
    return taken


class Instant:
    """A client that answers at once, and is sure."""

    def complete(self, request: Request, *, model: object) -> Answer:
        """Answer."""
        return Answer('{"confidence": 0.9}', raw=BODY)


def main() -> None:
    """Print the table."""
    texts = prompts()
    by_task, by_complexity = policy_of(TASK_TYPE), policy_of(COMPLEXITY)
    chain = policy_of(TASK_TYPE, COMPLEXITY, CONFIDENCE)
    listed = Request(texts["English"], task_type="classification")
    other = Request(texts["English"], task_type="something else")
    router, client = Router(chain, clients=Instant()), Instant()
    measured: dict[str, Callable[[], object]] = {
        "nothing": lambda: None,
        "task type": lambda: decide(listed, by_task),
        "task type, cheapest model unhealthy": lambda: decide(listed, by_task, unhealthy=frozenset({"lite"})),
        "confidence": lambda: decide(listed, policy_confidence),
    }
    policy_confidence = policy_of(CONFIDENCE)
    for name, text in texts.items():
        request = Request(text)
        measured[f"complexity, {name}"] = lambda request=request: decide(request, by_complexity)
    whole = texts["English"]
    of_whole: dict[str, Callable[[], object]] = {
        "the score alone, English": lambda: measure_complexity(whole),
        "whole text: words by a regular expression": lambda: WORDS.findall(whole),
        "whole text: set of its characters": lambda: set(whole),
        "whole text: split at spaces": lambda: whole.split(),
        "whole text: marks taken out by str.translate": lambda: whole.translate(MARKS),
        "whole text: one sign counted": lambda: whole.count("{"),
    }
    measured |= {
        "chained, decided by task type": lambda: decide(listed, chain),
        "chained, decided by complexity or after it": lambda: decide(other, chain),
        "the client alone": lambda: client.complete(listed, model=None),
        "a whole request decided by task type (no exporter)": lambda: router.complete(listed),
    }
    print(
        f"{DECISIONS:,} each in turn, Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores"
    )
    for name, text in texts.items():
        print(f"{name}: {len(text):,} characters, {measure_complexity(text)}")
    print("| | median µs | p99 µs |\n|---|---|---|")
    for name, taken in (
        time_in_turn(measured, times=DECISIONS) | time_in_turn(of_whole, times=DECISIONS // 10)
    ).items():
        hundredths = quantiles(taken, n=100)
        print(f"| {name} | {hundredths[49]:.1f} | {hundredths[98]:.1f} |")


if __name__ == "__main__":
    main()
