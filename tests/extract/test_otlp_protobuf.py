"""Protobuf that the decoder does not survive by itself."""

from __future__ import annotations

import pytest

from ai_finops.extract import otlp_protobuf
from tests.extract.loading import load
from tests.extract.made import CALL, protobuf_bytes, request, span
from tests.extract.test_trace_faults import field

GOOD = protobuf_bytes(request(span(1)))


def varint(number: int) -> bytes:
    groups = [number >> shift & 0x7F for shift in range(0, max(number.bit_length(), 1), 7)]
    return bytes([*(group | 0x80 for group in groups[:-1]), groups[-1]])


def refused(content: bytes) -> BaseException | None:
    with pytest.raises(otlp_protobuf.NotARequestError, match=f"^{otlp_protobuf.NOT_A_REQUEST}$") as raised:
        otlp_protobuf.read_requests([GOOD, content])
    return raised.value.__cause__


@pytest.mark.parametrize("length", [2**64 - 1, 2**64 - 10, 2**64 - 11, 2**63, 2**63 - 1, 2**32, 1])
@pytest.mark.parametrize("depth", [0, 3])
def test_a_length_that_cannot_be_is_no_request_and_nothing_is_printed(capfd, length, depth):
    content = b"\x0a" + varint(length)
    for number in (2, 2, 1)[3 - depth :]:
        content = field(number, content)
    assert type(refused(content)) in (type(None), ValueError)
    assert capfd.readouterr() == ("", "")


def test_a_panic_of_the_decoder_is_no_request(capfd):
    written_longer = b"\x8a\x00"  # the same tag in two bytes
    panic = refused(written_longer + varint(2**64 - 1))
    assert (type(panic).__name__, isinstance(panic, Exception)) == ("PanicException", False)
    assert "panicked" in capfd.readouterr().err


def test_an_object_that_makes_it_panic_is_set_aside_alone(tmp_path):
    panicking = b"\x8a\x00" + varint(2**64 - 1)
    loaded = load(tmp_path, ("protobuf", panicking), ("protobuf", GOOD), ("protobuf", b"\x0a" + varint(2**64 - 1)))
    assert [int(row["span_id"], 16) for row in loaded.spans] == [1]
    assert [row["reason"] for row in loaded.quarantine] == [otlp_protobuf.NOT_A_REQUEST] * 2


@pytest.mark.parametrize("number", [-1, -10, -128, -(2**63), 2**63 - 1])
def test_numbers_that_are_written_alike_are_read(number):
    content = protobuf_bytes(request(span(1, CALL | {"finops.feature": number})))
    (read,) = otlp_protobuf.read_requests([content]).to_pylist()
    values = {each["key"]: each["value"] for each in read[0]["scope_spans"][0]["spans"][0]["attributes"]}
    assert values["finops.feature"]["int_value"] == number


def test_an_interrupt_is_not_taken_for_a_panic(monkeypatch):
    class Interrupted:
        def list_to_record_batch(self, contents):
            raise KeyboardInterrupt

    monkeypatch.setattr(otlp_protobuf, "_decoder", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        otlp_protobuf.read_requests([GOOD])
