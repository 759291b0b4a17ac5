"""A full disk in a sentence, at each step of a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from ai_finops import quality
from ai_finops.build import analyse, analysis, prepare, run_dbt
from ai_finops.build.candidate import find_build
from ai_finops.errors import BuildError
from ai_finops.quality import run
from tests.build.test_base import MONDAY, way
from tests.build.tiny_lake import land_traces

SAID = "could not .*No space left on device.*what is published stays, free the disk"


def refuse(*_args, **_kwargs):
    raise OSError(28, "No space left on device")


@pytest.fixture
def build(settings):
    land_traces(settings, MONDAY)
    return prepare(settings=settings)


def test_a_phase(settings, build, monkeypatch):
    monkeypatch.setattr("ai_finops.build.dbt._run", refuse)
    with pytest.raises(BuildError, match=SAID):
        run_dbt("phase_1", settings=settings, build=build)


def test_the_analyses(settings, build, monkeypatch):
    monkeypatch.setattr(analysis, "_export", refuse)
    with pytest.raises(BuildError, match=SAID):
        analyse(settings=settings, build=build)


def test_the_audit(settings, build, monkeypatch):
    monkeypatch.setattr(run, "new_site", refuse)
    with pytest.raises(BuildError, match=SAID):
        quality.audit(settings=settings, build=build)


@pytest.mark.parametrize("name", ["write_periods", "replace_file"])
def test_preparing_leaves_no_half_build(settings, build, monkeypatch, name):
    with monkeypatch.context() as broken:
        broken.setattr(f"ai_finops.build.candidate.{name}", refuse)
        with pytest.raises(BuildError, match=r"could not prepare .*No space left on device; is the path or the disk"):
            prepare(settings=settings)
    assert [path.name for path in settings.builds.iterdir() if path.is_dir()] == [build["build_id"]]
    assert find_build(settings) == build
    assert way(prepare(settings=settings))[0] is None
    assert Path(build["build_dir"]).exists()
