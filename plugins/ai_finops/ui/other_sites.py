"""Requests that another site makes a reader's browser send: only a visit is answered.

The page changes nothing, so there is nothing to forge; but a sibling of Airflow's host gets its cookie sent
(`SameSite=Lax`), and could have the page read into its own as a picture or a script, to measure what it may not see. A
browser says who asks and for what (https://www.w3.org/TR/fetch-metadata/); what says nothing, such as a program, is no
browser that could be misled.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request

_OWN = ("", "same-origin", "none")


class OtherSite(HTTPException):
    """Another site asks, and not for a visit."""

    def __init__(self) -> None:
        super().__init__(403)


def refuse_other_sites(request: Request) -> None:
    """Let another site's link open the page, and nothing else of it reach it. A dependency for the whole application.

    Raises:
        OtherSite: The request is of another site and no visit.
    """
    said = {name: request.headers.get(f"sec-fetch-{name}", "") for name in ("site", "mode", "dest")}
    is_visit = request.method == "GET" and (said["mode"], said["dest"]) == ("navigate", "document")
    if said["site"] not in _OWN and not is_visit:
        raise OtherSite
