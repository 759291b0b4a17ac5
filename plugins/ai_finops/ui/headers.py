"""The headers that every answer of the page has: nothing runs or loads that the page did not bring itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

PAGE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
DATA_DOCS_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-same-origin",
    )
)
"""Great Expectations' pages have styles of their own; no script of theirs runs."""
DBT_DOCS_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'unsafe-inline' 'unsafe-eval' data: blob:",
        "style-src 'unsafe-inline' data:",
        "img-src data:",
        "font-src data:",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-scripts",
    )
)
"""dbt's page is one file full of inline scripts: they run in an origin of their own, without cookies, and can ask nothing of
Airflow or of anybody else."""
PRIVATE = "private, no-store"
"""Money: kept by no browser, where the next person at the machine would find it after the sign-out."""
FOREVER = "private, max-age=31536000, immutable"

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_UNLESS_SET = ((b"content-security-policy", PAGE_POLICY.encode()), (b"cache-control", PRIVATE.encode()))

WITHOUT_MIDDLEWARE = {name.decode(): value.decode() for name, value in (*_ALWAYS, *_UNLESS_SET)}
"""For the one answer that does not pass it."""

App = Callable[..., Awaitable[None]]


class WithHeaders:
    """ASGI middleware that adds them, also to refusals and errors."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: App, send: App) -> None:
        """Answer one request."""

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                known = {name.lower() for name, _ in headers}
                headers += [*_ALWAYS, *(pair for pair in _UNLESS_SET if pair[0] not in known)]
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, send_with_headers)
