"""What a lever takes, and what is said where nobody gave it."""

import pyarrow as pa
import pytest

from ai_finops.analyse.levers.efforts import Effort, Efforts
from ai_finops.errors import BuildError

ROW = {
    "lever": "semantic_cache",
    "implementation_effort": "small: days",
    "implementation_person_days": 5,
    "maintenance_effort": "medium",
    "maintenance_person_days_per_month": 1,
}


def test_an_effort_is_words_and_days():
    efforts = Efforts.from_table(pa.Table.from_pylist([ROW]))
    assert efforts.of("semantic_cache") == Effort("small: days", 5.0, "medium", 1.0)


def test_a_lever_without_a_row_is_named():
    efforts = Efforts.from_table(pa.Table.from_pylist([ROW]))
    with pytest.raises(BuildError, match=r"lever_efforts has no row for distillation; add it to .*lever_efforts\.csv"):
        efforts.of("distillation")
