"""A project that breaks every rule of dbt-bouncer.yml, made of the parsed one."""

from __future__ import annotations

from copy import deepcopy

from tests.dbt_rules.project import Manifest

_MODEL = "model.ai_finops."
_LIKE = _MODEL + "rpt_weekly_digest"
_SOURCES = ("source.ai_finops.openai.cost_buckets", "source.ai_finops.anthropic.cost_buckets")


def break_every_rule(manifest: Manifest) -> None:
    """Add models, sources and an exposure to a manifest that break each rule at least once."""
    staging = _MODEL + "stg_openai__cost_buckets"
    # Reads two sources, of other folders, and a model; says nothing of itself, has no test, and its name is no mart's.
    _add(manifest, "models/marts/costs.sql", reads=[*_SOURCES, staging], is_documented=False, access="public")
    _add(manifest, "models/marts/fct_alone.sql", reads=[], sql="select * from marts.fct_llm_calls")
    # `between` is there for `rejoined` alone, which reads what `between` reads once more.
    _add(manifest, "models/marts/fct_between.sql", reads=[staging])
    _add(manifest, "models/marts/fct_rejoined.sql", reads=[staging, _MODEL + "fct_between"])
    _add(manifest, "models/staging/openai/openai_costs.sql", reads=[staging])
    _add(manifest, "models/intermediate/calls/calls_grouped.sql", reads=[staging], access="public")
    _add(manifest, "models/elsewhere/fct_elsewhere.sql", reads=[staging])
    for number in range(7):
        before = _MODEL + f"int_view_{number - 1}" if number else staging
        _add(manifest, f"models/intermediate/days/int_view_{number}.sql", reads=[before], materialized="view")
    _add_source(manifest)
    _add_exposure(manifest, reads=_MODEL + "int_view_6")
    _add_semantic_model(manifest, reads=_MODEL + "int_view_6")


def _add(
    manifest: Manifest,
    path: str,
    *,
    reads: list[str],
    sql: str = "select 1 as one",
    is_documented: bool = True,
    access: str = "protected",
    materialized: str = "table",
) -> None:
    node = deepcopy(manifest["nodes"][_LIKE])
    name = path.rsplit("/", 1)[-1].removesuffix(".sql")
    node |= {
        "unique_id": _MODEL + name,
        "name": name,
        "original_file_path": path,
        "path": path.removeprefix("models/"),
        "raw_code": sql,
        "access": access,
        "contract": {"enforced": False},
        "depends_on": {"macros": [], "nodes": reads},
    }
    node["config"] |= {"materialized": materialized, "access": access}
    if not is_documented:
        node |= {"description": "", "patch_path": None}
    manifest["nodes"][_MODEL + name] = node
    manifest["parent_map"][_MODEL + name] = reads
    manifest["child_map"].setdefault(_MODEL + name, [])
    for parent in reads:
        manifest["child_map"].setdefault(parent, []).append(_MODEL + name)


def _add_source(manifest: Manifest) -> None:
    """Add a source that nobody reads or describes, under the name that another has in the warehouse."""
    key = "source.ai_finops.again.cost_buckets"
    source = deepcopy(manifest["sources"][_SOURCES[0]])
    source |= {
        "unique_id": key,
        "source_name": "again",
        "original_file_path": "models/elsewhere/sources.yml",
        "description": "",
        "source_description": "",
    }
    manifest["sources"][key] = source
    manifest["child_map"][key] = []


def _add_semantic_model(manifest: Manifest, *, reads: str) -> None:
    key = "semantic_model.ai_finops.views"
    of_costs = manifest["semantic_models"]["semantic_model.ai_finops.costs"]
    manifest["semantic_models"][key] = of_costs | {
        "unique_id": key,
        "name": "views",
        "depends_on": {"macros": [], "nodes": [reads]},
    }


def _add_exposure(manifest: Manifest, *, reads: str) -> None:
    key = "exposure.ai_finops.page"
    manifest["exposures"][key] = {
        "unique_id": key,
        "name": "page",
        "resource_type": "exposure",
        "package_name": "ai_finops",
        "path": "marts/_exposures.yml",
        "original_file_path": "models/marts/_exposures.yml",
        "fqn": ["ai_finops", "marts", "page"],
        "type": "application",
        "owner": {"name": "finops"},
        "depends_on": {"macros": [], "nodes": [reads]},
    }
