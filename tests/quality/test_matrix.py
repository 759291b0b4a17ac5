"""Each mart is held in each kind, or says why not; and the document says what the suites are."""

from __future__ import annotations

import pytest

from ai_finops.build.marts import MARTS
from ai_finops.quality.contracts import contract_types
from ai_finops.quality.describe import matrix_text, read_section, reasons_text
from ai_finops.quality.kinds import Kind
from ai_finops.quality.matrix import Cell, matrix
from ai_finops.quality.suites import all_checks
from ai_finops.quality.watched import WATCHED

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
