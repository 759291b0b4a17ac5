"""The order of the steps, and that a failing one stops the way there."""

from __future__ import annotations

import pytest

from ai_finops import publish, quality
from ai_finops.build import whole
from ai_finops.errors import AuditFailed, BuildError

BUILD = {"build_id": "000001-2025-06-11-0123abcd", "build_dir": "d", "warehouse": "w", "as_of_date": "2025-06-11"}


@pytest.fixture
def steps(monkeypatch):
    """Record the steps instead of taking them; `steps.failing` names the one that raises its error."""

    class Steps(list):
        failing: dict[str, Exception]

        def take(self, name, result):
            def step(*_args, **_kwargs):
                self.append(name if name != "run_dbt" else _args[0])
                if name in self.failing:
                    raise self.failing[name]
                return result

            return step

    taken = Steps()
    taken.failing = {}
    monkeypatch.setattr(whole, "prepare", taken.take("prepare", BUILD))
    monkeypatch.setattr(whole, "run_dbt", taken.take("run_dbt", {}))
    monkeypatch.setattr(whole, "analyse", taken.take("analyse", {}))
    monkeypatch.setattr(quality, "audit", taken.take("audit", {"warnings": []}))
    monkeypatch.setattr(publish, "publish", taken.take("publish", {"new_days": []}))
    return taken


def test_whole_way_in_order(settings, steps):
    done = whole.build_all(settings=settings)
    assert steps == ["prepare", "phase_1", "analyse", "phase_2", "audit", "publish"]
    assert done == {**BUILD, "audit": {"warnings": []}, "published": {"new_days": []}}


def test_candidate_is_neither_audited_nor_published(settings, steps):
    assert whole.build_candidate(settings=settings) == BUILD
    assert steps == ["prepare", "phase_1", "analyse", "phase_2"]


@pytest.mark.parametrize(("failing", "error"), [("analyse", BuildError("no")), ("audit", AuditFailed("no"))])
def test_nothing_is_published_after_a_failure(settings, steps, failing, error):
    steps.failing[failing] = error
    with pytest.raises(type(error)):
        whole.build_all(settings=settings)
    assert steps[-1] == failing
