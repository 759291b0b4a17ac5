"""Decisions held against labels, worked by hand."""

from math import sqrt

import pytest

from ai_finops.analyse.binary_agreement import BinaryAgreement, compare


def test_counts_by_hand():
    decisions = [True, True, False, False, False]
    assert compare(decisions, labels=[True, False, True, False, False]) == BinaryAgreement(1, 1, 1, 2)


def test_measures_by_hand():
    measured = BinaryAgreement(20, 5, 10, 15)
    assert measured.labelled_count == 50
    assert measured.agreement_ratio == 0.7
    assert measured.precision_ratio == 0.8
    assert measured.recall_ratio == pytest.approx(2 / 3)
    # By chance: 25/50 * 30/50 + 25/50 * 20/50 = 0.5.
    assert measured.kappa == pytest.approx(0.4)
    half = 1.959964 * sqrt(0.7 * 0.3 / 50) / 0.5
    assert measured.kappa_interval == pytest.approx((0.4 - half, 0.4 + half))
    low, high = measured.agreement_interval
    assert low < 0.7 < high


def test_full_agreement_has_no_wider_interval_than_one():
    measured = BinaryAgreement(3, 0, 0, 3)
    assert measured.kappa_interval == (1.0, 1.0)


def test_lists_of_two_lengths_are_refused():
    with pytest.raises(ValueError, match="zip"):
        compare([True], labels=[])
