"""No key of an address is shown, wherever in it a vendor has it."""

from __future__ import annotations

import pytest

from ai_finops.instrument.addresses import shown_address, without_secrets


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://127.0.0.1:4318/v1/traces", "http://127.0.0.1:4318/v1/traces"),
        ("https://user:KEY@otlp.test:443/v1/traces", "https://otlp.test:443/v1/traces"),
        ("https://KEY@otlp.test", "https://otlp.test"),
        ("https://user:KEY@KEY@otlp.test/v1", "https://otlp.test/v1"),
        ("https://user:KEY/KEY@otlp.test/v1", "https://otlp.test/v1"),
        ("https://otlp.test/v1/traces?api_key=KEY&who=a@b", "https://otlp.test/v1/traces"),
        ("https://otlp.test/v1/traces#KEY", "https://otlp.test/v1/traces"),
        ("https://otlp.test?api_key=KEY", "https://otlp.test"),
        ("https://user:K?EY@otlp.test", "(an address that is not shown)"),
        ("https://[::1]:4318/v1", "https://[::1]:4318/v1"),
        ("collector:4317", "collector:4317"),
        ("user:KEY@collector:4317", "collector:4317"),
        ("OTLPSpanExporter", "OTLPSpanExporter"),
        ("", ""),
        (None, "None"),
    ],
)
def test_an_address_is_shown_without_its_keys(address, shown):
    assert shown_address(address) == shown


def test_of_a_log_line_the_words_stay():
    assert without_secrets(
        "Failed to export to 'https://u:KEY@otlp.test/v1?k=KEY', url: /v1/traces?api_key=KEY&b=KEY (Caused by x). Why? Timeout"
    ) == ("Failed to export to 'https://otlp.test/v1', url: /v1/traces (Caused by x). Why? Timeout")
