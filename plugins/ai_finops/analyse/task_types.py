"""Task types of calls that say none: guessed call by call on a sample, and said of a group only where most of its calls agree.

A group is a feature's calls of one pipeline and operation: one prompt, so one kind of task, if any. Guesses of low confidence
are shown and never used: by lengths alone most are wrong (docs/routing.md has the count).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ai_finops.analyse.agreement import wilson_interval
from ai_finops.analyse.task_rules import Guess

CONFIDENCES = ("low", "medium", "high")


class CallGroup(NamedTuple):
    """Calls that are of one kind or of none."""

    feature_id: str
    pipeline_id: str
    operation_name: str


@dataclass(frozen=True, slots=True)
class TaskFinding:
    """What the sampled calls of a group were taken for."""

    group: CallGroup
    task_type: str | None
    """That of most of them; None where no call was taken for anything."""
    status: str
    """`applied` where enough agree surely, `unsure` where they agree and are not sure, `mixed`, or `unclassified`: no type."""
    confidence: str | None
    """The least of the calls that it rests on."""
    how: str
    """Rules and judges that say so, or why nothing was found."""
    call_count: int
    sample_count: int
    agreeing_count: int

    @property
    def agreement_ratio(self) -> float:
        """Share of the sampled calls that were taken for the task type."""
        return self.agreeing_count / self.sample_count

    @property
    def low_agreement_ratio(self) -> float:
        """Low end of the share's 95 % Wilson interval."""
        return wilson_interval(self.agreeing_count, sample_count=self.sample_count)[0]


def sample_calls(
    calls: Iterable[Mapping[str, Any]], *, most_per_group: int
) -> dict[CallGroup, list[Mapping[str, Any]]]:
    """Choose calls of each group by the hash of their id: the same every time, whatever the order they come in."""
    groups: dict[CallGroup, list[Mapping[str, Any]]] = defaultdict(list)
    for call in calls:
        groups[CallGroup(*(call[name] for name in CallGroup._fields))].append(call)
    return {group: sorted(groups[group], key=_place)[:most_per_group] for group in sorted(groups)}


def find_task_type(
    group: CallGroup, guesses: Sequence[Guess], *, call_count: int, smallest_share_ratio: float
) -> TaskFinding:
    """Say what a group does, by at least one guess; ties go to the first by name."""
    counts = Counter(guess.task_type for guess in guesses if guess.task_type is not None)
    if not counts:
        how = _named(guess.how for guess in guesses)
        return TaskFinding(group, None, "unclassified", None, how, call_count, len(guesses), 0)
    task_type = min(counts, key=lambda name: (-counts[name], name))
    agreeing = [guess for guess in guesses if guess.task_type == task_type]
    sure = [guess for guess in agreeing if guess.confidence != "low"]
    enough = smallest_share_ratio * len(guesses)
    status = "applied" if len(sure) >= enough else "unsure" if len(agreeing) >= enough else "mixed"
    rests_on = sure if status == "applied" else agreeing
    return TaskFinding(
        group,
        task_type,
        status,
        min((guess.confidence or "low" for guess in rests_on), key=CONFIDENCES.index),
        _named(guess.how for guess in agreeing),
        call_count,
        len(guesses),
        len(agreeing),
    )


def _named(names: Iterable[str]) -> str:
    return "+".join(sorted(set(names)))


def _place(call: Mapping[str, Any]) -> tuple[str, str]:
    return hashlib.sha256(call["call_id"].encode()).hexdigest(), call["call_id"]
