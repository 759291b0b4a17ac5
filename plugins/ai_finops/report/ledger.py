"""Which weeks were posted to which channel, one small file each under `reviews/ledger/`.

The intent is written before posting and turned into `posted` after it. An intent that is found again means that a run
ended between the two: the message may be in the channel or not, and nobody posts again until a person (or a later
look-up of the message by its metadata) has settled it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from ai_finops.errors import ReportError

INTENT, POSTED = "intent", "posted"


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What is known of one week's message in one channel."""

    week_start_date: str
    channel: str
    state: str
    text_sha256: str
    message_ts: str | None = None
    """Slack's id of the message, once it is posted."""


def entry_path(reviews: Path, *, week: date, channel: str) -> Path:
    """Return the entry's file; the channel is in its name readably, and exactly as a hash."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", channel).strip("-")
    return reviews / "ledger" / f"{week}.{readable}.{sha256(channel.encode()).hexdigest()[:8]}.json"


def read_entry(path: Path) -> LedgerEntry | None:
    """Read an entry; None when there is none.

    Raises:
        ReportError: The file is not an entry.
    """
    try:
        return LedgerEntry(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ReportError(
            f"{path} is not a ledger entry ({error}); look at the channel, then remove the file"
        ) from error


def claim(path: Path, *, week: date, channel: str, text: str) -> LedgerEntry | None:
    """Write the intent to post, for one caller only.

    Returns:
        The entry that was there before, in which case nothing was written; None when the caller may post.
    """
    entry = LedgerEntry(str(week), channel, INTENT, sha256(text.encode()).hexdigest())
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, json.dumps(asdict(entry), indent=1) + "\n")
    try:
        # A link, unlike a rename, fails when another run was first.
        os.link(draft, path)
    except FileExistsError:
        return read_entry(path)
    finally:
        draft.unlink()
    return None


def confirm(path: Path, *, message_ts: str) -> None:
    """Turn the intent into `posted`."""
    entry = asdict(read_entry(path)) | {"state": POSTED, "message_ts": message_ts}
    write_atomically(path, json.dumps(entry, indent=1) + "\n")


def release(path: Path) -> None:
    """Take an intent back: the message certainly was not posted."""
    path.unlink()


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by a whole one; readers see the old text or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _draft(path, text).replace(path)


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
