"""How many queries that an embedder finds alike have the same answer: labelled pairs, counted by band of similarity.

A band reaches from one similarity up to the next. Thresholds belong to an embedder, and so does this.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ai_finops.analyse.embedder import Embedder
from ai_finops.errors import SettingsError
from ai_finops.query_text import normalise

_COLUMNS = ("earlier_query", "query", "is_same_answer")


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two queries, and whether the answer to the earlier is right for the other."""

    earlier_query: str
    query: str
    is_same_answer: bool


@dataclass(frozen=True, slots=True)
class Band:
    """Pairs of different texts from `similarity` up to the next."""

    similarity: float
    pair_count: int
    right_count: int


def read_pairs(path: Path) -> list[LabelledPair]:
    """Read labelled pairs: CSV with earlier_query, query and is_same_answer (true or false).

    Raises:
        SettingsError: The file cannot be read, lacks a column, or a line holds something else.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"cannot read the labelled pairs {path}: {error}") from error
    pairs = []
    for number, row in enumerate(rows, start=2):
        missing = [name for name in _COLUMNS if not row.get(name)]
        if missing or row["is_same_answer"] not in ("true", "false"):
            raise SettingsError(
                f"row {number} of {path} does not say {' and '.join(missing or ['true or false in is_same_answer'])}; "
                f"each row needs {', '.join(_COLUMNS)}"
            )
        pairs.append(LabelledPair(row["earlier_query"], row["query"], row["is_same_answer"] == "true"))
    return pairs


def calibrate(pairs: Sequence[LabelledPair], *, embedder: Embedder, similarities: Sequence[float]) -> list[Band]:
    """Count pairs and right ones in each band; equal texts and pairs below the lowest similarity are left out.

    Args:
        pairs: As a cache would meet them: nearest queries of the product's own traffic, not only paraphrases.
        embedder: Whose space the pairs are held against each other in.
        similarities: Where bands begin, ascending.
    """
    texts = [(normalise(pair.earlier_query), normalise(pair.query)) for pair in pairs]
    earlier, later = (embedder.embed([both[side] for both in texts]).astype(np.float64) for side in (0, 1))
    cosines = np.einsum("ij,ij->i", earlier, later)
    levels = np.searchsorted(np.asarray(similarities), cosines, side="right")
    counted = [
        (level, pair.is_same_answer)
        for level, pair, (one, other) in zip(levels, pairs, texts, strict=True)
        if one != other and level
    ]
    return [
        Band(
            similarity,
            pair_count=sum(level == place for level, _ in counted),
            right_count=sum(level == place and is_right for level, is_right in counted),
        )
        for place, similarity in enumerate(similarities, start=1)
    ]
