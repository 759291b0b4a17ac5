"""What the stand-ins of both admin APIs share: a window cut into days, days into pages, tokens that only fit their query."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import date, timedelta

from tests.extract.api_server import Request


class Refused(Exception):
    """The stand-in answers 400 with this message."""


def days_of(first: date, end: date) -> list[date]:
    """The days from `first` to before `end`."""
    return [first + timedelta(days=number) for number in range((end - first).days)]


def one_page(request: Request, days: list[date], *, size: int, name: str) -> tuple[list[date], str | None]:
    """The days of the page that is asked for, and the token of the next one."""
    query = hashlib.sha256(repr(sorted(pair for pair in request.query if pair[0] != "page")).encode()).hexdigest()
    start = 0
    if (token := request.value("page")) is not None:
        try:
            told = json.loads(base64.urlsafe_b64decode(token.removeprefix(name)))
        except ValueError as error:
            raise Refused("invalid page") from error
        if told["query"] != query:
            raise Refused("page belongs to another query")
        start = told["start"]
    rest = start + size
    token = name + base64.urlsafe_b64encode(json.dumps({"query": query, "start": rest}).encode()).decode()
    return days[start:rest], token if rest < len(days) else None


def require_known(request: Request, names: set[str]) -> None:
    """Refuse parameters that the documentation does not name."""
    if unknown := {key.removesuffix("[]") for key, _ in request.query} - names:
        raise Refused(f"unknown parameter: {sorted(unknown)[0]}")


def read_limit(request: Request, *, most: int) -> int:
    """The page size: 7 unless asked for."""
    limit = int(request.value("limit") or 7)
    if not 1 <= limit <= most:
        raise Refused(f"limit must be between 1 and {most}")
    return limit


def read_groups(request: Request, allowed: tuple[str, ...]) -> list[str]:
    groups = request.values("group_by")
    if unknown := set(groups) - set(allowed):
        raise Refused(f"cannot group by {sorted(unknown)[0]}")
    return groups


def grouped(results: list[dict], groups: list[str], keys: tuple[str, ...]) -> list[dict]:
    """Results as they come back: what was not grouped by is null."""
    return [{**each, **{key: None for key in keys if key in each and key not in groups}} for each in results]
