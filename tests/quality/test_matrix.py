"""Each mart is held in each kind, or says why not; and the document says what the suites are."""

from __future__ import annotations

import pytest

from ai_finops.build.marts import MARTS
from ai_finops.config import REPOSITORY
from ai_finops.quality.contracts import contract_types
from ai_finops.quality.counts import counts_text
from ai_finops.quality.describe import matrix_text, read_section, reasons_text
from ai_finops.quality.kinds import Kind
from ai_finops.quality.matrix import Cell, matrix
from ai_finops.quality.suites import all_checks
from ai_finops.quality.watched import WATCHED
from tests.quality.faults import FAULTS

CELLS = matrix()


def test_each_mart_is_watched_and_has_a_contract():
    assert set(WATCHED) == set(MARTS) == set(CELLS)
    assert set(MARTS) <= set(contract_types())


@pytest.mark.parametrize("kind", Kind)
def test_no_mart_is_silent_in_a_kind_or_gives_a_reason_for_what_is_held(kind):
    assert [mart for mart, cells in CELLS.items() if cells[kind].is_silent] == []
    assert [mart for mart, cells in CELLS.items() if cells[kind].is_contradicted] == []


def test_a_hole_and_a_contradiction_are_seen():
    assert Cell(0, 0, None).is_silent
    assert not Cell(0, 0, "why").is_silent
    assert not Cell(0, 1, None).is_silent
    assert Cell(1, 0, "why").is_contradicted
    assert not Cell(1, 0, None).is_contradicted


def test_each_expectation_says_why_and_what_it_does():
    for check in all_checks():
        for expectation in check.expectations:
            assert expectation.meta["severity"] in ("fail", "warn")
            assert str(expectation.notes).endswith(".")


def test_no_two_checks_have_one_name():
    names = [check.name for check in all_checks()]
    assert len(names) == len(set(names))


def test_the_document_has_the_matrix_of_today():
    assert read_section("matrix") == matrix_text(), "run python -m ai_finops.quality.describe"
    assert read_section("reasons") == reasons_text(), "run python -m ai_finops.quality.describe"


def test_the_document_counts_rules_and_faults_as_they_are_today():
    counted = counts_text(REPOSITORY / "dbt_project", faults=read_section("faults"))
    assert read_section("counts") == counted, "run python -m ai_finops.quality.describe"
    assert f"Faults** that are seeded and caught: {len(FAULTS)}." in counted
    expectation_count = sum(len(check.expectations) for check in all_checks())
    assert f"{expectation_count} expectations on {len(MARTS)} marts" in counted


def test_tests_are_counted_at_any_depth_of_the_project(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "seeds").mkdir()
    (tmp_path / "tests" / "generic").mkdir(parents=True)
    (tmp_path / "tests" / "assert_one.sql").write_text("select 1")
    (tmp_path / "tests" / "generic" / "holds.sql").write_text("select 1")
    (tmp_path / "models" / "_m__models.yml").write_text(
        "models:\n  - name: m\n    data_tests: [a, b]\n    columns: [{name: c, data_type: string, data_tests: [unique]}]\n"
        "unit_tests:\n  - {name: u}\n"
    )
    (tmp_path / "seeds" / "_seeds.yml").write_text(
        "seeds:\n  - {name: s, columns: [{name: c, data_tests: [not_null]}]}\n"
    )
    text = counts_text(tmp_path, faults="| Fault | Mart |\n|---|---|\n| one | m |\n| two | m |")
    assert "0 contracts of marts, 4 tests of models, columns and seeds, 1 queries (`assert_*`), 1 unit tests." in text
    assert text.endswith("caught: 2.")
