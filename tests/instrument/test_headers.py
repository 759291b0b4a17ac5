"""Headers of messages in the shapes that clients of queues give them."""

from __future__ import annotations

from email.message import Message

import pytest
from opentelemetry import baggage, trace
from opentelemetry.context import attach, detach, get_current

from ai_finops.instrument import feature, from_headers, write_headers
from ai_finops.instrument.attribution import NOBODY, asked_by
from ai_finops.instrument.losses import forget_losses, losses

SAID = "finops.feature=search"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture(autouse=True)
def from_zero():
    """Each test counts from zero."""
    forget_losses()
    yield
    forget_losses()


def of_email():
    message = Message()
    message["Baggage"] = SAID
    return message


@pytest.mark.parametrize(
    "headers",
    [
        {"Baggage": SAID},
        {"baggage": SAID.encode()},
        {b"baggage": SAID.encode()},
        {"baggage": bytearray(SAID.encode())},
        {"baggage": [SAID]},
        [("baggage", SAID.encode()), ("retries", b"\xff"), ("none", None)],  # kafka-python, confluent-kafka
        ((b"host", b"x"), (b"baggage", b"a=b"), (b"baggage", SAID.encode())),  # ASGI, where a header may come twice
        iter([("baggage", SAID)]),
        {"baggage": {"StringValue": SAID, "DataType": "String"}},  # SQS by boto3
        {"baggage": {"stringValue": SAID, "dataType": "String", "binaryValue": None}},  # SQS in an event of Lambda
        {"baggage": {"Type": "String", "Value": SAID}},  # SNS
        {"baggage": {"BinaryValue": SAID.encode(), "DataType": "Binary"}},
        {"baggage": SAID, "count": 5, 7: object()},
        of_email(),
    ],
)
def test_headers_of_any_shape_say_who_asked(headers):
    with from_headers(headers):
        assert asked_by().feature_id == "search"
    assert asked_by() == NOBODY
    assert losses() == {}


def test_a_trace_in_bytes_is_read():
    with from_headers([("traceparent", PARENT.encode()), ("traceparent", b"another")]):
        assert trace.get_current_span().get_span_context().trace_id == 0x0AF7651916CD43DD8448EB211C80319C
    assert losses() == {}


@pytest.mark.parametrize("headers", [None, {}, [], {"baggage": None}, {"traceparent": b"x"}, {"other": object()}])
def test_headers_that_say_nothing_are_no_loss(headers):
    with from_headers(headers):
        assert asked_by() == NOBODY
    assert losses() == {}


class Hostile:
    @property
    def items(self):
        raise RuntimeError("PLANTED")


@pytest.mark.parametrize(
    "headers",
    [
        5,
        "baggage",
        b"baggage",
        object(),
        Hostile(),
        [1, 2],
        [("baggage",)],
        {"baggage": 5},
        {"baggage": b"\xff\xfe"},
        {"baggage": {"DataType": "String"}},
        {"baggage": [SAID, 5]},
    ],
)
def test_what_cannot_be_read_is_counted_and_the_block_runs(headers, caplog):
    with from_headers(headers):
        assert asked_by() == NOBODY
    assert losses() == {"headers_unread": 1}
    assert "PLANTED" not in caplog.text


def test_a_propagator_that_fails_is_counted(monkeypatch):
    from opentelemetry import propagate

    def fail(*_args, **_kwargs):
        raise RuntimeError

    monkeypatch.setattr(propagate, "extract", fail)
    monkeypatch.setattr(propagate, "inject", fail)
    with from_headers({"baggage": SAID}):
        assert asked_by() == NOBODY
    assert write_headers() == {}
    assert losses() == {"headers_unread": 1, "headers_unwritten": 1}


class ReadOnly:
    def __setitem__(self, name, value):
        raise RuntimeError("PLANTED")


@pytest.mark.parametrize("carrier", [ReadOnly(), (), [], "x", 5, object()])
def test_a_carrier_that_cannot_be_written_is_given_back_as_it_is(carrier, caplog):
    with feature("f"):
        assert write_headers(carrier) is carrier
    assert losses() == {"headers_unwritten": 1}
    assert "PLANTED" not in caplog.text


def beside(byte_count):
    """Say baggage of others, `k0=xxx,…`, of so many bytes, and return how to take it back."""
    context, left = get_current(), byte_count + 1
    while left > 0:  # in entries of up to 2,000 bytes with their comma
        length = left if left <= 2_000 else 1_900
        context = baggage.set_baggage(f"k{left:05d}", "x" * (length - 8), context)
        left -= length
    return attach(context)


@pytest.mark.parametrize(("more", "is_said"), [(0, True), (1, False)])
def test_baggage_that_has_no_room_for_the_feature_is_counted(more, is_said):
    # 8,192 bytes in all: those of others, a comma, and the 21 of `finops.feature=search`.
    token = beside(8_192 - 1 - len(SAID) + more)
    try:
        with feature("search"):
            header = write_headers()["baggage"]
    finally:
        detach(token)
    assert (SAID in header) == is_said
    assert (len(header) == 8_192) == is_said
    assert losses() == ({} if is_said else {"baggage_too_long": 1})


@pytest.mark.parametrize(("byte_count", "is_said"), [(8_192, True), (8_193, False)])
def test_a_header_that_names_a_feature_and_is_too_long_is_counted(byte_count, is_said):
    others = ",".join(f"k{number}={'x' * 990}" for number in range(8))
    header = f"{others},pad={'x' * (byte_count - len(others) - len(SAID) - 6)},{SAID}"
    assert len(header) == byte_count
    with from_headers({"baggage": header}):
        assert asked_by().feature_id == ("search" if is_said else None)
    assert losses() == ({} if is_said else {"baggage_too_long": 1})


def test_a_long_header_of_others_is_not_ours_to_count():
    with from_headers({"baggage": ",".join(f"k{number}={'x' * 990},not.finops.feature=a" for number in range(9))}):
        assert asked_by() == NOBODY
    assert losses() == {}
