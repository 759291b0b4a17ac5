"""A stand-in for OpenAI's organisation usage and costs that enforces what its API reference documents (read 2026-11).

Bearer key; `start_time` required, `end_time` exclusive, both Unix seconds; `bucket_width` 1d; `limit` 7 unless given, at most
31 days (costs: 180); only the documented `group_by` of each endpoint; page tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from tests.extract.api_server import ApiServer, Request, api_server, json_answer
from tests.extract.bucket_pages import Refused, days_of, grouped, one_page, read_groups, read_limit, require_known
from tests.extract.stand_in import Answer

KEY = "sk-admin-0000-of-the-tests"
ROOT = "/v1/organization/"
_USAGE = ("project_id", "user_id", "api_key_id")
GROUPS = {
    "usage/completions": (*_USAGE, "model", "batch", "service_tier"),
    "usage/embeddings": (*_USAGE, "model"),
    "usage/moderations": (*_USAGE, "model"),
    "usage/images": (*_USAGE, "model", "size", "source"),
    "usage/audio_speeches": (*_USAGE, "model"),
    "usage/audio_transcriptions": (*_USAGE, "model"),
    "usage/vector_stores": ("project_id",),
    "usage/code_interpreter_sessions": ("project_id",),
    "usage/file_search_calls": (*_USAGE, "vector_store_id"),
    "usage/web_search_calls": (*_USAGE, "model", "context_level"),
    "costs": ("project_id", "line_item", "api_key_id"),
}
PARAMETERS = {"start_time", "end_time", "bucket_width", "group_by", "limit", "page"}


class OpenAi:
    """What the organisation has, by endpoint and day."""

    def __init__(self) -> None:
        self.results: dict[str, dict[date, list[dict]]] = {name: {} for name in GROUPS}
        self.days_per_page: int | None = None
        """Fewer than asked for, as an API may."""
        self.silent_days: set[date] = set()
        """Days that are left out instead of told as empty."""
        self.server: ApiServer

    def add(self, name: str, day: date, *results: dict) -> None:
        self.results[name].setdefault(day, []).extend(results)

    def calls(self, name: str) -> list[Request]:
        return [request for request in self.server.requests if request.path == ROOT + name]

    def answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {KEY}":
            said = request.headers.get("authorization", "").removeprefix("Bearer ")
            return self._error(401, f"Incorrect API key provided: {said}.", code="invalid_api_key")
        name = request.path.removeprefix(ROOT)
        if request.method != "GET" or not request.path.startswith(ROOT) or name not in GROUPS:
            return self._error(404, f"Invalid URL ({request.method} {request.path})")
        try:
            return json_answer(self._page(request, name))
        except (Refused, ValueError) as refused:
            return self._error(400, str(refused))

    def _page(self, request: Request, name: str) -> dict:
        require_known(request, PARAMETERS)
        width = request.value("bucket_width") or "1d"
        if width != "1d":  # the others are documented for usage, and nobody here asks for them
            raise Refused(f"unsupported bucket_width {width}")
        if request.value("start_time") is None:
            raise Refused("Missing required parameter: 'start_time'.")
        first, end = (_day(request.value(key)) for key in ("start_time", "end_time"))
        if end <= first:
            raise Refused("end_time must be after start_time")
        limit = read_limit(request, most=180 if name == "costs" else 31)
        groups = read_groups(request, GROUPS[name])
        days, token = one_page(request, days_of(first, end), size=self.days_per_page or limit, name="page_")
        return {
            "object": "page",
            "data": [self._bucket(name, day, groups) for day in days if day not in self.silent_days],
            "has_more": token is not None,
            "next_page": token,
        }

    def _bucket(self, name: str, day: date, groups: list[str]) -> dict:
        return {
            "object": "bucket",
            "start_time": seconds(day),
            "end_time": seconds(day + timedelta(days=1)),
            "results": grouped(self.results[name].get(day, []), groups, GROUPS[name]),
        }

    @staticmethod
    def _error(status: int, message: str, code: str | None = None) -> Answer:
        error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
        return json_answer({"error": error}, status)


@contextmanager
def openai_stand_in() -> Iterator[OpenAi]:
    stand_in = OpenAi()
    with api_server(stand_in.answer) as stand_in.server:
        yield stand_in


def seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _day(text: str | None) -> date:
    return datetime.fromtimestamp(int(text or ""), UTC).date()


def completion(**changes) -> dict:
    """A result of `usage/completions` in the newest documented form: 1000 = 150 uncached + 800 cached + 50 written."""
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": 1000,
        "input_uncached_tokens": 150,
        "input_cached_tokens": 800,
        "input_cache_write_tokens": 50,
        "output_tokens": 500,
        "input_text_tokens": 140,
        "input_audio_tokens": 10,
        "input_image_tokens": 0,
        "input_cached_text_tokens": 700,
        "input_cached_audio_tokens": 60,
        "input_cached_image_tokens": 40,
        "output_text_tokens": 480,
        "output_audio_tokens": 20,
        "output_image_tokens": 0,
        "num_model_requests": 5,
        "project_id": "proj_search",
        "user_id": "user_1",
        "api_key_id": "key_1",
        "model": "gpt-5-2025-08-07",
        "batch": False,
        "service_tier": "default",
    } | changes


def cost(value: object = "0.8958740000000000", line_item: str | None = "gpt-5-2025-08-07, input", **changes) -> dict:
    """A result of `costs`; the real API writes amounts as text with many zeros."""
    return {
        "object": "organization.costs.result",
        "amount": {"value": value, "currency": "usd"},
        "line_item": line_item,
        "project_id": "proj_search",
        "api_key_id": "key_1",
        "quantity": 150.0,
        "quantity_unit": "tokens",
        "organization_id": "org-1",
        "organization_name": "Personal",
    } | changes
