"""Whether two answers say the same: data whatever the order of its fields and the form of its numbers, and labels.

What is neither data nor a label has no exact match: two good summaries never have the same words.
"""

from __future__ import annotations

import json
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

from ai_finops.query_text import normalise

LONGEST_LABEL = 60
"""Characters; a label is a name of a kind, or a few."""
MOST_LABEL_WORDS = 6
_is_number = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?(e[+-]?[0-9]+)?").fullmatch


def is_exactly_comparable(answer: str) -> bool:
    """Whether an answer is data or a label, so that another can be the same.

    JSON that is broken is no data: a short piece of it, in one line, is a label as any other text, and a long one neither.
    """
    return canonical_json(answer) is not None or _is_label(answer)


def is_same(baseline: str, candidate: str) -> bool:
    """Whether the candidate says what the baseline does: the same data where that is data, else the same label."""
    data = canonical_json(baseline)
    if data is not None:
        return canonical_json(candidate) == data
    return _label(candidate) == _label(baseline)


def canonical_json(answer: str) -> str | None:
    """Return the one spelling of an answer's JSON object or list; None where it is neither.

    Fields are sorted, `1`, `1.0` and `1e0` are one number (exactly: none is rounded), `true` is no number, and a letter with
    an accent is the same in one character and in two (NFC). A block fenced by ``` is read without its fence. An object that
    names a field twice says two things and is no data.
    """
    text = _unfenced(answer.strip())
    if not text.startswith(("{", "[")):
        return None
    try:
        value = json.loads(
            text,
            parse_float=Decimal,
            parse_int=Decimal,
            parse_constant=_refuse,
            object_pairs_hook=_fields,
        )
        return _spelled(value)
    except (ValueError, RecursionError, InvalidOperation):
        return None


def _unfenced(text: str) -> str:
    if not (text.startswith("```") and text.endswith("```") and "\n" in text):
        return text
    return text[text.index("\n") + 1 : -3].strip()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = {unicodedata.normalize("NFC", name): value for name, value in pairs}
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice")
    return fields


def _spelled(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_spelled(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_spelled, value)) + "]"
    if isinstance(value, str):
        return json.dumps(unicodedata.normalize("NFC", value))
    return _number(value) if isinstance(value, Decimal) else json.dumps(value)


def _number(value: Decimal) -> str:
    """Digits without zeros at their end, and the exponent; `normalize` would round to 28 digits."""
    sign, digits, exponent = value.as_tuple()
    said = "".join(map(str, digits)).lstrip("0")
    kept = said.rstrip("0")
    return f"{'-' if sign else ''}{kept}e{exponent + len(said) - len(kept)}" if kept else "0"


def _label(answer: str) -> str:
    """The words of a label, without quotes around them; of a number its one spelling."""
    text = answer.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            said = json.loads(text)
        except ValueError:
            said = text
        text = said if isinstance(said, str) else text
    words = normalise(text)
    try:
        return _number(Decimal(words)) if _is_number(words) else words
    except InvalidOperation:
        return words


def _is_label(answer: str) -> bool:
    text = answer.strip()
    words = text.split()
    is_sentence = len(words) > 1 and text.endswith((".", "!", "?", "…", "。", "！", "？"))
    return (
        0 < len(text) <= LONGEST_LABEL
        and len(text.splitlines()) == 1
        and len(words) <= MOST_LABEL_WORDS
        and not is_sentence
    )
