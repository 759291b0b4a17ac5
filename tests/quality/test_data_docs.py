"""Thirty sites are kept, each at its own address; a reader meets whole pages; what a crash left goes."""

from __future__ import annotations

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
    site = show(settings, run_of(7, failures=2, warnings=1))
    assert docs_of(settings, run_of(7).build_id).read_text() == "whole"
    index = (settings.home / "data_docs" / "index.html").read_text()
    assert f'href="{site.name}/index.html">000007-2025-06-16-0123abcd<' in index
    assert (settings.home / "data_docs" / site.name / "index.html").read_text() == "whole"
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


def hour(number):
    return f"2025-06-{1 + number // 24:02d}T{number % 24:02d}:00:00+00:00"


def test_thirty_are_kept_failed_ones_too(settings):
    for number in range(1, KEPT_RUN_COUNT + 2):
        show(settings, run_of(number, failures=number % 2, audited_at=hour(number)))
    kept = [int(run.build_id[:6]) for run in kept_runs(settings)]
    assert kept == list(range(31, 1, -1))
    assert not docs_of(settings, run_of(1).build_id).exists()
    docs = settings.home / "data_docs"
    assert len(list((docs / "sites").iterdir())) == KEPT_RUN_COUNT
    assert len([link for link in docs.iterdir() if link.is_symlink()]) == 2 * KEPT_RUN_COUNT
    assert (docs / "index.html").read_text().count("/index.html") == KEPT_RUN_COUNT


def test_runs_are_in_the_order_of_their_audits(settings):
    # Neither in that of builds nor in that of files: an offset is a time too.
    times = {2: "2025-06-16T08:00:00+00:00", 3: "2025-06-16T07:59:59.999999+00:00", 1: "2025-06-16T11:30:00+02:00"}
    for number, audited_at in times.items():
        show(settings, run_of(number, audited_at=audited_at))
    assert [int(run.build_id[:6]) for run in kept_runs(settings)] == [1, 2, 3]
    index = (settings.home / "data_docs" / "index.html").read_text()
    assert index.index(">000001-") < index.index(">000002-") < index.index(">000003-")


def test_an_old_build_audited_again_is_the_newest_run(settings):
    for number in range(1, KEPT_RUN_COUNT + 1):
        show(settings, run_of(number, audited_at=hour(number)))
    show(settings, run_of(1, failures=1, audited_at=hour(100)))
    kept = kept_runs(settings)
    assert [int(run.build_id[:6]) for run in kept] == [1, *range(30, 1, -1)]
    assert kept[0].verdict == "fail"


def test_an_audit_whose_clock_was_set_back_stays_for_now(settings):
    for number in range(1, KEPT_RUN_COUNT + 1):
        show(settings, run_of(number, audited_at=hour(number)))
    late = show(settings, run_of(99, audited_at=hour(0)), text="late")
    assert docs_of(settings, run_of(99).build_id).read_text() == "late"
    assert f'href="{late.name}/index.html"' in (settings.home / "data_docs" / "index.html").read_text()
    show(settings, run_of(100, audited_at=hour(101)))
    assert not late.exists()
    assert not docs_of(settings, run_of(99).build_id).is_symlink()


def test_each_audit_of_a_build_has_a_site_and_the_last_has_the_address(settings):
    before = show(settings, run_of(1, failures=1, audited_at=hour(1)), text="before")
    after = show(settings, run_of(1, audited_at=hour(2)), text="after")
    assert docs_of(settings, run_of(1).build_id).read_text() == "after"
    docs = settings.home / "data_docs"
    assert (docs / before.name / "index.html").read_text() == "before"
    assert (docs / after.name / "index.html").read_text() == "after"
    assert [run.verdict for run in kept_runs(settings)] == ["passed", "fail"]


def test_sites_of_a_release_that_kept_one_for_a_build_stay(settings):
    old = show(settings, run_of(1, audited_at=hour(1)))
    (settings.home / "data_docs" / old.name).unlink()
    show(settings, run_of(2, audited_at=hour(2)))
    assert (settings.home / "data_docs" / old.name / "index.html").exists()
    assert [int(run.build_id[:6]) for run in kept_runs(settings)] == [2, 1]


def test_what_a_killed_audit_left_is_swept_and_what_is_shown_stays(settings):
    first = show(settings, run_of(1))
    docs = settings.home / "data_docs"
    half = new_site(settings, run_of(2).build_id)
    (half / "index.html").write_text("half")
    (docs / ".000002-link").symlink_to("sites/nowhere")
    (docs / ".index-half").write_text("half")
    assert not docs_of(settings, run_of(2).build_id).exists()
    third = show(settings, run_of(3))
    assert not half.exists()
    assert sorted(path.name for path in docs.iterdir()) == [
        run_of(1).build_id,
        first.name,
        run_of(3).build_id,
        third.name,
        "index.html",
        "sites",
        "style.css",
    ]


def test_a_kill_before_link_and_list_is_mended_by_the_next(settings):
    show(settings, run_of(1, audited_at=hour(1)))
    killed = show(settings, run_of(2, audited_at=hour(2)))
    docs = settings.home / "data_docs"
    for name in ("index.html", run_of(2).build_id, killed.name):
        (docs / name).unlink()
    show(settings, run_of(3, audited_at=hour(3)))
    assert (docs / "index.html").read_text().count("/index.html") == 3
    assert docs_of(settings, run_of(2).build_id).read_text() == "whole"


@pytest.mark.parametrize("record", ["{", '{"build_id": "x"}', '{"audited_at": "yesterday"}'])
def test_a_damaged_record_is_no_run_and_stops_nothing(settings, record):
    site = show(settings, run_of(1))
    (site / "run.json").write_text(record)
    assert kept_runs(settings) == []
    show(settings, run_of(2))
    assert [run.build_id[:6] for run in kept_runs(settings)] == ["000002"]
    assert not site.exists()


def test_the_link_of_an_earlier_release_gives_way(settings):
    old = settings.builds / "000001-2025-06-15-0123abcd" / "data_docs"
    old.mkdir(parents=True)
    (settings.home / "data_docs").symlink_to(old)
    show(settings, run_of(2))
    assert not (settings.home / "data_docs").is_symlink()
    assert old.is_dir()


def test_without_an_audit_there_is_no_run(settings):
    assert kept_runs(settings) == []
