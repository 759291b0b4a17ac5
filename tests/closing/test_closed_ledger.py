"""The ledger of closed periods, and the files it vouches for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest

from ai_finops.closing.closed_ledger import (
    ClosedLedger,
    ClosedPeriod,
    Closing,
    FrozenTable,
    Period,
    frozen_files,
    month_after,
    read_closed,
    write_closed,
)
from ai_finops.closing.closing import ledger_rows
from ai_finops.errors import LakeError
from ai_finops.lake import Lake

JUNE = Period("aws.bedrock", "111122223333", date(2025, 6, 1))
ROWS = b"rows of June"
TABLE = FrozenTable("2025-06.parquet", hashlib.sha256(ROWS).hexdigest(), 2)
CLOSED = ClosedPeriod(
    Closing(JUNE, date(2025, 7, 16), "because", 1),
    "000001-2025-07-16-0123abcd",
    {"fct_daily_allocated_costs": TABLE, "fct_daily_reconciliations": TABLE},
)


def version(number: int, period: Period = JUNE) -> ClosedPeriod:
    return replace(CLOSED, closing=replace(CLOSED.closing, version=number, period=period))


def test_what_is_written_is_read(tmp_path):
    assert read_closed(Lake(tmp_path).closed) == ClosedLedger()
    ledger = ClosedLedger((version(1), version(2)))
    write_closed(Lake(tmp_path).closed, ledger)
    assert read_closed(Lake(tmp_path).closed) == ledger


def test_the_newest_version_of_each_period_is_current():
    other = Period("aws.bedrock", "0", date(2025, 6, 1))
    ledger = ClosedLedger((version(2), version(1), version(1, other)))
    assert ledger.current() == {other: version(1, other), JUNE: version(2)}
    assert [(row["billing_account_id"], row["version"], row["is_current"]) for row in ledger_rows(ledger)] == [
        ("0", 1, True),
        ("111122223333", 1, False),
        ("111122223333", 2, True),
    ]


@pytest.mark.parametrize("content", ["{", "{}", '{"closings": [{"provider_name": "x"}]}'])
def test_a_damaged_ledger_stops_whoever_reads_it(tmp_path, content):
    Lake(tmp_path).closed.replace("ledger.json", content.encode())
    with pytest.raises(LakeError, match=r"could not read the ledger of closed periods .*restore it from a backup"):
        read_closed(Lake(tmp_path).closed)


def test_frozen_rows_are_checked_before_they_are_used(tmp_path):
    folder = Lake(tmp_path).closed
    with pytest.raises(LakeError, match=r"2025-06\.parquet, what 2025-06 of aws\.bedrock, account 111122223333 was"):
        frozen_files(folder, [CLOSED], table="fct_daily_allocated_costs")
    folder.replace(TABLE.file, ROWS)
    assert frozen_files(folder, [CLOSED], table="fct_daily_allocated_costs") == [tmp_path / "closed" / TABLE.file]
    folder.replace(TABLE.file, ROWS + b" and one more")
    with pytest.raises(
        LakeError, match=r"is not what 2025-06 of aws\.bedrock, account 111122223333 was when it closed"
    ):
        frozen_files(folder, [CLOSED], table="fct_daily_allocated_costs")


@pytest.mark.parametrize(
    ("month", "after"), [(date(2025, 6, 1), date(2025, 7, 1)), (date(2025, 12, 1), date(2026, 1, 1))]
)
def test_a_year_has_twelve_months(month, after):
    assert month_after(month) == after
    assert replace(JUNE, usage_month=month).end == after


def test_a_turned_digit_in_the_ledger_is_found(tmp_path):
    folder = Lake(tmp_path).closed
    write_closed(folder, ClosedLedger((CLOSED,)))
    ledger = tmp_path / "closed" / "ledger.json"
    ledger.write_text(ledger.read_text().replace("2025-07-16", "2025-07-17"))
    with pytest.raises(LakeError, match=r"closed/ledger\.json: it is not what was written.*restore it from a backup"):
        read_closed(folder)


def test_a_ledger_of_an_earlier_release_has_no_checksum(tmp_path):
    folder = Lake(tmp_path).closed
    write_closed(folder, ClosedLedger((CLOSED,)))
    plain = json.loads(folder.read("ledger.json"))
    del plain["sha256"]
    folder.replace("ledger.json", json.dumps(plain).encode())
    assert read_closed(folder) == ClosedLedger((CLOSED,))
