"""A public model and each of its columns is described.

dbt_project_evaluator's `fct_undocumented_public_models`. dbt-bouncer asks the catalog for columns, which takes a built
warehouse. Public are the marts.
"""

from __future__ import annotations

import pytest

from tests.dbt_rules.project import Manifest, excepted, models_of, read_manifest


def undocumented(manifest: Manifest) -> set[str]:
    """Return the names of the public models without a description, without columns, or with a column without one."""
    return {
        model["name"]
        for model in models_of(manifest).values()
        if model["access"] == "public" and not (model["description"] and model["columns"] and _are_described(model))
    }


def _are_described(model: dict) -> bool:
    return all(column["description"] for column in model["columns"].values())


def test_undocumented_public_models_are_the_excepted_ones():
    assert undocumented(read_manifest()) == excepted("undocumented_public_models")


@pytest.mark.parametrize(
    ("said", "is_found"),
    [
        ({}, False),
        ({"description": ""}, True),
        ({"columns": {}}, True),
        ({"columns": {"day": {"description": "UTC day."}, "cost": {"description": ""}}}, True),
        ({"description": "", "access": "protected"}, False),
    ],
)
def test_public_model_needs_words_for_itself_and_its_columns(said, is_found):
    whole = {"description": "Costs.", "columns": {"day": {"description": "UTC day."}}, "access": "public"}
    manifest = {"nodes": {"m": {"resource_type": "model", "name": "m"} | whole | said}}
    assert undocumented(manifest) == ({"m"} if is_found else set())
