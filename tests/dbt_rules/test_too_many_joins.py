"""A model that reads many things is hard to follow.

dbt_project_evaluator's `fct_too_many_joins`. dbt-bouncer's `check_model_max_upstream_dependencies` counts models, sources and
macros each for themselves, and seeds not at all.
"""

from __future__ import annotations

from tests.dbt_rules.project import Manifest, excepted, models_of, read_manifest

MOST_PARENTS = 6
"""Models, seeds and sources that a model reads; the evaluator reports seven."""


def widely_joined(manifest: Manifest) -> set[str]:
    """Return the names of the models that read more than `MOST_PARENTS` nodes."""
    return {
        model["name"] for model in models_of(manifest).values() if len(set(model["depends_on"]["nodes"])) > MOST_PARENTS
    }


def test_models_that_join_much_are_the_excepted_ones():
    assert widely_joined(read_manifest()) == excepted("too_many_joins")


def test_seventh_parent_is_one_too_many():
    def project(parent_count: int) -> Manifest:
        parents = ["seed.a.names", *(f"model.a.m{number}" for number in range(1, parent_count))]
        return {"nodes": {"m": {"resource_type": "model", "name": "m", "depends_on": {"nodes": parents}}}}

    assert widely_joined(project(6)) == set()
    assert widely_joined(project(7)) == {"m"}
