"""A key is read the same way in every service, and one that could be tried out is none."""

import base64

import pytest

from ai_finops.instrument.query_key import parse_key, query_key

SIXTEEN = bytes(range(16))


@pytest.mark.parametrize(
    ("said", "key"),
    [
        (SIXTEEN.hex(), SIXTEEN),
        (f" {SIXTEEN.hex().upper()}\n", SIXTEEN),
        (base64.b64encode(SIXTEEN).decode(), SIXTEEN),
        ("sixteen bytes or", b"sixteen bytes or"),
        # Fifteen bytes as hex are thirty characters, which as a text are enough.
        (SIXTEEN[:15].hex(), SIXTEEN[:15].hex().encode()),
        ("fifteen bytes o", None),
        ("", None),
        ("   ", None),
    ],
)
def test_keys(said, key):
    assert parse_key(said) == key


def test_key_of_the_environment(monkeypatch):
    monkeypatch.delenv("AI_FINOPS_QUERY_KEY", raising=False)
    assert query_key() is None
    monkeypatch.setenv("AI_FINOPS_QUERY_KEY", SIXTEEN.hex())
    assert query_key() == SIXTEEN
