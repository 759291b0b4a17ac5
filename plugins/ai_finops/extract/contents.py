"""What people and models said, and what tells of it: families of their own beside the sources'.

Texts (`trace_contents`, `bedrock_log_contents`) are off unless `AI_FINOPS_KEEP_CONTENT` is true, and no build looks at them.
Fingerprints and embeddings of queries (`trace_queries`, `xray_queries`) are there where an application sends them. A partition
older than `AI_FINOPS_CONTENT_RETENTION_DAYS` is removed with every version of it by the next landing, also after the setting
is off again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.lake import Lake


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of a landing."""

    file: Path
    """Parquet of the family's table."""
    row_count: int


def settle(
    day: date, *, source: str, table: str, texts: Texts | None, settings: Settings, lake: Lake, as_of: date
) -> None:
    """Make `texts` the day's, or have none of the day, and remove every day that is past the retention.

    Args:
        source: The family, as the lake calls it.
        table: Its table.
        texts: None where texts are not kept.
        as_of: The clock of the retention: of `as_of` − days and before, nothing stays.
    Raises:
        LakeError: The lake cannot be written.
    """
    first_kept = as_of - timedelta(days=settings.content_retention_days)
    for key in lake.current(source):
        if date.fromisoformat(key) < first_kept:
            lake.remove_partition(source, key)
    if texts is not None and texts.row_count and day >= first_kept:
        lake.write_partition(source, str(day), tables={table: texts.file})
    elif texts is not None:
        lake.remove_partition(source, str(day))
