"""Each kind of fault is caught before publishing, and the table of it in docs/quality.md is what was seen."""

from __future__ import annotations

from pathlib import Path

from ai_finops.quality.describe import read_section
from tests.quality.faults import FAULTS, seed_all, table

DBT = Path(__file__).parents[2] / "dbt_project"


def test_faults_are_caught_as_the_table_says():
    seeded = seed_all()
    missed = [fault.name for fault, caught in seeded if caught is None]
    printed = table([(fault, caught) for fault, caught in seeded if caught])
    print(f"\n{printed}")
    assert missed == []
    assert len(seeded) >= 20
    assert read_section("faults") == printed, "run python -m tests.quality.faults"


def test_no_two_faults_have_one_name():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_what_is_also_held_in_dbt_is_there():
    generic = {file.stem for file in (DBT / "tests" / "generic").glob("*.sql")}
    singular = {file.stem for file in (DBT / "tests").glob("*.sql")}
    assert {fault.in_dbt for fault in FAULTS if fault.in_dbt} <= generic | singular | {"contract"}
