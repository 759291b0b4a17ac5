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


A, B = ("a", "tag"), ("b", "tag")


def test_of_a_hundred_dollars_sixty_are_tagged_and_traced():
    found = tokens([(A, 60, 60), (None, 40, 40)], [("a", "x", 60, Decimal(66))])
    assert found.shares == {("a", "x"): 60_000_000}
    assert found.remainders == {A: 0, None: 40_000_000}
    assert (found.coverage, found.reason) == (Fraction(60, 100), "no_trace")


def test_trace_beats_tag_as_far_as_it_names_a_feature():
    # B's 90 and the 20 without a feature: 30 untagged, B's 65 of the other 80 for the 40 left of A's tag.
    found = tokens([(A, 50, 5), (None, 30, 3)], [("a", "x", 10, None), ("b", "x", 90, None), (None, "x", 20, None)])
    assert (found.coverage, found.disagreeing) == (1, 40)
    # A's $5: 10 and 40 parts; the other $3: 90 and 20 parts, $2.454545 and $0.545454, and one more where 0.45 < 0.55 is left.
    assert found.parts[A].shares == {("a", "x"): 1_000_000, ("b", "x"): 4_000_000}
    assert found.parts[None].shares == {("b", "x"): 2_454_545, (None, "x"): 545_455}
    assert found.parts[None].exact_shares == {
        ("b", "x"): Fraction(27_000_000, 11),
        (None, "x"): Fraction(6_000_000, 11),
    }


def test_owner_by_tag_is_covered_before_the_same_owner_by_principal():
    by_principal = ("a", "principal")
    found = tokens([(by_principal, 10, 3), (A, 10, 2), (B, 10, 1)], [("a", "x", 15, None)])
    assert {owner: part.matched for owner, part in found.parts.items()} == {A: 10, by_principal: 5, B: 0}
    assert found.remainders == {A: 0, by_principal: 1_500_000, B: 1_000_000}


def test_left_over_micro_dollars_go_by_fraction_then_by_name():
    one_token = [(feature, "x", 1, None) for feature in ("zeta", None, "alpha")]
    cost = Decimal("0.00001")
    assert tokens([(None, 3, cost)], one_token).shares == {("alpha", "x"): 4, (None, "x"): 3, ("zeta", "x"): 3}
    assert tokens([(None, 3, -cost)], one_token).shares == {("alpha", "x"): -4, (None, "x"): -3, ("zeta", "x"): -3}
    # 7.14 and 2.86
    assert tokens([(None, 7, cost)], [("a", "x", 5, None), ("b", "x", 2, None)]).shares == {
        ("a", "x"): 7,
        ("b", "x"): 3,
    }


def test_what_cannot_be_weighed_is_no_weight():
    found = tokens([(None, None, 10)], [("a", "x", 1_000_000, None)])
    assert (found.basis, found.shares, found.remainders) == ("cost", {}, {None: 10_000_000})
    assert (found.coverage, found.reason) == (0, "no_weight")
