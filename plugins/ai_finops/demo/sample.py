"""Read the bundled sample: what a fortnight's LLM calls really were, and the texts and results that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.demo.sample_plan import FIRST_DATE, LAST_DATE
from ai_finops.demo.sample_schemas import SCHEMAS
from ai_finops.errors import SampleError

SAMPLE_FOLDER = Path(__file__).parent / "sample"


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample's tables, columns as in `sample_schemas`, and the first and last UTC day of its calls."""

    calls: pa.Table
    queries: pa.Table
    reranks: pa.Table
    shadow: pa.Table
    first_day: date
    last_day: date


def load_sample(folder: Path = SAMPLE_FOLDER, *, shift_days: int = 0) -> Sample:
    """Read all of it, moved by `shift_days` whole days (a multiple of 7 keeps the weekdays).

    Raises:
        SampleError: A file is missing, cannot be read, or does not have the columns that it should.
    """
    tables = {name: _read(Path(folder) / f"{name}.parquet", schema=schema) for name, schema in SCHEMAS.items()}
    shift = timedelta(days=shift_days)
    if shift_days:
        tables |= {name: _shifted(tables[name], shift) for name in ("calls", "shadow")}
    return Sample(**tables, first_day=FIRST_DATE + shift, last_day=LAST_DATE + shift)


def _read(path: Path, *, schema: pa.Schema) -> pa.Table:
    remedy = "get it again from the repository, or build it with python -m ai_finops.demo.build_sample"
    if not path.is_file():
        raise SampleError(f"the sample's file {path} is missing; {remedy}")
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise SampleError(f"the sample's file {path} cannot be read ({reason}); {remedy}") from error
    for field in schema:
        found = table.schema.field(field.name) if field.name in table.column_names else None
        if found is None or found.type != field.type:
            has = "is missing" if found is None else f"is {found.type} instead of {field.type}"
            raise SampleError(f"the sample's file {path} has the wrong columns ({field.name} {has}); {remedy}")
    return table.select(schema.names)


def _shifted(table: pa.Table, shift: timedelta) -> pa.Table:
    at = table.schema.get_field_index("started_at")
    moved = pc.add(table["started_at"], pa.scalar(shift, pa.duration("us")))
    return table.set_column(at, table.schema.field("started_at"), moved)
