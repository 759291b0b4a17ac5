"""What somebody's own objects tell of a call: a model, an error, an answer that cannot be read. Names, and never texts."""

from __future__ import annotations

import re
from enum import Enum

from ai_finops.instrument.names import name_or_none

LONGEST_MODEL = 300
_ERROR_CODE = re.compile(r"[A-Za-z0-9.:_-]{1,100}")


def model_name(said: object) -> str | None:
    """The name of a model that somebody passed, or that an object says of itself; never an object's own words about itself."""
    if type(said) is str and 0 < len(said) <= LONGEST_MODEL:
        return said
    if isinstance(said, Enum):
        said = said.value
    if said is not None and not isinstance(said, str):
        try:
            names = (getattr(said, name, None) for name in ("model_name", "model", "model_id"))
            said = next((name for name in names if isinstance(name, str)), None)
        except Exception:  # noqa: BLE001  a property of somebody's own
            return None
    return name_or_none(said) if isinstance(said, str) else None


def error_name(error: BaseException) -> str:
    """The type of an error for `error.type`: AWS's code, else the class; never its text, which may quote a prompt."""
    try:
        code = error.response["Error"]["Code"]  # type: ignore[attr-defined]
        if isinstance(code, str) and _ERROR_CODE.fullmatch(code):
            return code
    except Exception:  # noqa: BLE001, S110  most errors have none, and some have a property that fails
        pass
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def why_unread(result: object) -> str:
    """Why an answer has no usage: the reasons of `finops.usage_gap`."""
    if result is None:
        return "no_result"
    kind = type(result)  # and not the object, whose own attributes may be anything
    if hasattr(kind, "__next__") or hasattr(kind, "__anext__"):
        return "stream_not_followed"
    return "not_awaited" if hasattr(kind, "__await__") else "not_read"
