"""Addresses as they may be shown: without user, password and query, where vendors of collectors have their keys."""

from __future__ import annotations

import re

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_QUERY = re.compile(r"\?[^\s'\"<>)]*=[^\s'\"<>)]*")
_HIDDEN = "(an address that is not shown)"


def shown_address(address: object) -> str:
    """Return `scheme://host:port/path` of an address, also of one without a scheme, as gRPC has them."""
    text = str(address)
    scheme, separator, rest = text.partition("://") if "://" in text else ("", "", text)
    said = re.split(r"[?#]", rest, maxsplit=1)[0]
    if said != rest and "/" not in said and "@" in rest[len(said) :]:
        return _HIDDEN  # a password with such a character, or a query with such a value: nobody can say which
    return f"{scheme}{separator}{said.rpartition('@')[2]}"


def without_secrets(text: str) -> str:
    """Return a text, such as an exporter's log line, with every address in it as it may be shown."""
    return _QUERY.sub("", _URL.sub(lambda found: shown_address(found.group()), text))
