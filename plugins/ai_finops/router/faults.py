"""Whose fault an exception is: the request's, which no other model would answer either, or the model's."""

from __future__ import annotations

import json
from typing import NamedTuple

from ai_finops.router.answer import UnreadableAnswer


class Fault(NamedTuple):
    """What an exception of a client means for the router."""

    reason: str
    """One of few: `throttled`, `timeout`, `server error`, `no connection`, `not available`, `unreadable answer`, `too long`,
    `bad request`, `error`."""
    is_of_request: bool = False
    is_counted: bool = True
    """Whether the model's breaker counts it; a fault of the request is never counted."""


BAD_REQUEST = Fault("bad request", is_of_request=True)
TOO_LONG = Fault("too long", is_counted=False)
"""For this model; another may hold more."""
UNREADABLE = Fault("unreadable answer")
_BY_CODE = {
    "ValidationException": BAD_REQUEST,
    "ThrottlingException": Fault("throttled"),
    "ServiceQuotaExceededException": Fault("throttled"),
    "ModelTimeoutException": Fault("timeout"),
    "ModelErrorException": Fault("server error"),
    "ModelNotReadyException": Fault("not available"),
    "ServiceUnavailableException": Fault("server error"),
    "InternalServerException": Fault("server error"),
    "AccessDeniedException": Fault("not available"),
    "ResourceNotFoundException": Fault("not available"),
    "context_length_exceeded": TOO_LONG,
    "content_filter": BAD_REQUEST,
    "content_policy_violation": BAD_REQUEST,
}
"""By the provider's own code: Bedrock's exceptions, and content policies of OpenAI and those that are like it."""
_BY_STATUS = {
    401: Fault("not available"),
    403: Fault("not available"),
    404: Fault("not available"),
    408: Fault("timeout"),
    409: Fault("server error"),
    424: Fault("server error"),
    429: Fault("throttled"),
}
_BY_WORDS = {
    "on-demand throughput isn": Fault("not available"),
    "too long for requested model": TOO_LONG,
    "prompt is too long": TOO_LONG,
    "maximum context length": TOO_LONG,
}
"""What Bedrock, Anthropic and those like OpenAI say, under the code of bad requests, of one that is good for another model."""
_MOST_CHARACTERS = 2000
"""Of a message that are looked at."""
_OF_THE_ANSWER = (UnreadableAnswer, LookupError, json.JSONDecodeError, UnicodeDecodeError)
"""What a client raises that looks for something in an answer where it is not."""
_OF_THE_CODE = (TypeError, ValueError, AttributeError, NotImplementedError, AssertionError)
"""Faults of a program: another model would meet them too, and asking it would hide them."""


def fault_of(error: Exception) -> Fault:
    """Tell whose fault an exception is, by the provider's code, else the HTTP status, else the class. Never raises."""
    try:
        return _fault_of(error)
    except Exception:  # noqa: BLE001  attributes of a stranger's exception may do anything
        return Fault("error")


def _fault_of(error: Exception) -> Fault:
    fault = _by_kind(error)
    return _by_words(error) if fault is BAD_REQUEST else fault


def _by_words(error: Exception) -> Fault:
    """Look into the message of a request that was refused as a bad one."""
    response = getattr(error, "response", None)
    found = response.get("Error") if isinstance(response, dict) else None
    message = found.get("Message") if isinstance(found, dict) else None
    words = f"{message or ''} {error}"[:_MOST_CHARACTERS].lower()
    return next((fault for said, fault in _BY_WORDS.items() if said in words), BAD_REQUEST)


def _by_kind(error: Exception) -> Fault:
    by_code = _BY_CODE.get(_code(error) or "")
    if by_code is not None:
        return by_code
    status = _status(error)
    if status is not None and status >= 400:
        return _BY_STATUS.get(status) or (BAD_REQUEST if status < 500 else Fault("server error"))
    name = type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return Fault("timeout")
    if isinstance(error, ConnectionError) or any(word in name for word in ("Connection", "Connect", "SSL")):
        return Fault("no connection")
    if isinstance(error, _OF_THE_ANSWER) or (
        name == "ValidationError" and type(error).__module__.startswith("pydantic")
    ):
        return UNREADABLE
    if "ParamValidation" in name or isinstance(error, _OF_THE_CODE):
        return BAD_REQUEST
    return Fault("error")


def _code(error: Exception) -> str | None:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        found = response.get("Error")
        return found.get("Code") if isinstance(found, dict) else None
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else None


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        found = (response.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    else:
        found = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    return found if isinstance(found, int) else None
