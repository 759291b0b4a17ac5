"""The parsed dbt project (`make manifest`), and what is excepted from the rules that are tests here."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1] / "dbt_project"
EXCEPTIONS = HERE / "exceptions.csv"

Manifest = dict[str, Any]


def read_manifest() -> Manifest:
    """Return dbt's manifest of the project."""
    path = PROJECT / "target" / "manifest.json"
    assert path.exists(), "the project is not parsed; run `make manifest`"
    return json.loads(path.read_text())


def models_of(manifest: Manifest) -> dict[str, dict]:
    """Return the models of a manifest by unique id."""
    return {key: node for key, node in manifest["nodes"].items() if node["resource_type"] == "model"}


def children_of(manifest: Manifest) -> dict[str, set[str]]:
    """Return the ids of the models that read each node, by its id."""
    children = defaultdict(set)
    for key, model in models_of(manifest).items():
        for parent in model["depends_on"]["nodes"]:
            children[parent].add(key)
    return children


def excepted(rule: str) -> set[str]:
    """Return the names of the models that may break a rule."""
    return {row["model"] for row in read_exceptions() if row["rule"] == rule}


def read_exceptions() -> list[dict[str, str]]:
    """Return the rows of `exceptions.csv`: rule, model, reason."""
    with EXCEPTIONS.open(newline="") as file:
        return list(csv.DictReader(file))
