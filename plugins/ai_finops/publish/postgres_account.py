"""Where the PostgreSQL is and who writes there: an Airflow connection, and nothing else.

Outside of Airflow, Airflow's own variable `AIRFLOW_CONN_<ID>` makes one. Host, port, login, password and schema (the
database) are used, and those extras that the client library knows, such as `sslmode` and `sslrootcert`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError, PublishError, SettingsError, SourceForbidden, SourceUnavailable

if TYPE_CHECKING:
    import psycopg
    from airflow.sdk import Connection

_EXTRAS = frozenset(
    (
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "ssl_min_protocol_version", "channel_binding"),
        *("connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count"),
        *("tcp_user_timeout", "hostaddr", "target_session_attrs", "gssencmode", "krbsrvname", "passfile"),
    )
)
"""Of a connection's extras, what goes to libpq; the others are Airflow's hooks' own."""
_DEFAULTS = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    # Milliseconds. Keepalives are not sent while something is on its way: without it, rows put to a server that is gone
    # would be put again for a quarter of an hour.
    "tcp_user_timeout": 60_000,
}
_REFUSED = (
    "authentication failed",
    "no pg_hba.conf entry",
    "does not exist",
    "permission denied",
    "no password supplied",
)
OLDEST_SERVER = 15
"""The first that has `unique nulls not distinct`, which the grain of a mart with unknown values is."""


@dataclass(frozen=True, slots=True)
class Account:
    """One database and the role that writes there."""

    connection_id: str
    arguments: Mapping[str, Any] = field(repr=False)
    """What psycopg connects with; holds the password."""

    @property
    def name(self) -> str:
        """Where it is, in words that hold no secret."""
        host, port = self.arguments.get("host", "the local socket"), self.arguments.get("port", 5432)
        return f"PostgreSQL {self.arguments.get('dbname', '')} on {host}:{port}"


def find_account(settings: Settings) -> Account:
    """Read the connection that `AI_FINOPS_POSTGRES_CONNECTION` names.

    Raises:
        SourceForbidden: There is no such connection, or nobody may read it.
        SettingsError: It is of another type, or asks for a way to sign in that is not there.
    """
    connection = _find_connection(settings.postgres_connection)
    wrong = f"the Airflow connection {settings.postgres_connection}"
    if connection.conn_type not in ("postgres", "postgresql"):
        raise SettingsError(
            f"{wrong} is of type {connection.conn_type!r}; AI_FINOPS_POSTGRES_CONNECTION needs a postgres one"
        )
    extras = connection.extra_dejson
    if extras.get("iam"):
        raise SettingsError(f"{wrong} asks for IAM tokens, which are not read here; give its role a password")
    said = {
        "host": connection.host,
        "port": connection.port,
        "user": connection.login,
        "password": connection.password,
        "dbname": connection.schema,
    }
    arguments = _DEFAULTS | {name: value for name, value in extras.items() if name in _EXTRAS}
    return Account(settings.postgres_connection, arguments | {name: value for name, value in said.items() if value})


def _find_connection(connection_id: str) -> Connection:
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowSecretsBackendAccessDenied

    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise SourceForbidden(
            f"there is no Airflow connection {connection_id}, so the marts cannot go to PostgreSQL; make it with `airflow "
            f"connections add {connection_id} --conn-uri postgresql://<role>:<password>@<host>:5432/<database>`, or name "
            "another in AI_FINOPS_POSTGRES_CONNECTION"
        ) from error
    except AirflowSecretsBackendAccessDenied as error:
        raise SourceForbidden(
            f"this run may not read the Airflow connection {connection_id}; allow it, or name another in "
            "AI_FINOPS_POSTGRES_CONNECTION"
        ) from error


@contextmanager
def connected(account: Account) -> Iterator[psycopg.Connection]:
    """Connect, and turn every error of the server into a sentence.

    Raises:
        SettingsError: psycopg is not installed, or the server is too old.
        SourceForbidden: The server refuses the role, or the role may not do it.
        SourceUnavailable: It does not answer, the connection was lost, or somebody else holds a lock; a retry may do it.
        PublishError: It refuses what it was sent.
    """
    try:
        import psycopg
    except ModuleNotFoundError as error:
        raise SettingsError(
            "AI_FINOPS_POSTGRES_CONNECTION is set and psycopg is not installed; add it with pip install 'ai-finops[postgres]'"
        ) from error
    try:
        # No prepared statements of its own: a pooler may give each transaction another server process.
        with psycopg.connect(
            **account.arguments,
            autocommit=True,
            prepare_threshold=None,
            client_encoding="utf8",
            application_name="ai-finops publish",
        ) as connection:
            version = connection.info.server_version // 10_000
            if version < OLDEST_SERVER:
                raise SettingsError(f"{account.name} is version {version}; the marts need {OLDEST_SERVER} or later")
            # Whatever the role's defaults are: what is found after the wait for a lock has to be what is there by then.
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            connection.read_only = False
            yield connection
    except psycopg.Error as error:
        raise _told(error, account=account) from _without_secret(error, account=account)


def _told(error: psycopg.Error, *, account: Account) -> AiFinopsError:
    import psycopg

    said = str(_without_secret(error, account=account))
    kept = "what was published there before is still there"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return SourceForbidden(
            f"{account.name} refuses the role of connection {account.connection_id}: {said}; docs/security.md says what "
            f"it needs ({kept})"
        )
    if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return SourceUnavailable(
            f"{account.name} is locked by another session ({said}); end that one or wait, then publish again ({kept})"
        )
    if isinstance(error, psycopg.errors.QueryCanceled):
        return SourceUnavailable(
            f"{account.name} broke off a statement ({said}); see what else the server is busy with, then publish again ({kept})"
        )
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        if error.sqlstate is None and any(words in said for words in _REFUSED):
            return SourceForbidden(
                f"{account.name} refuses connection {account.connection_id}: {said}; correct the connection ({kept})"
            )
        return SourceUnavailable(
            f"{account.name} does not answer or ended the connection: {said}; once it does, publish again ({kept})"
        )
    return PublishError(f"{account.name} refuses the marts: {said}; {kept}")


def _without_secret(error: psycopg.Error, *, account: Account) -> Exception:
    """Return an error with the first lines of the server's words, in one, that shows no password."""
    words = " ".join(str(error).split()) or type(error).__name__
    password = account.arguments.get("password")
    return Exception(words.replace(password, "***") if password else words)
