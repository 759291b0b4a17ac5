"""`make env`: write `.env` for docker-compose.yaml, with secrets of its own.

    python -m ai_finops.deploy.env_file --for demo       # the local AWS with the sample
    python -m ai_finops.deploy.env_file --for account    # an AWS account of yours

A file that is there stays as it is: its password opens the database that was made with it.
"""

from __future__ import annotations

import argparse
import base64
import os
import secrets
import sys
from pathlib import Path

from ai_finops.config import REPOSITORY
from ai_finops.errors import SettingsError

SECRETS = (
    "POSTGRES_PASSWORD",
    "REDIS_PASSWORD",
    "AIRFLOW_FERNET_KEY",
    "AIRFLOW_API_SECRET_KEY",
    "AIRFLOW_JWT_SECRET",
    "AIRFLOW_ADMIN_PASSWORD",
    "GRAFANA_ADMIN_PASSWORD",
)
"""Made up for each file. Those of hex may stand in a URL."""
KINDS = ("demo", "account")
_HEAD = {
    "demo": """\
# The demo: a local AWS (moto's server), and the sample in it. Its credentials are no secret; they open nothing else.
COMPOSE_PROFILES=demo
AWS_ENDPOINT_URL=http://local-aws:5000
AWS_REGION=us-east-1
AWS_ACCESS_KEY_ID=local
AWS_SECRET_ACCESS_KEY=local
S3_FORCE_PATH_STYLE=true
""",
    "account": """\
# Your account: leave the keys out where the machine has a role. Buckets and all else: plugins/ai_finops/config.py.
AWS_REGION=us-east-1
AWS_ACCESS_KEY_ID=
AWS_SECRET_ACCESS_KEY=
AI_FINOPS_TRACES_BUCKET=ai-traces
AI_FINOPS_BILLING_BUCKET=billing-exports
""",
}


def env_text(kind: str) -> str:
    """Return the file's text, with new secrets."""
    lines = [f"{name}={_secret(name)}\n" for name in SECRETS]
    return f"{_HEAD[kind]}\n# Keep these: the volumes were made with them.\n{''.join(lines)}"


def _secret(name: str) -> str:
    if name == "AIRFLOW_FERNET_KEY":  # Fernet takes 32 bytes in URL-safe base64, and nothing else
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(24)


def write_env(path: Path, *, kind: str) -> None:
    """Write a new file that its owner alone may read.

    Raises:
        SettingsError: It is there already, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise SettingsError(
            f"{path} is there already and stays as it is: the volumes were made with its passwords; "
            "move it away, and remove the volumes (docker compose down --volumes), to begin anew"
        ) from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}); make the folder writable") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(env_text(kind))


def main(arguments: list[str] | None = None) -> int:
    """Write the file and say what to do next; one sentence and exit code 1 when it cannot be."""
    parser = argparse.ArgumentParser(prog="make env", description="Write .env for docker-compose.yaml.")
    parser.add_argument("--for", dest="kind", choices=KINDS, default="demo")
    parser.add_argument("--file", type=Path, default=REPOSITORY / ".env")
    given = parser.parse_args(arguments)
    try:
        write_env(given.file, kind=given.kind)
    except SettingsError as error:
        print(f"env: {error}", file=sys.stderr)
        return 1
    print(f"{given.file} is written, for {given.kind}: sign in as admin with its AIRFLOW_ADMIN_PASSWORD")
    return 0


if __name__ == "__main__":
    sys.exit(main())
