"""How confident an answer is, from 0 to 1; None where that cannot be told."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import exp, fsum, isnan

from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.policy import ConfidenceStrategy, Statistic

Verifier = Callable[[Request, Answer], "float | bool | None"]
AsyncVerifier = Callable[[Request, Answer], Awaitable["float | bool | None"]]
_FENCED = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def of_logprobs(logprobs: Sequence[float] | None, *, statistic: Statistic = "mean") -> float | None:
    """Return the confidence from the tokens' log-probabilities; None for no tokens, or one that is no number.

    `mean` is the geometric mean of the tokens' probabilities, exp of the mean logarithm: a long answer is not less confident
    for being long. `min` is the probability of the least likely token, for answers in which one token decides.
    """
    if not logprobs or any(isnan(each) for each in logprobs):
        return None
    log = min(logprobs) if statistic == "min" else fsum(logprobs) / len(logprobs)
    return min(1.0, exp(log)) if log < 0 else 1.0


def of_self_assessment(answer: Answer, *, answer_field: str) -> float | None:
    """Return the number from 0 to 1 in a field of the structured answer, or of the JSON object that its text is.

    None for text that is no JSON object, a field that is missing, and a value that is no number from 0 to 1: a model that
    answers 85 may mean 0.85, and nobody knows.
    """
    found = answer.structured if answer.structured is not None else _json_object(answer.text)
    return _ratio_or_none(found.get(answer_field)) if isinstance(found, Mapping) else None


def of_verdict(verdict: object) -> float | None:
    """Return what a verifier said as a confidence: True is 1, False is 0; what is no number from 0 to 1 is None."""
    return float(verdict) if isinstance(verdict, bool) else _ratio_or_none(verdict)


def of_answer(answer: Answer, check: ConfidenceStrategy) -> float | None:
    """Return the confidence that an answer itself carries, by a strategy whose source is not `verifier`."""
    if check.source == "logprobs":
        return of_logprobs(answer.token_logprobs, statistic=check.statistic)
    return of_self_assessment(answer, answer_field=check.answer_field)


def is_enough(confidence: float | None, check: ConfidenceStrategy) -> bool:
    """Whether an answer of this confidence is taken."""
    return check.is_missing_enough if confidence is None else confidence >= check.threshold


def _json_object(text: str) -> object:
    fenced = _FENCED.match(text)
    try:
        return json.loads(fenced.group(1) if fenced else text)
    except (ValueError, RecursionError):
        return None


def _ratio_or_none(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None
