"""What stands above every view: how old it is, and which newer build readers did not get."""

from __future__ import annotations

import json
from datetime import date, datetime

import pytest

from ai_finops.ui.build_state import state_warns
from ai_finops.ui.published import Build
from ai_finops.ui.view import Link
from tests.ui.conftest import make_settings

AS_OF = date(2025, 6, 11)
SHOWN = Build("000002-2025-06-11-0123abcd", AS_OF, datetime(2025, 6, 11, 8, 0))
AS_OF_BUILD = "The data is as of build 000002-2025-06-11-0123abcd (days before 2025-06-11)."
NEWER = "000003-2025-06-12-0123abcd"
NEWEST = "000004-2025-06-13-0123abcd"
FAILED = {"is_passed": False, "audited_at": "2025-06-12T08:04:59+00:00", "failures": ["rows doubled", "cost in cents"]}


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


def built(settings, build_id, audit=None, *, has_docs=False):
    folder = settings.builds / build_id
    folder.mkdir(parents=True)
    names = ("build_id", "as_of_date", "inputs_sha256", "project_version", "dbt_version", "duckdb_version")
    (folder / "build.json").write_text(json.dumps(dict.fromkeys(names, "") | {"built_at": "2025-06-12T07:00:00+00:00"}))
    if audit is not None:
        (folder / "audit.json").write_text(audit if isinstance(audit, str) else json.dumps(audit))
    if has_docs:
        docs = settings.home / "data_docs" / build_id
        docs.mkdir(parents=True)
        (docs / "index.html").write_text("")


def told(settings, build=SHOWN):
    return [(warn.text, warn.status) for warn in state_warns(build, settings=settings, today=AS_OF)]


def test_nothing_is_said_where_nothing_is_wrong(settings):
    assert told(settings) == []
    built(settings, "000001-2025-06-10-0123abcd", FAILED)
    built(settings, SHOWN.build_id, {"is_passed": True})
    assert told(settings) == []


def test_a_failed_build_is_told_with_its_day_its_time_and_its_audit(settings):
    built(settings, NEWER, FAILED, has_docs=True)
    (warn,) = state_warns(SHOWN, settings=settings, today=AS_OF)
    assert warn.text == (
        f"{AS_OF_BUILD} The newer build {NEWER} (days before 2025-06-12) failed its audit at 2025-06-12 08:04 UTC and was not "
        "published: 2 expectations broken, first rows doubled."
    )
    assert warn.status == "warning"
    assert warn.link == Link("Its audit (Data Docs)", f"data-docs/{NEWER}/index.html")


def test_an_audit_whose_docs_are_gone_has_no_link(settings):
    built(settings, NEWER, FAILED)
    assert state_warns(SHOWN, settings=settings, today=AS_OF)[0].link is None


def test_a_build_that_passed_and_is_not_published_is_told(settings):
    built(settings, NEWER, {"is_passed": True, "audited_at": "2025-06-12T08:04:59+00:00"})
    ((text, status),) = told(settings)
    assert text.startswith(
        f"{AS_OF_BUILD} A newer build, {NEWER} (days before 2025-06-12), passed its audit at 2025-06-12 08:04 UTC and is not "
        "published."
    )
    assert status == "watch"


def test_a_build_without_an_audit_is_told_and_hides_no_failure(settings):
    built(settings, NEWER, FAILED)
    built(settings, NEWEST)
    (newest, status), (failed, severity) = told(settings)
    assert newest.startswith(
        f"{AS_OF_BUILD} A newer build, {NEWEST} (days before 2025-06-13), was begun at 2025-06-12 07:00"
    )
    assert "has no audit yet" in newest
    assert f"{NEWER} (days before 2025-06-12) failed its audit" in failed
    assert (status, severity) == ("watch", "warning")


def test_a_failure_is_over_once_a_newer_build_has_passed(settings):
    built(settings, NEWER, FAILED)
    built(settings, NEWEST, {"is_passed": True})
    ((text, _),) = told(settings)
    assert NEWEST in text


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"passed"', '{"is_passed": false, "failures": 5}', "\x00"])
def test_an_audit_that_cannot_be_read_is_told_with_its_file(settings, text):
    built(settings, NEWER, text)
    ((told_text, status),) = told(settings)
    assert f"{settings.builds / NEWER / 'audit.json'} cannot be read as an audit" in told_text
    assert f"run ai-finops audit --build {NEWER}" in told_text
    assert status == "warning"


def test_a_record_that_cannot_be_read_is_told_with_its_file(settings):
    built(settings, NEWER)
    (settings.builds / NEWER / "build.json").write_text("{")
    ((text, _),) = told(settings)
    assert f"cannot be read ({settings.builds / NEWER / 'build.json'})" in text


def test_the_build_that_is_shown_failed_when_it_was_audited_again(settings):
    built(settings, SHOWN.build_id, FAILED, has_docs=True)
    (warn,) = state_warns(SHOWN, settings=settings, today=AS_OF)
    assert "failed an audit at 2025-06-12 08:04 UTC after it was published: 2 expectations broken" in warn.text
    assert warn.link == Link("Its audit (Data Docs)", f"data-docs/{SHOWN.build_id}/index.html")


def test_before_anything_is_published_a_failed_build_is_told(settings):
    built(settings, NEWER, FAILED)
    ((text, _),) = told(settings, build=None)
    assert text.startswith(
        f"Nothing is published yet. The newer build {NEWER} (days before 2025-06-12) failed its audit"
    )
