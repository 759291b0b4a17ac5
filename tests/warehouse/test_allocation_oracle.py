"""The oracle of the random bills, against the examples of the rules, worked by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tests.warehouse.allocation_oracle import Billed, Traced, allocate


def tokens(billed, traced):
    return allocate(
        [Billed(owner, quantity, Decimal(cost)) for owner, quantity, cost in billed],
        [Traced((feature, pipeline), quantity, estimate) for feature, pipeline, quantity, estimate in traced],
        unit="tokens",
    )


def test_of_a_hundred_dollars_sixty_are_tagged_and_traced():
    found = tokens([("a", 60, 60), (None, 40, 40)], [("a", "x", 60, Decimal(66))])
    assert found.shares == {("a", "x"): 60_000_000}
    assert found.remainders == {"a": 0, None: 40_000_000}
    assert (found.coverage, found.reason) == (Fraction(60, 100), "no_trace")


def test_trace_beats_tag_as_far_as_it_names_a_feature():
    # B's 90 and the 20 without a feature: 30 untagged, B's 65 of the other 80 for the 40 left of A's tag.
    found = tokens([("a", 50, 5), (None, 30, 3)], [("a", "x", 10, None), ("b", "x", 90, None), (None, "x", 20, None)])
    assert found.coverage == 1
    # A's $5: 10 and 40 parts; the other $3: 90 and 20 parts.
    assert found.shares == {
        ("a", "x"): 1_000_000,
        ("b", "x"): 4_000_000 + Fraction(3_000_000 * 90, 110),
        (None, "x"): Fraction(3_000_000 * 20, 110),
    }


def test_what_cannot_be_weighed_is_no_weight():
    found = tokens([(None, None, 10)], [("a", "x", 1_000_000, None)])
    assert (found.basis, found.shares, found.remainders) == ("cost", {}, {None: 10_000_000})
    assert (found.coverage, found.reason) == (0, "no_weight")
