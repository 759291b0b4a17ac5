"""Compressed objects as a bounded stream, told by their first bytes."""

import gzip
import io
import random

import pyarrow as pa
import pytest

from ai_finops.extract import compressed, otlp_protobuf, span_loader
from tests.extract.loading import load
from tests.extract.made import json_bytes, protobuf_bytes, request, span
from tests.kept_memory import kept_by

ONE, TWO = (json_bytes(request(span(number))) for number in (1, 2))


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


PACKERS = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd}


def opened(content: bytes, limit: int = 10**9):
    return compressed.opened(io.BytesIO(content), limit=limit)


def ids(loaded) -> list[int]:
    return [int(row["span_id"], 16) for row in loaded.spans]


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_content_is_read_and_read_again(pack):
    file = opened(pack(b"first\nsecond\n"))
    assert file.readline() == b"first\n"
    file.seek(0)
    assert file.read() == b"first\nsecond\n"


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_several_members_or_frames_are_one_content(pack):
    assert opened(pack(b"one") + pack(b"two")).read() == b"onetwo"


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_the_limit_is_of_the_content(pack):
    packed = pack(b"x" * 1000)
    assert len(opened(packed, limit=1000).read()) == 1000
    with pytest.raises(compressed.TooLongError, match=r"^longer than 999 bytes$"):
        opened(packed, limit=999).read()


@pytest.mark.parametrize("name", ["gzip", "zstd"])
@pytest.mark.parametrize("kept", [5, -1, -4])
def test_what_breaks_off_is_damaged(name, kept):
    with pytest.raises(compressed.DamagedError, match=f"^truncated or damaged {name}$"):
        opened(PACKERS[name](bytes(range(256)) * 100)[:kept]).read()


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_bytes_after_the_end_that_are_none_are_damaged(name):
    with pytest.raises(compressed.DamagedError):
        opened(PACKERS[name](b"content") + b"what is this").read()


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_damage_keeps_no_memory(name):
    damaged = PACKERS[name](random.Random(1).randbytes(2**20))[:-9]

    def read() -> None:
        with pytest.raises(compressed.DamagedError):
            opened(damaged).read()

    assert kept_by(read) < 10_000


def test_zstd_is_loaded_whatever_the_form(tmp_path):
    lines = zstd(ONE + b"\n") + zstd(TWO + b"\n")
    loaded = load(tmp_path, lines, ("protobuf", zstd(protobuf_bytes(request(span(3))))))
    assert (ids(loaded), loaded.quarantine) == ([1, 2, 3], [])


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_lines_before_the_break_are_loaded(tmp_path, name):
    pack = PACKERS[name]
    loaded = load(
        tmp_path, pack(ONE + b"\n") + pack(TWO + b"\n")[:-6], ("protobuf", pack(protobuf_bytes(request(span(3))))[:-6])
    )
    assert ids(loaded)[:1] == [1]
    places = [(row["object_key"], row["reason"]) for row in loaded.quarantine]
    assert places == [("0", f"truncated or damaged {name}"), ("1", f"truncated or damaged {name}")]


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_bomb_is_cut_off_and_the_rest_is_loaded(tmp_path, name, monkeypatch):
    monkeypatch.setattr(span_loader, "MAX_OBJECT_BYTES", 10_000_000)
    monkeypatch.setattr(otlp_protobuf, "MAX_REQUEST_BYTES", 10_000_000)
    bomb = PACKERS[name](bytes(50_000_000))
    assert len(bomb) < 60_000
    loaded = load(tmp_path, bomb, ("protobuf", bomb), ONE)
    assert ids(loaded) == [1]
    reasons = ["the object is longer than 10000000 bytes, decompressed", "longer than 10000000 bytes"]
    assert [row["reason"] for row in loaded.quarantine] == reasons
