"""How a view writes a number inside a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ai_finops.report.wording import dollars


def usd_said(usd: Decimal | None) -> str:
    """Write US dollars as the weekly message does; what is not known is said to be so, and is never $0.00."""
    return "an unknown amount" if usd is None else dollars(usd)


def told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Return names of which none is another: several equal ones get their place among them, `volume 1` and `volume 2`."""
    return tuple(
        name if names.count(name) == 1 else f"{name} {names[: place + 1].count(name)}"
        for place, name in enumerate(names)
    )
