"""What is watched of each mart, as data; `watch.py` makes a check of it."""

from __future__ import annotations

from ai_finops.quality.gx import Check
from ai_finops.quality.watch import Watched, watch
from ai_finops.quality.watched_costs import WATCHED_COSTS
from ai_finops.quality.watched_reviews import WATCHED_REVIEWS

WATCHED: dict[str, Watched] = WATCHED_COSTS | WATCHED_REVIEWS
"""Every mart by name."""


def configure_watched() -> list[Check]:
    """Return the check of each mart."""
    return [watch(mart, watched) for mart, watched in WATCHED.items()]
