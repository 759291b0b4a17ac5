"""What form an answer has: a label, data, a list, code or prose. By its signs alone; nothing is understood."""

from __future__ import annotations

import json
import re

FORMS = ("label", "json", "list", "code", "prose")
LONGEST_LABEL = 60
"""Characters; a label is a name of a kind, or a few."""
MOST_LABEL_WORDS = 6
_ITEM = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)])\s+\S")
_CODE = re.compile(
    r"\s*(?:(?:def|class|import|from|return|function|const|let|var|public|private|select|insert|create|with|#include|package)\b.*"
    r"|.*[;{}]|(?:if|for|while)\b.*[:{])\s*$",
    re.IGNORECASE,
)
_FENCE = re.compile(r"^```([\w+-]*)\s*\n(.*?)\n?```$", re.DOTALL)


def form_of(answer: str) -> str | None:
    """Return one of `FORMS`; None of an answer that says nothing."""
    text = answer.strip()
    if not text:
        return None
    fenced = _FENCE.match(text)
    if fenced:
        return "json" if _is_data(fenced[2]) else "code"
    if _is_data(text):
        return "json"
    lines = [line for line in text.splitlines() if line.strip()]
    if (
        len(lines) == 1
        and len(text) <= LONGEST_LABEL
        and len(text.split()) <= MOST_LABEL_WORDS
        and not _is_sentence(text)
    ):
        return "label"
    # A line that leads in and one that sums up are no items.
    if len(lines) >= 3 and 3 * sum(bool(_ITEM.match(line)) for line in lines) >= 2 * len(lines):
        return "list"
    if len(lines) >= 3 and 2 * sum(bool(_CODE.match(line)) for line in lines) >= len(lines):
        return "code"
    return "prose"


def _is_data(text: str) -> bool:
    if not text.lstrip().startswith(("{", "[")):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _is_sentence(text: str) -> bool:
    """Whether a few words are said to somebody: they end as a sentence does, and are more than one."""
    return len(text.split()) > 1 and text[-1] in ".!?…。！？"
