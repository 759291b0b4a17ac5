"""A small account: four days over the end of a month, with what is broken, late, doubled and unpriced in it.

Landed on the first three days is history, which is published and in which May is closed; the fourth day is the one that faults
happen to. It brings more calls, a broken object, and a May that the bill has restated by a dollar after it was closed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa

from ai_finops.config import REPOSITORY, Settings
from ai_finops.demo import deliver_billing
from ai_finops.demo.account import create_account
from ai_finops.demo.call_rows import read_calls
from ai_finops.demo.deliver import deliver
from ai_finops.demo.sample import load_sample

FIRST, LAST_OF_HISTORY, DAY, AS_OF = date(2025, 5, 30), date(2025, 6, 1), date(2025, 6, 2), date(2025, 6, 3)
HISTORY_AS_OF = DAY
WEEK = date(2025, 5, 26)
SOURCES = ("traces", "billing", "cloudwatch")
BROKEN_OBJECT_COUNT = 2
EVERY = 40
"""One call in so many of the sample's."""
FINANCE_BUCKET = "finance-files"
_INVOICE = "INV-2025-05"
_RESTATED_USD = Decimal(1)


def environment(base: Mapping[str, str], *, home: Path, project: Path) -> dict[str, str]:
    """Return the variables of a deployment."""
    return dict(base) | {
        "AI_FINOPS_HOME": str(home),
        "AI_FINOPS_DBT_PROJECT": str(project),
        "AI_FINOPS_SOURCES": ",".join(SOURCES),
        "AI_FINOPS_ALARMS": "cloudwatch",
        "AI_FINOPS_FINANCE_S3": f"s3://{FINANCE_BUCKET}/ai-cost",
        "PYTHONPATH": f"{REPOSITORY / 'plugins'}{os.pathsep}{REPOSITORY}",
    }


def make_project(place: Path) -> None:
    """Copy the dbt project, let months close a day after they end, and parse it as `make manifest` does."""
    unwanted = shutil.ignore_patterns("target", "logs", ".*")
    shutil.copytree(REPOSITORY / "dbt_project", place, ignore=unwanted)
    rules = place / "seeds" / "closing_rules.csv"
    head, *rows = rules.read_text().splitlines()
    closing = [",".join([*row.split(",")[:2], "1", "the suite closes months at once"]) for row in rows]
    rules.write_text("\n".join([head, *closing]) + "\n")


def parse_project(env: Mapping[str, str]) -> None:
    """Leave the parsed project where builds look for it."""
    subprocess.run([sys.executable, "-m", "ai_finops.build.parse_process"], check=True, env=env)


def make_account(clients: Mapping[str, Any], settings: Settings) -> None:
    """Put three days into the local AWS."""
    create_account(clients, settings)
    clients["s3"].create_bucket(Bucket=FINANCE_BUCKET)
    sample = _sample()
    with _invoiced(restated=False):
        deliver(sample, first=FIRST, last=LAST_OF_HISTORY, clients=clients, settings=settings)
    _break(clients["s3"], settings, FIRST)


def deliver_day(clients: Mapping[str, Any], settings: Settings) -> None:
    """Put the fourth day into it."""
    sample = _sample()
    deliver(sample, first=DAY, last=DAY, clients=clients, settings=settings)
    with _invoiced(restated=True):
        deliver_billing.deliver_billing(
            read_calls(sample.calls), first=date(2025, 5, 31), last=DAY, s3=clients["s3"], settings=settings
        )
    _break(clients["s3"], settings, DAY)


def _sample():
    sample = load_sample(shift_days=-7)
    return replace(sample, calls=sample.calls.take(pa.array(range(0, sample.calls.num_rows, EVERY))))


def _invoiced(*, restated: bool):
    """Let the lines of May be on an invoice, and one of them cost a dollar more."""
    plain = deliver_billing.bill_lines

    def bill_lines(calls, *, period: str, **named):
        lines = plain(calls, period=period, **named)
        if period == "2025-05":
            for line in lines:
                line["bill_invoice_id"] = _INVOICE
            if restated:
                usage = next(line for line in lines if line["line_item_product_code"] == "AmazonBedrock")
                usage["line_item_unblended_cost"] = type(usage["line_item_unblended_cost"])(
                    usage["line_item_unblended_cost"] + type(usage["line_item_unblended_cost"])(_RESTATED_USD)
                )
        return lines

    return patch.object(deliver_billing, "bill_lines", bill_lines)


def _break(s3: Any, settings: Settings, day: date) -> None:
    place = day.strftime(settings.traces_partition_format)
    s3.put_object(
        Bucket=settings.traces_bucket,
        Key=f"{settings.traces_prefix}/{place}/broken-{day}.json",
        Body=b'{"resourceSpans": [{"scopeSpans": [',
    )
