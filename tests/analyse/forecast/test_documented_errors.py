"""docs/projection.md says what the benchmark measures; what takes AutoETS to measure is left to `make bench`."""

from pathlib import Path

import pytest

from ai_finops.analyse.forecast import LAST_WEEK, LINEAR_TREND, MEAN_7D
from tests.benchmarks.projections import cases, refinements, rows_of

DOCUMENT = (Path(__file__).resolve().parents[3] / "docs" / "projection.md").read_text()
CASES = list(cases())


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_the_page_has_the_errors_of_each_method(case):
    assert f"| {case.title} |" in DOCUMENT
    for row in rows_of(case, methods=(LINEAR_TREND, LAST_WEEK, MEAN_7D), has_choice=False):
        assert row in DOCUMENT


def test_the_page_has_what_each_care_of_the_line_is_worth():
    assert refinements() in DOCUMENT
