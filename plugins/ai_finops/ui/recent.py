"""Views that were made a moment ago: the same build and the same filters give the same view, so it is made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock

from ai_finops.ui.published import Build
from ai_finops.ui.view import View

KEPT_COUNT = 64
KEPT_VALUES = 1_000_000
"""Cells and points of all views that are kept, about 100 bytes each: one view of a year and all features may have 100,000."""


class RecentViews:
    """The last few views, and the build of each, by what they were made from. Safe to use from several threads."""

    def __init__(self, *, kept_count: int = KEPT_COUNT, kept_values: int = KEPT_VALUES) -> None:
        self._kept_count, self._kept_values = kept_count, kept_values
        self._views: OrderedDict[Hashable, tuple[View, Build]] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}
        self._lock = Lock()

    def find(self, key: Hashable) -> tuple[View, Build] | None:
        """Return what was kept for a key, None where nothing is."""
        with self._lock:
            if key in self._views:
                self._views.move_to_end(key)
            return self._views.get(key)

    def keep(self, key: Hashable, made: tuple[View, Build]) -> tuple[View, Build]:
        """Keep what was made and return it; those that nobody asked for longest go, be there too many or too much in them."""
        with self._lock:
            self._views[key], self._sizes[key] = made, value_count(made[0])
            self._views.move_to_end(key)
            while len(self._views) > self._kept_count or sum(self._sizes.values()) > self._kept_values:
                oldest, _ = self._views.popitem(last=False)
                del self._sizes[oldest]
        return made


def value_count(view: View) -> int:
    """Return how many values a view holds: cells of its tables and points of its pictures."""
    cells = sum(len(table.columns) * len(table.rows) for section in view.sections for table in section.tables)
    points = sum(len(chart.series) * len(chart.x) for section in view.sections for chart in section.charts)
    return cells + points
