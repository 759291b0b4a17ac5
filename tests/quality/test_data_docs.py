"""Thirty sites are kept, each at its own address; a reader meets whole pages; what a crash left goes."""

from __future__ import annotations

import json

import pytest

from ai_finops.quality.data_docs import KEPT_RUN_COUNT, Run, docs_of, kept_runs, new_site, show_site


def run_of(number, *, failures=0, warnings=0, audited_at="2025-06-16T08:00:00+00:00"):
    build_id = f"{number:06d}-2025-06-16-0123abcd"
    return Run(build_id, "2025-06-16", audited_at, 509, failures, warnings)


def show(settings, run, *, text="whole"):
    site = new_site(settings, run.build_id)
    (site / "index.html").write_text(text)
    show_site(site, settings=settings, run=run)
    return site


def test_a_run_has_an_address_and_a_row(settings):
    show(settings, run_of(7, failures=2, warnings=1))
    assert docs_of(settings, run_of(7).build_id).read_text() == "whole"
    index = (settings.home / "data_docs" / "index.html").read_text()
    assert 'href="000007-2025-06-16-0123abcd/index.html"' in index
    assert "2025-06-16 08:00" in index
    assert (
        '<td class="fail">fail</td><td class="number">509</td><td class="number">2</td><td class="number">1</td>'
        in index
    )


@pytest.mark.parametrize(
    ("failures", "warnings", "verdict"), [(0, 0, "passed"), (0, 1, "warn"), (1, 0, "fail"), (1, 1, "fail")]
)
def test_a_verdict_is_the_worst_that_broke(failures, warnings, verdict):
    assert run_of(1, failures=failures, warnings=warnings).verdict == verdict


def test_thirty_are_kept_failed_ones_too(settings):
    for number in range(1, KEPT_RUN_COUNT + 2):
        show(settings, run_of(number, failures=number % 2))
    kept = [int(run.build_id[:6]) for run in kept_runs(settings)]
    assert kept == list(range(31, 1, -1))
    assert not docs_of(settings, run_of(1).build_id).exists()
    docs = settings.home / "data_docs"
    assert len(list((docs / "sites").iterdir())) == KEPT_RUN_COUNT
    assert (docs / "index.html").read_text().count("/index.html") == KEPT_RUN_COUNT


def test_an_old_build_audited_again_is_not_let_go_at_once(settings):
    for number in range(2, KEPT_RUN_COUNT + 2):
        show(settings, run_of(number))
    show(settings, run_of(1))
    assert docs_of(settings, run_of(1).build_id).exists()
    assert len(kept_runs(settings)) == KEPT_RUN_COUNT + 1


def test_another_audit_of_a_build_replaces_its_site(settings):
    before = show(settings, run_of(1, failures=1), text="before")
    show(settings, run_of(1), text="after")
    assert docs_of(settings, run_of(1).build_id).read_text() == "after"
    assert not before.exists()
    assert [run.verdict for run in kept_runs(settings)] == ["passed"]


def test_what_a_killed_audit_left_is_swept_and_what_is_shown_stays(settings):
    show(settings, run_of(1))
    docs = settings.home / "data_docs"
    half = new_site(settings, run_of(2).build_id)
    (half / "index.html").write_text("half")
    (docs / ".000002-link").symlink_to("sites/nowhere")
    (docs / ".index-half").write_text("half")
    assert not docs_of(settings, run_of(2).build_id).exists()
    show(settings, run_of(3))
    assert not half.exists()
    assert sorted(path.name for path in docs.iterdir()) == [
        run_of(1).build_id,
        run_of(3).build_id,
        "index.html",
        "sites",
        "style.css",
    ]


def test_a_kill_between_link_and_list_is_mended_by_the_next(settings):
    show(settings, run_of(1))
    show(settings, run_of(2))
    (settings.home / "data_docs" / "index.html").unlink()
    show(settings, run_of(3))
    assert (settings.home / "data_docs" / "index.html").read_text().count("/index.html") == 3


def test_a_damaged_record_is_no_run_and_stops_nothing(settings):
    site = show(settings, run_of(1))
    (site / "run.json").write_text("{")
    show(settings, run_of(2))
    assert [run.build_id[:6] for run in kept_runs(settings)] == ["000002"]
    (site / "run.json").write_text(json.dumps({"build_id": "x"}))
    assert [run.build_id[:6] for run in kept_runs(settings)] == ["000002"]


def test_the_link_of_an_earlier_release_gives_way(settings):
    old = settings.builds / "000001-2025-06-15-0123abcd" / "data_docs"
    old.mkdir(parents=True)
    (settings.home / "data_docs").symlink_to(old)
    show(settings, run_of(2))
    assert not (settings.home / "data_docs").is_symlink()
    assert old.is_dir()


def test_without_an_audit_there_is_no_run(settings):
    assert kept_runs(settings) == []
