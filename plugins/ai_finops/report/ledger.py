"""Which weeks were sent to whom, one small file each under `reviews/ledger/`.

The intent is written before sending and turned into `posted` after it. Whoever sends holds the entry's lock, which the
system gives back when its holder dies; so an intent that is found under the lock means that a run ended between the two,
and the message may have got there or not.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import date
from hashlib import sha256
from pathlib import Path

from ai_finops.errors import ReportError

INTENT, POSTED = "intent", "posted"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What is known of one week's message to one channel, or one list of addresses."""

    week_start_date: str
    channel: str
    state: str
    content_sha256: str
    """Of the text, the blocks and the picture, as they were sent last."""
    intent_at: float = 0.0
    """Seconds since 1970 when the intent was written: the message is not older."""
    message_ts: str | None = None
    """Slack's id of the message, once it is posted."""
    channel_id: str | None = None
    has_picture: bool = False


def entry_path(reviews: Path, *, week: date, channel: str) -> Path:
    """Return the entry's file; the channel is in its name readably, and exactly as a hash."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", channel).strip("-")[:60]
    return reviews / "ledger" / f"{week}.{readable}.{sha256(channel.encode()).hexdigest()[:8]}.json"


def find_entry_path(reviews: Path, *, week: date, channel: str) -> Path:
    """Return the file of a channel's entry, also where it was written by another spelling or by the channel's id."""
    for path in sorted((reviews / "ledger").glob(f"{week}.*.json")):
        with suppress(ReportError):
            entry = read_entry(path)
            if entry and (entry.channel_id == channel or _bare(entry.channel) == _bare(channel)):
                return path
    return entry_path(reviews, week=week, channel=channel)


def _bare(channel: str) -> str:
    return channel.removeprefix("#")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the entry's lock; wait for whoever holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read_entry(path: Path) -> LedgerEntry | None:
    """Read an entry; None when there is none.

    Raises:
        ReportError: The file is not an entry.
    """
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if "text_sha256" in known:  # as entries were before messages had blocks
            known["content_sha256"] = known.pop("text_sha256")
        return LedgerEntry(**known)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ReportError(
            f"{path} is not a ledger entry ({error}); look at the channel, then remove the file"
        ) from error


def claim(path: Path, *, week: date, channel: str, content_sha256: str) -> LedgerEntry | None:
    """Write the intent to send, for one caller only.

    Returns:
        The entry that was there before, in which case nothing was written; None when the caller may send.
    """
    entry = LedgerEntry(str(week), channel, INTENT, content_sha256, intent_at=round(time.time(), 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, _as_json(entry))
    try:
        # A link, unlike a rename, fails when another run was first.
        os.link(draft, path)
    except FileExistsError:
        return read_entry(path)
    finally:
        draft.unlink()
    return None


def claim_again(path: Path, *, content_sha256: str) -> None:
    """Write the intent anew, after it is known that nothing came of the one before."""
    entry = read_entry(path)
    write_atomically(path, _as_json(replace(entry, content_sha256=content_sha256, intent_at=round(time.time(), 3))))


def confirm(path: Path, **known: str | bool | None) -> None:
    """Turn the entry into `posted`, with what is known of the message now."""
    write_atomically(path, _as_json(replace(read_entry(path), state=POSTED, **known)))


def release(path: Path) -> None:
    """Take an intent back: the message certainly was not sent."""
    path.unlink()


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file by a whole one; readers see the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _draft(path, content).replace(path)


def _as_json(entry: LedgerEntry) -> str:
    return json.dumps(asdict(entry), indent=1) + "\n"


def _draft(path: Path, content: str | bytes) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    return draft
