"""Which scripts and languages a text is in, by ranges of characters and by small words: a guess, made in microseconds."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

_RANGES = (
    (0x0000, "latin"), (0x0370, "greek"), (0x0400, "cyrillic"), (0x0530, "other"), (0x0590, "hebrew"), (0x0600, "arabic"),
    (0x0780, "other"), (0x0900, "indic"), (0x0E00, "thai"), (0x0E80, "other"), (0x1100, "hangul"), (0x1200, "other"),
    (0x1E00, "latin"), (0x1F00, "greek"), (0x2000, "other"), (0x3040, "japanese"), (0x3100, "han"), (0x3130, "hangul"),
    (0x3190, "han"), (0xA000, "other"), (0xAC00, "hangul"), (0xD7B0, "other"), (0xF900, "han"), (0xFB00, "other"),
    (0x20000, "han"), (0x32000, "other"),
)  # fmt: skip
"""First code point and script; what is no letter is `common`."""
_STARTS = tuple(first for first, _ in _RANGES)
_TOKENS_PER_CHARACTER = {
    "latin": 0.25, "common": 0.25, "greek": 0.5, "cyrillic": 0.4, "hebrew": 0.5, "arabic": 0.45, "indic": 0.5, "thai": 0.5,
    "hangul": 0.6, "japanese": 0.8, "han": 0.8, "other": 0.5,
}  # fmt: skip
"""Starting values: four characters a token for Latin, as is the custom, and more tokens where tokenizers know less."""
_SMALL_WORDS = {
    "english": "the of and is to that with for this are was which from be",
    "german": "der die das und ist nicht mit ein eine für auf dem den von sie",
    "french": "le les des et est une dans pour pas du qui sur avec au",
    "spanish": "el los las y una del por con su es lo como más",
    "portuguese": "o os uma não do da em com dos das ao mais um",
    "italian": "il che di per non sono della nel gli con è una",
    "dutch": "het een van en niet dat zijn voor met op aan ook",
}
_LANGUAGES = tuple((name, frozenset(words.split())) for name, words in _SMALL_WORDS.items())
_FEWEST_SMALL_WORDS = 3
_SMALLEST_SHARE_RATIO = 0.1
"""Of the letters, for a script to count."""
_LATIN_RATIO = 0.95
"""Of ASCII among the characters, from which nobody looks for other scripts: Latin letters with accents are rarer than that."""
_EVERY = 7


class Writing(NamedTuple):
    """How a text is written."""

    tokens_per_character: float
    languages_score: float
    """0 for English alone, or what cannot be told; 0.5 for one other language; 1 for several."""
    is_latin: bool
    """Whether nearly all of it is in Latin letters."""


def read_writing(sample: str, *, words: set[str]) -> Writing:
    """Tell scripts by every seventh character, and languages of the Latin script by the small words in `words`, case-folded."""
    if len(sample.encode("ascii", "ignore")) >= _LATIN_RATIO * len(sample):
        return Writing(_TOKENS_PER_CHARACTER["latin"], _score(_latin_languages(words)), is_latin=True)
    counts = Counter(map(_script_of, sample[::_EVERY]))
    tokens = sum(_TOKENS_PER_CHARACTER[script] * count for script, count in counts.items()) / counts.total()
    del counts["common"]
    fewest = _SMALLEST_SHARE_RATIO * counts.total()
    scripts = {script for script, count in counts.items() if count >= fewest}
    if "japanese" in scripts:
        scripts.discard("han")
    if "latin" in scripts:
        scripts.discard("latin")
        scripts |= _latin_languages(words) or {"unknown"}
    return Writing(tokens, _score(scripts), is_latin=False)


@lru_cache(maxsize=4096)
def _script_of(character: str) -> str:
    """Return the script of a letter, `common` for what is none."""
    return _RANGES[bisect_right(_STARTS, ord(character)) - 1][1] if character.isalpha() else "common"


def _latin_languages(words: set[str]) -> set[str]:
    """Return the languages with enough small words, and at least half of what the first has."""
    hits = [(len(words & small), name) for name, small in _LANGUAGES]
    fewest = max(_FEWEST_SMALL_WORDS, max(hits)[0] / 2)
    return {name for count, name in hits if count >= fewest}


def _score(languages: set[str]) -> float:
    if len(languages) > 1:
        return 1.0
    return 0.5 if languages - {"english", "unknown"} else 0.0
