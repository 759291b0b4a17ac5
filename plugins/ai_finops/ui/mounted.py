"""The page as Airflow mounts it: made when it is first asked for, so that the plugin costs a scheduler or a worker nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class MountedPage:
    """An ASGI application that makes `ui.app.create_page()` on its first request and hands all requests to it."""

    def __init__(self) -> None:
        self._page: Callable[[Scope, Receive, Send], Awaitable[None]] | None = None
        self._lock: asyncio.Lock | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._page is None:
            self._lock = self._lock or asyncio.Lock()
            async with self._lock:
                if self._page is None:
                    self._page = await asyncio.to_thread(_make)
        await self._page(scope, receive, send)


def _make() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    from ai_finops.ui.app import create_page

    return create_page()
