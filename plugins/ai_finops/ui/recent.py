"""Views that were made a moment ago: the same build and the same filters give the same view, so it is made once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

from ai_finops.ui.view import View

KEPT_COUNT = 64


class RecentViews:
    """The last few views by what they were made from. Safe to use from several threads."""

    def __init__(self, *, kept_count: int = KEPT_COUNT) -> None:
        self._kept_count = kept_count
        self._views: OrderedDict[Hashable, View] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, *, make: Callable[[], View]) -> View:
        """Return the view of a key; two threads that miss it at once both make it, and it is the same."""
        with self._lock:
            if key in self._views:
                self._views.move_to_end(key)
                return self._views[key]
        view = make()
        with self._lock:
            self._views[key] = view
            while len(self._views) > self._kept_count:
                self._views.popitem(last=False)
        return view
