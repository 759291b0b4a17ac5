"""dbt's documentation beside the published build: of the code that made it, whole, silent, and never in the way."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ai_finops.build import find_build
from ai_finops.publish import publish
from ai_finops.publish.project_docs import render, write_project_docs
from tests.publish.test_swap import make_passed
from tests.test_dictionary import MANIFEST

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def candidate(settings):
    """A build that has left its manifest behind."""
    build = make_passed(settings)
    folder = Path(build["build_dir"])
    place = folder / "dbt" / "phase_1" / "target" / "manifest.json"
    place.parent.mkdir(parents=True)
    shutil.copyfile(MANIFEST, place)
    return folder


def told(page: Path, part: str) -> dict:
    """Return the manifest or the catalog that a page was given."""
    text = page.read_text()
    found = re.search(r"var n=\{manifest:(.*),catalog:(.*)\},r=\{project:", text)
    return json.loads(found[{"manifest": 1, "catalog": 2}[part]])


def test_publishing_writes_the_page_of_what_was_built(settings, candidate):
    publish(settings=settings, build=find_build(settings, candidate.name))
    page = settings.published / "dbt_docs" / "index.html"
    manifest = told(page, "manifest")
    assert manifest["nodes"].keys() == json.loads(MANIFEST.read_text())["nodes"].keys()
    assert manifest["metadata"]["send_anonymous_usage_stats"] is False
    assert manifest["metadata"]["user_id"] is None
    days = told(page, "catalog")["nodes"]["model.ai_finops.dim_days"]
    assert days["metadata"] == {
        "type": "BASE TABLE",
        "schema": "marts",
        "name": "dim_days",
        "database": "warehouse",
        "comment": None,
        "owner": None,
    }
    assert days["columns"]["usage_date"] == {"type": "DATE", "index": 2, "name": "usage_date", "comment": None}


def test_it_is_made_again_only_of_other_code(settings, candidate):
    page = settings.published / "dbt_docs" / "index.html"
    assert write_project_docs(candidate, code="one", published=settings.published) is True
    page.write_text("as it was")
    assert write_project_docs(candidate, code="one", published=settings.published) is False
    assert page.read_text() == "as it was"
    assert write_project_docs(candidate, code="two", published=settings.published) is True
    assert page.read_text() != "as it was"
    # A build that does not say its code is taken for another.
    page.write_text("as it was")
    assert write_project_docs(candidate, code="", published=settings.published) is True


def test_without_a_manifest_there_is_no_page(settings):
    build = make_passed(settings)
    publish(settings=settings, build=build)
    assert not (settings.published / "dbt_docs").exists()


@pytest.mark.parametrize("damage", ["no JSON", "no warehouse", "no place"])
def test_a_page_that_cannot_be_made_leaves_the_one_before(settings, candidate, damage, caplog):
    assert write_project_docs(candidate, code="one", published=settings.published)
    before = (settings.published / "dbt_docs" / "index.html").read_bytes()
    if damage == "no JSON":
        (candidate / "dbt" / "phase_1" / "target" / "manifest.json").write_text("{")
    elif damage == "no warehouse":
        (candidate / "warehouse.duckdb").write_bytes(b"nothing of DuckDB")
    else:
        (settings.published / "dbt_docs" / ".writing-left").mkdir()
        (settings.published / "dbt_docs" / "made_of.json").unlink()
        (settings.published / "dbt_docs" / "made_of.json").mkdir()
    with caplog.at_level(logging.WARNING):
        written = write_project_docs(candidate, code="two", published=settings.published)
    assert written is False
    assert f"dbt's documentation of {candidate.name} could not be made" in caplog.text
    if damage != "no place":  # there the page is the new one, and made again the next time
        assert (settings.published / "dbt_docs" / "index.html").read_bytes() == before


def test_no_usage_statistics_are_asked_for():
    page = render({"metadata": {"send_anonymous_usage_stats": True, "user_id": "me"}}, catalog={})
    assert '"metadata":{"send_anonymous_usage_stats":false,"user_id":null}' in page


def test_no_text_ends_the_script():
    nodes = {"a": {"description": "</script><!-- no comment"}}
    page = render({"metadata": {}, "nodes": nodes}, catalog={})
    assert "</script><!-- no comment" not in page
    assert "<\\/script><\\u0021-- no comment" in page


SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data:; font-src data:"
)


@pytest.mark.long
def test_the_page_asks_no_other_host_and_works_in_a_sandbox(settings, candidate):
    if not CHROMIUM.exists() and "CI" not in os.environ:
        pytest.skip(f"{CHROMIUM} is missing")
    from playwright.sync_api import sync_playwright

    assert write_project_docs(candidate, code="one", published=settings.published)

    class Handler(SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header("Content-Security-Policy", SANDBOX)
            super().end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(settings.published / "dbt_docs")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        page = browser.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}index.html#!/model/model.ai_finops.dim_days")
        page.get_by_text("Every day that the marts are about, without a gap").first.wait_for()
        browser.close()
    server.shutdown()
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
