"""Policies of the router, chosen on one half of RouteLLM's marks of MMLU and replayed on the other.

`make bench BENCH=routing_replay` chooses one by task type from the bundled counts. With BENCH_ROUTELLM=<folder of mmlu_*.csv>,
the questions themselves, it also chooses one by complexity and one that chains the two; BENCH_WRITE=1 then writes all of them
to tests/fixtures/routellm_mmlu. Prices are ASSUMED.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from ai_finops.analyse.policy_replay import Replay, replay
from ai_finops.analyse.replay_rows import ReadingRules, ReplayRow, read_rows
from ai_finops.analyse.replay_words import replay_lines, verdict
from ai_finops.analyse.routing_policies import Kind, MarkedQuestions, choose_cheap_kinds
from ai_finops.router.read_policy import read_policy
from tests.benchmarks.routing_policies import ASSUMED, FIXTURE

KEPT = 0.95
"""Share of the strong model's right answers that a policy is asked to keep."""
OUTPUT_TOKENS = 10
COLUMNS = {"cheap_correct": "mistralai/Mixtral-8x7B-Instruct-v0.1", "strong_correct": "gpt-4-1106-preview"}
_DAY = date(2026, 11, 28)
_BOUNDS = [round(0.05 + 0.01 * step, 2) for step in range(46)]


def models() -> dict[str, Any]:
    """Return the two models, with their list prices written out so that the figures stay."""
    said = (
        ("mixtral", "aws.bedrock", "mistral.mixtral-8x7b-instruct-v0:1", "cheap", ASSUMED.cheap),
        ("gpt4_turbo", "openai", "gpt-4-1106-preview", "strong", ASSUMED.strong),
    )
    return {
        name: {
            "provider": provider,
            "model": model_id,
            "tier": tier,
            "capability": number,
            "price": {
                "name": "genai-prices 0.2.3",
                "input_usd_per_mtok": price.input_usd_per_mtok,
                "output_usd_per_mtok": price.output_usd_per_mtok,
            },
        }
        for number, (name, provider, model_id, tier, price) in enumerate(said, start=1)
    }


def by_task_type(train: Iterable[ReplayRow], *, kept: float = KEPT) -> frozenset[str]:
    """Return the task types that may go to the cheap model."""
    questions = [
        MarkedQuestions(
            Kind(row.task_type or "", ""),
            row.is_cheap_correct,
            row.is_strong_correct,
            row.question_count,
            row.input_tokens,
        )
        for row in train
    ]
    return frozenset(kind.task_type for kind in choose_cheap_kinds(questions, prices=ASSUMED, smallest_kept_ratio=kept))


def policy_of(name: str, *, task_tiers: dict[str, str] | None = None, below: float | None = None) -> dict[str, Any]:
    """Return a policy as its file has it."""
    strategies: list[dict[str, Any]] = []
    if task_tiers:
        strategies.append({"strategy": "task_type", "tiers": dict(sorted(task_tiers.items()))})
    if below is not None:
        steps = [{"below": below, "tier": "cheap"}]
        strategies.append({"strategy": "complexity", "steps": steps, "otherwise": "strong"})
    return {"policy": name, "models": models(), "strategies": strategies, "default_tier": "strong"}


def tried(rows: list[ReplayRow], policy: dict[str, Any]) -> Replay:
    return replay(rows, policy=read_policy(policy), day=_DAY, output_tokens=OUTPUT_TOKENS)


def with_bound(train: list[ReplayRow], name: str, *, task_tiers: dict[str, str] | None = None) -> dict[str, Any]:
    """Return the policy with the highest bound of complexity that keeps KEPT on this half; the lowest bound where none does."""
    kept = [_BOUNDS[0]]
    for below in _BOUNDS:
        done = tried(train, policy_of(name, task_tiers=task_tiers, below=below))
        if done.routed.accuracy_ratio >= KEPT * done.always_strong.accuracy_ratio:
            kept.append(below)
    return policy_of(name, task_tiers=task_tiers, below=max(kept))


def main() -> None:
    """Choose, print and, if told, write."""
    folder = os.environ.get("BENCH_ROUTELLM")
    if folder:
        files, rules = [Path(folder)], {"columns": COLUMNS, "task_type_prefix": "mmlu_"}
    else:
        files, rules = [FIXTURE], {}
    train, test = (read_rows(files, rules=ReadingRules(half=half, **rules)) for half in ("train", "test"))
    cheap = by_task_type(train)
    policies = [policy_of("mmlu_task_type", task_tiers=dict.fromkeys(cheap, "cheap"))]
    if folder:
        policies.append(with_bound(train, "mmlu_complexity"))
        # Sure both ways by task type, and complexity decides the rest.
        sure_cheap, maybe_cheap = by_task_type(train, kept=0.98), by_task_type(train, kept=0.90)
        sure = {
            row.task_type: "cheap" if row.task_type in sure_cheap else "strong"
            for row in train
            if row.task_type in sure_cheap or row.task_type not in maybe_cheap
        }
        policies.append(with_bound(train, "mmlu_chained", task_tiers=sure))
    for policy in policies:
        done = tried(test, policy)
        print("\n".join([*replay_lines(done), verdict(done), ""]))
        tiers = Counter(tier for each in policy["strategies"] for tier in each.get("tiers", {}).values())
        print(
            f"task types: {dict(tiers)}, bounds: {[each['steps'] for each in policy['strategies'] if 'steps' in each]}\n"
        )
        if os.environ.get("BENCH_WRITE"):
            _write(policy)
    if folder:
        for below in _BOUNDS[6:28:3]:
            policy = policy_of("complexity_alone", below=below)
            points = [100 * tried(rows, policy).coin.difference_ratio for rows in (train, test)]
            print(
                f"complexity below {below:g}: {points[0]:+.2f} points above the coin on train, {points[1]:+.2f} on test"
            )


def _write(policy: dict[str, Any]) -> None:
    """JSON, which is YAML too."""
    path = FIXTURE.parent / f"{policy['policy']}.yaml"
    path.write_text(json.dumps(policy, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
