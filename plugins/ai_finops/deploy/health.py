"""Does a service answer, and is a part of Airflow well? The health checks of docker-compose.yaml.

    python -m ai_finops.deploy.health http://127.0.0.1:8974/health
    python -m ai_finops.deploy.health http://airflow-api-server:8080/api/v2/monitor/health dag_processor

Of the standard library alone: it runs every few seconds, and in an image that has nothing else. `airflow jobs check` says the
same of Airflow's parts and loads all of Airflow for it.
"""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 8.0


def complaint(url: str, part: str | None = None) -> str | None:
    """Return what is wrong, in a sentence; None when all is well.

    Args:
        url: What must answer with a status of 200.
        part: Key of the JSON answer whose `status` must be `healthy`, as Airflow's health has one for each of its processes.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as answer:  # only http, by the commands of the file
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return f"{url} answered {error.code}"
    except OSError as error:
        return f"{url} does not answer ({getattr(error, 'reason', error)})"
    if status != 200:
        return f"{url} answered {status}"
    return None if part is None else _complaint_about(part, body, url=url)


def _complaint_about(part: str, body: bytes, *, url: str) -> str | None:
    try:
        said = json.loads(body)[part]["status"]
    except (ValueError, KeyError, TypeError):
        return f"{url} says nothing of {part}"
    return None if said == "healthy" else f"{url} says that {part} is {said}"


def main(arguments: list[str]) -> int:
    """Print what is wrong and return 1, or return 0."""
    if not 1 <= len(arguments) <= 2:
        print("usage: health URL [PART]", file=sys.stderr)
        return 2
    wrong = complaint(*arguments)
    if wrong:
        print(wrong, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
