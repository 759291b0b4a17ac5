"""Few models end the project at one and the same other: what they have in common could be made once, between the two.

dbt_project_evaluator's `fct_model_fanout`. dbt-bouncer's `check_model_max_fanout` counts every child, and so forbids to read
one model from several, which is what intermediate models are for.
"""

from __future__ import annotations

from tests.dbt_rules.project import Manifest, children_of, excepted, models_of, read_manifest

MOST_LEAVES = 2
"""Models without a reader that read one model; the evaluator reports three."""


def fanned_out(manifest: Manifest) -> set[str]:
    """Return the names of the models that more than `MOST_LEAVES` models without a reader read."""
    models, children = models_of(manifest), children_of(manifest)
    leaves = {key for key in models if not children[key]}
    return {model["name"] for key, model in models.items() if len(children[key] & leaves) > MOST_LEAVES}


def test_models_that_fan_out_are_the_excepted_ones():
    assert fanned_out(read_manifest()) == excepted("model_fanout")


def test_third_leaf_is_one_too_many():
    def project(leaf_count: int) -> Manifest:
        links = {"shared": [], "read": ["shared"], "reader": ["read"]}
        links |= {f"leaf_{number}": ["shared"] for number in range(leaf_count)}
        return {"nodes": {name: _model(name, parents) for name, parents in links.items()}}

    assert fanned_out(project(2)) == set()
    assert fanned_out(project(3)) == {"shared"}


def _model(name: str, parents: list[str]) -> dict:
    return {"resource_type": "model", "name": name, "depends_on": {"nodes": parents}}
