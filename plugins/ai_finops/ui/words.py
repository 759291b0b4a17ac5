"""How a view writes a number, or the name of a thing, for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from ai_finops.report.wording import dollars


def usd_said(usd: Decimal | None) -> str:
    """Write US dollars as the weekly message does; what is not known is said to be so, and is never $0.00."""
    return "an unknown amount" if usd is None else dollars(usd)


def known_dollars(usd: Decimal | None) -> str:
    """Write US dollars that stand by themselves, as in a list of costs."""
    return "not known" if usd is None else dollars(usd)


def name_words(name: str, names: Mapping[str, str] | None = None) -> str:
    """Return what people call a thing: its display name where one is known, else its id as words.

    `document_summarization` becomes `Document summarization`. What is more than small letters, digits and underscores is
    no id of ours, but a model's, an embedder's, or a name that somebody wrote: it stays as it is.

    Args:
        name: As the marts have it.
        names: Display names, by id.
    """
    if called := (names or {}).get(name):
        return called
    return name.replace("_", " ").capitalize() if re.fullmatch(r"[a-z][a-z0-9]*(?:_+[a-z0-9]+)*", name) else name


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of which none is another: several equal ones get their place among them, `volume 1` and `volume 2`."""
    return tuple(
        name if names.count(name) == 1 else f"{name} {names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    )
