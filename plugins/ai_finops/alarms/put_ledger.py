"""What was put to CloudWatch: by series and day, the value that was put last.

CloudWatch adds what is put to what is there and replaces nothing, so a value that has not changed is not put again. A ledger
that was lost costs one repetition, which `Maximum` and `Minimum` do not see.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from pathlib import Path

from ai_finops.alarms.metrics import DailyValue, Series
from ai_finops.config import Settings
from ai_finops.errors import AlarmError
from ai_finops.lake_files import replace_file

Ledger = dict[tuple[Series, date], float]


def ledger_path(settings: Settings, *, endpoint: str) -> Path:
    """Return the ledger's file: one for each endpoint and namespace, and so for each region."""
    place = sha256(f"{endpoint} {settings.alarms_namespace}".encode()).hexdigest()[:8]
    return settings.home / "alarms" / f"put.{settings.aws_region}.{place}.json"


def read_ledger(path: Path) -> Ledger:
    """Read a ledger; empty when there is none.

    Raises:
        AlarmError: The file is no ledger.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {(Series(*names), date.fromisoformat(day)): float(value) for *names, day, value in rows}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:
        raise AlarmError(
            f"{path} is no ledger of published values ({error}); remove it, and they are put once more"
        ) from error


def write_ledger(path: Path, ledger: Ledger, *, put: Iterable[DailyValue], first: date) -> None:
    """Write a ledger with what was put since, without days before `first`, which CloudWatch takes no more.

    Raises:
        AlarmError: The file cannot be written.
    """
    ledger |= {(each.series, each.usage_date): each.value for each in put}
    rows = [
        [series.metric_name, series.feature_id, series.slice, str(day), value]
        for (series, day), value in sorted(ledger.items())
        if day >= first
    ]
    try:
        replace_file(path, ("[" + ",\n".join(json.dumps(row) for row in rows) + "]\n").encode())
    except OSError as error:
        raise AlarmError(
            f"{path} cannot be written ({error}); correct AI_FINOPS_HOME: values just put are put once more until then"
        ) from error
