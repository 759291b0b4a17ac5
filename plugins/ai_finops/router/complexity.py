"""How hard a text looks, from 0 to 1, without a model and without a network: a few counts, in some 30 µs.

Five parts, each from 0 to 1, weighed into one score: **length** (estimated tokens, on a log scale), **entities** (names and
numbers), **domain** (words of fields where a wrong answer is dear, and the deployment's own), **code** (signs that prose has
few of) and **languages** (another one than English, or several). Length is of the whole text. The others are read in a sample:
head, middle and tail. Reading 16,000 characters word by word takes ten times what a decision may take.
Source: docs/decisions/0020-a-score-from-a-sample.md
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import log2
from typing import NamedTuple

from ai_finops.router.domain_words import DOMAIN_WORDS, UNSPACED_DOMAIN_WORDS
from ai_finops.router.languages import read_writing

PARTS = ("length", "entities", "domain", "code", "languages")
WINDOW = 128
"""Characters of each of the three pieces that are read; a text of up to three of them is read whole."""
TOKENS_OF_FULL_LENGTH = 8192
"""Where the length's part is 1; of 64 tokens it is a seventh, and it rises by about as much with each doubling."""
ENTITY_RATIO_OF_FULL = 0.25
FEWEST_WORDS = 40
"""A shorter text counts as one of so many words: two names in six words are no text full of names."""
DOMAIN_WORDS_OF_FULL = 4
CODE_RATIO_OF_FULL = 0.08
FEWEST_CHARACTERS = 200
"""A shorter text counts as one of so many characters."""
_TOKENS_OF_ONE_STEP = 64
_STEPS = log2(1 + TOKENS_OF_FULL_LENGTH / _TOKENS_OF_ONE_STEP)
_CODE_SIGNS = "{}()[];=<>_`\\"
_words_of = re.compile(r"\w+").findall


@dataclass(frozen=True, slots=True)
class Scale:
    """What a score is made of. Weights are not negative and add up to 1, so that the score stays from 0 to 1."""

    length: float = 0.35
    entities: float = 0.15
    domain: float = 0.20
    code: float = 0.20
    languages: float = 0.10
    domain_words: frozenset[str] = DOMAIN_WORDS
    """Single words, case-folded."""
    unspaced_domain_words: tuple[str, ...] = UNSPACED_DOMAIN_WORDS
    """Of scripts that put no spaces between words; looked for anywhere."""


DEFAULT_SCALE = Scale()


class Complexity(NamedTuple):
    """A score and its parts as they were weighed: the parts add up to the score."""

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
    words = _words_of(sample)
    folded = set(map(str.casefold, words))
    writing = read_writing(sample, words=folded)
    tokens = len(text) * writing.tokens_per_character if input_tokens is None else max(0, input_tokens)
    length = scale.length * min(1.0, log2(1 + tokens / _TOKENS_OF_ONE_STEP) / _STEPS)
    entities = scale.entities * _entities(words)
    count = len(folded & scale.domain_words)
    if scale.unspaced_domain_words and not writing.is_latin:
        count += len(set(_finder(scale.unspaced_domain_words)(sample)))
    domain = scale.domain * min(1.0, count / DOMAIN_WORDS_OF_FULL)
    code = scale.code * _code(sample)
    languages = scale.languages * writing.languages_score
    score = min(1.0, length + entities + domain + code + languages)
    return Complexity(score, length, entities, domain, code, languages)


def sample_of(text: str) -> str:
    """Return the head, the middle and the tail of a text, or all of a short one."""
    length = len(text)
    if length <= 3 * WINDOW:
        return text
    middle = (length - WINDOW) // 2
    return f"{text[:WINDOW]}\n{text[middle : middle + WINDOW]}\n{text[-WINDOW:]}"


@lru_cache(maxsize=64)
def _finder(words: tuple[str, ...]) -> Callable[[str], list[str]]:
    """Return what finds these words anywhere, of two that begin alike the longer one."""
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True)))).findall


def _entities(words: list[str]) -> float:
    """Distinct words that begin with a capital or a digit, by the number of words; beginnings of sentences among them."""
    named = {word for word in words if word[0].isupper() or word[0].isdigit()}
    return min(1.0, len(named) / max(len(words), FEWEST_WORDS) / ENTITY_RATIO_OF_FULL)


def _code(sample: str) -> float:
    """Share of the signs of code among the characters."""
    count = sum(map(sample.count, _CODE_SIGNS))
    return min(1.0, count / max(len(sample), FEWEST_CHARACTERS) / CODE_RATIO_OF_FULL)
