"""A bucket of trace objects that nobody stores: each is made of made_spans.py when it is asked for.

    python -m tests.benchmarks.made_objects SPANS FEATURES        prints its address, serves until it is ended

A day of 50 million spans is 70 GB of JSON. So the two calls of S3 that a landing makes (ListObjectsV2, GetObject) are answered
over HTTP from the key alone: the same key always gives the same gzip of JSON Lines, and no two give a span twice. The size
that the listing says of an object is that of one of them, as the others are not made yet. `GET /counts` says how many
requests of each kind were answered, and how many bytes of objects.

An object is one round of the pool: 4,000 calls, about 5,900 spans. Journeys and users repeat every 4,000 calls.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import Counter
from datetime import UTC, date, datetime
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from tests.benchmarks.made_spans import POOL_CALLS, Stretch, requests, spans_of_a_round

BUCKET = "bench-traces"
PREFIX = "otlp"
PAGE = 1000
_EPOCH = date(2025, 1, 1)
_MOST_OBJECTS = 1_000_000
_NS_OF_A_DAY = 86_399 * 10**9


class MadeDays:
    """What each day's objects are; nothing is kept."""

    def __init__(self, *, spans_a_day: int, feature_count: int) -> None:
        self.features = tuple(f"feature_{number:03d}" for number in range(feature_count))
        self.spans_a_round = spans_of_a_round(self.features)
        self.object_count = max(1, round(spans_a_day / self.spans_a_round))
        if self.object_count > _MOST_OBJECTS:
            raise SystemExit(f"{spans_a_day:,} spans a day are more than {_MOST_OBJECTS:,} objects")

    @property
    def spans_a_day(self) -> int:
        """How many spans a day really has: whole objects."""
        return self.object_count * self.spans_a_round

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below a day's prefix, `otlp/year=…/month=…/day=…/`; none for any other prefix."""
        day = _day_of(prefix)
        if day is None or prefix != day_prefix(day):
            return []
        return [f"{prefix}hour={24 * n // self.object_count:02d}/{n:06d}.json.gz" for n in range(self.object_count)]

    def content(self, key: str) -> bytes:
        """Return an object: gzip of JSON Lines.

        Raises:
            KeyError: There is none of that key.
        """
        day, number = _day_of(key), int(key.rpartition("/")[2].removesuffix(".json.gz"))
        if day is None or number >= self.object_count:
            raise KeyError(key)
        before = (day - _EPOCH).days * _MOST_OBJECTS + number
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        ns_of_object = _NS_OF_A_DAY // self.object_count
        stretch = Stretch(
            calls_before=before * POOL_CALLS,
            spans_before=before * self.spans_a_round,
            first_ns=int(midnight.timestamp()) * 10**9 + number * ns_of_object,
            # Spans of a round are a microsecond apart as well.
            ns_per_call=(ns_of_object - self.spans_a_round * 1000) // (POOL_CALLS + 1),
            features=self.features,
        )
        lines = requests(self.spans_a_round, encoding="json", stretch=stretch)
        return gzip.compress(b"\n".join(lines) + b"\n", 1, mtime=0)

    @cached_property
    def size(self) -> int:
        """The size of an object, about."""
        return len(self.content(f"{day_prefix(_EPOCH)}hour=00/000000.json.gz"))


def day_prefix(day: date) -> str:
    """Return what stands before the keys of a day's objects, as the collector's S3 exporter writes it."""
    return f"{PREFIX}/{day:year=%Y/month=%m/day=%d}/"


def _day_of(key: str) -> date | None:
    parts = dict(part.split("=", 1) for part in key.split("/") if "=" in part)
    try:
        return date(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    except (KeyError, ValueError):
        return None


def make_server(days: MadeDays) -> ThreadingHTTPServer:
    """Return a server on a free port of loopback; its `server_address` says which."""
    answered: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/counts":
                self._send(json.dumps(answered).encode(), kind="application/json")
            elif url.path.strip("/") == BUCKET:
                answered["ListObjectsV2"] += 1
                self._send(_listing(days, parse_qs(url.query)), kind="application/xml")
            else:
                try:
                    content = days.content(unquote(url.path).removeprefix(f"/{BUCKET}/"))
                except KeyError:
                    self.send_error(404, "NoSuchKey")
                    return
                answered["GetObject"] += 1
                answered["bytes"] += len(content)
                self._send(content, kind="application/octet-stream")

        def _send(self, content: bytes, *, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


def _listing(days: MadeDays, query: dict[str, list[str]]) -> bytes:
    keys = days.keys(query.get("prefix", [""])[0])
    begin, most = int(query.get("continuation-token", ["0"])[0]), int(query.get("max-keys", [str(PAGE)])[0])
    page = keys[begin : begin + most]
    more = begin + most < len(keys)
    contents = "".join(
        f"<Contents><Key>{key}</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified><Size>{days.size}</Size></Contents>"
        for key in page
    )
    token = f"<NextContinuationToken>{begin + most}</NextContinuationToken>" if more else ""
    return (
        f'<?xml version="1.0"?><ListBucketResult><Name>{BUCKET}</Name><KeyCount>{len(page)}</KeyCount>'
        f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{token}{contents}</ListBucketResult>"
    ).encode()


def main() -> None:
    """Serve until ended; the first line printed is the address and the spans of a day."""
    days = MadeDays(spans_a_day=int(sys.argv[1]), feature_count=int(sys.argv[2]))
    server = make_server(days)
    print(f"http://127.0.0.1:{server.server_address[1]} {days.spans_a_day}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
