"""Texts as weighted words that can be held against each other, in any script: no lists of words and no language is assumed.

Words are cut to their first letters, so that endings do not count. Scripts that are written without spaces come as pairs of
characters. How much a word says is guessed from its length alone; figures count twice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

_NUMBER_WEIGHT = 2.0
_PAIR_WEIGHT = 0.5
_WEIGHT_BY_LENGTH = {1: 0.3, 2: 0.3, 3: 0.6}
"""Of short words, which seldom say what a text is about; longer ones weigh 1."""
_STEM_LENGTH = 6
_PIECE = re.compile(r"\d+(?:[.,:]\d+)*|[a-z]+\d\w*|[^\W\d_]+")
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_SENTENCE_END = re.compile(r"(?<=[.!?;:؟।])\s+|[。！？\n]+")
_WITHOUT_SPACES = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]"
)


class _Marks(dict[int, int | None]):
    """For `str.translate`: takes out accents and vowel signs, each looked up once."""

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code)).startswith("M") else code
        return self[code]


_MARKS = _Marks()


def sentences(text: str) -> list[str]:
    """Split a text where a sentence or a line ends; a mark inside of a number or a word ends none."""
    return [part for part in _SENTENCE_END.split(text) if part.strip()]


def weighted_words(text: str) -> dict[str, float]:
    """Return the distinct words of a text, as they are compared, with what each of them weighs."""
    return dict(word for piece in _PIECE.findall(_fold(text)) for word in _words(piece))


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    bare = unicodedata.normalize("NFKD", text.casefold()).translate(_MARKS)
    return unicodedata.normalize("NFKC", bare)


@lru_cache(maxsize=1 << 16)
def _words(piece: str) -> tuple[tuple[str, float], ...]:
    return tuple(_weigh(piece))


def _weigh(piece: str) -> Iterator[tuple[str, float]]:
    if piece[0].isdigit():
        yield _number(piece), _NUMBER_WEIGHT if len(piece) > 1 else 1.0
    elif _WITHOUT_SPACES.search(piece):
        for place in range(max(1, len(piece) - 1)):
            yield piece[place : place + 2], _PAIR_WEIGHT
    elif any(character.isdigit() for character in piece):  # a name with a figure in it: B3, EC2
        yield piece, _NUMBER_WEIGHT
    else:
        yield piece[: min(_STEM_LENGTH, max(4, len(piece) - 2))], _WEIGHT_BY_LENGTH.get(len(piece), 1.0)


def _number(digits: str) -> str:
    """1,500 and 1.500 are 1500; 2,50 and 2.5 are 2.5. What could be either is taken for a group of thousands."""
    if _GROUPED.fullmatch(digits):
        return re.sub(r"[.,]", "", digits)
    plain = digits.replace(",", ".")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
