"""What routing by task type and complexity would be worth on RouteLLM's marks of MMLU: chosen on one half, tried on the other.

`make bench BENCH=routing_policies` reads the bundled counts. With BENCH_ROUTELLM=<folder of mmlu_*.csv> it counts the questions
themselves and also tries SPLITS other halves; BENCH_WRITE=1 then writes tests/fixtures/routellm_mmlu. Costs rest on ASSUMED.
"""

from __future__ import annotations

import csv
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean

from ai_finops.analyse.routing_policies import (
    Kind,
    MarkedQuestions,
    ModelPrice,
    Outcome,
    Prices,
    choose_cheap_kinds,
    coin_accuracy_ratio,
    try_always,
    try_oracle,
    try_policy,
)

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "routellm_mmlu" / "questions.csv"
COLUMNS = (
    "split", "task_type", "complexity", "is_cheap_right", "is_strong_right", "question_count", "character_count",
    "squared_character_count",
)  # fmt: skip
CHARACTERS_PER_TOKEN = 4
ASSUMED = Prices(
    # USD per million tokens in and out, list prices of genai-prices 0.2.3 (read 2026-11-28): Mixtral 8x7B on Bedrock, and GPT-4
    # Turbo (1106). The marks come without tokens: input is taken as characters / 4, output as 10 tokens an answer.
    cheap=ModelPrice(0.45, 0.70, 10),
    strong=ModelPrice(10.0, 30.0, 10),
)
KEPT = (0.98, 0.95, 0.90)
SPLITS = 20
Row = tuple[str, str, str, bool, bool]


def complexity_of(question: str) -> str:
    """Return the length of a question in words; bounds lie near the quarters of the set's lengths, rounded."""
    length = len(question)
    return next(
        name
        for bound, name in ((200, "short"), (350, "middle"), (600, "long"), (sys.maxsize, "longest"))
        if length < bound
    )


def split_of(question: str, *, salt: str = "") -> str:
    """Return `train` or `test` by the question's own hash: the same every time, and a repeated question is on one side."""
    return "test" if hashlib.sha256((salt + question).encode()).digest()[0] % 2 else "train"


def count_questions(folder: Path, *, salt: str = "") -> list[dict[str, str | int]]:
    """Count RouteLLM's questions by split, subject, length and marks; another `salt` splits them another way.

    Raises:
        FileNotFoundError: The folder holds no mmlu_*.csv.
    """
    counts: Counter[Row] = Counter()
    characters: Counter[Row] = Counter()
    squares: Counter[Row] = Counter()
    paths = sorted(folder.glob("mmlu_*.csv"))
    if not paths:
        raise FileNotFoundError(f"{folder} holds no mmlu_*.csv of lm-sys/RouteLLM")
    for path in paths:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                question, cheap, strong = row.values()
                key = (
                    split_of(question, salt=salt), path.stem.removeprefix("mmlu_"), complexity_of(question),
                    cheap == "True", strong == "True",
                )  # fmt: skip
                counts[key] += 1
                characters[key] += len(question)
                squares[key] += len(question) ** 2
    return [
        dict(zip(COLUMNS, (*key, counts[key], characters[key], squares[key]), strict=True)) for key in sorted(counts)
    ]


def read_counts(path: Path = FIXTURE) -> list[dict[str, str]]:
    """Read the bundled counts."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def marked(rows: Iterable[dict], *, split: str) -> list[MarkedQuestions]:
    """Return one half of the counts as the policies take them."""
    return [
        MarkedQuestions(
            Kind(row["task_type"], row["complexity"]),
            str(row["is_cheap_right"]) == "True",
            str(row["is_strong_right"]) == "True",
            int(row["question_count"]),
            int(row["character_count"]) / CHARACTERS_PER_TOKEN,
        )
        for row in rows
        if row["split"] == split
    ]


def main() -> None:
    """Print the table of docs/routing.md."""
    folder = os.environ.get("BENCH_ROUTELLM")
    rows: Sequence[dict] = count_questions(Path(folder)) if folder else read_counts()
    print(f"{folder or 'bundled counts'}: {sum(int(row['question_count']) for row in rows):,} questions")
    if os.environ.get("BENCH_WRITE"):
        with FIXTURE.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    train, test = marked(rows, split="train"), marked(rows, split="test")
    cheap, strong = (try_always(test, is_strong=each, prices=ASSUMED) for each in (False, True))
    print(f"train {sum(each.question_count for each in train):,}, test {strong.question_count:,}; figures on test")
    _say("always cheap", cheap, cheap, strong)
    for kept in KEPT:
        kinds = choose_cheap_kinds(train, prices=ASSUMED, smallest_kept_ratio=kept)
        _say(f"keep {kept:.0%}", try_policy(test, cheap_kinds=kinds, prices=ASSUMED), cheap, strong)
    _say("always strong", strong, cheap, strong)
    _say("oracle", try_oracle(test, prices=ASSUMED), cheap, strong)
    if folder:
        _say_spread(Path(folder))


def _say_spread(folder: Path) -> None:
    """Print how the same choice does on other halves: one half is one draw."""
    halves = [count_questions(folder, salt=str(number)) for number in range(SPLITS)]
    for kept in KEPT:
        kept_ratios, gains = [], []
        for rows in halves:
            test = marked(rows, split="test")
            kinds = choose_cheap_kinds(marked(rows, split="train"), prices=ASSUMED, smallest_kept_ratio=kept)
            outcome = try_policy(test, cheap_kinds=kinds, prices=ASSUMED)
            cheap, strong = (try_always(test, is_strong=each, prices=ASSUMED) for each in (False, True))
            kept_ratios.append(outcome.accuracy_ratio / strong.accuracy_ratio)
            gains.append(outcome.accuracy_ratio - coin_accuracy_ratio(outcome.cost_usd, cheap=cheap, strong=strong))
        print(
            f"keep {kept:.0%} on {SPLITS} other halves: kept {mean(kept_ratios):.1%} ({min(kept_ratios):.1%} to "
            f"{max(kept_ratios):.1%}), above the coin by {100 * mean(gains):.1f} points (least {100 * min(gains):.1f})"
        )


def _say(name: str, outcome: Outcome, cheap: Outcome, strong: Outcome) -> None:
    coin = coin_accuracy_ratio(outcome.cost_usd, cheap=cheap, strong=strong)
    print(
        f"| {name} | {outcome.accuracy_ratio:.4f} | {outcome.accuracy_ratio / strong.accuracy_ratio:.1%} "
        f"| {outcome.strong_share_ratio:.1%} | {1000 * outcome.cost_usd / outcome.question_count:.4f} "
        f"| {outcome.cost_usd / strong.cost_usd:.1%} | {coin:.4f} |"
    )


if __name__ == "__main__":
    main()
