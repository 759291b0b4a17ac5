"""Inputs that once broke a decoder, by target: none may do so again."""

from __future__ import annotations

import gzip
import json

from tests.extract import exports, invocations
from tests.extract.made import json_bytes, request, span
from tests.fuzz import seeds

_LONG_NUMBER = b"9" * 5000
_HALF_A_CHARACTER = b"\\ud800"
_LAST_LENGTH = b"\xff" * 9 + b"\x01"
_NAMED = json_bytes(request(span(1, name="MARK")))
_LOGGED = json.dumps({"traceId": "a", "startTimeUnixNano": 1, "durationNano": "MARK"}).encode()
_RECORD = invocations.lines(invocations.record(1, operation="MARK"))
_CUR_MAP = exports.csv_bytes(
    [exports.cur_line(1, resource_tags=[("user_team", "MARK")])], names=exports.CUR_SCHEMA.names
)
_FOCUS_MAP = exports.csv_bytes([exports.focus_charge(1, Tags=[("team", "MARK")])], names=exports.FOCUS_SCHEMA.names)


def _before_its_start(content: bytes) -> bytes:
    """A zip file whose directory is said to begin later than it does, so that its member lies below 0."""
    at = content.index(b"PK\x05\x06") + 16
    return content[:at] + len(content).to_bytes(4, "little") + content[at + 4 :]


def _nested(depth: int) -> bytes:
    message: list = ["where"]
    for _ in range(depth):
        message = [{"role": "user", "content": message}]
    return json.dumps(message).encode()


FOUND: dict[str, tuple[bytes, ...]] = {
    "otlp_json": (
        _NAMED.replace(b'"MARK"', b'"\xc3"x'),
        _NAMED.replace(b'"MARK"', b'1,"name":[' + _LONG_NUMBER + b"]"),
        b'{"resourceSpans":' + _LONG_NUMBER + b"}",
    ),
    "otlp_protobuf": (b"\x0a" + _LAST_LENGTH, b"\x8a\x00" + _LAST_LENGTH),
    "logged_spans": (_LOGGED.replace(b'"MARK"', b"Infinity"), _LOGGED.replace(b'"MARK"', _LONG_NUMBER)),
    "said_texts": (
        b"[1" + b"0" * 400 + b"]",
        b'{"values":[{"intValue":"' + _LONG_NUMBER + b'"}]}',
        '{"values":[{"intValue":"²"}]}'.encode(),
        b'["' + _HALF_A_CHARACTER + b'"]',
        b'{"values":[{"key":[],"value":1}]}',
        _nested(200),
        b"[" * 900 + b"]" * 900,
    ),
    "invocation_logs": (
        _RECORD.replace(b'"MARK"', b'"\xc3"x'),
        _RECORD.replace(b'"MARK"', _LONG_NUMBER + b',"accountId":[1]'),
    ),
    "cur_csv": (_CUR_MAP.replace(b"MARK", _HALF_A_CHARACTER),),
    "cur_csv_gz": (gzip.compress(seeds.CUR_CSV[0], mtime=0)[:-9],),
    "cur_csv_zip": (_before_its_start(exports.zipped(b"a\n1\n")),),
    "cur_parquet": ((seeds.FIXTURES / "fuzzed" / "level_histogram.parquet").read_bytes(),),
    "focus_csv": (_FOCUS_MAP.replace(b"MARK", _HALF_A_CHARACTER),),
}
