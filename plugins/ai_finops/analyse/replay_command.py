"""`ai-finops routing replay`: files in, lines out. Needs the standard library, the router and, for Parquet, pyarrow."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from ai_finops.analyse.policy_replay import replay
from ai_finops.analyse.replay_rows import NAMES, ReadingRules, read_rows
from ai_finops.analyse.replay_words import replay_facts, replay_lines, verdict
from ai_finops.errors import ReplayError
from ai_finops.router.read_policy import read_policy

CHARACTERS_PER_TOKEN = 4.0


def replay_files(
    *,
    policy_file: Path,
    data: Sequence[Path],
    columns: Sequence[str] = (),
    half: str | None = None,
    task_type_prefix: str | None = None,
    cheap_name: str | None = None,
    strong_name: str | None = None,
    output_tokens: float,
    price_day: date,
    is_json: bool = False,
    has_task_types: bool = True,
) -> tuple[list[str], str | None]:
    """Return the lines to print, and the sentence that refuses to recommend the policy; None when it is recommended.

    Args:
        columns: `NAME=COLUMN` each.
    Raises:
        ReplayError: Questions, marks or prices cannot be read, or do not go with the policy.
        PolicyError: The policy cannot be read.
    """
    policy = read_policy(policy_file)
    rules = ReadingRules(
        columns=dict(map(_column, columns)),
        half=half,
        task_type_prefix=task_type_prefix,
        characters_per_token=CHARACTERS_PER_TOKEN,
    )
    rows = read_rows(data, rules=rules)
    done = replay(
        rows,
        policy=policy,
        day=price_day,
        output_tokens=output_tokens,
        cheap_name=cheap_name,
        strong_name=strong_name,
        has_task_types=has_task_types,
    )
    refusal = None if done.is_recommended else verdict(done)
    assumed = {
        "characters_per_token": CHARACTERS_PER_TOKEN if any(not row.has_input_tokens for row in rows) else None,
        "output_tokens_per_answer": output_tokens if any(row.output_tokens is None for row in rows) else None,
        "prices": f"list prices of {price_day}, of each model that the policy has no price for",
    }
    if is_json:
        return [json.dumps(replay_facts(done, assumed=assumed), indent=2)], refusal
    said = [f"{assumed[name]:g} {words}" for name, words in _ASSUMED.items() if assumed[name] is not None]
    lines = replay_lines(done) + ([f"assumed: {' and '.join(said)}"] if said else [])
    return lines + ([verdict(done)] if refusal is None else []), refusal


_ASSUMED = {"characters_per_token": "characters a token", "output_tokens_per_answer": "tokens an answer"}


def _column(said: str) -> tuple[str, str]:
    name, is_said, column = said.partition("=")
    if not is_said or name not in NAMES or not column:
        raise ReplayError(f"--column {said} is not understood: write NAME=COLUMN, with NAME one of {', '.join(NAMES)}")
    return name, column
