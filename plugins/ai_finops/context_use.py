"""How far an answer draws on each document that was retrieved for it: an estimate for where nobody records citations.

Standard library only: an application calls `estimate_uses` with the texts that it has in hand and sends the numbers, and the
pipeline calls it where texts are kept. A sentence of the answer counts as drawn from a document as far as its words are in it:
words of the question hardly (they were there before), words that are in several documents less, and all of it less where
another document explains the sentence better. So it finds what was copied or told closely; what was told in other words or in
another language it does not find. Measured agreement: docs/metrics.md. Why so: docs/decisions/0015-overlap-at-landing.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from math import sqrt

from ai_finops.context_words import sentences, weighted_words

METHOD_ID = "word_overlap_1"
"""Name of what is computed here; goes with each estimate, and an agreement is of a method."""
USED_FROM_SCORE = 0.5
"""An estimate of this or more means used. Every method is scaled so that it parts there."""
MAX_CHARACTERS = 20_000
"""Of each text that are read."""
MAX_SENTENCES = 100
"""Of an answer that are read."""
_BYTES_PER_TOKEN = 4
_QUESTION_WEIGHT = 0.2
_HALF_EVIDENCE = 2.0
"""Weight of words in common, of two long words or one number, that is half as good as any amount of them."""
_BOUNDARY = 0.36
"""Where used and unused parted best, before scaling: the middle of the best on the calibration half of the labelled set."""


def estimate_uses(answer: str, *, documents: Sequence[str], question: str = "") -> list[float]:
    """Estimate how far an answer draws on each of the documents that one retrieval gave.

    Args:
        answer: What was answered; only text, no JSON around it.
        documents: Texts of the documents in their order, all of them: each is judged beside the others.
        question: What was asked, without the documents. Without it, what the answer repeats of it counts in full.
    Returns:
        A number from 0 to 1 for each document: `USED_FROM_SCORE` or more says that it was used. All 0 for an empty answer.
    """
    asked = weighted_words(question[:MAX_CHARACTERS]).keys()
    texts = [weighted_words(document[:MAX_CHARACTERS]).keys() for document in documents]
    scores = [0.0] * len(texts)
    for sentence in sentences(answer[:MAX_CHARACTERS])[:MAX_SENTENCES]:
        words = {
            word: weight * (_QUESTION_WEIGHT if word in asked else 1.0)
            for word, weight in weighted_words(sentence).items()
        }
        if words:
            scores = [max(pair) for pair in zip(scores, _explained(words, texts), strict=True)]
    return [_scale(score) for score in scores]


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text: a quarter of its UTF-8 bytes, rounded up; a rule of thumb and no tokenizer."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // _BYTES_PER_TOKEN)


def is_used(score: float) -> bool:
    """Whether an estimate says that the document was used."""
    return score >= USED_FROM_SCORE


def _explained(words: Mapping[str, float], documents: Sequence[Set[str]]) -> list[float]:
    """How well each document explains a sentence: 0 to 1, the geometric mean of how much of it and how surely, in the
    proportion of its share to the best one's."""
    found = Counter(word for document in documents for word in document & words.keys())
    total = sum(words.values())
    # Summed in the sentence's own order: a set's order, and with it the last digit, would change from process to process.
    weights = [sum(words[word] / sqrt(found[word]) for word in words if word in document) for document in documents]
    best = max(weights, default=0.0)
    return [
        sqrt(weight / total * weight / (weight + _HALF_EVIDENCE)) * (weight / best) if weight else 0.0
        for weight in weights
    ]


def _scale(score: float) -> float:
    """Stretch what lies below the boundary to 0 to 0.5, and what lies above to 0.5 to 1."""
    if score < _BOUNDARY:
        return USED_FROM_SCORE * score / _BOUNDARY
    return USED_FROM_SCORE + (1 - USED_FROM_SCORE) * (score - _BOUNDARY) / (1 - _BOUNDARY)
