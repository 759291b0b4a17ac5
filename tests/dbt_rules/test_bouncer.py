"""dbt-bouncer's rules (`dbt-bouncer.yml`) can fail, each of them, and no exception stands longer than it is needed."""

from __future__ import annotations

import re
from copy import deepcopy

from tests.dbt_rules.bouncer import failures, read_config
from tests.dbt_rules.broken_project import break_every_rule
from tests.dbt_rules.project import Manifest, read_manifest


def test_every_exception_is_still_needed(tmp_path):
    config, manifest = read_config(), read_manifest()
    excluded = {
        (number, pattern)
        for number, check in enumerate(config["manifest_checks"])
        for pattern in _listed(check.pop("exclude", []))
    }
    skipped = _take_skipped(manifest)
    assert excluded
    assert skipped
    found = failures(config, manifest, tmp_path)
    needless = {
        (number, pattern)
        for number, pattern in excluded
        if not any(each.number == number and re.match(pattern, each.path or "") for each in found)
    }
    assert needless == set()
    assert skipped - {(each.resource, each.check) for each in found} == set()


def test_every_rule_can_fail(tmp_path):
    config, manifest = read_config(), read_manifest()
    before = deepcopy(manifest)
    break_every_rule(manifest)
    found = {(each.number, each.check) for each in failures(config, manifest, tmp_path)}
    assert found == {(number, check["name"]) for number, check in enumerate(config["manifest_checks"])}
    assert failures(config, before, tmp_path) == []


def _listed(patterns: str | list[str]) -> list[str]:
    return [patterns] if isinstance(patterns, str) else patterns


def _take_skipped(manifest: Manifest) -> set[tuple[str, str]]:
    """Take the `skip_checks` out of a manifest and return them, by resource."""
    skipped = set()
    for key, node in (manifest["nodes"] | manifest["sources"]).items():
        for meta in (node.get("meta", {}), node["config"].get("meta", {})):
            skipped |= {(key, check) for check in meta.pop("dbt-bouncer", {}).get("skip_checks", [])}
    return skipped
