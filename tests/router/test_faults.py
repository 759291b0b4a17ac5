"""Whose fault an exception is: boto3's and OpenAI's shapes, timeouts, and faults of the program."""

from __future__ import annotations

import json
import ssl

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
    SSLError,
)

from ai_finops.router.answer import UnreadableAnswer
from ai_finops.router.faults import Fault, fault_of


def aws(code: str, status: int, message: str = "no") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Converse"
    )


class StatusError(Exception):
    """As the SDKs of OpenAI and Anthropic raise it."""

    def __init__(self, status: int, code: str | None = None) -> None:
        self.status_code, self.code = status, code


class HttpxStyle(Exception):
    """As httpx raises it for a status."""

    def __init__(self, status: int) -> None:
        self.response = type("Response", (), {"status_code": status})()


class APIConnectionError(Exception):
    """OpenAI's name."""


class APITimeoutError(APIConnectionError):
    """OpenAI's name."""


class Hostile(Exception):
    """An exception that cannot be looked at."""

    @property
    def response(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "reason", "is_of_request"),
    [
        (aws("ValidationException", 400), "bad request", True),
        (aws("ThrottlingException", 429), "throttled", False),
        (aws("ServiceQuotaExceededException", 400), "throttled", False),
        (aws("ModelTimeoutException", 408), "timeout", False),
        (aws("ModelErrorException", 424), "server error", False),
        (aws("ModelNotReadyException", 429), "not available", False),
        (aws("ServiceUnavailableException", 503), "server error", False),
        (aws("InternalServerException", 500), "server error", False),
        (aws("AccessDeniedException", 403), "not available", False),
        (aws("ResourceNotFoundException", 404), "not available", False),
        (aws("SomethingNew", 400), "bad request", True),
        (aws("SomethingNew", 500), "server error", False),
        (StatusError(400), "bad request", True),
        (StatusError(422), "bad request", True),
        (StatusError(413), "bad request", True),
        (StatusError(401), "not available", False),
        (StatusError(404), "not available", False),
        (StatusError(408), "timeout", False),
        (StatusError(409), "server error", False),
        (StatusError(429), "throttled", False),
        (StatusError(499), "bad request", True),
        (StatusError(500), "server error", False),
        (StatusError(529), "server error", False),
        (StatusError(403, "content_filter"), "bad request", True),
        (StatusError(400, "content_policy_violation"), "bad request", True),
        (HttpxStyle(503), "server error", False),
        (HttpxStyle(400), "bad request", True),
        (ReadTimeoutError(endpoint_url="x"), "timeout", False),
        (ConnectTimeoutError(endpoint_url="x"), "timeout", False),
        (EndpointConnectionError(endpoint_url="x"), "no connection", False),
        (ParamValidationError(report="x"), "bad request", True),
        (APIConnectionError(), "no connection", False),
        (APITimeoutError(), "timeout", False),
        (TimeoutError(), "timeout", False),
        (ConnectionResetError(), "no connection", False),
        (OSError("disk"), "error", False),
        (RuntimeError("?"), "error", False),
        (TypeError("a bug"), "bad request", True),
        (ValueError("a bug"), "bad request", True),
        (AttributeError("a bug"), "bad request", True),
        (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "a lone surrogate in the prompt"), "bad request", True),
        (KeyError("choices"), "unreadable answer", False),
        (IndexError("choices[0]"), "unreadable answer", False),
        (json.JSONDecodeError("cut off", "{", 1), "unreadable answer", False),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "?"), "unreadable answer", False),
        (UnreadableAnswer("no choices"), "unreadable answer", False),
        (
            type("ValidationError", (ValueError,), {"__module__": "pydantic_core._pydantic_core"})(),
            "unreadable answer",
            False,
        ),
        (type("ValidationError", (ValueError,), {"__module__": "my.checks"})(), "bad request", True),
        (ssl.SSLCertVerificationError("expired"), "no connection", False),
        (SSLError(endpoint_url="x", error="x"), "no connection", False),
        (
            aws("ValidationException", 400, "Invocation of model ID m with on-demand throughput isn’t supported."),
            "not available",
            False,
        ),
        (Hostile(), "error", False),
    ],
)
def test_whose_fault(error, reason, is_of_request):
    assert fault_of(error) == Fault(reason, is_of_request)


class Worded(StatusError):
    def __init__(self, words: str) -> None:
        super().__init__(400)
        self.words = words

    def __str__(self) -> str:
        return self.words


@pytest.mark.parametrize(
    "error",
    [
        StatusError(400, "context_length_exceeded"),
        aws("ValidationException", 400, "Input is too long for requested model."),
        aws("ValidationException", 400, "The model returned: prompt is too long: 210000 tokens > 200000 maximum"),
        Worded("prompt is too long: 210000 tokens > 200000 maximum"),
        Worded("This model's maximum context length is 8192 tokens."),
    ],
)
def test_what_is_too_long_for_one_model_goes_to_another_and_says_nothing_of_its_health(error):
    assert fault_of(error) == Fault("too long", is_of_request=False, is_counted=False)


def test_words_count_only_where_the_request_is_refused():
    error = aws("ThrottlingException", 429, "Input is too long for requested model.")
    assert fault_of(error) == Fault("throttled")
