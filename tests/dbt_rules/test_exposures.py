"""Exposures name exactly the marts that the code of each reader names; groups say who answers for every model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai_finops.build.marts import MARTS
from tests.dbt_rules.project import PROJECT, Manifest, models_of, read_manifest

PACKAGE = PROJECT.parent / "plugins" / "ai_finops"
READERS = {"weekly_message": "report", "ai_cost_page": "ui", "finance_files": "finance", "cost_alarms": "alarms"}


def texts(source: str) -> Iterator[str]:
    """Yield the texts that a module works with: its string literals, f-strings' parts included, but no docstrings."""
    tree = ast.parse(source)
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def marts_named(folder: Path) -> set[str]:
    """Return the marts that the modules below a folder name."""
    words = (re.findall(r"\w+", text) for path in folder.rglob("*.py") for text in texts(path.read_text()))
    return {word for found in words for word in found} & MARTS.keys()


def exposed(manifest: Manifest) -> dict[str, tuple[str, set[str]]]:
    """Return the folder of the code and the marts of each exposure, by its name."""
    return {
        exposure["name"]: (
            exposure["config"]["meta"]["code"],
            {node.removeprefix("model.ai_finops.") for node in exposure["depends_on"]["nodes"]},
        )
        for exposure in manifest["exposures"].values()
    }


def test_each_reader_is_an_exposure():
    assert {name: folder for name, (folder, _) in exposed(read_manifest()).items()} == READERS


@pytest.mark.parametrize("name", READERS)
def test_an_exposure_has_the_marts_that_its_code_names(name):
    folder, marts = exposed(read_manifest())[name]
    named = marts_named(PACKAGE / folder)
    assert named, (
        f"nothing in ai_finops/{folder}, the code of exposure {name}, names a mart: is it another folder by now?"
    )
    missing, needless = sorted(named - marts), sorted(marts - named)
    assert (missing, needless) == ([], []), (
        f"exposure {name} in _exposures.yml: add {missing}, which ai_finops/{folder} names, and take out {needless}"
    )


def test_docstrings_name_no_mart_and_f_strings_do():
    source = '"""fct_a"""\ndef f(n):\n    """fct_b"""\n    return f"from marts.fct_c where {n}", "fct_d"\n'
    assert set(re.findall(r"fct_\w", " ".join(texts(source)))) == {"fct_c", "fct_d"}


def test_every_model_is_of_a_group_with_an_owner():
    manifest = read_manifest()
    owners = {group["name"]: group["owner"] for group in manifest["groups"].values()}
    assert all(owner["name"] and owner["email"].endswith("@example.com") for owner in owners.values())
    assert {model["group"] for model in models_of(manifest).values()} == owners.keys()


def test_every_metric_is_on_a_mart():
    manifest = read_manifest()
    read = {node for model in manifest["semantic_models"].values() for node in model["depends_on"]["nodes"]}
    assert read and read <= {f"model.ai_finops.{mart}" for mart in MARTS}
