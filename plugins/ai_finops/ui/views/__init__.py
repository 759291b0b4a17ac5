"""The views, by the slug of their address, in the order of the navigation."""

from __future__ import annotations

from collections.abc import Callable

from ai_finops.ui.view import View
from ai_finops.ui.views.anomalies import anomalies
from ai_finops.ui.views.definitions import definitions
from ai_finops.ui.views.features import features
from ai_finops.ui.views.health import health
from ai_finops.ui.views.metrics import metrics
from ai_finops.ui.views.projection import projection
from ai_finops.ui.views.reconciliation import reconciliation
from ai_finops.ui.views.savings import savings
from ai_finops.ui.views.weekly import weekly

VIEWS: dict[str, Callable[..., View]] = {
    "weekly": weekly,
    "features": features,
    "reconciliation": reconciliation,
    "projection": projection,
    "metrics": metrics,
    "anomalies": anomalies,
    "savings": savings,
    "health": health,
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
