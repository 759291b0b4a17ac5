"""What a browser sends for another site, what every answer says of itself, and that asking changes nothing."""

from __future__ import annotations

import pytest

from ai_finops.ui import app
from ai_finops.ui.headers import FOREVER
from ai_finops.ui.page.render import static_version
from ai_finops.ui.views import VIEWS
from tests.ui.conftest import make_client, make_settings, publish_tiny

VISIT = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
PICTURE = {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}
FETCH = {"sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
FRAME = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
ADDRESSES = ("", "weekly", "weekly/five-metrics.csv", "data-docs/", "static/0/page.css", "no/such/address")
WRITING = ("POST", "PUT", "PATCH", "DELETE")


def of(site: str, kind: dict[str, str]) -> dict[str, str]:
    return {"sec-fetch-site": site, "origin": "https://evil.example", **kind}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_may_link_and_nothing_else(client, site):
    for kind in (PICTURE, FETCH, FRAME):
        for address in ADDRESSES:
            answer = client.get(f"/ai-cost/{address}", headers=of(site, kind))
            assert answer.status_code == 403, (address, kind)
            assert "Asked by another site" in answer.text and "Build" not in answer.text
    assert client.get("/ai-cost/weekly", headers=of(site, VISIT)).status_code == 200
    assert client.head("/ai-cost/weekly", headers=of(site, VISIT)).status_code == 403


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_itself_and_a_person_may_all(client, site):
    for kind in (VISIT, PICTURE, FETCH, FRAME):
        assert client.get("/ai-cost/weekly", headers={"sec-fetch-site": site, **kind}).status_code == 200


@pytest.mark.parametrize("method", WRITING)
def test_nothing_can_be_sent_by_another_sites_form(client, method):
    for address in ADDRESSES:
        answer = client.request(method, f"/ai-cost/{address}", headers=of("cross-site", VISIT), data={"a": "b"})
        assert answer.status_code == 403, address


def state(folder) -> dict[str, tuple[int, bytes]]:
    return {str(file): (file.lstat().st_mtime_ns, file.read_bytes()) for file in folder.rglob("*") if file.is_file()}


def test_asking_changes_nothing(tmp_path):
    settings = make_settings(tmp_path)
    publish_tiny(settings)
    before, client = state(tmp_path), make_client(settings)
    for address in (
        *VIEWS,
        *ADDRESSES,
        "weekly/five-metrics.xlsx",
        "health/builds.parquet",
        "weekly?week='; drop table x",
    ):
        for method in ("GET", "HEAD", *WRITING, "OPTIONS"):
            client.request(method, f"/ai-cost/{address}")
    assert len(before) == 1
    assert state(tmp_path) == before


def test_every_answer_says_how_it_may_be_used(published, monkeypatch):
    client = make_client(published)  # whose views were not made before
    monkeypatch.setitem(app.VIEWS, "weekly", lambda *_, **__: 1 / 0)
    asked = ("features", "weekly", "health/builds.csv", *ADDRESSES)
    answers = {address: client.get(f"/ai-cost/{address}") for address in asked}
    answers["write"] = client.post("/ai-cost/features")
    answers["other site"] = client.get("/ai-cost/features", headers=of("same-site", PICTURE))
    assert {200, 307, 403, 404, 405, 500} == {answer.status_code for answer in answers.values()}
    for address, answer in answers.items():
        said = answer.headers
        assert said["cache-control"] == "private, no-store", address
        assert said["x-content-type-options"] == "nosniff", address
        assert said["referrer-policy"] == "same-origin", address
        assert said["cross-origin-resource-policy"] == said["cross-origin-opener-policy"] == "same-origin", address
        policy = dict(part.split(" ", 1) for part in said["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'"), address
        assert (policy["frame-ancestors"], policy["base-uri"]) == ("'self'", "'none'"), address
        assert "access-control-allow-origin" not in said and "set-cookie" not in said and "server" not in said, address
    style = client.get(f"/ai-cost/static/{static_version('page.css')}/page.css")
    assert style.headers["cache-control"] == FOREVER  # no money in it, and another address when it changes


def test_a_fault_of_ours_is_told_by_the_log_alone(published, monkeypatch, caplog):
    def broken(*_, **__):
        raise ValueError(f"PLANTED in {published.home}")

    monkeypatch.setitem(app.VIEWS, "weekly", broken)
    for address in ("weekly", "weekly/five-metrics.csv"):
        answer = make_client(published).get(f"/ai-cost/{address}")
        assert answer.status_code == 500
        assert "Something broke" in answer.text
        for word in ("PLANTED", str(published.home), "Traceback", "ValueError", "ai_finops"):
            assert word not in f"{answer.text}{answer.headers}", word
