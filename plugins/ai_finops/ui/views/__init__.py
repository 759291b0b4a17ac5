"""The views, by the slug of their address, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable

from ai_finops.ui.view import View
from ai_finops.ui.views.definitions import definitions
from ai_finops.ui.views.features import features
from ai_finops.ui.views.weekly import weekly

VIEWS: dict[str, Callable[..., View]] = {
    "weekly": weekly,
    "features": features,
    "definitions": definitions,
}
"""A function of an open connection, the filters chosen and the settings, by slug."""

_TITLES = {
    "weekly": "Weekly review",
    "features": "Feature cost",
    "reconciliation": "Reconciliation",
    "projection": "Projection",
    "metrics": "Metrics",
    "anomalies": "Anomalies",
    "savings": "Savings and decisions",
    "health": "Data health",
    "definitions": "Definitions",
}
TITLES: dict[str, str] = {slug: _TITLES[slug] for slug in VIEWS}
"""What the navigation calls them."""
