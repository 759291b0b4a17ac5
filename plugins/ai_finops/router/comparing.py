"""What makes two answers agree in a shadow run: an exact match, a judge, or embeddings that lie near each other.

Without a truth the model in use counts as right, and the candidate as right where it agrees. A judge that knows better says
both marks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ai_finops.router.same_data import is_exactly_comparable, is_same

METHODS = ("exact", "judge", "embedding")


class Judgement(NamedTuple):
    """Marks of both answers, by somebody who knows what is right."""

    is_baseline_correct: bool
    is_candidate_correct: bool
    score: float | None = None
    """0 to 1, where there is one."""


class Verdict(NamedTuple):
    """What came of comparing: both marks, and by what."""

    is_baseline_correct: bool
    is_candidate_correct: bool
    method: str
    """`exact`, `judge` or `embedding`"""
    score: float | None


Judge = Callable[[str, str, str], "bool | float | Judgement"]
"""Given prompt, answer in use and candidate's answer: whether the candidate's is as good, a score of 0 to 1, or both marks."""
Embed = Callable[[list[str]], Sequence[Sequence[float]]]
"""Given texts: a vector of each."""


def can_compare(method: str, baseline: str) -> bool:
    """Whether an answer can be compared by this method at all, asked before a candidate costs anything."""
    return bool(baseline.strip()) and (method != "exact" or is_exactly_comparable(baseline))


def by_exact_match(baseline: str, candidate: str) -> Verdict:
    """Compare data by what it says, and labels by their words."""
    is_agreeing = is_same(baseline, candidate)
    return Verdict(True, is_agreeing, "exact", float(is_agreeing))


def by_judge(said: object, *, least_score: float) -> Verdict:
    """Take what a judge said; a score counts from `least_score` on.

    Raises:
        ValueError: It is neither a boolean, a score of 0 to 1 nor a Judgement.
    """
    if isinstance(said, Judgement):
        score = None if said.score is None else _score(said.score)
        return Verdict(bool(said.is_baseline_correct), bool(said.is_candidate_correct), "judge", score)
    if isinstance(said, bool):
        return Verdict(True, said, "judge", None)
    score = _score(said)
    return Verdict(True, score >= least_score, "judge", score)


def by_embedding(vectors: Sequence[Sequence[float]], *, least_score: float) -> Verdict:
    """Compare two answers by the cosine of their embeddings; they agree from `least_score` on.

    Raises:
        ValueError: These are not two vectors of one length that have a direction.
    """
    first, second = (list(map(float, vector)) for vector in vectors)
    lengths = math.hypot(*first) * math.hypot(*second)
    if not (math.isfinite(lengths) and lengths > 0):
        raise ValueError("an embedding has no direction")
    score = sum(one * other for one, other in zip(first, second, strict=True)) / lengths
    return Verdict(True, score >= least_score, "embedding", round(score, 6))


def _score(said: object) -> float:
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= 1:
        raise ValueError(f"a judge says true, false or a score of 0 to 1, and said {type(said).__name__}")
    return float(said)
