"""Which weeks were sent to whom, one small file each under `reviews/ledger/`.

The intent is written before sending and turned into `posted` after it. Whoever sends holds the entry's lock, which the
system gives back when its holder dies; so an intent that is found under the lock means that a run ended between the two,
and the message may have got there or not.

What cannot be read or written before sending is `NotPosted`: without the ledger nobody sends.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from errno import ENOENT
from hashlib import sha256
from pathlib import Path
from typing import IO
from uuid import uuid4

from ai_finops.errors import ReportError
from ai_finops.report.failures import NotKnown, NotPosted

INTENT, POSTED = "intent", "posted"
MAIL, ALERT = "e-mail to", "alert of the deadline"
"""What entries that are of no Slack channel are called, or begin with."""
MOST_LOCK_SECONDS = 300.0
"""How long to wait for another run that sends; past it Airflow's retry is the better wait."""
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What is known of one week's message to one channel, or one list of addresses."""

    week_start_date: str
    channel: str
    state: str
    content_sha256: str
    """Of the text, the blocks and the picture, as they were sent last."""
    text: str = ""
    """What was sent last, whatever the text that is kept by its week has become since; empty in entries of earlier releases."""
    intent_at: float = 0.0
    """Seconds since 1970 when the intent was written: the message is not older."""
    message_ts: str | None = None
    """Slack's id of the message, once it is posted."""
    channel_id: str | None = None
    has_picture: bool = False
    file_id: str | None = None
    """Slack's id of the picture that was uploaded last, also where the message went without it."""
    picture_sha256: str = ""
    """Of that picture."""
    not_taken: Mapping[str, str] = field(default_factory=dict)
    """Addresses that the mail server refused while it took others, with its answer."""


def entry_path(reviews: Path, *, week: date, channel: str) -> Path:
    """Return the entry's file; the channel is in its name readably, and exactly as a hash."""
    return reviews / "ledger" / f"{week}.{readable(channel)}.{sha256(channel.encode()).hexdigest()[:8]}.json"


def entry_paths(ledger: Path) -> list[Path]:
    """Return the files of all entries, by week.

    Raises:
        NotPosted: The folder cannot be listed, which is not the same as that it is empty.
    """
    try:
        with _usable(ledger, but=FileNotFoundError):
            return sorted(path for path in ledger.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        return []


def readable(channel: str) -> str:
    """Return how a channel is called in the name of its entry."""
    return re.sub(r"[^A-Za-z0-9]+", "-", channel).strip("-")[:60]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the entry's lock, having waited `MOST_LOCK_SECONDS` at most for whoever holds it.

    Raises:
        NotPosted: Another run still holds it, or there can be no lock.
    """
    lock_path = path.with_suffix(".lock")
    with _usable(lock_path):
        lock_path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_path.open("a")
    with lock:
        _wait_for(lock, lock_path)
        yield


def _wait_for(lock: IO[str], path: Path) -> None:
    waited_until = time.monotonic() + MOST_LOCK_SECONDS
    while True:
        try:
            with _usable(path, but=BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= waited_until:
                raise NotPosted(
                    f"another run has held {path} for {MOST_LOCK_SECONDS:.0f} s; look for a run of report_weekly that hangs, "
                    "or for a machine that died with the lock, and end it"
                ) from None
        time.sleep(_POLL_SECONDS)


def read_entry(path: Path) -> LedgerEntry | None:
    """Read an entry; None when there is none.

    Raises:
        NotPosted: The file cannot be read.
        ReportError: The file is not an entry.
    """
    try:
        with _usable(path, but=FileNotFoundError):
            known = json.loads(path.read_text(encoding="utf-8"))
        if "text_sha256" in known:  # as entries were before messages had blocks
            known["content_sha256"] = known.pop("text_sha256")
        return _checked(LedgerEntry(**known))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ReportError(
            f"{path} is not a ledger entry ({error}); look at the channel, then remove the file"
        ) from error


def _checked(entry: LedgerEntry) -> LedgerEntry:
    if entry.state not in (INTENT, POSTED):
        raise ValueError(f"its state is {entry.state!r}")
    if not isinstance(entry.channel, str) or not isinstance(entry.not_taken, dict):
        raise TypeError("channel or not_taken is of another type")
    return replace(entry, intent_at=float(entry.intent_at))


def claim(path: Path, *, week: date, channel: str, content_sha256: str, text: str = "") -> LedgerEntry | None:
    """Write the intent to send, and what, for one caller only.

    Returns:
        The entry that was there before, in which case nothing was written; None when the caller may send.

    Raises:
        NotPosted, ReportError: As `read_entry`, or the intent cannot be written.
    """
    entry = LedgerEntry(str(week), channel, INTENT, content_sha256, text, intent_at=round(time.time(), 3))
    with _usable(path):
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


def claim_again(path: Path, *, content_sha256: str, text: str = "") -> None:
    """Write the intent anew, after it is known that nothing came of the one before."""
    now = round(time.time(), 3)
    with _usable(path):
        _rewrite(path, state=INTENT, content_sha256=content_sha256, text=text, intent_at=now)


def confirm(path: Path, **known: object) -> None:
    """Turn the entry into `posted`, with what is known of the message now.

    Raises:
        NotKnown: It cannot be written. What was sent is there, and the entry is the intent that it was.
    """
    try:
        _rewrite(path, state=POSTED, **known)
    except OSError as error:
        raise NotKnown(
            f"the message was sent, and {path} cannot be written ({error.strerror or error}); let Airflow write there, "
            "then run again"
        ) from error
    except NotPosted as error:  # it cannot even be read any more
        raise NotKnown(f"the message was sent, and {error}") from error


def respell(path: Path, channel: str) -> None:
    """Write down how the entry's channel is spelt by now."""
    with _usable(path):
        _rewrite(path, channel=channel)


def remember_picture(path: Path, *, file_id: str, picture_sha256: str) -> None:
    """Write down which picture was uploaded, so that no later run uploads it again.

    Raises:
        NotPosted: It cannot be written.
    """
    with _usable(path):
        _rewrite(path, file_id=file_id, picture_sha256=picture_sha256)


def release(path: Path) -> None:
    """Take an intent back: the message certainly was not sent."""
    with _usable(path):
        path.unlink()


def write_kept(path: Path, content: str | bytes) -> None:
    """Replace a file of the kept message as `write_atomically` does.

    Raises:
        NotPosted: It cannot be written.
    """
    with _usable(path):
        write_atomically(path, content)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replace a file by a whole one; readers see the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(path, content)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def _usable(path: Path, *, but: type[OSError] | tuple[type[OSError], ...] = ()) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if isinstance(error, but):
            raise
        raise NotPosted(
            f"{path} cannot be read or written ({error.strerror or error}); let Airflow read and write there, then run again"
        ) from error


def _rewrite(path: Path, **known: object) -> None:
    entry = read_entry(path)
    if entry is None:
        raise FileNotFoundError(ENOENT, "somebody has removed it", str(path))
    write_atomically(path, _as_json(replace(entry, **known)))


def _as_json(entry: LedgerEntry) -> str:
    return json.dumps(asdict(entry), indent=1, ensure_ascii=False) + "\n"


def _draft(path: Path, content: str | bytes) -> Path:
    # Runs on several machines, or in several containers, may have one process id.
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with draft.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft
