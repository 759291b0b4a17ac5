"""The run that nothing disturbs: each station once, its state kept after it, and what all others are held against."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from ai_finops.build.base import code_sha256
from ai_finops.build.inputs import read_inputs
from ai_finops.lake import Lake
from tests.chaos import account
from tests.chaos.lab import AS_OF, DAY, STEPS, Lab
from tests.chaos.promises import Undisturbed, changed_partitions, closed_months, lake_state


def play_or_go_on(lab: Lab, env: Mapping[str, str]) -> None:
    """Play the undisturbed run, or read what the same code played in this folder before."""
    kept = lab.folder / "undisturbed.json"
    if (lab.folder / "dbt_project").exists() and kept.exists():
        plain = json.loads(kept.read_text())
        if plain.pop("code_sha256") == code_sha256(lab.settings.dbt_project):
            account.deliver_day(lab.clients, lab.settings)
            lab.seconds, lab.undisturbed = plain.pop("seconds"), _from_plain(plain)
            lab.back_to("publish")
            return
    for name in ("states", "dbt_project", "history_marts", "undisturbed_marts", "disk/home"):
        shutil.rmtree(lab.folder / name, ignore_errors=True)
    account.make_project(lab.settings.dbt_project)
    account.parse_project(env)
    _play(lab)
    code = {"code_sha256": code_sha256(lab.settings.dbt_project), "seconds": lab.seconds}
    kept.write_text(json.dumps(asdict(lab.undisturbed) | code, default=str))


def _from_plain(plain: dict) -> Undisturbed:
    paths = {name: Path(plain[name]) for name in ("marts", "history_marts")}
    return Undisturbed(**plain | paths | {"changed_partitions": [tuple(row) for row in plain["changed_partitions"]]})


def _play(lab: Lab) -> None:
    first, last = str(account.FIRST), str(account.LAST_OF_HISTORY)
    for source in account.SOURCES:
        lab.must("land", source, "--from", first, "--to", last, "--as-of", str(account.HISTORY_AS_OF))
    for step in STEPS:
        lab.must(step)
    history_marts = lab.folder / "history_marts"
    shutil.copytree((lab.settings.published / "current").resolve(), history_marts)
    shutil.rmtree(lab.settings.published / "dbt_docs", ignore_errors=True)
    lab.keep("history")
    account.deliver_day(lab.clients, lab.settings)
    for source in account.SOURCES:
        lab.must("land", source, "--from", DAY, "--as-of", AS_OF)
    lab.keep("landed")
    for source in account.SOURCES:
        lab.back_to("history")
        for other in account.SOURCES:
            if other != source:
                lab.must("land", other, "--from", DAY, "--as-of", AS_OF)
        lab.keep(f"without {source}")
    lab.back_to("landed")
    for step in STEPS:
        started = time.monotonic()
        lab.must(step)
        lab.seconds[step] = time.monotonic() - started
        lab.keep(step)
    lab.undisturbed = take_down(lab, history_marts)


def take_down(lab: Lab, history_marts: Path) -> Undisturbed:
    """Write down what there is after the undisturbed run, and keep a copy of its marts."""
    marts = lab.folder / "undisturbed_marts"
    current = (lab.settings.published / "current").resolve()
    shutil.copytree(current, marts)
    changed = changed_partitions(lab.settings.builds / current.name / "warehouse.duckdb")
    state, closed = lake_state(lab.settings), closed_months(lab.settings)
    # The build read a lake in which what it issues was not kept yet.
    lab.back_to("landed")
    sha256 = read_inputs(Lake(lab.settings.lake), settings=lab.settings, run_day=None).sha256
    return Undisturbed(state, sha256, marts, history_marts, closed, changed)
