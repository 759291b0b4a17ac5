"""Views that were made a moment ago: the same build and the same filters give the same view, so it is made once.

Anybody can write an address, so what a view is found by are the filters that it has, with the values that it took for them:
whatever else an address says finds the same view, and drives out no other.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from threading import Lock

from ai_finops.ui.published import Build
from ai_finops.ui.view import View

KEPT_COUNT = 64
KEPT_ASKED = 256
"""Ways to ask for a view that are known: without a filter, with its first choice, with one that is not there."""
KEPT_VALUES = 1_000_000
"""Cells and points of all views that are kept, about 100 bytes each: one view of a year and all features may have 100,000."""


class RecentViews:
    """The last few views, and the build of each, by what they were made from and their filters. Safe for several threads."""

    def __init__(
        self, *, kept_count: int = KEPT_COUNT, kept_values: int = KEPT_VALUES, kept_asked: int = KEPT_ASKED
    ) -> None:
        self._kept_count, self._kept_values, self._kept_asked = kept_count, kept_values, kept_asked
        self._names: OrderedDict[Hashable, tuple[str, ...]] = OrderedDict()
        self._asked: OrderedDict[Hashable, Hashable] = OrderedDict()
        self._views: OrderedDict[Hashable, tuple[View, Build]] = OrderedDict()
        self._sizes: dict[Hashable, int] = {}
        self._lock = Lock()

    def find(self, made_of: Hashable, chosen: Mapping[str, Sequence[str]]) -> tuple[View, Build] | None:
        """Return what was kept, None where nothing is.

        Args:
            made_of: Which view, and of what; its filters have the same names whatever is chosen.
            chosen: What the address says.
        """
        with self._lock:
            asked = self._asked_of(made_of, chosen)
            key = self._asked.get(asked)
            if key not in self._views:
                return None
            self._asked.move_to_end(asked)
            self._views.move_to_end(key)
            return self._views[key]

    def keep(
        self, made_of: Hashable, chosen: Mapping[str, Sequence[str]], made: tuple[View, Build]
    ) -> tuple[View, Build]:
        """Keep what was made and return it; those that nobody asked for longest go, be there too many or too much in them."""
        key = made_of, tuple((one.name, one.chosen) for one in made[0].filters)
        with self._lock:
            _put(self._names, made_of, tuple(sorted(one.name for one in made[0].filters)), most=self._kept_asked)
            _put(self._asked, self._asked_of(made_of, chosen), key, most=self._kept_asked)
            self._views[key], self._sizes[key] = made, value_count(made[0])
            self._views.move_to_end(key)
            while len(self._views) > self._kept_count or sum(self._sizes.values()) > self._kept_values:
                oldest, _ = self._views.popitem(last=False)
                del self._sizes[oldest]
        return made

    def _asked_of(self, made_of: Hashable, chosen: Mapping[str, Sequence[str]]) -> Hashable:
        """Return what an address says of the filters that the view has; None before it was made once."""
        names = self._names.get(made_of)
        return None if names is None else (made_of, tuple((name, *chosen[name]) for name in names if name in chosen))


def _put(kept: OrderedDict, key: Hashable, value: object, *, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)


def value_count(view: View) -> int:
    """Return how many values a view holds: cells of its tables and points of its pictures."""
    cells = sum(len(table.columns) * len(table.rows) for section in view.sections for table in section.tables)
    points = sum(len(chart.series) * len(chart.x) for section in view.sections for chart in section.charts)
    return cells + points
