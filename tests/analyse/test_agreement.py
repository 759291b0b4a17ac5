"""Shadow comparisons: counting them by route, and the interval of the share."""

from datetime import date

import pyarrow as pa
import pytest

from ai_finops.analyse.agreement import Agreement, Route, count_agreement, wilson_interval

ROUTE = Route("chat", "anthropic.sonnet", "anthropic.haiku")


def comparisons(*rows):
    """Comparisons given as (day of June, whether the candidate was no worse, more columns)."""
    return pa.Table.from_pylist(
        [
            {**ROUTE._asdict(), "is_no_worse": no_worse, "made_date": date(2025, 6, day)} | more
            for day, no_worse, more in rows
        ]
    )


def test_comparisons_are_counted_by_route():
    other = {"candidate_model_id": "amazon.nova"}
    table = comparisons((2, True, {}), (3, False, {}), (3, True, other), (4, True, {}))
    assert count_agreement(table, before=date(2025, 6, 30)) == {
        ROUTE: Agreement(2, 3),
        ROUTE._replace(candidate_model_id="amazon.nova"): Agreement(1, 1),
    }


def test_only_comparisons_before_the_date_count():
    table = comparisons((8, True, {}), (9, False, {}))
    assert count_agreement(table, before=date(2025, 6, 9)) == {ROUTE: Agreement(1, 1)}
    assert count_agreement(table, before=date(2025, 6, 10)) == {ROUTE: Agreement(1, 2)}


def test_wilson_interval_of_90_in_100():
    # Centre (0.9 + 3.8415 / 200) / 1.038415 = 0.88521;
    # margin 1.95996 * sqrt(0.0009 + 3.8415 / 40000) / 1.038415 = 0.05957.
    assert wilson_interval(90, sample_count=100) == (pytest.approx(0.82564, abs=1e-5), pytest.approx(0.94477, abs=1e-5))


def test_wilson_interval_stays_a_share():
    assert 0.0 <= wilson_interval(0, sample_count=5)[0] < 1e-12
    assert 1 - 1e-12 < wilson_interval(5, sample_count=5)[1] <= 1.0
