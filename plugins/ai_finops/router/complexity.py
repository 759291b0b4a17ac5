"""How hard a text looks, from 0 to 1, without a model and without a network: a few counts in some 20 µs.

Five parts, each from 0 to 1, weighed into one score: **length** (estimated tokens, on a log scale), **entities** (names and numbers),
**domain** (words of fields where cheap models fail, and the deployment's own), **code** (signs that prose has few of) and **languages**
(another language than English, or several). Length is of the whole text. The other four are read in a sample of it, its head, middle
and tail, because reading 16,000 characters word by word takes ten times the time that a decision may take.
Source: docs/decisions/0020-a-score-from-a-sample.md
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import NamedTuple

from ai_finops.router.domain_words import DOMAIN_WORDS
from ai_finops.router.languages import read_writing

WINDOW = 256
"""Characters of each of the three pieces that are read; a text of up to three of them is read whole."""
_TOKENS_OF_HALF = 64
_TOKENS_OF_ALL = 8192
_LOG_SPAN = log2(1 + _TOKENS_OF_ALL / _TOKENS_OF_HALF)
_ENTITY_RATIO_OF_ALL = 0.25
_DOMAIN_WORDS_OF_ALL = 4
_CODE_RATIO_OF_ALL = 0.08
_CODE_SIGNS = "{}()[];=<>_`\\"
PARTS = ("length", "entities", "domain", "code", "languages")


@dataclass(frozen=True, slots=True)
class Scale:
    """What a score is made of. Weights are not negative and add up to 1, so the score stays from 0 to 1."""

    length: float = 0.35
    entities: float = 0.15
    domain: float = 0.20
    code: float = 0.20
    languages: float = 0.10
    domain_words: frozenset[str] = DOMAIN_WORDS
    """In lower case."""


DEFAULT_SCALE = Scale()


class Complexity(NamedTuple):
    """A score and its parts, weighed: the parts add up to the score."""

    score: float
    length: float = 0.0
    entities: float = 0.0
    domain: float = 0.0
    code: float = 0.0
    languages: float = 0.0

    @property
    def largest_part(self) -> str:
        """Name of the part that adds most; of equal ones the first in `PARTS`."""
        parts = self[1:]
        return PARTS[parts.index(max(parts))]


def measure_complexity(text: str, *, scale: Scale = DEFAULT_SCALE, input_tokens: int | None = None) -> Complexity:
    """Measure how hard a text looks. The same text has the same score, in every process.

    Args:
        text: What the request asks; may be empty.
        scale: Weights and words.
        input_tokens: The length where it is known; else it is estimated from the characters and their scripts.
    """
    sample = sample_of(text)
    words = sample.split()
    lower = set(sample.casefold().split())
    writing = read_writing(sample, words=lower)
    tokens = input_tokens if input_tokens is not None else len(text) * writing.tokens_per_character
    length = scale.length * min(1.0, log2(1 + tokens / _TOKENS_OF_HALF) / _LOG_SPAN)
    entities = scale.entities * _entities(words)
    domain = scale.domain * min(1.0, len(lower & scale.domain_words) / _DOMAIN_WORDS_OF_ALL)
    code = scale.code * _code(sample)
    languages = scale.languages * writing.languages_score
    return Complexity(length + entities + domain + code + languages, length, entities, domain, code, languages)


def sample_of(text: str) -> str:
    """Return the head, the middle and the tail of a text, or all of a short one."""
    length = len(text)
    if length <= 3 * WINDOW:
        return text
    middle = (length - WINDOW) // 2
    return f"{text[:WINDOW]}\n{text[middle : middle + WINDOW]}\n{text[-WINDOW:]}"


def _entities(words: list[str]) -> float:
    """Distinct words that begin with a capital or a digit, as a share of all; sentences' first words count too."""
    named = {word for word in words if word[0].isupper() or word[0].isdigit()}
    return min(1.0, len(named) / len(words) / _ENTITY_RATIO_OF_ALL) if words else 0.0


def _code(sample: str) -> float:
    """Share of the signs of code among the characters."""
    count = sum(map(sample.count, _CODE_SIGNS))
    return min(1.0, count / len(sample) / _CODE_RATIO_OF_ALL) if sample else 0.0
