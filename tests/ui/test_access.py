"""Airflow's own application, with its own sign-in, asked for every address of the page: the plugin as it is deployed."""

from __future__ import annotations

import pytest
from airflow import plugins_manager
from airflow import settings as airflow_settings
from airflow.api_fastapi import app as airflow_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models.base import Base
from fastapi.testclient import TestClient

from ai_finops.config import REPOSITORY
from ai_finops.ui.address import HREF, NAME, PREFIX
from ai_finops.ui.app import create_page
from ai_finops.ui.page.render import static_version
from ai_finops.ui.views import VIEWS

EXAMPLES = {
    "slug": tuple(VIEWS),
    "file_name": ("five-metrics.csv", "five-metrics.xlsx", "five-metrics.parquet"),
    "version": (static_version("page.css"),),
    "name": ("page.css", "2025-06-02.png"),
    "path": ("index.html", "", "..%2f..%2fetc%2fpasswd", "no/such/address"),
}
"""Values for the parts of an address; a route with another part needs one here, or its test fails."""
NOWHERE = (
    "static",
    "data-docs",
    "docs",
    "openapi.json",
    "redoc",
    "weekly/",
    "/weekly",
    "a/b/c/d",
    "weekly%0a",
    "%2e%2e/x",
)
"""What lies under the page's prefix and is no route's own."""
ODD_METHODS = ("PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW")


def addresses() -> list[str]:
    """Every address of the application, made from its routes: one that is added later is asked as well."""
    return sorted({address for route in addresses_by_route() for address in route})


def addresses_by_route() -> list[list[str]]:
    found = []
    for route in create_page().routes:
        parts = [route.path]
        for name in route.param_convertors:
            values = EXAMPLES[name]
            parts = [
                part.replace(f"{{{name}:path}}", value).replace(f"{{{name}}}", value)
                for part in parts
                for value in values
            ]
        found.append([f"{PREFIX}{part}" for part in parts])
    return found


def one_of_each_route() -> list[str]:
    return [*(route[0] for route in addresses_by_route()), *(f"{PREFIX}/{path}" for path in NOWHERE)]


@pytest.fixture(scope="module")
def airflow(published):
    """Airflow's application with this repository's plugins, on an empty database of its own."""
    patch = pytest.MonkeyPatch()
    patch.setenv("AI_FINOPS_HOME", str(published.home))
    patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "for-this-test-alone-" * 4)
    patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "reader:viewer")
    patch.setattr(airflow_settings, "PLUGINS_FOLDER", str(REPOSITORY / "plugins"))
    _forget()
    application = airflow_app.create_app("core")
    Base.metadata.create_all(airflow_settings.engine)
    yield application
    _forget()
    patch.undo()


def _forget() -> None:
    for name in dir(plugins_manager):
        getattr(getattr(plugins_manager, name), "cache_clear", lambda: None)()
    airflow_app.purge_cached_app()


@pytest.fixture(scope="module")
def ask(airflow):
    """Ask as nobody (`None`), or as a user of a role."""
    client = TestClient(airflow, follow_redirects=False, raise_server_exceptions=False)

    def ask(address, *, role=None, is_signed_in=True, method="GET", **more_headers):
        user = SimpleAuthManagerUser(username="somebody", role=role)
        token = airflow.state.auth_manager.generate_jwt(user) if is_signed_in else ""
        more = {name.replace("_", "-"): value for name, value in more_headers.items()}
        return client.request(method, address, headers=more | ({"cookie": f"_token={token}"} if token else {}))

    return ask


def test_the_navigation_has_the_page(ask):
    plugins = ask("/api/v2/plugins", role="admin").json()["plugins"]
    (own,) = [plugin for plugin in plugins if plugin["name"] == "ai_finops"]
    assert [app["url_prefix"] for app in own["fastapi_apps"]] == [PREFIX]
    (link,) = own["external_views"]
    assert (link["name"], link["href"], link["url_route"], link["destination"]) == (NAME, HREF, None, "nav")
    # Airflow scans the folder; the package itself is not taken for plugins.
    assert ask("/api/v2/plugins/importErrors", role="admin").json()["import_errors"] == []


def test_addresses_are_those_of_every_route():
    assert {f"{PREFIX}/{slug}" for slug in VIEWS} < set(addresses())
    assert f"{PREFIX}/weekly/five-metrics.csv" in addresses()
    assert f"{PREFIX}/data-docs/index.html" in addresses()
    assert len(addresses()) >= len(VIEWS) * 4


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_nobody_sees_anything_without_a_sign_in(ask, method):
    for address in addresses():
        answer = ask(address, is_signed_in=False, method=method)
        assert answer.status_code == 401, address
        assert "Build" not in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_nobody_sees_anything_without_the_permission(ask, method):
    for address in addresses():
        answer = ask(address, role=None, method=method)
        assert answer.status_code == 403, address
        assert "Build" not in answer.text


@pytest.mark.parametrize("method", ODD_METHODS)
def test_no_method_is_refused_before_the_permission_is_asked_for(ask, method):
    for address in one_of_each_route():
        assert ask(address, is_signed_in=False, method=method).status_code == 401, address
        assert ask(address, role=None, method=method).status_code == 403, address
    assert ask(f"{PREFIX}/weekly", role="viewer", method=method).status_code == 405


@pytest.mark.parametrize("path", NOWHERE)
def test_nothing_is_not_there_before_the_permission_is_asked_for(ask, path):
    assert ask(f"{PREFIX}/{path}", is_signed_in=False).status_code == 401
    assert ask(f"{PREFIX}/{path}", role=None).status_code == 403
    assert ask(f"{PREFIX}/{path}", role="viewer").status_code == 404


def test_a_refusal_leads_to_the_sign_in_and_back(ask):
    answer = ask(f"{PREFIX}/weekly", is_signed_in=False)
    assert 'href="/auth/login?next=http%3A%2F%2Ftestserver%2Fai-cost%2Fweekly"' in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_reader_sees_all(ask):
    for slug in VIEWS:
        assert ask(f"{PREFIX}/{slug}", role="viewer").status_code == 200, slug
    answer = ask(f"{PREFIX}/weekly/five-metrics.csv", role="viewer")
    assert answer.status_code == 200
    assert answer.text.startswith("metric_name,status,")
    assert ask(f"{PREFIX}/", role="viewer").headers["location"] == f"{PREFIX}/weekly"
    assert ask(f"{PREFIX}/weekly", role="viewer", method="POST").status_code == 405


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_readers_cookie_is_of_no_use_to_another_site(ask, method):
    picture = {"sec_fetch_site": "same-site", "sec_fetch_mode": "no-cors", "sec_fetch_dest": "image"}
    for address in one_of_each_route():
        answer = ask(address, role="admin", method=method, origin="https://evil.example", **picture)
        assert answer.status_code == 403, address
        assert "Asked by another site" in answer.text
        # Who may not see the page learns nothing from it either.
        assert ask(address, is_signed_in=False, method=method, **picture).status_code == 401


def test_the_permission_is_that_of_the_dag(airflow, ask, monkeypatch):
    asked = []

    def is_authorized_dag(*, method, user, access_entity=None, details=None):
        asked.append((method, details.id, access_entity))
        return False

    monkeypatch.setattr(airflow.state.auth_manager, "is_authorized_dag", is_authorized_dag)
    assert ask(f"{PREFIX}/weekly", role="admin").status_code == 403
    assert asked == [("GET", "build_marts", None)]
