"""Write the files of a month, once it is worth it: a provisional month when its content moved, a final one when it closed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ai_finops.build.lock import one_writer
from ai_finops.config import Settings
from ai_finops.errors import AiFinopsError, BuildError, FinanceError, SourceUnavailable
from ai_finops.finance.changes import costs_by_feature, from_plain, list_changes, to_plain, total
from ai_finops.finance.definitions import read_definitions
from ai_finops.finance.file_sets import (
    FileSet,
    current_set,
    draft_of,
    faults_of,
    file_entry,
    final_sets,
    place,
    point_to,
)
from ai_finops.finance.invoices import read_invoices
from ai_finops.finance.month_state import (
    MonthState,
    known_months,
    read_as_of,
    read_otherwise,
    read_state,
    require_month,
)
from ai_finops.finance.reconciliation import reconcile, require_tie
from ai_finops.finance.tables import FEATURE_COSTS, FOCUS_COSTS, MonthTable, month_table
from ai_finops.finance.to_s3 import put_months
from ai_finops.finance.totals import sum_up
from ai_finops.finance.workbook import MonthContent, focus_sheet, sheets_of
from ai_finops.lake_files import file_sha256
from ai_finops.publish.current import open_published
from ai_finops.sheets import Sheet, write_csv, write_xlsx

if TYPE_CHECKING:
    import duckdb

LAYOUT = 3
"""Of the files; a release that lays them out otherwise writes provisional months anew."""


@dataclass(frozen=True, slots=True)
class Exported:
    """How a month's files stand."""

    state: MonthState
    files: FileSet
    is_new: bool
    """Whether they were written just now."""
    note: str = ""
    """What somebody should know of it."""

    def __str__(self) -> str:
        version, state = self.files.version, self.state
        said = (
            f"final, version {version}" if version else f"provisional, open: {'; '.join(map(str, state.open)) or 'all'}"
        )
        totals, written = self.files.manifest["totals"], "written" if self.is_new else "unchanged"
        billed = f"${float(totals['billed_cost_usd']):,.2f} billed"
        return f"{state.name}: {said}; {billed}; {written}: {self.files.folder}{self.note and f' ({self.note})'}"


def finance_folder(settings: Settings) -> Path:
    """Return where finance finds the files."""
    return settings.published / "finance"


def export(
    *,
    settings: Settings,
    month: date | None = None,
    on_line: Callable[[str], None] = lambda line: None,
) -> list[str]:
    """Bring the files of the published months up to date, and put them on S3 where one is configured.

    Args:
        settings: Where the published marts are, and the files go.
        month: First day of the only month; else every month that the published marts have.
        on_line: Gets each line as soon as it is true.
    Returns:
        A line for each month, and one for each whose files were put on S3.
    Raises:
        FinanceError: There are no costs of the month, one does not tie to its bill, a final version was changed by hand, or
            the disk refuses; or several things of several kinds failed. The other months are done all the same.
        PublishError: Nothing has been published yet.
        SourceError, SettingsError: The bucket refuses; the message names each month and object. The other months are there all
            the same; run it again to complete it.
    """
    folder, done, failed, lines = finance_folder(settings), [], [], []

    def say(line: str) -> None:
        lines.append(line)
        on_line(line)

    with open_published(settings) as connection, _one_exporter(folder):
        known = known_months(connection)
        if month is not None:
            require_month(month, known=known, as_of=read_as_of(connection))
        for each in known if month is None else [month]:
            try:
                done.append(_export_month(connection, each, folder=folder / f"{each:%Y-%m}"))
            except FinanceError as error:
                failed.append(error)
            else:
                say(str(done[-1]))
        failed += put_months([folder / each.state.name for each in done], settings=settings, on_line=say)
    if failed:
        raise _as_one(failed)
    return lines


def _as_one(failed: Sequence[AiFinopsError]) -> AiFinopsError:
    """Return one error that says all of them, and is worth a retry when one of them is."""
    kinds = {type(error) for error in failed}
    kind = kinds.pop() if len(kinds) == 1 else FinanceError
    if any(isinstance(error, SourceUnavailable) for error in failed):
        kind = SourceUnavailable
    return kind(". ".join(map(str, failed)))


@contextmanager
def _one_exporter(folder: Path) -> Iterator[None]:
    import duckdb

    try:
        with one_writer(folder, doing="writing finance's files"):
            yield
    except (BuildError, OSError, duckdb.Error) as error:
        raise FinanceError(f"could not write finance's files: {error}; what was there before still is") from error


def _export_month(connection: duckdb.DuckDBPyConnection, month: date, *, folder: Path) -> Exported:
    state, final = read_state(connection, month), final_sets(folder)
    if faults := [fault for each in final for fault in faults_of(each)]:
        raise FinanceError(
            f"final files of {state.name} are not what they were: {'; '.join(faults)}; restore them from a backup or from S3, "
            "nothing was written over them"
        )
    if final and (not state.is_final or final[-1].manifest["closed"] == state.closed_plain()):
        if (folder / "current").resolve() != final[-1].folder.resolve():  # killed before the link was moved
            point_to(final[-1].folder)
        note = _reopened(state) or read_otherwise(connection, month)
        return Exported(state, final[-1], is_new=False, note=note)
    version = (final[-1].version if final else 0) + 1 if state.is_final else None
    before = from_plain(final[-1].manifest["costs"]) if final else {}
    return _write_month(connection, state, version=version, before=before, folder=folder)


def _reopened(state: MonthState) -> str:
    if state.is_final:
        return ""
    accounts = "; ".join(str(each) for each in state.open) or "every account of it"
    return f"the published build has it open for {accounts}: that comes as the next version once it is closed"


def _write_month(
    connection: duckdb.DuckDBPyConnection, state: MonthState, *, version: int | None, before: dict, folder: Path
) -> Exported:
    content = _read_content(connection, state, version=version, before=before)
    known = _provisional(folder) if version is None else None
    if known and known.manifest["fingerprint"] == _fingerprint(content) and not faults_of(known):
        return Exported(state, known, is_new=False)
    with draft_of(folder) as draft:
        tables = {"feature_costs.csv": content.feature_costs, "focus_costs.csv": content.focus_costs}
        for name, table in tables.items():
            _write_csv(draft / name, table)
        sha256s = {name: file_sha256(draft / name) for name in tables}
        write_xlsx(draft / f"ai_cost_{state.name}.xlsx", sheets_of(content, sha256s=sha256s))
        if content.is_focus_apart:
            write_xlsx(draft / f"focus_costs_{state.name}.xlsx", [focus_sheet(content)], is_large=True)
        return Exported(state, place(draft, _manifest(content, draft=draft)), is_new=True)


def _provisional(folder: Path) -> FileSet | None:
    """Return the current set; None also where it cannot be read, since a provisional one is written again."""
    try:
        return current_set(folder)
    except FinanceError:
        return None


def _read_content(
    connection: duckdb.DuckDBPyConnection, state: MonthState, *, version: int | None, before: dict
) -> MonthContent:
    feature_costs = month_table(connection, FEATURE_COSTS, month=state.month)
    focus_costs = month_table(connection, FOCUS_COSTS, month=state.month)
    invoices = read_invoices(connection, state.month)
    lines = reconcile(connection, state.month, feature_costs=feature_costs.dicts(), invoices=invoices)
    require_tie(state.month, lines)
    marts = {"feature_costs": FEATURE_COSTS, "focus_costs": FOCUS_COSTS}
    return MonthContent(
        state=state,
        version=version,
        feature_costs=feature_costs,
        focus_costs=focus_costs,
        focus_row_count=focus_costs.count(),
        totals=sum_up(feature_costs.dicts()),
        lines=lines,
        invoices=invoices,
        definitions=read_definitions(connection, marts=marts),
        changes=list_changes(before, costs_by_feature(feature_costs.dicts())) if before else (),
    )


def _write_csv(path: Path, table: MonthTable) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, Sheet(path.stem, table.columns, table.rows()))


def _fingerprint(content: MonthContent) -> str:
    """Return a checksum of all that a set says, but for the build that said it: the same rows of a later one are no news."""
    said = [
        LAYOUT,
        content.version,
        content.state.closed_plain(),
        [str(account) for account in content.state.open],
        content.feature_costs.content_hash(),
        content.focus_costs.content_hash(),
        _plain(content.lines),
        _plain(content.invoices),
        _plain(content.definitions),
    ]
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def _plain(values: Sequence[Any]) -> list[dict]:
    return [asdict(each) for each in values]


def _manifest(content: MonthContent, *, draft: Path) -> dict[str, Any]:
    state, costs = content.state, costs_by_feature(content.feature_costs.dicts())
    return {
        "month": state.name,
        "status": content.status,
        "version": content.version or 0,
        "build_id": state.build_id,
        "as_of_date": str(state.as_of_date),
        "closed": state.closed_plain(),
        "open": [asdict(account) for account in state.open],
        "totals": content.totals.to_plain(),
        "changed_cost_usd": format(sum((each.difference_usd for each in content.changes), start=total({})), "f"),
        "row_counts": {"feature_costs.csv": content.totals.row_count, "focus_costs.csv": content.focus_row_count},
        "costs": to_plain(costs),
        "layout": LAYOUT,
        # It tells provisional sets apart, by hashes that another DuckDB may make otherwise; a final one has its versions.
        "fingerprint": _fingerprint(content) if content.version is None else None,
        "files": {path.name: file_entry(path) for path in sorted(draft.iterdir())},
    }
