"""Which scripts and languages a text is written in, by ranges of characters and by small words; a guess, made in microseconds."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

_SCRIPTS = (
    (0x0000, "latin", 0.25), (0x0370, "greek", 0.5), (0x0400, "cyrillic", 0.4), (0x0530, "other", 0.5), (0x0590, "hebrew", 0.5),
    (0x0600, "arabic", 0.45), (0x0780, "other", 0.5), (0x0900, "indic", 0.5), (0x0E00, "thai", 0.5), (0x0E80, "other", 0.5),
    (0x1100, "hangul", 0.6), (0x1200, "other", 0.5), (0x1E00, "latin", 0.3), (0x1F00, "greek", 0.5), (0x2000, "common", 0.5),
    (0x3040, "japanese", 0.8), (0x3100, "han", 0.8), (0x3130, "hangul", 0.6), (0x3190, "han", 0.8), (0xA000, "other", 0.5),
    (0xAC00, "hangul", 0.6), (0xD7B0, "other", 0.5), (0xF900, "han", 0.8), (0xFB00, "other", 0.5), (0xFE30, "common", 0.5),
    (0x1F000, "common", 1.0), (0x20000, "han", 1.0), (0x30000, "other", 1.0),
)  # fmt: skip
"""First code point, script, tokens to a character: starting values, rounded from what tokenizers of several providers do."""

_STARTS = tuple(first for first, _, _ in _SCRIPTS)
_SMALL_WORDS = {
    "english": frozenset("the of and is to that with for this are was which from be".split()),
    "german": frozenset("der die das und ist nicht mit ein eine für auf dem den von sie".split()),
    "french": frozenset("le les des et est une dans pour pas du qui sur avec au".split()),
    "spanish": frozenset("el los las y una del por con su es lo como más".split()),
    "portuguese": frozenset("o os uma não do da em com dos das ao mais um".split()),
    "italian": frozenset("il che di per non sono della nel gli con è una".split()),
    "dutch": frozenset("het een van en niet dat zijn voor met op aan ook".split()),
}
_FEWEST_SMALL_WORDS = 3
_SMALLEST_SHARE_RATIO = 0.1
_EVERY = 4


class Writing(NamedTuple):
    """How a text is written."""

    tokens_per_character: float
    languages_score: float
    """0 for English alone, or what cannot be told; 0.5 for one other language; 1 for several."""


@lru_cache(maxsize=4096)
def _script_of(character: str) -> tuple[str, float]:
    """Return the script of a letter (`common` for what is none, such as digits and spaces) and its tokens."""
    _, script, tokens = _SCRIPTS[bisect_right(_STARTS, ord(character)) - 1]
    return (script if character.isalpha() else "common"), tokens


def read_writing(sample: str, *, words: set[str]) -> Writing:
    """Tell scripts and languages by every fourth character and by the small words among `words` (in lower case)."""
    if sample.isascii():
        return Writing(0.25, _score(_latin_languages(words)))
    read = [_script_of(character) for character in sample[::_EVERY]]
    tokens_per_character = sum(tokens for _, tokens in read) / len(read)
    counts = Counter(script for script, _ in read if script != "common")
    fewest = _SMALLEST_SHARE_RATIO * counts.total()
    scripts = {script for script, count in counts.items() if count >= fewest}
    if "japanese" in scripts:
        scripts.discard("han")
    languages = scripts - {"latin"} | (_latin_languages(words) or {"unknown"} if "latin" in scripts else set())
    return Writing(tokens_per_character, _score(languages))


def _latin_languages(words: set[str]) -> set[str]:
    """Return the languages with enough small words, and at least half of what the first has."""
    hits = {name: len(words & small) for name, small in _SMALL_WORDS.items()}
    fewest = max(_FEWEST_SMALL_WORDS, max(hits.values()) / 2)
    return {name for name, count in hits.items() if count >= fewest}


def _score(languages: set[str]) -> float:
    if len(languages) > 1:
        return 1.0
    return 0.5 if languages - {"english", "unknown"} else 0.0
