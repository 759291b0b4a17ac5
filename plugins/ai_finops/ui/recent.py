"""Views that were made a moment ago: the same build and the same filters give the same view, so it is made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock

from ai_finops.ui.published import Build
from ai_finops.ui.view import View

KEPT_COUNT = 64


class RecentViews:
    """The last few views, and the build of each, by what they were made from. Safe to use from several threads."""

    def __init__(self, *, kept_count: int = KEPT_COUNT) -> None:
        self._kept_count = kept_count
        self._views: OrderedDict[Hashable, tuple[View, Build]] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Hashable) -> tuple[View, Build] | None:
        """Return what was kept for a key, None where nothing is."""
        with self._lock:
            if key in self._views:
                self._views.move_to_end(key)
            return self._views.get(key)

    def keep(self, key: Hashable, made: tuple[View, Build]) -> tuple[View, Build]:
        """Keep what was made and return it; the one that nobody asked for longest goes."""
        with self._lock:
            self._views[key] = made
            self._views.move_to_end(key)
            while len(self._views) > self._kept_count:
                self._views.popitem(last=False)
        return made
