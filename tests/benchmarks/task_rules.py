"""How far lengths alone tell task types: the rules on the bundled sample's calls, which say theirs, as if they did not.

`make bench BENCH=task_rules`. The sample is a composite: its token counts are recorded ones, which task they stand for is this
project's choice, and it has no texts. So this says how wrong the rules are about such lengths, and nothing of texts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pyarrow.parquet as pq

from ai_finops.analyse.task_rules import GENERATING, CallFacts, Guess, guess_task_type
from ai_finops.analyse.task_types import find_task_type, sample_calls
from ai_finops.config import REPOSITORY

KNOWN = ("extraction", "classification", "form_filling", "summarization", "chat", "document_review")
BOUND = 0.8


def guess(call: dict[str, Any]) -> Guess:
    """Guess one call of the sample by its lengths."""
    classes = ("uncached_input_tokens", "cache_read_input_tokens", "cache_write_5m_input_tokens")
    tokens = sum(call[name] or 0 for name in classes)
    return guess_task_type(
        CallFacts(call["operation_name"], tokens, call["output_tokens"], None), known_task_types=KNOWN
    )


def main() -> None:
    """Print what calls and groups are taken for."""
    calls = [
        call | {"call_id": str(call["call_number"])}
        for call in pq.read_table(REPOSITORY / "plugins/ai_finops/demo/sample/calls.parquet").to_pylist()
        if call["operation_name"] in GENERATING and call["has_usage"] and call["feature_id"]
    ]
    taken: dict[str, Counter[str]] = defaultdict(Counter)
    for call in calls:
        found = guess(call).task_type
        taken[call["task_type"]]["right" if found == call["task_type"] else "wrong" if found else "none"] += 1
    for task_type, counts in sorted(taken.items()):
        shares = (f"{name} {counts[name] / counts.total():.1%}" for name in ("right", "wrong", "none"))
        print(f"{task_type}: {', '.join(shares)}")
    for group, chosen in sample_calls(calls, most_per_group=200).items():
        finding = find_task_type(group, [guess(call) for call in chosen], call_count=0, smallest_share_ratio=BOUND)
        said = "+".join(sorted({call["task_type"] for call in chosen}))
        name = " / ".join(group)
        print(f"{name} ({said}): {finding.task_type} {finding.agreement_ratio:.1%}, {finding.status}")


if __name__ == "__main__":
    main()
