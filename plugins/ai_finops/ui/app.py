"""The page's addresses. Reading and drawing are elsewhere; here is who may ask what, and what is answered.

Every address asks for the permission first (`access`), also those that do not exist: the dependency is the application's, and
the last route takes whatever is left, by any method, also one that nobody has heard of.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import duckdb
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException as AnyHTTPException

from ai_finops.config import Settings
from ai_finops.errors import NothingPublished, PublishError, ReportError
from ai_finops.ui.access import require_access
from ai_finops.ui.address import FIRST_SLUG, NAME
from ai_finops.ui.build_state import state_warns
from ai_finops.ui.downloads import ENDINGS, write_download
from ai_finops.ui.folders import find_file, media_type
from ai_finops.ui.headers import DATA_DOCS_POLICY, DBT_DOCS_POLICY, FOREVER, PRIVATE, WITHOUT_MIDDLEWARE, WithHeaders
from ai_finops.ui.made_from import made_from
from ai_finops.ui.other_sites import OtherSite, refuse_other_sites
from ai_finops.ui.page.render import STATIC, Notice, Place, query_of, render, render_refusal, static_version
from ai_finops.ui.published import Build, open_build
from ai_finops.ui.recent import RecentViews
from ai_finops.ui.view import View, Warn
from ai_finops.ui.views import TITLES, VIEWS

_READING = ["GET", "HEAD"]
_MOST_QUERY_BYTES = 32_768
"""Of an address's filters; five hundred features by name are about half of it."""
_CUT = f"This address is longer than {_MOST_QUERY_BYTES:,} bytes: the filters at its end were left out."
_REFUSALS = {
    401: ("Sign in first", "This page needs a sign-in to Airflow."),
    403: ("Not yours to see", "It needs read access to the DAG build_marts; ask whoever administers this Airflow."),
    404: ("Not here", "There is nothing at this address."),
    405: ("Read only", "This page can only be read."),
    414: ("Too many filters", f"An address may have {_MOST_QUERY_BYTES:,} bytes of filters; take some away."),
    500: ("Something broke", "The page could not be made; the API server's log says why."),
    503: ("Cannot be read", "What is published cannot be read."),
}

_OTHER_SITE = ("Asked by another site", "Other sites may link to this page; open it by itself.")

logger = logging.getLogger(__name__)


def create_page(settings: Settings | None = None, *, today: Callable[[], date] | None = None) -> FastAPI:
    """Make the application that Airflow mounts.

    Args:
        settings: Where the published marts are; default from the environment.
        today: The day that the age of what is shown is counted to; default today in UTC.
    """
    page = FastAPI(
        title=NAME,
        dependencies=[Depends(require_access), Depends(refuse_other_sites)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    page.state.settings = settings or Settings.from_env()
    page.state.today = today or (lambda: datetime.now(UTC).date())
    page.state.recent = RecentViews()
    page.add_middleware(WithHeaders)
    page.add_exception_handler(AnyHTTPException, _refuse)
    page.add_exception_handler(Exception, _break)
    for path, answer in (
        ("/", to_first_view),
        ("/static/{version}/{name}", static_file),
        ("/reviews/{name}", review_picture),
        ("/data-docs/{path:path}", data_docs),
        ("/dbt-docs/{path:path}", dbt_docs),
        ("/{slug}", view_page),
        ("/{slug}/{file_name}", table_file),
    ):
        page.add_api_route(path, answer, methods=_READING, response_model=None)
    # Without methods it takes every one: a route before it would answer 405 to an odd one before it asks who that is.
    # FastAPI makes a route's id of a method, so this one brings its own.
    page.add_api_route("/{path:path}", nothing_here, methods=[], operation_id="nothing_here", response_model=None)
    return page


def to_first_view(request: Request) -> Response:
    """Send on to the first view."""
    return RedirectResponse(f"{_base(request)}/{FIRST_SLUG}", status_code=307)


def view_page(request: Request, slug: str) -> Response:
    """Answer with a view, or say why there is nothing to see."""
    if slug not in VIEWS:
        raise HTTPException(404)
    settings, today = request.app.state.settings, request.app.state.today()
    place = Place(base=_base(request), slug=slug, navigation=tuple(TITLES.items()))
    try:
        view, build = _read_view(request, slug)
    except PublishError as error:
        warns = state_warns(None, settings=settings, today=today) if isinstance(error, NothingPublished) else ()
        notice = _notice(error)
        return HTMLResponse(
            render(None, place=place, build=None, warns=warns, today=today, notice=notice), notice.status
        )
    place = Place(base=place.base, slug=slug, query=_own_query(request, view), navigation=place.navigation)
    warns = (*state_warns(build, settings=settings, today=today), *((Warn(_CUT),) if _is_cut(request) else ()))
    return HTMLResponse(render(view, place=place, build=build, warns=warns, today=today))


def table_file(request: Request, slug: str, file_name: str) -> Response:
    """Answer with a table of a view as a file, filtered as the address says."""
    table_id, _, ending = file_name.rpartition(".")
    if slug not in VIEWS or ending not in ENDINGS:
        raise HTTPException(404)
    if _is_cut(request):
        raise HTTPException(414)  # A file has no line above it that says so.
    try:
        view, build = _read_view(request, slug)
    except PublishError as error:
        raise HTTPException(404 if isinstance(error, NothingPublished) else 503, detail=_sentence(error)) from error
    table = view.table(table_id)
    if table is None:
        raise HTTPException(404)
    download = write_download(table, ending=ending)
    # Only our own ids: nothing of the data is in a header.
    name = f"ai-cost-{slug}-{table.table_id}-{build.as_of_date.isoformat()}.{ending}"
    return Response(
        download.content,
        media_type=download.media_type,
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


def static_file(request: Request, version: str, name: str) -> Response:
    """Answer with a file of the page's own; its address changes with its content, so a browser may keep it."""
    file = find_file(STATIC, name)
    if file is None or version != static_version(name):
        raise HTTPException(404)
    return FileResponse(file, media_type=media_type(file), headers={"cache-control": FOREVER})


def review_picture(request: Request, name: str) -> Response:
    """Answer with the picture of a week's message."""
    file = find_file(request.app.state.settings.published / "reviews", name) if name.endswith(".png") else None
    if file is None:
        raise HTTPException(404)
    return FileResponse(file, media_type="image/png", headers={"cache-control": PRIVATE})


def data_docs(request: Request, path: str) -> Response:
    """Answer with a page of the Data Docs of the last audits."""
    return _site(request, request.app.state.settings.home / "data_docs", path, policy=DATA_DOCS_POLICY)


def dbt_docs(request: Request, path: str) -> Response:
    """Answer with dbt's documentation of the published build's project."""
    return _site(request, request.app.state.settings.published / "dbt_docs", path, policy=DBT_DOCS_POLICY)


def nothing_here(request: Request, path: str) -> Response:
    """Answer whatever else is asked, after the permission was: 404 to a reader, 405 to who wants to write."""
    raise HTTPException(404 if request.method in _READING else 405, headers=_allowed(request))


def _site(request: Request, folder: Any, path: str, *, policy: str) -> Response:
    file = find_file(folder, path)
    if file is None:
        raise HTTPException(404)
    headers = {"content-security-policy": policy, "cache-control": PRIVATE}
    return FileResponse(file, media_type=media_type(file), headers=headers)


def _read_view(request: Request, slug: str) -> tuple[View, Build]:
    """Make a view of what is published now, or take the one made a moment ago from the same.

    Raises:
        NothingPublished: There is no build yet.
        PublishError: What is published cannot be read, or it is older than this version of the page.
    """
    state, chosen = request.app.state, _chosen(request)
    build_id, inputs = made_from(state.settings)
    made_of = (build_id, inputs, slug)
    if kept := state.recent.find(made_of, chosen):
        return kept
    with open_build(state.settings) as (connection, build):
        try:
            view = VIEWS[slug](connection, chosen=chosen, settings=state.settings)
        except (duckdb.Error, ReportError, KeyError) as error:
            # Marts of another release lack a table or a column, damaged ones break off; a fault of ours is told by the log.
            logger.exception("view %s of build %s could not be made", slug, build.build_id)
            is_lacking = isinstance(error, duckdb.CatalogException | duckdb.BinderException | ReportError | KeyError)
            what = "does not hold what this view shows" if is_lacking else f"in {state.settings.published} is damaged"
            first_line = str(error).splitlines()[0]
            raise PublishError(f"build {build.build_id} {what} ({first_line}); publish a new build") from error
    # A newer build may have been published since the look above: what was read then is not what the key says.
    return state.recent.keep(made_of, chosen, (view, build)) if build.build_id == build_id else (view, build)


def _chosen(request: Request) -> dict[str, Sequence[str]]:
    """Return the values of each filter of the address, as far as its length is read."""
    query: bytes = request.scope["query_string"]
    whole = query[: _MOST_QUERY_BYTES + 1].rpartition(b"&")[0] if _is_cut(request) else query
    chosen: dict[str, list[str]] = {}
    for name, value in QueryParams(whole).multi_items():
        chosen.setdefault(name, []).append(value)
    return chosen


def _is_cut(request: Request) -> bool:
    return len(request.scope["query_string"]) > _MOST_QUERY_BYTES


def _own_query(request: Request, view: View) -> tuple[tuple[str, str], ...]:
    """Return the filters of the address that the view has; what else stood in it goes no further."""
    names = {one.name for one in view.filters}
    return query_of({name: values for name, values in _chosen(request).items() if name in names})


def _base(request: Request) -> str:
    return request.scope.get("root_path", "").rstrip("/")


def _notice(error: PublishError) -> Notice:
    if isinstance(error, NothingPublished):
        return Notice("Nothing to show yet", _sentence(error), state="nothing published")
    return Notice("The data cannot be read", _sentence(error), state="what is published cannot be read", status=503)


def _sentence(error: Exception) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _allowed(request: Request) -> dict[str, str] | None:
    return None if request.method in _READING else {"allow": ", ".join(_READING)}


def _refuse(request: Request, error: HTTPException) -> Response:
    title, text = _OTHER_SITE if isinstance(error, OtherSite) else _REFUSALS.get(error.status_code, _REFUSALS[404])
    if error.status_code == 503:
        text = str(error.detail)
    sign_in = _sign_in_address(request) if error.status_code == 401 else None
    page = render_refusal(base=_base(request), status=error.status_code, title=title, text=text, sign_in=sign_in)
    return HTMLResponse(page, error.status_code, headers=error.headers)


def _break(request: Request, error: Exception) -> Response:
    """Answer after a fault of ours; Starlette raises it again, so it is in the log."""
    title, text = _REFUSALS[500]
    page = render_refusal(base=_base(request), status=500, title=title, text=text)
    return HTMLResponse(page, 500, headers=WITHOUT_MIDDLEWARE)


def _sign_in_address(request: Request) -> str:
    from airflow.api_fastapi.app import get_auth_manager

    return get_auth_manager().get_url_login(next_url=str(request.url))
