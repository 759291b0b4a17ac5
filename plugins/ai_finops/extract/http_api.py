"""JSON over HTTPS from a provider's admin API: bounded retries, counted calls, and a key that shows nowhere.

- 408, 429, 5xx, a timeout, a connection dropped before or in the body, a body that is not JSON: the call is repeated after a
  wait that doubles, or after what `Retry-After` asks for. When every attempt fails, or the wait asked for is longer than
  `LONGEST_WAIT_SECONDS`: `SourceUnavailable`, or `SourceBroken` if the last answer was whole and no JSON.
- 401 and 403: `SourceForbidden`. 404: `SourceMissing`. Anything else: `SourceError` with what the API said. All at once.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from ai_finops.api_calls import ApiCalls
from ai_finops.errors import (
    SourceBroken,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceThrottled,
    SourceUnavailable,
)

logger = logging.getLogger(__name__)

ATTEMPTS = 5
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
TIMEOUT = httpx.Timeout(60, connect=5)
MOST_BODY_BYTES = 64 * 1024 * 1024
"""A page of daily buckets has kilobytes; what is longer than this is none."""
LONGEST_QUOTE = 200
"""Characters of an API's own message that an error repeats."""
_KEY_LIKE = re.compile(r"\bsk-[\w*.-]+")


@dataclass(frozen=True, slots=True)
class ApiAccount:
    """How to reach one admin API. The key is in no repr."""

    name: str
    """Who it is, as messages say it: `OpenAI`."""
    base_url: str
    """Scheme and host, and a path before `/v1` if there is one."""
    connection_id: str
    """The Airflow connection that it was read from."""
    key_header: str
    key: str = field(repr=False)
    key_prefix: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every call; nothing secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One JSON object that the API answered with; its numbers with a fraction are `Decimal`."""

    document: dict[str, Any]
    bytes_read: int


class JsonApi:
    """A client of one admin API.

    Args:
        account: Where it is and who asks.
        sleep: How to wait between attempts, seconds.
    """

    def __init__(self, account: ApiAccount, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.account = account
        self.call_count = 0
        """Requests sent, repeated ones included."""
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=account.base_url,
            auth=_KeyHeader(account.key_header, account.key_prefix + account.key),
            headers={"Accept": "application/json", "User-Agent": "ai-finops", **account.headers},
            timeout=TIMEOUT,
            follow_redirects=False,
        )

    def __repr__(self) -> str:
        return f"JsonApi({self.account.name}, {self.account.base_url})"

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str, *, params: Sequence[tuple[str, str | int]]) -> Answer:
        """Ask once, or until it answers; see the table above.

        Raises:
            SourceForbidden, SourceMissing, SourceUnavailable, SourceBroken, SourceError: One sentence that names the API,
                the path and what to do.
        """
        wait = FIRST_WAIT_SECONDS
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._ask(path, params)
            except _TryAgain as failed:
                pause = wait if failed.wait_seconds is None else failed.wait_seconds
                if attempt == ATTEMPTS or pause > LONGEST_WAIT_SECONDS:
                    self._give_up(path, failed, attempt=attempt, pause=pause)
                logger.warning(
                    "%s %s: %s; waiting %g s before attempt %d of %d",
                    *(self.account.name, path, failed.problem, pause, attempt + 1, ATTEMPTS),
                )
                self._sleep(pause)
                wait *= 2
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _ask(self, path: str, params: Sequence[tuple[str, str | int]]) -> Answer:
        self.call_count += 1
        try:
            with self._http.stream("GET", path, params=list(params)) as response:
                body = _read_body(response, reading=f"{self.account.name} {path}")
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _TryAgain(self._redact(f"no whole answer ({type(error).__name__}: {error})")) from error
        if response.status_code != 200:
            self._refuse(path, response, body)
        return Answer(_json_object(body), len(body))

    def _refuse(self, path: str, response: httpx.Response, body: bytes) -> NoReturn:
        status, reading = response.status_code, f"cannot read {self.account.name} {path}"
        if status in (408, 429) or status >= 500:
            raise _TryAgain(f"answered {status}", wait_seconds=_retry_after(response))
        if status in (401, 403):
            raise SourceForbidden(
                f"{reading}: the key was refused ({status}); put an admin key that may read usage and costs into the "
                f"password of the Airflow connection {self.account.connection_id}"
            )
        if status == 404:
            raise SourceMissing(
                f"{reading}: {self.account.base_url} has no such path (404); correct the host of the Airflow connection "
                f"{self.account.connection_id}, or remove it"
            )
        said = self._redact(_message(body))
        raise SourceError(
            f"{reading}: it answered {status}{f' ({said})' if said else ''}; check the host of the Airflow connection "
            f"{self.account.connection_id}, and report this with the log if it is right"
        )

    def _give_up(self, path: str, failed: _TryAgain, *, attempt: int, pause: float) -> NoReturn:
        reading = f"cannot read {self.account.name} {path}"
        if failed.is_broken:
            raise SourceBroken(
                f"{reading}: {failed.problem}, {attempt} times; check that the host of the Airflow connection "
                f"{self.account.connection_id} is the API itself and no page before it"
            ) from failed
        unavailable = SourceThrottled if failed.problem == "answered 429" else SourceUnavailable
        if pause > LONGEST_WAIT_SECONDS:
            raise unavailable(
                f"{reading}: {failed.problem} and asks to wait {pause:g} s; try again after that"
            ) from failed
        raise unavailable(
            f"{reading}: {failed.problem}, {attempt} times; try again later, and check the network if it stays so"
        ) from failed

    def _redact(self, text: str) -> str:
        return _KEY_LIKE.sub("[key]", text.replace(self.account.key, "[key]"))[:LONGEST_QUOTE]


class CallCount:
    """Requests that a client has sent since counting began, repeated ones included; all of them are GET."""

    def __init__(self, api: JsonApi) -> None:
        self._api, self._before = api, api.call_count

    @property
    def count(self) -> int:
        """Return how many so far."""
        return self._api.call_count - self._before

    def calls(self) -> tuple[ApiCalls, ...]:
        """Return them as an outcome tells them."""
        return (ApiCalls(self._api.account.name.lower(), "GET", None, self.count),) if self.count else ()


@contextmanager
def calls_counted(api: JsonApi) -> Iterator[CallCount]:
    """Count the requests that `api` sends inside the block."""
    yield CallCount(api)


class _TryAgain(Exception):
    """This attempt failed in a way that the next one may not."""

    def __init__(self, problem: str, *, wait_seconds: float | None = None, is_broken: bool = False) -> None:
        super().__init__(problem)
        self.problem, self.wait_seconds, self.is_broken = problem, wait_seconds, is_broken


class _KeyHeader(httpx.Auth):
    """Puts the key on a request while it is sent and takes it off again, so that no error or log can carry it."""

    def __init__(self, header: str, value: str) -> None:
        self._header, self._value = header, value

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        request.headers[self._header] = self._value
        try:
            yield request
        finally:
            del request.headers[self._header]


def _read_body(response: httpx.Response, *, reading: str) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > MOST_BODY_BYTES:
            raise SourceBroken(
                f"{reading} answers with more than {MOST_BODY_BYTES} bytes, which is no page of a report"
            )
    return bytes(body)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _TryAgain(f"the answer is not JSON ({len(body)} bytes)", is_broken=True) from error
    if not isinstance(document, dict):
        raise _TryAgain("the answer is JSON but no object", is_broken=True)
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the answer asks to wait; a date counts from the answer's own `Date`, so no clock is needed."""
    said = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", said):
        return float(said)
    try:
        until, sent = (parsedate_to_datetime(text) for text in (said, response.headers.get("Date", "")))
        return max(0.0, (until.astimezone(UTC) - sent.astimezone(UTC)).total_seconds())
    except ValueError:
        return None


def _message(body: bytes) -> str:
    """The API's own sentence about an error; both APIs say it in `error.message`."""
    try:
        error = json.loads(body).get("error")
        return " ".join(str(error["message"]).split())
    except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
        return ""
