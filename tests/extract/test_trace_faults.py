"""What becomes of trace objects that are wrong in the ways the world knows, one object bad and one good beside it."""

import threading

import pyarrow as pa
import pytest

from ai_finops.extract import otlp_json, s3_objects
from tests.extract.loading import load
from tests.extract.made import CALL, NOON, TRACE, json_bytes, nanoseconds, protobuf_bytes, request, span
from tests.extract.test_traces import DAY, HOUR, land, put, rows  # noqa: F401 - fixtures

GOOD = json_bytes(request(span(1)))
NANOSECONDS = int(nanoseconds(NOON)).to_bytes(8, "little")


def ids(loaded) -> list[int]:
    return sorted(int(row["span_id"], 16) for row in loaded.spans)


def with_attribute(value: bytes, number: int = 2) -> bytes:
    """A request whose span has one more attribute, its value as written."""
    mark = json_bytes(request(span(number, CALL | {"extra": "MARK"})))
    return mark.replace(b'{"stringValue":"MARK"}', value)


def test_a_line_of_two_gigabytes_is_skipped_and_the_next_is_read(tmp_path):
    zeros = pa.compress(bytes(64 * 1024 * 1024), codec="zstd", asbytes=True)
    ends = [pa.compress(each, codec="zstd", asbytes=True) for each in (b'{"resourceSpans":"', b'"}\n' + GOOD + b"\n")]
    loaded = load(tmp_path, ends[0] + zeros * 32 + ends[1])
    assert ids(loaded) == [1]
    (row,) = loaded.quarantine
    assert (row["place"], row["reason"]) == ("line 1, byte 0", f"longer than {otlp_json.MAX_LINE_BYTES} bytes")
    assert loaded.spans[0]["object_line"] == 2


@pytest.mark.parametrize("depth", [10, 100_000])
def test_deep_nesting_inside_a_valid_line_stops_nothing_else(tmp_path, depth):
    nested = b'{"arrayValue":{"values":[' * depth + b'{"intValue":"1"}' + b"]}}" * depth
    loaded = load(tmp_path, with_attribute(nested), GOOD)
    assert (ids(loaded), loaded.quarantine) == ([1, 2], [])


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    length, size = len(content), b""
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


@pytest.mark.parametrize("depth", [10, 10_000])
def test_deep_nesting_in_protobuf_stops_nothing_else(tmp_path, depth):
    value = b"\x18\x01"  # int_value 1
    for _ in range(depth):
        value = field(5, field(1, value))  # a list that holds it
    attribute = field(9, field(1, b"finops.feature") + field(2, value))
    ends = b"".join(bytes([number << 3 | 1]) + NANOSECONDS for number in (7, 8))
    one = field(1, bytes.fromhex(TRACE)) + field(2, (2).to_bytes(8, "big")) + ends + attribute
    nested = field(1, field(2, field(2, one)))
    loaded = load(tmp_path, ("protobuf", nested), ("protobuf", protobuf_bytes(request(span(1)))))
    assert (ids(loaded), loaded.quarantine) == ([1, 2], [])
    features = {int(row["span_id"], 16): row["feature_id"] for row in loaded.spans}
    assert (features[2] is None) == (depth == 10_000)


@pytest.mark.parametrize("written", [b'"1748865600123456789"', b"1748865600123456789"], ids=["text", "number"])
def test_numbers_beyond_2_to_the_53_keep_every_digit(tmp_path, written):
    plain = json_bytes(request(span(1, startTimeUnixNano="MARK", endTimeUnixNano="MARK"))).replace(b'"MARK"', written)
    (row,) = load(tmp_path, plain).spans
    assert row["started_at"].microsecond == 123456


def test_a_count_as_a_number_is_a_count(tmp_path):
    plain = json_bytes(request(span(1))).replace(b'{"intValue":"100"}', b'{"intValue":100}')
    (row,) = load(tmp_path, plain).spans
    assert row["uncached_input_tokens"] == 100


def test_a_key_that_comes_twice_does_not_pass_unseen(tmp_path):
    twice = GOOD.replace(b'"name":"chat"', b'"name":"chat","name":"other"')
    loaded = load(tmp_path, twice, json_bytes(request(span(2))))
    assert ids(loaded) == [2]
    assert [row["reason"] for row in loaded.quarantine] == [
        "not an OTLP request: a field has another type, comes twice or is not Unicode"
    ]


def test_ids_in_base64_are_set_aside_since_otlp_writes_hex(tmp_path):
    loaded = load(
        tmp_path, json_bytes(request(span(1, traceId="CvdlGRbNQ92ESOshHIAxnA=="))), json_bytes(request(span(2)))
    )
    assert ids(loaded) == [2]
    assert [row["reason"] for row in loaded.quarantine] == ["trace id is not 32 hex digits"]


def test_two_landings_at_once_leave_one_whole_partition(put, land, lake):  # noqa: F811
    put(**{f"{number:03d}__json": json_bytes(request(span(number))) for number in range(1, 21)})
    failures: list[BaseException] = []

    def landing():
        try:
            land()
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    both = [threading.Thread(target=landing) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert failures == []
    assert len(rows(lake)) == 20
    assert lake.current_version("traces", str(DAY)).number == 1


def test_a_kill_before_the_end_leaves_the_old_partition(put, land, lake, monkeypatch):  # noqa: F811
    put(a__json=json_bytes(request(span(1))))
    land()
    before = lake.current_version("traces", str(DAY))
    put(b__json=json_bytes(request(span(2))))

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(s3_objects, "fetch", killed)
    with pytest.raises(KeyboardInterrupt):
        land()
    assert lake.current_version("traces", str(DAY)) == before


def test_calls_do_not_grow_with_the_history(put, land, settings, clients):  # noqa: F811
    put(**{f"{HOUR}/{number}.json": json_bytes(request(span(number))) for number in range(1, 4)})
    first = land().api_call_count
    for day in range(1, 32):
        for number in range(3):
            key = f"otlp/year=2025/month=05/day={day:02d}/hour=12/minute=30/{number}.json"
            clients["s3"].put_object(Bucket=settings.traces_bucket, Key=key, Body=GOOD)
    assert land().api_call_count == first == 4


def test_zstd_objects_are_found_by_their_names(put, land, lake):  # noqa: F811
    put(
        a__json__zst=pa.compress(GOOD, codec="zstd", asbytes=True),
        b__binpb__zst=pa.compress(protobuf_bytes(request(span(2))), codec="zstd", asbytes=True),
    )
    assert land().loaded_count == 2
