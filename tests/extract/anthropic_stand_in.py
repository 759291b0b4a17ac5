"""A stand-in for Anthropic's usage and cost reports that enforces what its API reference documents (read 2026-11).

`x-api-key` and `anthropic-version`; `starting_at` required, RFC 3339, snapped to the day; buckets that end by `ending_at`;
`bucket_width` 1d; `limit` 7 unless given, at most 31; only the documented `group_by[]` of each report; page tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from tests.extract.api_server import ApiServer, Request, api_server, json_answer
from tests.extract.bucket_pages import Refused, days_of, grouped, one_page, read_groups, read_limit, require_known
from tests.extract.stand_in import Answer

KEY = "sk-ant-admin-0000-of-the-tests"
ROOT = "/v1/organizations/"
GROUPS = {
    "usage_report/messages": (
        *("account_id", "api_key_id", "context_window", "inference_geo", "model"),
        *("service_account_id", "service_tier", "workspace_id"),
    ),
    "cost_report": ("workspace_id", "description"),
}
PARAMETERS = {"starting_at", "ending_at", "bucket_width", "group_by", "limit", "page"}
BY_DESCRIPTION = ("cost_type", "model", "token_type", "service_tier", "context_window")
"""Null in the cost report unless it is grouped by description."""


class Anthropic:
    """What the organisation has, by report and day."""

    def __init__(self) -> None:
        self.results: dict[str, dict[date, list[dict]]] = {name: {} for name in GROUPS}
        self.days_per_page: int | None = None
        self.server: ApiServer

    def add(self, name: str, day: date, *results: dict) -> None:
        self.results[name].setdefault(day, []).extend(results)

    def calls(self, name: str) -> list[Request]:
        return [request for request in self.server.requests if request.path == ROOT + name]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("anthropic-version") != "2023-06-01":
            return _error(400, "anthropic-version: header is required")
        if request.headers.get("x-api-key") != KEY:
            return _error(401, f"invalid x-api-key {request.headers.get('x-api-key')}", kind="authentication_error")
        name = request.path.removeprefix(ROOT)
        if request.method != "GET" or not request.path.startswith(ROOT) or name not in GROUPS:
            return _error(404, "Not found", kind="not_found_error")
        try:
            return json_answer(self._page(request, name))
        except (Refused, ValueError) as refused:
            return _error(400, str(refused))

    def _page(self, request: Request, name: str) -> dict:
        require_known(request, PARAMETERS)
        if (request.value("bucket_width") or "1d") != "1d":
            raise Refused("bucket_width: unsupported")
        if any(key == "group_by" for key, _ in request.query):
            raise Refused("group_by: write group_by[]")
        first, end = _moment(request, "starting_at"), _moment(request, "ending_at")
        if end <= first:
            raise Refused("ending_at must be after starting_at")
        limit = read_limit(request, most=31)
        groups = read_groups(request, GROUPS[name])
        days, token = one_page(request, days_of(first, end), size=self.days_per_page or limit, name="page_")
        return {
            "data": [self._bucket(name, day, groups) for day in days],
            "has_more": token is not None,
            "next_page": token,
        }

    def _bucket(self, name: str, day: date, groups: list[str]) -> dict:
        results = grouped(self.results[name].get(day, []), groups, GROUPS[name])
        if name == "cost_report" and "description" not in groups:
            results = [each | dict.fromkeys(BY_DESCRIPTION) for each in results]
        return {
            "starting_at": f"{day}T00:00:00Z",
            "ending_at": f"{day + timedelta(days=1)}T00:00:00Z",
            "results": results,
        }


@contextmanager
def anthropic_stand_in() -> Iterator[Anthropic]:
    stand_in = Anthropic()
    with api_server(stand_in.answer) as stand_in.server:
        yield stand_in


def _error(status: int, message: str, kind: str = "invalid_request_error") -> Answer:
    return json_answer({"type": "error", "error": {"type": kind, "message": message}}, status)


def _moment(request: Request, name: str) -> date:
    text = request.value(name)
    if text is None:
        raise Refused(f"{name}: field required")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Refused(f"{name}: not RFC 3339")
    return moment.date()


def messages(**changes) -> dict:
    """A result of the messages usage report, as documented."""
    return {
        "uncached_input_tokens": 1500,
        "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
        "cache_read_input_tokens": 200,
        "output_tokens": 700,
        "server_tool_use": {"web_search_requests": 10},
        "api_key_id": "apikey_1",
        "workspace_id": "wrkspc_1",
        "model": "claude-sonnet-4-20250514",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "global",
        "account_id": "user_1",
        "service_account_id": None,
    } | changes


def cost(amount: object = "123.78912", **changes) -> dict:
    """A result of the cost report, as documented; cents."""
    return {
        "amount": amount,
        "currency": "USD",
        "cost_type": "tokens",
        "description": "Claude Sonnet 4 Usage - Input Tokens",
        "model": "claude-sonnet-4-20250514",
        "token_type": "uncached_input_tokens",
        "service_tier": "standard",
        "context_window": "0-200k",
        "workspace_id": "wrkspc_1",
    } | changes
