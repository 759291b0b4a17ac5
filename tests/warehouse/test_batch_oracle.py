"""The oracle of batches, against an example worked by hand."""

from __future__ import annotations

from decimal import Decimal

from tests.warehouse.allocation_oracle import Billed, Traced
from tests.warehouse.batch_oracle import count_where_billed

A, B = ("a", "x"), ("b", "x")


def billed(*quantities):
    return [Billed(None, quantity, Decimal(1)) for quantity in quantities]


def test_what_finds_no_room_on_its_day_counts_on_the_next_after_what_was_traced_there():
    traced = {"2025-05-31": [Traced(A, 40, None), Traced(B, 60, None)], "2025-06-01": [Traced(A, 40, None)]}
    found = count_where_billed(
        traced, {"2025-05-31": billed(10, 20), "2025-06-01": billed(90)}, last_billed="2025-06-01"
    )
    assert found == {
        "2025-05-31": [Traced(A, 30, None), Traced(B, 20, None)],
        "2025-06-01": [Traced(A, 40, None), Traced(A, 10, None), Traced(B, 40, None)],
    }


def test_a_day_that_the_bill_has_not_reached_takes_all():
    traced = {"2025-05-31": [Traced(A, 40, None)]}
    assert count_where_billed(traced, {"2025-05-31": billed(30)}, last_billed="2025-05-31") == {
        "2025-05-31": [Traced(A, 30, None)],
        "2025-06-01": [Traced(A, 10, None)],
    }
    assert count_where_billed(traced, {}, last_billed="2025-06-01") == traced
    assert count_where_billed(traced, {}, last_billed=None) == traced


def test_a_bill_without_counts_takes_all():
    traced = {"2025-05-31": [Traced(A, 40, None)]}
    assert count_where_billed(traced, {"2025-05-31": billed(None)}, last_billed="2025-06-01") == traced
