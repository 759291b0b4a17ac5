"""Whatever the objects hold, spans load in bounded memory: each landing runs in a process of its own, which says its peak."""

import json
import subprocess
import sys

import pyarrow as pa
import pytest

from ai_finops.extract import span_loader
from ai_finops.extract.long_requests import TOO_MANY_VALUES
from tests.extract.made import CALL, TRACE, json_bytes, protobuf_bytes, request, span
from tests.extract.test_trace_faults import field

BUDGET_MB = 600
MB = 1024 * 1024
LOAD = """
import json, sys, tempfile
from datetime import date
from pathlib import Path
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.span_loader import SpanLoader
from tests.extract.loading import users_in

accounts = Accounts("traces", date(2025, 6, 2))
with tempfile.TemporaryDirectory() as folder, users_in(folder) as users:
    loader = SpanLoader(Path(folder), accounts=accounts, users=users, as_of=date(2025, 6, 3))
    for path in sorted(Path(sys.argv[1]).iterdir()):
        number = accounts.open(path.name, bytes_read=path.stat().st_size)
        with path.open("rb") as file:
            (loader.add_json if ".json" in path.name else loader.add_protobuf)(number, file)
    quarantine = loader.tables()["quarantine"].select(["object_key", "place", "reason"]).to_pylist()
    loader.close()
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
totals = accounts.totals()
print(json.dumps([totals["loaded_count"], [list(row.values()) for row in quarantine], int(peak.split()[1]) // 1024]))
"""
GOOD = json_bytes(request(span(1)))
ONE = json_bytes(request(span(2, CALL | {"extra": "MARK"})))


def load(folder) -> tuple[int, list[list[str]], int]:
    """Load the files of a folder; return how many spans were loaded, what was quarantined, and the peak in MB."""
    ran = subprocess.run([sys.executable, "-c", LOAD, str(folder)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    loaded_count, quarantine, peak_mb = json.loads(ran.stdout)
    return loaded_count, quarantine, peak_mb


def many(value: bytes, size: int = 10_000_000) -> bytes:
    return b",".join([value] * (size // (len(value) + 1)))


def numbers(size: int) -> bytes:
    return ONE.replace(b'{"stringValue":"MARK"}', b'{"arrayValue":{"values":[' + many(b"1", size) + b"]}}")


def attributes(size: int) -> bytes:
    return ONE.replace(b'{"key":"extra","value":{"stringValue":"MARK"}}', many(b"{}", size))


def spans(size: int) -> bytes:
    return ONE.replace(b'"spans":[', b'"spans":[' + many(b"{}", size) + b",")


def protobuf_attributes(size: int) -> bytes:
    return field(1, field(2, field(2, field(1, bytes.fromhex(TRACE)) + field(9, b"") * (size // 2))))


def protobuf_spans(size: int) -> bytes:
    return field(1, field(2, field(2, b"") * (size // 2)))


@pytest.mark.parametrize("made", [numbers, attributes, spans])
def test_a_request_of_millions_of_values_is_set_aside(tmp_path, made):
    (tmp_path / "1.json").write_bytes(GOOD + b"\n" + made(10_000_000))
    (tmp_path / "2.json").write_bytes(json_bytes(request(span(3))))
    loaded_count, ((key, place, reason),), peak_mb = load(tmp_path)
    assert (loaded_count, key, reason) == (2, "1.json", TOO_MANY_VALUES)
    assert place.startswith("line 2, byte ")
    assert peak_mb < BUDGET_MB


@pytest.mark.parametrize("made", [protobuf_attributes, protobuf_spans])
def test_a_protobuf_request_of_millions_of_values_is_set_aside(tmp_path, made):
    (tmp_path / "1.binpb").write_bytes(made(10_000_000))
    (tmp_path / "2.binpb").write_bytes(protobuf_bytes(request(span(3))))
    assert load(tmp_path)[:2] == (1, [["1.binpb", "byte 0", TOO_MANY_VALUES]])


def test_a_long_list_in_protobuf_is_not_read(tmp_path):
    plain = protobuf_bytes(request(span(3, CALL | {"finops.feature": [""] * 3_000_000})))
    assert len(plain) > 10_000_000
    (tmp_path / "1.binpb").write_bytes(plain)
    loaded_count, quarantine, peak_mb = load(tmp_path)
    assert (loaded_count, quarantine) == (1, [])
    assert peak_mb < BUDGET_MB


@pytest.mark.parametrize(("made", "ending"), [(attributes, "json"), (spans, "json"), (protobuf_spans, "binpb")])
def test_many_requests_of_many_values_are_not_held_together(tmp_path, made, ending):
    for number in range(12):
        (tmp_path / f"{number:02d}.{ending}").write_bytes(made(390_000))
    (tmp_path / f"99.{ending}").write_bytes(GOOD if ending == "json" else protobuf_bytes(request(span(1))))
    loaded_count, _, peak_mb = load(tmp_path)
    assert loaded_count >= 1
    assert peak_mb < BUDGET_MB


def test_a_request_of_sixty_megabytes_is_loaded(tmp_path):
    plain = {f"some.attribute.{number}": "word " * 20 for number in range(20)}
    one = json_bytes(request(span(1, CALL | plain)))
    start, end = one.index(b'{"traceId"'), one.rindex(b"]}]}]}")
    count = 60 * MB // (end - start)
    body = b",".join(one[start:end].replace(b"0" * 15 + b"1", b"%016x" % number) for number in range(count))
    (tmp_path / "1.json").write_bytes(one[:start] + body + one[end:])
    loaded_count, quarantine, peak_mb = load(tmp_path)
    assert (loaded_count, quarantine) == (count, [])
    assert peak_mb < BUDGET_MB


@pytest.mark.long
def test_a_line_of_two_gigabytes(tmp_path):
    path = tmp_path / "1.json.zst"
    with pa.output_stream(path, compression="zstd") as file:
        file.write(GOOD + b'\n{"resourceSpans":"')
        for _ in range(2 * 1024):
            file.write(b"x" * MB)
        file.write(b'"}\n' + json_bytes(request(span(2))) + b"\n")
    loaded_count, quarantine, peak_mb = load(tmp_path)
    place = f"line 2, byte {len(GOOD) + 1}"
    assert (loaded_count, quarantine) == (2, [["1.json.zst", place, "longer than 67108864 bytes"]])
    assert peak_mb < BUDGET_MB


@pytest.mark.long
@pytest.mark.parametrize(("ending", "encoded"), [("json", json_bytes), ("binpb", protobuf_bytes)])
def test_memory_does_not_grow_with_the_number_of_objects(tmp_path, ending, encoded):
    """A thousand fill what is read together several times over; four thousand take no more than a list of their accounts."""
    plain = CALL | {f"some.attribute.{number}": "word " * 50 for number in range(20)}
    one = encoded(request(*(span(number, plain) for number in range(50))))
    assert 200 * len(one) > max(span_loader.SPOOL_BYTES, span_loader.PROTOBUF_BYTES)
    written = TRACE.encode() if ending == "json" else bytes.fromhex(TRACE)
    peaks = []
    for count in (1_000, 4_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for number in range(count):
            trace = f"{number:032x}".encode() if ending == "json" else number.to_bytes(16, "big")
            (folder / f"{number:05d}.{ending}").write_bytes(one.replace(written, trace))
        loaded_count, quarantine, peak_mb = load(folder)
        assert (loaded_count, quarantine) == (count * 50, [])
        peaks.append(peak_mb)
    assert peaks[1] < min(peaks[0] + 60, BUDGET_MB), peaks
