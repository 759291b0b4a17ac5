"""A Slack to test against, over HTTP: it holds what https://docs.slack.dev says of the methods that the message uses.

Tokens and scopes, channels and membership, the limits of blocks, metadata in a paged history, updates, uploads in three
steps, pictures that are not looked through yet, rate limits with Retry-After, and faults before and after a message is stored.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "xoxb-not-a-token"
SCOPES = ("chat:write", "files:write", "channels:history", "channels:read")
SCOPE_OF_METHOD = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "conversations.history": "channels:history",
    "conversations.list": "channels:read",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
}
ANSWERS: dict[str, tuple[int, dict | list | bytes]] = {
    "500": (500, {"ok": False}),
    "408": (408, {"ok": False, "error": "timed_out"}),
    "page": (200, b"<!DOCTYPE html><title>Sign in to the proxy</title>"),
    "page-403": (403, b"<html>Forbidden by the proxy</html>"),
    "latin-1": (200, "<html>Zugriff über den Proxy</html>".encode("latin-1")),
    "bare": (200, {"ok": True}),
    "list": (200, [1]),
}
"""Answers that do not say what came of a call, or are not of Slack."""
MOST_PAGE = 2
"""Messages of a page, however many are asked for; Slack may give fewer than the limit too."""


class Refused(Exception):
    """An answer with `ok` false."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.answer = {"ok": False, "error": error, **more}


@dataclass
class Channel:
    """A channel of the workspace."""

    id: str
    name: str
    is_member: bool = True
    messages: list[dict[str, Any]] = field(default_factory=list)


class SlackApi:
    """A workspace with one channel, `#ai-cost`, and an app in it."""

    def __init__(self, *, token: str = TOKEN) -> None:
        self.token = token
        self.channels = [Channel("C024BE91L", "ai-cost")]
        self.scopes = set(SCOPES)
        self.files: dict[str, dict[str, Any]] = {}
        self.calls: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.rate_limits: dict[str, list[int]] = defaultdict(list)
        """Per method, the Retry-After of the calls to come that are refused."""
        self.faults: dict[str, list[str]] = defaultdict(list)
        """Per method, the fate of calls to come: one of `ANSWERS` or `drop`, `before` or `after` it is done, or an error."""
        self.looks_needed = 0
        """How often a message with a picture is refused before Slack has looked the picture through."""
        self._lock, self._count = threading.Lock(), 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Return the messages of the first channel, oldest first."""
        return self.channels[0].messages

    def stop(self) -> None:
        """Stop answering; the port is closed from then on."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, given: Mapping[str, Any], token: str | None) -> dict[str, Any]:
        """Answer a call of a method as documented."""
        with self._lock:
            self.calls.append(method)
            self.bodies.append(dict(given))
            try:
                self._check_token(method, token)
                return {"ok": True, **_METHODS[method](self, given)}
            except Refused as refused:
                return refused.answer

    def _check_token(self, method: str, token: str | None) -> None:
        if token is None:
            raise Refused("not_authed")
        if token != f"Bearer {self.token}":
            raise Refused("invalid_auth")
        needed = SCOPE_OF_METHOD[method]
        if needed not in self.scopes:
            raise Refused("missing_scope", needed=needed, provided=",".join(sorted(self.scopes)))

    def find_channel(self, name: str, *, by_id: bool = False) -> Channel:
        """Return a channel by its id, or by its name where the method takes that."""
        for channel in self.channels:
            if channel.id == name or (not by_id and channel.name == name.removeprefix("#")):
                if not channel.is_member:
                    raise Refused("not_in_channel")
                return channel
        raise Refused("channel_not_found")

    def check_content(self, given: Mapping[str, Any]) -> None:
        """Refuse a message that Slack would not take."""
        text, blocks = given.get("text") or "", given.get("blocks") or []
        if not text and not blocks:
            raise Refused("no_text")
        if len(text) > 40_000:
            raise Refused("msg_too_long")
        problems = list(block_problems(blocks))
        for place, block in enumerate(blocks):
            if block["type"] == "image" and "slack_file" in block:
                problems += self._picture_problems(block["slack_file"]["id"], place)
        if problems:
            raise Refused("invalid_blocks", errors=problems)
        metadata = given.get("metadata")
        if metadata is not None and not (
            metadata.get("event_type") and isinstance(metadata.get("event_payload"), dict)
        ):
            raise Refused("invalid_metadata_format")

    def _picture_problems(self, file_id: str, place: int) -> list[str]:
        file = self.files.get(file_id)
        if file is None or not file["is_complete"] or file["looks"] < self.looks_needed:
            if file is not None:
                file["looks"] += 1
            return [f"invalid slack file [json-pointer:/blocks/{place}/slack_file]"]
        return []

    def next_id(self) -> int:
        """Return a number that was not given before."""
        self._count += 1
        return self._count


def block_problems(blocks: list[dict[str, Any]]) -> list[str]:
    """Return what Slack would refuse of the blocks, by the reference of Block Kit."""
    problems = ["no more than 50 items allowed"] if len(blocks) > 50 else []
    for block in blocks:
        kind = block["type"]
        if kind == "header":
            problems += _text_problems(block["text"], most=150, kinds=("plain_text",))
        elif kind == "section":
            problems += _text_problems(block["text"], most=3000)
        elif kind == "context":
            problems += ["context has 1 to 10 elements"] if not 1 <= len(block["elements"]) <= 10 else []
            for element in block["elements"]:
                problems += _text_problems(element, most=3000)
        elif kind == "image":
            problems += [] if 1 <= len(block["alt_text"]) <= 2000 else ["alt_text has 1 to 2000 characters"]
            problems += [] if ("slack_file" in block) != ("image_url" in block) else ["image needs one source"]
        elif kind != "divider":
            problems.append(f"unsupported type: {kind}")
    return problems


def _text_problems(
    text: Mapping[str, Any], *, most: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> list[str]:
    problems = [] if text["type"] in kinds else [f"{text['type']} is not allowed here"]
    if text["type"] == "mrkdwn" and "emoji" in text:
        problems.append("emoji is for plain_text")
    return problems if 1 <= len(text["text"]) <= most else [*problems, f"must be 1 to {most} characters"]


def _post_message(api: SlackApi, given: Mapping[str, Any]) -> dict[str, Any]:
    channel = api.find_channel(given["channel"])
    api.check_content(given)
    ts = f"{1_750_068_000 + 4_000_000_000}.{api.next_id():06d}"
    kept = {name: given[name] for name in ("text", "blocks", "metadata") if given.get(name)}
    channel.messages.append({"type": "message", "ts": ts, **kept})
    return {"channel": channel.id, "ts": ts}


def _update(api: SlackApi, given: Mapping[str, Any]) -> dict[str, Any]:
    channel = api.find_channel(given["channel"], by_id=True)
    api.check_content(given)
    for message in channel.messages:
        if message["ts"] == given["ts"]:
            message.update(
                {name: given[name] for name in ("text", "blocks", "metadata") if given.get(name)}, is_edited=True
            )
            return {"channel": channel.id, "ts": given["ts"]}
    raise Refused("message_not_found")


def _history(api: SlackApi, given: Mapping[str, Any]) -> dict[str, Any]:
    channel = api.find_channel(given["channel"], by_id=True)
    found = [message for message in reversed(channel.messages) if float(message["ts"]) > float(given.get("oldest", 0))]
    if str(given.get("include_all_metadata")).lower() not in ("true", "1"):
        found = [{name: value for name, value in message.items() if name != "metadata"} for message in found]
    return _page(found, "messages", given)


def _list(api: SlackApi, given: Mapping[str, Any]) -> dict[str, Any]:
    if "private_channel" in given.get("types", "") and "groups:read" not in api.scopes:
        raise Refused("missing_scope", needed="groups:read", provided=",".join(sorted(api.scopes)))
    return _page([{"id": channel.id, "name": channel.name} for channel in api.channels], "channels", given)


def _page(found: list[dict[str, Any]], key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    start = int(given.get("cursor") or 0)
    end = start + min(MOST_PAGE, int(given.get("limit") or 100))
    return {key: found[start:end], "response_metadata": {"next_cursor": str(end) if end < len(found) else ""}}


def _get_upload_url(api: SlackApi, given: Mapping[str, Any]) -> dict[str, Any]:
    if not given.get("filename") or not str(given.get("length", "")).isdigit():
        raise Refused("invalid_arguments")
    file_id = f"F{api.next_id():08d}"
    api.files[file_id] = dict(given) | {
        "length": int(given["length"]),
        "content": None,
        "is_complete": False,
        "looks": 0,
    }
    return {"upload_url": f"{api.url}/upload/{file_id}", "file_id": file_id}


def _complete_upload(api: SlackApi, given: Mapping[str, Any]) -> dict[str, Any]:
    files = json.loads(given["files"])
    for file in files:
        known = api.files.get(file["id"])
        if known is None or known["content"] is None:
            raise Refused("file_not_found")
        known["is_complete"] = True
        if given.get("channel_id"):  # it is then a message of its own
            api.find_channel(given["channel_id"], by_id=True).messages.append(
                {"ts": str(api.next_id()), "file": file["id"]}
            )
    return {"files": [{"id": file["id"], "title": file.get("title")} for file in files]}


_METHODS: dict[str, Callable[[SlackApi, Mapping[str, Any]], dict[str, Any]]] = {
    "chat.postMessage": _post_message,
    "chat.update": _update,
    "conversations.history": _history,
    "conversations.list": _list,
    "files.getUploadURLExternal": _get_upload_url,
    "files.completeUploadExternal": _complete_upload,
}


def _handler(api: SlackApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._call(dict(parse_qsl(urlsplit(self.path).query)))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            if found := re.fullmatch(r"/upload/(\w+)", self.path):
                self._take_file(found[1], body)
            elif "json" in self.headers["Content-Type"]:
                self._call(json.loads(body))
            else:
                self._call(dict(parse_qsl(urlsplit(self.path).query)) | dict(parse_qsl(body.decode())))

        def _take_file(self, file_id: str, body: bytes) -> None:
            is_whole = file_id in api.files and len(body) == api.files[file_id]["length"]
            if is_whole:
                api.files[file_id]["content"] = body
            self._reply(200 if is_whole else 400, b"OK" if is_whole else b"wrong length")

        def _call(self, given: dict[str, Any]) -> None:
            method = urlsplit(self.path).path.removeprefix("/api/")
            if api.rate_limits[method]:
                wait = api.rate_limits[method].pop(0)
                return self._reply(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(wait)})
            fault = api.faults[method].pop(0) if api.faults[method] else ""
            if fault.endswith(" after"):
                api.answer(method, given, self.headers["Authorization"])
            kind = fault.removesuffix(" after").removesuffix(" before")
            if kind == "drop":
                self.close_connection = True
                return self.connection.close()
            if kind in ANSWERS:
                return self._reply(*ANSWERS[kind])
            if fault:
                return self._reply(200, {"ok": False, "error": fault})
            return self._reply(200, api.answer(method, given, self.headers["Authorization"]))

        def _reply(self, status: int, body: dict | list | bytes, headers: Mapping[str, str] | None = None) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("Content-Length", str(len(content)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
