"""How a view writes a number inside a sentence."""

from __future__ import annotations

from decimal import Decimal

from ai_finops.report.wording import dollars


def usd_said(usd: Decimal | None) -> str:
    """Write US dollars as the weekly message does; what is not known is said to be so, and is never $0.00."""
    return "an unknown amount" if usd is None else dollars(usd)
