"""The pairs of feature and model that a process has seen, a bounded number of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.metrics.dimension_values import OTHER, UNATTRIBUTED, UNKNOWN, dimension_value
from ai_finops.instrument.metrics.names import MAX_DIMENSION_VALUE_CHARS, MAX_PAIRS

Kept = TypeVar("Kept")


class Pairs(Generic[Kept]):
    """What a sink keeps for each pair, made once.

    Features that come out of a request (a user's id by mistake) would otherwise make a metric each, and each is billed. Past
    the limit all share the pair `other`, `other`, and the calls that do are counted as loss `metric_pairs_over_limit`.
    """

    def __init__(self, make: Callable[[str, str], Kept], *, limit: int = MAX_PAIRS) -> None:
        """Keep what `make` makes of a feature and a model, both in the form of dimension values.

        Args:
            limit: Pairs, `other` included.
        """
        self._make = make
        self._limit = limit
        self._kept: dict[tuple[str | None, str | None], Kept] = {}
        self._other: Kept | None = None

    def of(self, feature_id: str | None, model: str | None) -> Kept:
        """Return what is kept for a pair. Two threads that ask for a new one at once get the same."""
        kept = self._kept.get((feature_id, model))
        return self._of_new(feature_id, model) if kept is None else kept

    def _of_new(self, feature_id: str | None, model: str | None) -> Kept:
        key = (_short(feature_id), _short(model))
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        if len(self._kept) >= self._limit - 1:
            count_loss("metric_pairs_over_limit", detail=f"more than {self._limit} pairs of feature and model")
            return self.other
        made = self._make(dimension_value(feature_id, missing=UNATTRIBUTED), dimension_value(model, missing=UNKNOWN))
        return self._kept.setdefault(key, made)

    @property
    def other(self) -> Kept:
        """What is kept for all pairs past the limit."""
        if self._other is None:
            self._other = self._make(OTHER, OTHER)
        return self._other


def _short(text: str | None) -> str | None:
    """Return the text, or in place of a very long one, which nobody should hold on to, its short form."""
    if text is None or len(text) <= MAX_DIMENSION_VALUE_CHARS:
        return text
    return dimension_value(text, missing="")
