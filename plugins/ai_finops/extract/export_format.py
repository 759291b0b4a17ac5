"""What a format of billing export is: its columns, where they go in the lake, and which lines do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.extract.export_columns import Column, Columns


@dataclass(frozen=True, slots=True)
class Export:
    """One format of billing export, and where it goes in the lake."""

    source: str
    table: str
    """The lake's table of the lines; the totals are `invoice_totals`."""
    schema: pa.Schema
    totals_schema: pa.Schema
    columns: tuple[Column, ...]
    period_column: str
    """When the line's billing period begins."""
    nulls: tuple[str, ...]
    """What its CSV writes where there is no value."""
    concerns_ai: Callable[[Columns, pa.Table], pa.ChunkedArray]
    """Returns for each line whether it may concern AI."""
    version_of: Callable[[list[str]], str | None] = lambda names: None
    """Returns the version of the format that a file with these columns is written in, if it has several."""
    own: Callable[[str | None], dict[str, str | None]] = lambda version: {}
    """Returns columns beside `billing_period` and `object_key` that are the same for all lines of a file."""


def any_of(tests: Iterable[pa.ChunkedArray]) -> pa.ChunkedArray:
    """Return for each line whether one of the tests holds; a test of nothing does not hold."""
    first, *others = (pc.fill_null(test, False) for test in tests)
    for test in others:
        first = pc.or_(first, test)
    return first
