"""What a restatement changed adds up to what the totals differ by, whatever the rows are."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.finance.changes import Change, costs_by_feature, from_plain, list_changes, to_plain, total

KEY = ("aws.bedrock", "111122223333", "chat", "usage")
MONEY = st.decimals(min_value=-(10**9), max_value=10**9, places=6)
COSTS = st.dictionaries(
    st.tuples(st.just("p"), st.sampled_from("ab"), st.text(max_size=2), st.sampled_from(("usage", "tax"))),
    st.none() | MONEY,
    max_size=8,
)


def row(cost: str | None, feature_id: str = "chat") -> dict:
    cost_usd = None if cost is None else Decimal(cost)
    key = dict(zip(("provider_name", "billing_account_id", "feature_id", "charge_category"), KEY, strict=True))
    return key | {"feature_id": feature_id, "allocated_cost_usd": cost_usd}


def test_rows_of_a_feature_are_summed_and_unknown_stays_unknown():
    rows = [row("1.5"), row(None), row("2.5"), row(None, "search")]
    assert costs_by_feature(rows) == {KEY: Decimal("4.0"), (*KEY[:2], "search", "usage"): None}


def test_what_is_the_same_is_not_listed():
    assert list_changes({KEY: Decimal("1.0")}, {KEY: Decimal("1.00")}) == []
    assert list_changes({KEY: None}, {KEY: None}) == []


def test_a_feature_that_came_or_went_is_listed():
    gone, came = KEY, (*KEY[:2], "search", "usage")
    changes = list_changes({gone: Decimal(3)}, {came: Decimal(2)})
    assert changes == [Change(gone, Decimal(3), None), Change(came, None, Decimal(2))]
    assert [each.difference_usd for each in changes] == [Decimal(-3), Decimal(2)]


def test_a_cost_that_became_known_is_listed():
    (change,) = list_changes({KEY: None}, {KEY: Decimal(0)})
    assert (change.before_usd, change.after_usd, change.difference_usd) == (None, Decimal(0), Decimal(0))


@settings(deadline=None, max_examples=60)
@given(before=COSTS, after=COSTS)
def test_the_differences_add_up_to_that_of_the_totals(before, after):
    listed = sum((each.difference_usd for each in list_changes(before, after)), start=Decimal(0))
    assert listed == total(after) - total(before)


@settings(deadline=None, max_examples=40)
@given(costs=COSTS)
def test_a_manifest_keeps_costs_to_the_last_digit(costs):
    assert from_plain(to_plain(costs)) == costs
