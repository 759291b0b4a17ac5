"""Grafana's dashboards of the repository, as the tests read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.compose.compose_file import DEPLOY

FOLDER = DEPLOY / "grafana" / "dashboards"
INTERVAL = "5m"
"""What Grafana's `$__rate_interval` and `$__range` stand for in the tests."""


def files() -> list[str]:
    return sorted(path.name for path in FOLDER.glob("*.json"))


def dashboard(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def panels(name: str) -> list[dict[str, Any]]:
    """All panels that show something."""
    return [panel for panel in dashboard(name)["panels"] if panel["type"] not in ("row", "text")]


def targets() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """File, title of the panel, and target of each query."""
    for name in files():
        for panel in panels(name):
            for target in panel["targets"]:
                yield name, panel["title"], target


def expressions() -> list[str]:
    """Each query once, with Grafana's variables filled in."""
    return sorted({filled(target["expr"]) for _, _, target in targets()})


def filled(expr: str) -> str:
    return expr.replace("$__rate_interval", INTERVAL).replace("$__range", INTERVAL).replace("$feature", ".*")
