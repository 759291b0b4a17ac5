"""The keys of users: a pseudonym is made with a random key of the user's own, and without that key nobody can make it again.

    <home>/privacy/                       0700
                  /secret                 0600, made once, where AI_FINOPS_USER_KEY gives none
                  /users.sqlite           0600: keys by user, who is forgotten, and by which ids their calls are known
                  /landing.lock           shared by landings, held alone by what changes what they wrote
                  /forgettings.jsonl      what was done when somebody was forgotten; names nobody

The database holds no id of a user: a user is found by an HMAC of the id under the deployment's secret. SQLite because workers
ask at once: an insert that loses the race is ignored, and what stands there is read.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

from ai_finops.config import Settings
from ai_finops.errors import BuildBusy, LakeError, SettingsError

FORGOTTEN = "forgotten_user"
"""What stands in the place of a forgotten user's pseudonym."""
PSEUDONYM = r"u_[0-9a-f]{32}"
_SECRET_BYTES = _KEY_BYTES = 32
_WAIT_S = 60.0
WAIT_SECONDS = 900.0
"""For a landing to end, or for what changes landed rows; whoever waits may hold the builds' lock meanwhile."""
_POLL_SECONDS = 0.1
_BLOCK_BYTES = 64
_PADS = tuple(bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
"""What HMAC (RFC 2104) makes of a key's bytes, inside and outside; the first of each is what a missing byte becomes."""
_AT_ONCE = 500
"""Values in a statement; every SQLite takes 999."""
_TABLES = """
create table if not exists meta (name text primary key, value blob not null) without rowid;
create table if not exists user_keys (
    user_hash blob primary key, user_key blob not null, pseudonym text not null
) without rowid;
create table if not exists forgotten_users (
    user_hash blob primary key, forgotten_on text not null, is_done integer not null
) without rowid;
create table if not exists forgotten_ids (id text primary key) without rowid;
"""


def folder_of(settings: Settings) -> Path:
    """Return where keys lie: beside the lake and the marts and not in them, so that it is kept and backed up apart."""
    return settings.home / "privacy"


@dataclass(slots=True)
class UserKeys:
    """The open database; of one thread."""

    _user_hash: Callable[[str], bytes]
    _database: sqlite3.Connection
    _path: Path

    def pseudonyms(self, user_ids: Iterable[str]) -> dict[str, str]:
        """Return the pseudonym of each user, `FORGOTTEN` for who is forgotten; a user who has no key gets one."""
        users = {self._user_hash(user_id): user_id for user_id in user_ids}
        return {users[each]: pseudonym for each, pseudonym in self._named(users).items()}

    def pseudonyms_of_sealed(self, sealed: Iterable[str]) -> dict[str, str]:
        """Return the same for ids as `seal` gives them, so that what was read elsewhere gets the pseudonyms of here."""
        users = {bytes.fromhex(each): each for each in sealed}
        return {users[each]: pseudonym for each, pseudonym in self._named(users).items()}

    def pseudonym(self, user_id: str) -> str | None:
        """Return the pseudonym of a user who has a key; makes none."""
        with self._telling("read"):
            return self._found("user_keys", "pseudonym", [self._user_hash(user_id)]).get(self._user_hash(user_id))

    def forgotten_on(self, user_id: str) -> date | None:
        """Return since when a user is forgotten, or None."""
        with self._telling("read"):
            found = self._found("forgotten_users", "forgotten_on", [self._user_hash(user_id)])
        return next((date.fromisoformat(each) for each in found.values()), None)

    def suppress(self, user_id: str, *, on: date) -> None:
        """Have every later landing take the user for forgotten; the key stays until `end_forgetting`."""
        with self._telling("write"), self._writing():
            self._database.execute(
                "insert or ignore into forgotten_users values (?, ?, 0)", [self._user_hash(user_id), str(on)]
            )

    def is_half_forgotten(self, user_id: str) -> bool:
        """Whether somebody began to forget the user and was not done."""
        with self._telling("read"):
            return 0 in self._found("forgotten_users", "is_done", [self._user_hash(user_id)]).values()

    def end_forgetting(self, user_id: str) -> None:
        """Delete the user's key: from here on nobody can tell which pseudonym was theirs."""
        with self._telling("write"), self._writing():
            user = [self._user_hash(user_id)]
            self._database.execute("delete from user_keys where user_hash = ?", user)
            self._database.execute("update forgotten_users set is_done = 1 where user_hash = ?", user)

    def drop_keys_but(self, pseudonyms: Collection[str]) -> int:
        """Delete the keys of users whose pseudonym is none of these and who are not just being forgotten; return how many."""
        with self._telling("write"), self._writing():
            done = "select pseudonym from user_keys where user_hash not in (select user_hash from forgotten_users)"
            all_of_them = [each for (each,) in self._database.execute(done)]
            gone = [[each] for each in all_of_them if each not in pseudonyms]
            self._database.executemany("delete from user_keys where pseudonym = ?", gone)
        return len(gone)

    def remember_ids(self, ids: Iterable[str]) -> None:
        """Note traces, requests and answers as a forgotten user's: what lands of them later is known by it."""
        with self._telling("write"), self._writing():
            self._database.executemany("insert or ignore into forgotten_ids values (?)", [[each] for each in ids])

    def forgotten_ids(self) -> frozenset[str]:
        """Return the ids of traces, requests and answers that are a forgotten user's."""
        with self._telling("read"):
            return frozenset(each for (each,) in self._database.execute("select id from forgotten_ids"))

    def counts(self) -> tuple[int, int]:
        """Return how many users have a key, and how many are forgotten."""
        with self._telling("read"):
            return self._database.execute(
                "select (select count(*) from user_keys), (select count(*) from forgotten_users)"
            ).fetchone()

    def _named(self, hashes: Collection[bytes]) -> dict[bytes, str]:
        wanted = set(hashes)
        with self._telling("read or write"):
            named = dict.fromkeys(wanted & self._forgotten_hashes(), FORGOTTEN)
            named |= self._found("user_keys", "pseudonym", wanted - named.keys())
            if missing := sorted(wanted - named.keys()):
                named |= self._make_keys(missing)
        return named

    def _forgotten_hashes(self) -> set[bytes]:
        """All who are forgotten: far fewer than users, so that a batch of users costs no look-up among them."""
        return {each for (each,) in self._database.execute("select user_hash from forgotten_users")}

    def _make_keys(self, hashes: list[bytes]) -> dict[bytes, str]:
        """Make the keys of users who have none; where another process was first, its key counts."""
        made = list(zip(hashes, *_new_keys(hashes), strict=True))
        with self._writing():
            added = self._database.executemany("insert or ignore into user_keys values (?, ?, ?)", made).rowcount
        if added < len(made):
            return self._found("user_keys", "pseudonym", hashes)
        return {user_hash: pseudonym for user_hash, _, pseudonym in made}

    def _found(self, table: str, column: str, hashes: Collection[bytes]) -> dict[bytes, Any]:
        rows: dict[bytes, Any] = {}
        ordered = sorted(hashes)
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"select user_hash, {column} from {table} where user_hash in ({marks})"  # noqa: S608 - our own names
            rows.update(self._database.execute(query, some))
        return rows

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._database.execute("begin immediate")
        try:
            yield
        except BaseException:
            if self._database.in_transaction:  # a full disk has ended it already
                self._database.execute("rollback")
            raise
        self._database.execute("commit")

    @contextmanager
    def _telling(self, doing: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _unusable(self._path, doing, error) from error


@contextmanager
def landing(settings: Settings) -> Iterator[UserKeys]:
    """Open the keys for a landing; what changes landed rows waits meanwhile, and the landing waits for that.

    Raises:
        BuildBusy: The other side did not end in time.
        LakeError: The folder or the database cannot be used.
        SettingsError: It was made with another secret.
    """
    with _locked(settings, fcntl.LOCK_SH), opened(settings) as keys:
        yield keys


@contextmanager
def changing(settings: Settings) -> Iterator[UserKeys]:
    """Open the keys to change what landings wrote: waits for landings that run, and new ones wait for it.

    Raises:
        BuildBusy: The other side did not end in time.
        LakeError: The folder or the database cannot be used.
        SettingsError: It was made with another secret.
    """
    with _locked(settings, fcntl.LOCK_EX), opened(settings) as keys:
        yield keys


@contextmanager
def opened(settings: Settings) -> Iterator[UserKeys]:
    """Open the keys, made empty where there are none yet.

    Raises:
        LakeError: The folder or the database cannot be used.
        SettingsError: It was made with another secret.
    """
    folder = _made(folder_of(settings))
    path = folder / "users.sqlite"
    secret = settings.user_key or _own_secret(folder / "secret", has_users=path.exists())
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, "open", error) from error
    try:
        try:
            _prepare(database, secret=secret, path=path)
        except sqlite3.Error as error:
            raise _unusable(path, "open", error) from error
        yield UserKeys(hash_of_users(secret), database, path)
    finally:
        database.close()


def _prepare(database: sqlite3.Connection, *, secret: bytes, path: Path) -> None:
    database.execute("pragma secure_delete = on")  # what is deleted is overwritten
    database.executescript(_TABLES)
    mark = hmac.digest(secret, b"mark of the secret", "sha256")
    database.execute("insert or ignore into meta values ('secret_mark', ?)", [mark])
    ((known,),) = database.execute("select value from meta where name = 'secret_mark'").fetchall()
    if known != mark:
        raise SettingsError(
            f"AI_FINOPS_USER_KEY is not the secret that {path} was made with: nobody in it would be known again, nor who is "
            "forgotten; set the one that was there before"
        )


def _own_secret(path: Path, *, has_users: bool) -> bytes:
    """Return the secret of a deployment that was given none; made once."""
    try:
        if not path.exists() and not has_users:
            draft = path.with_name(f".secret-{secrets.token_hex(8)}")
            handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                os.write(handle, secrets.token_hex(_SECRET_BYTES).encode() + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)
            try:
                os.link(draft, path)  # unlike a rename it loses against another process that was first
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        raise SettingsError(
            f"{path} is missing, with which {path.with_name('users.sqlite')} was made; restore it from a backup, or set "
            "AI_FINOPS_USER_KEY if the secret came from there"
        ) from None
    except (OSError, ValueError) as error:
        raise LakeError(
            f"could not read or make the secret {path}: {error}; correct AI_FINOPS_HOME or its rights"
        ) from error


@contextmanager
def _locked(settings: Settings, kind: int) -> Iterator[None]:
    path = _made(folder_of(settings)) / "landing.lock"
    try:
        lock = path.open("a")
    except OSError as error:
        raise _unusable(path, "open", error) from error
    with lock:
        _wait_for(lock, kind)
        yield


def _wait_for(lock: IO[str], kind: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                doing = "landings are under way" if kind == fcntl.LOCK_EX else "landed rows are being changed"
                raise BuildBusy(
                    f"{doing}, which hold {lock.name}; waited {WAIT_SECONDS:.0f} s, wait for them to end, then run this again"
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, "make", error) from error
    return folder


def _unusable(path: Path, doing: str, error: Exception) -> LakeError:
    return LakeError(f"could not {doing} the keys of users {path}: {error}; nothing was landed or changed")


def secret_of(settings: Settings) -> bytes:
    """Return the deployment's secret, which this machine was given or where its home lies; makes none.

    Raises:
        SettingsError: It has none.
    """
    path = folder_of(settings) / "secret"
    if settings.user_key is None and not path.exists():
        raise SettingsError(
            f"AI_FINOPS_USER_KEY is not set and {path} is not there; set it to the same secret on every machine that lands "
            "shards, the one in that file on the machine that plans them"
        )
    return settings.user_key or _own_secret(path, has_users=True)


def hash_of_users(secret: bytes) -> Callable[[str], bytes]:
    """Return what gives the hash that a user is found by: HMAC-SHA256 under a secret that is taken in once.

    That takes a third of what `hmac.digest` does for each. The hash tells nobody without the secret who it is.
    """
    key = secret if len(secret) <= _BLOCK_BYTES else hashlib.sha256(secret).digest()
    inner, outer = (hashlib.sha256(key.ljust(_BLOCK_BYTES, b"\0").translate(pad)).copy for pad in _PADS)

    def user_hash(user_id: str) -> bytes:
        said, whole = inner(), outer()
        said.update(b"user " + user_id.encode(errors="surrogatepass"))
        whole.update(said.digest())
        return whole.digest()

    return user_hash


def seal_mark(secret: bytes) -> str:
    """Return what tells secrets apart and tells nothing of them."""
    return hmac.digest(secret, b"mark of seals", "sha256").hex()


def _new_keys(hashes: Collection[bytes]) -> tuple[list[bytes], list[str]]:
    """Return a random key for each user, and the pseudonym that it makes: HMAC-SHA256 of the hash, written out.

    For tens of thousands of new users a day: `hmac` takes a third longer, and asking the system for each key alone three times.
    """
    drawn, sha256 = os.urandom(_KEY_BYTES * len(hashes)), hashlib.sha256
    inner, outer = (drawn.translate(pad) for pad in _PADS)
    inner_end, outer_end = (pad[:1] * (_BLOCK_BYTES - _KEY_BYTES) for pad in _PADS)
    keys, pseudonyms = [], []
    for at, user_hash in zip(range(0, len(drawn), _KEY_BYTES), hashes, strict=True):
        to = at + _KEY_BYTES
        digest = sha256(inner[at:to] + inner_end + user_hash).digest()
        keys.append(drawn[at:to])
        pseudonyms.append(f"u_{sha256(outer[at:to] + outer_end + digest).hexdigest()[:32]}")
    return keys, pseudonyms
