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
import hmac
import os
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.errors import LakeError, SettingsError

FORGOTTEN = "forgotten_user"
"""What stands in the place of a forgotten user's pseudonym."""
PSEUDONYM = r"u_[0-9a-f]{32}"
_SECRET_BYTES = _KEY_BYTES = 32
_WAIT_S = 60.0
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

    _secret: bytes
    _database: sqlite3.Connection
    _path: Path

    def pseudonyms(self, user_ids: Iterable[str]) -> dict[str, str]:
        """Return the pseudonym of each user, `FORGOTTEN` for who is forgotten; a user who has no key gets one."""
        users = {self._user_hash(user_id): user_id for user_id in user_ids}
        with self._telling("read or write"):
            named = {each: FORGOTTEN for each, _ in self._found("forgotten_users", "forgotten_on", users)}
            named |= dict(self._found("user_keys", "pseudonym", users.keys() - named.keys()))
            if missing := sorted(users.keys() - named.keys()):
                self._make_keys({each: users[each] for each in missing})
                named |= dict(self._found("user_keys", "pseudonym", missing))
        return {users[each]: pseudonym for each, pseudonym in named.items()}

    def pseudonym(self, user_id: str) -> str | None:
        """Return the pseudonym of a user who has a key; makes none."""
        with self._telling("read"):
            found = self._found("user_keys", "pseudonym", [self._user_hash(user_id)])
        return found[0][1] if found else None

    def forgotten_on(self, user_id: str) -> date | None:
        """Return since when a user is forgotten, or None."""
        with self._telling("read"):
            found = self._found("forgotten_users", "forgotten_on", [self._user_hash(user_id)])
        return date.fromisoformat(found[0][1]) if found else None

    def suppress(self, user_id: str, *, on: date) -> None:
        """Have every later landing take the user for forgotten; the key stays until `end_forgetting`."""
        with self._telling("write"), self._writing():
            self._database.execute(
                "insert or ignore into forgotten_users values (?, ?, 0)", [self._user_hash(user_id), str(on)]
            )

    def is_half_forgotten(self, user_id: str) -> bool:
        """Whether somebody began to forget the user and was not done."""
        with self._telling("read"):
            found = self._found("forgotten_users", "is_done", [self._user_hash(user_id)])
        return bool(found) and not found[0][1]

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

    def _user_hash(self, user_id: str) -> bytes:
        return _hmac(self._secret, f"user {user_id}")

    def _make_keys(self, users: dict[bytes, str]) -> None:
        made = []
        for user_hash, user_id in users.items():
            key = secrets.token_bytes(_KEY_BYTES)
            made.append((user_hash, key, f"u_{_hmac(key, user_id).hex()[:32]}"))
        with self._writing():
            self._database.executemany("insert or ignore into user_keys values (?, ?, ?)", made)

    def _found(self, table: str, column: str, hashes: Collection[bytes]) -> list[tuple]:
        rows: list[tuple] = []
        ordered = sorted(hashes)
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            query = f"select user_hash, {column} from {table} where user_hash in ({marks})"  # noqa: S608 - our own names
            rows += self._database.execute(query, some).fetchall()
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
        LakeError: The folder or the database cannot be used.
        SettingsError: It was made with another secret.
    """
    with _locked(settings, fcntl.LOCK_SH), opened(settings) as keys:
        yield keys


@contextmanager
def changing(settings: Settings) -> Iterator[UserKeys]:
    """Open the keys to change what landings wrote: waits for landings that run, and new ones wait for it.

    Raises:
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
        yield UserKeys(secret, database, path)
    finally:
        database.close()


def _prepare(database: sqlite3.Connection, *, secret: bytes, path: Path) -> None:
    database.execute("pragma secure_delete = on")  # what is deleted is overwritten
    database.executescript(_TABLES)
    mark = _hmac(secret, "mark of the secret")
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
        fcntl.flock(lock, kind)
        yield


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, "make", error) from error
    return folder


def _unusable(path: Path, doing: str, error: Exception) -> LakeError:
    return LakeError(f"could not {doing} the keys of users {path}: {error}; nothing was landed or changed")


def _hmac(key: bytes, said: str) -> bytes:
    return hmac.digest(key, said.encode(errors="surrogatepass"), "sha256")
