"""Hold the files of a month against the checksums that were written with them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.errors import FinanceError, PublishError
from ai_finops.finance.export import finance_folder
from ai_finops.finance.file_sets import FileSet, current_set, faults_of, final_sets
from ai_finops.finance.month_state import known_months, read_as_of, require_month
from ai_finops.publish.current import open_published


def verify(month: date, *, settings: Settings) -> list[str]:
    """Hash every final version of a month again, and the provisional set where there is none.

    Returns:
        A line for each set that is what was written.
    Raises:
        FinanceError: There are no files of the month, or some are not what was written; the message names each.
    """
    folder = finance_folder(settings) / f"{month:%Y-%m}"
    sets = final_sets(folder) or [found for found in [current_set(folder)] if found]
    if not sets:
        raise FinanceError(
            f"there are no files of {month:%Y-%m} in {folder.parent} (there are: {_months(folder.parent)}): "
            f"{_why_none(month, settings=settings)}"
        )
    faults = [fault for each in sets for fault in faults_of(each)]
    if faults:
        again = f"it is provisional: ai-finops finance --month {month:%Y-%m} writes it anew"
        then = "restore what is there of it in a backup or on S3" if sets[0].version else again
        raise FinanceError(f"{'; '.join(faults)}; {then}")
    return [_line(each) for each in sets]


def _why_none(month: date, *, settings: Settings) -> str:
    """Return why a month has no files, and what to do about it."""
    try:
        with open_published(settings) as connection:
            require_month(month, known=known_months(connection), as_of=read_as_of(connection))
    except (FinanceError, PublishError) as error:
        return str(error)
    return f"not written yet; ai-finops finance --month {month:%Y-%m} does it"


def _line(found: FileSet) -> str:
    manifest = found.manifest
    return (
        f"{manifest['month']}: {found.key}, as of {manifest['as_of_date']}, build {manifest['build_id']}: "
        f"{len(manifest['files'])} files are what was written: {found.folder}"
    )


def _months(folder: Path) -> str:
    return ", ".join(sorted(path.parent.name for path in folder.glob("*/current"))) or "none"
