"""How often one task is told of: a backfill of ninety days from a dead source is one trouble and not ninety.

<home>/alerts/<dag>.<task>.json      when it was told of within the hour, and how many times it was not
"""

from __future__ import annotations

import fcntl
import json
import logging
import re
from datetime import datetime, timedelta
from pathlib import Path

MOST_AN_HOUR = 3
_HOUR = timedelta(hours=1)
logger = logging.getLogger(__name__)


def may_tell(folder: Path, *, about: tuple[str, str], now: datetime) -> str | None:
    """Return what the alert adds on others like it, '' mostly; None when it is one too many and must not be sent.

    Where that cannot be looked up or written down, as on a full disk, the alert is sent.
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", ".".join(about))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / f"{name}.json").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # held for the two lines below alone
            told, held_back = _read(file.seek(0) or file.read())
            told, held_back, added = _decide([each for each in told if now - each < _HOUR], held_back, now=now)
            file.truncate(0)
            file.write(json.dumps({"told": [each.isoformat() for each in told], "held_back": held_back}))
        return added
    except OSError as error:
        logger.warning("how often this was told of is not known: %s", error)
        return ""


def _decide(told: list[datetime], held_back: int, *, now: datetime) -> tuple[list[datetime], int, str | None]:
    if len(told) >= MOST_AN_HOUR:
        return told, held_back + 1, None
    told = [*told, now]
    notes = []
    if held_back:
        notes.append(f"{held_back} more failures of this task were not told of since the alert before.")
    if len(told) == MOST_AN_HOUR:
        until = f"{told[0] + _HOUR:%H:%M} UTC"
        notes.append(f"This is alert {MOST_AN_HOUR} of this task within an hour; no further one comes before {until}.")
    return told, 0, "".join(f"\n{note}" for note in notes)


def _read(text: str) -> tuple[list[datetime], int]:
    try:
        plain = json.loads(text)
        return [datetime.fromisoformat(each) for each in plain["told"]], int(plain["held_back"])
    except (ValueError, KeyError, TypeError):  # nothing was told of yet, or a crash left half a line
        return [], 0
