"""On which day of the bill a batch counts, call by call straight from the rule; it is billed a day later at most."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

from tests.warehouse.allocation_oracle import Billed, Traced


def count_where_billed(
    traced: dict[str, list[Traced]], billed: dict[str, list[Billed]], *, last_billed: str | None
) -> dict[str, list[Traced]]:
    """Return the usage of one account, model, token class and scope in batch by the day that it counts on.

    Args:
        traced: By day, in the order in which calls began; none has a price.
        billed: By day, its usage lines.
        last_billed: Last day of which the account's bill has usage; on later ones it has not arrived.
    """
    room = {day: max(sum(line.quantity or 0 for line in lines), 0) for day, lines in billed.items()}
    endless = {day for day, lines in billed.items() if any(line.cost_usd and line.quantity is None for line in lines)}
    counted: dict[str, list[Traced]] = defaultdict(list)

    def put(calls: list[Traced], day: str) -> list[Traced]:
        """Count what there is room for on a day; return what there is none for."""
        if day in endless or last_billed is None or day > last_billed:
            counted[day] += calls
            return []
        rest = []
        for call in calls:
            fits = min(call.quantity, room.get(day, 0))
            room[day] = room.get(day, 0) - fits
            counted[day] += _part(call, fits)
            rest += _part(call, call.quantity - fits)
        return rest

    left = {day: put(calls, day) for day, calls in traced.items()}
    for day, calls in left.items():
        counted[day] += put(calls, str(date.fromisoformat(day) + timedelta(days=1)))
    return {day: calls for day, calls in counted.items() if calls}


def _part(call: Traced, quantity: int) -> list[Traced]:
    return [Traced(call.caller, quantity, None)] if quantity else []
