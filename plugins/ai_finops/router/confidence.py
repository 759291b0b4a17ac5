"""How confident an answer is, from 0 to 1; None where that cannot be told."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from math import exp, fsum, inf
from numbers import Real

from ai_finops.instrument.losses import count_loss
from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.policy import ConfidenceStrategy, Statistic

Verifier = Callable[[Request, Answer], "float | bool | None"]
AsyncVerifier = Callable[[Request, Answer], Awaitable["float | bool | None"]]


def of_logprobs(logprobs: Sequence[float] | None, *, statistic: Statistic = "mean") -> float | None:
    """Return the confidence from the tokens' log-probabilities; None for no tokens, or one that has none.

    `mean` is the geometric mean of the tokens' probabilities, exp of the mean logarithm: a long answer is not less confident
    for being long. `min` is the probability of the least likely token, for answers in which one token decides.
    """
    if logprobs is None or not len(logprobs) or not all(map(_is_logprob, logprobs)):
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
    """Return what a verifier said as a confidence: True is 1, False is 0, NumPy's too; None for no number from 0 to 1."""
    if not hasattr(type(verdict), "__float__"):
        return None
    try:
        said = float(verdict)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001  an array of several, or an integer too large: no number from 0 to 1
        return None
    return said if 0 <= said <= 1 else None


def of_answer(answer: Answer, check: ConfidenceStrategy) -> float | None:
    """Return the confidence that an answer itself carries, by a strategy whose source is not `verifier`.

    Never raises: the answer is paid. What is there and cannot be read is counted (`confidence_failed`).
    """
    try:
        if check.source != "logprobs":
            return of_self_assessment(answer, answer_field=check.answer_field)
        logprobs = answer.token_logprobs
        told = of_logprobs(logprobs, statistic=check.statistic)
        if told is None and logprobs is not None and len(logprobs):
            count_loss("confidence_failed", detail="a log-probability that is none")
        return told
    except Exception as error:  # noqa: BLE001  see above
        count_loss("confidence_failed", detail=type(error).__name__)
        return None


def is_enough(confidence: float | None, check: ConfidenceStrategy) -> bool:
    """Whether an answer of this confidence is taken."""
    return check.is_missing_enough if confidence is None else confidence >= check.threshold


def _json_object(text: str | None) -> object:
    try:
        return json.loads(_unfenced((text or "").strip()))
    except (ValueError, RecursionError):
        return None


def _unfenced(text: str) -> str:
    """Leave out the fence of ``` around a text; looks at each character once."""
    first_line, _, inner = text.partition("\n")
    is_fenced = first_line.startswith("```") and inner.endswith("```")
    return inner[:-3] if is_fenced else text


def _is_logprob(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and value < inf  # type: ignore[operator]  NaN is not less


def _ratio_or_none(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= 1 else None
