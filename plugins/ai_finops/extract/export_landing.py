"""Land the billing periods of an export: what CUR and FOCUS share.

An export changes under us until weeks after the period's end, and the ids of its lines do not survive a delivery, so a period
is always replaced whole. It is all or nothing: a broken delivery leaves the version before it in place. Files are streamed, so
a month may be larger than memory.

Only lines that may concern AI land (docs/decisions/0006-which-bill-lines-land.md). The others are counted as ignored, and the
totals of all lines by invoice and service go to `invoice_totals`, so that an invoice can be met.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops import aws
from ai_finops.days import billing_period, month_start
from ai_finops.errors import SourceBroken, SourceMissing
from ai_finops.extract import landings, s3_objects
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.export_columns import Columns, match_columns
from ai_finops.extract.export_delivery import Delivery, Place, find_delivery, open_file, require_unchanged
from ai_finops.extract.export_files import open_lines
from ai_finops.extract.export_format import Export
from ai_finops.extract.export_totals import Totals
from ai_finops.extract.export_writer import LineWriter
from ai_finops.lake import Lake, Outcome

LAST_DAY_OF_PERIOD_BEFORE = 14
"""Up to this day of a month the period before is read again every day: AWS may update an export for two weeks after its period
ends (Data Exports user guide, "Understanding export delivery")."""
FIRST_CREDIBLE, LAST_CREDIBLE = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000 for year in (2006, 2100))
"""AWS began in 2006. A time outside, in microseconds, was written in another unit than its column says."""
IGNORED = "does not concern AI; counted in invoice_totals"
"""Why lines of an object are not in the lake."""


def land_periods(
    export: Export, day: date, *, place: Place, lake: Lake, clients: aws.Clients, as_of: date, allow_empty: bool
) -> Outcome:
    """Replace the partitions of the billing periods that `day` touches with their newest complete deliveries.

    The outcome is `missing` when no such period has been delivered yet. A broken period does not hold the other one back.

    Raises:
        SourceForbidden, SourceMissing, SourceUnavailable: The bucket or the export cannot be read.
        SourceBroken: A file of the manifest or a column is missing or unreadable, or a period lost all its lines.
        LakeError: The partition cannot be written. In every case the period's old partition stays.
    """
    totals = Accounts(export.source, day).totals()
    landed: list[str] = []
    broken: list[SourceBroken] = []
    in_bucket = s3_objects.bucket_setting(f"{place.settings}_BUCKET", bucket=place.bucket)
    with aws.calls_counted(clients) as calls, in_bucket:
        for period in periods_of(day):
            try:
                counts = _land_period(
                    export, period, day, place=place, lake=lake, s3=clients["s3"], allow_empty=allow_empty
                )
            except SourceBroken as error:
                broken.append(error)
                continue
            if counts is not None:
                landed.append(period)
                totals = {name: totals[name] + counts[name] for name in totals}
        if broken:
            raise broken[0]
        if not landed:
            _require_export(clients["s3"], place=place)
    return landings.outcome(
        export.source,
        day,
        as_of=as_of,
        totals=totals,
        partitions=tuple(landed),
        api_calls=calls.calls(),
        status=None if landed else "missing",
    )


def periods_of(day: date) -> list[str]:
    """Return the billing periods to read on `day`, the earlier first."""
    before = [billing_period(month_start(day) - timedelta(days=1))] if day.day <= LAST_DAY_OF_PERIOD_BEFORE else []
    return [*before, billing_period(day)]


def _land_period(
    export: Export, period: str, day: date, *, place: Place, lake: Lake, s3: Any, allow_empty: bool
) -> dict[str, int] | None:
    """Land one period; return its counts, or None when it has not been delivered."""
    delivery = find_delivery(s3, period=period, place=place)
    if delivery is None:
        return None
    accounts = Accounts(export.source, day)
    with tempfile.TemporaryDirectory(prefix=f"{export.source}-") as name:
        folder = Path(name)
        lines, totals = _read(export, delivery, s3=s3, accounts=accounts, folder=folder)
        require_unchanged(s3, delivery, place=place)
        counts = accounts.totals()
        landings.refuse_emptying(
            lake, export.source, period, table=export.table, row_count=counts["loaded_count"], allow_empty=allow_empty
        )
        tables = {
            export.table: lines,
            "invoice_totals": totals,
            "objects": accounts.objects_table(),
            "quarantine": accounts.quarantine_table(),
        }
        # The same delivery read on another day is the same content.
        lake.write_partition(export.source, period, tables=tables, ignoring=("landing_date",))
    return counts


def _read(export: Export, delivery: Delivery, *, s3: Any, accounts: Accounts, folder: Path) -> tuple[Path, pa.Table]:
    """Write the lines that land to a file in `folder`; return it, and the totals of all lines."""
    totals, path = Totals(export.totals_schema), folder / f"{export.table}.parquet"
    with LineWriter(path, export.schema) as writer:
        for key in delivery.keys:
            with open_file(s3, key, delivery=delivery, folder=folder) as file:
                number = accounts.open(key, bytes_read=file.seek(0, 2))
                file.seek(0)
                _read_file(export, file, delivery, key, number=number, accounts=accounts, totals=totals, writer=writer)
    return path, totals.table()


def _read_file(
    export: Export,
    file: BinaryIO,
    delivery: Delivery,
    key: str,
    *,
    number: int,
    accounts: Accounts,
    totals: Totals,
    writer: LineWriter,
) -> None:
    where, account = delivery.address(key), accounts.objects[number]
    opened = open_lines(file, where, nulls=export.nulls)
    if not opened.names:
        account.reason = "an empty file"
        return
    version = export.version_of(opened.names)
    columns = match_columns(export.columns, opened.names, schema=export.schema, where=where, version=version)
    constant = {"billing_period": delivery.period, "object_key": key, **export.own(version)}
    for lines in opened.batches(columns.names):
        _require_period(export, columns, lines, period=delivery.period)
        concerns_ai = export.concerns_ai(columns, lines)
        totals.add(lines, columns, constant=constant, is_landed=concerns_ai)
        kept = lines.filter(concerns_ai)
        writer.write(_in_schema(kept, columns, schema=export.schema, constant=constant))
        account.read_count += kept.num_rows
        account.loaded_count += kept.num_rows
        if ignored := lines.num_rows - kept.num_rows:
            accounts.ignore(number, reason=IGNORED, record_count=ignored)


def _require_period(export: Export, columns: Columns, lines: pa.Table, *, period: str) -> None:
    begins = columns.read(export.period_column, lines)
    _require_credible(begins, columns, export.period_column)
    for begin in pc.unique(begins.drop_null()).to_pylist():
        if billing_period(begin) != period:
            raise SourceBroken(
                f"{columns.where}: column {columns.sources[export.period_column][0]} says {begin:%Y-%m-%d} in the delivery of "
                f"{period}; the old version stays; wait for the next delivery"
            )


def _in_schema(lines: pa.Table, columns: Columns, *, schema: pa.Schema, constant: dict[str, str | None]) -> pa.Table:
    arrays = []
    for field in schema:
        if field.name in constant:
            arrays.append(pa.repeat(pa.scalar(constant[field.name], field.type), lines.num_rows))
            continue
        array = columns.read(field.name, lines)
        if pa.types.is_timestamp(field.type):
            _require_credible(array, columns, field.name)
        arrays.append(array)
    return pa.table(arrays, schema=schema)


def _require_credible(times: pa.ChunkedArray, columns: Columns, name: str) -> None:
    extremes = pc.min_max(times.cast(pa.int64())).as_py()  # a time out of bounds may be none to Python
    for microseconds in extremes.values():
        if microseconds is not None and not FIRST_CREDIBLE <= microseconds < LAST_CREDIBLE:
            raise SourceBroken(
                f"{columns.where}: column {columns.sources[name][0]} holds the time {microseconds} microseconds after 1970, so "
                "it is in another unit than it says; the old version stays; wait for the next delivery"
            )


def _require_export(s3: Any, *, place: Place) -> None:
    """Tell an export that has not delivered a period yet from one that is not there at all."""
    if not any(s3_objects.has_objects(s3, bucket=place.bucket, prefix=root) for root in place.roots):
        raise SourceMissing(
            f"there is no billing export below s3://{place.bucket}/{place.roots[0]}; correct {place.settings}_PREFIX and "
            f"{place.settings}_EXPORT, or wait for its first delivery"
        )
