"""The marts of `worked_days`, against numbers worked out by hand there."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tests.warehouse.tiny_lake import HAIKU_ID, SONNET_ID

MONDAY = date(2025, 6, 2)
WEDNESDAY = date(2025, 6, 4)


def usd(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.000001"))


def test_features_pay_their_traced_share_and_the_rest_is_unattributed(query):
    rows = query(
        "select feature_id, allocated_cost_usd, cost_status from marts.fct_daily_feature_costs where usage_date = ? order by 1",
        MONDAY,
    )
    # support_chat: 2/3 of $1.80, half of $1.50, Haiku $0.40, half of the searches $0.10.
    # unattributed: $1.20 input, $1.50 batch, $2.00 of a model nobody knows, $0.10 searches.
    assert rows == [
        ("alpha", usd("0.000004"), "billed"),
        ("document_summarization", usd("1.35"), "billed"),
        ("support_chat", usd("2.45"), "billed"),
        ("ticket_triage", usd("0.000003"), "billed"),
        ("unattributed", usd("4.80"), "billed"),
        ("zeta", usd("0.000003"), "billed"),
    ]


def test_day_with_a_bill_and_no_traces_is_all_unattributed(query):
    rows = query(
        """select feature_id, allocated_cost_usd, request_count
        from marts.fct_daily_feature_costs where usage_date = '2025-06-03'"""
    )
    assert rows == [("unattributed", usd("3"), 0)]


def test_day_with_traces_and_no_bill_is_estimated(query):
    rows = query(
        """select feature_id, cost_status, request_count, estimated_cost_usd, allocated_cost_usd
        from marts.fct_daily_feature_costs where usage_date = ? order by 1""",
        WEDNESDAY,
    )
    # Sonnet $3.00 and Haiku $0.20; the mystery model counts as a request and costs nobody knows what.
    assert rows == [
        ("support_chat", "estimated", 3, usd("3.2"), usd("3.2")),
        ("unattributed", "estimated", 1, usd("0.2"), usd("0.2")),
    ]


def test_cells_cover_at_most_what_was_billed(query):
    rows = query(
        """select model_id, token_class, processing, billed_tokens, traced_tokens, billed_cost_usd, allocated_cost_usd,
            unattributed_cost_usd, coverage_pct, coverage_basis, error_pct
        from marts.fct_daily_reconciliations
        where usage_date = ? and model_id in (?, 'cohere.rerank-v3-5:0') order by 1, 2, 3""",
        MONDAY,
        SONNET_ID,
    )
    assert rows == [
        (SONNET_ID, "output", "on_demand", 100_000, 120_000, usd("1.5"), usd("1.5"), usd("0"), 100, "tokens", 20),
        (SONNET_ID, "uncached_input", "batch", 1_000_000, 0, usd("1.5"), usd("0"), usd("1.5"), 0, "tokens", None),
        (
            SONNET_ID,
            "uncached_input",
            "on_demand",
            1_000_000,
            600_000,
            usd("3"),
            usd("1.8"),
            usd("1.2"),
            60,
            "tokens",
            0,
        ),
        (
            "cohere.rerank-v3-5:0",
            "search_unit",
            "on_demand",
            0,
            0,
            usd("0.2"),
            usd("0.1"),
            usd("0.1"),
            50,
            "search_units",
            0,
        ),
    ]


def test_what_rounding_took_from_a_cell_is_kept(query):
    rows = query(
        """select billed_cost_usd, rounding_cost_usd from marts.fct_daily_reconciliations
        where usage_date = ? and model_id = 'amazon.nova-lite-v1:0'""",
        MONDAY,
    )
    # $0.0000066 + $0.0000034003 on the bill.
    assert rows == [(usd("0.00001"), Decimal("0.000000000300"))]


def test_other_charges_are_rows_of_their_own(query):
    rows = query(
        """select charge_category, feature_id, attribution, allocated_cost_usd from marts.fct_daily_allocated_costs
        where charge_category != 'usage' order by 1"""
    )
    # The guardrail is AI cost without tokens. EC2 is not about AI and nowhere.
    assert rows == [
        ("credit", "not_allocated", "not_a_usage_charge", usd("-1")),
        ("other", "not_allocated", "not_a_usage_charge", usd("0.15")),
        ("tax", "not_allocated", "not_a_usage_charge", usd("0.5")),
    ]


def test_bill_is_met_to_the_micro_dollar(query):
    (total,) = query("select sum(allocated_cost_usd) from marts.fct_daily_allocated_costs where cost_status = 'billed'")
    # Monday 8.60001 of usage, -1 + 0.15 + 0.50 beside it; Tuesday 3; the Monday after 6.
    assert total == (usd("17.25001"),)


def test_unattributed_usage_says_why(query):
    rows = query(
        """select unattributed_reason, sum(allocated_cost_usd), sum(input_tokens) from marts.fct_daily_allocated_costs
        where feature_id = 'unattributed' and usage_date in ('2025-06-02', '2025-06-04') group by 1 order by 1"""
    )
    # no_trace: 400,000 of Sonnet's input and the million of batch; the searches have no tokens.
    assert rows == [
        ("no_feature", usd("0.2"), 250_000),
        ("no_trace", usd("2.8"), 1_400_000),
        ("unknown_model", usd("2"), 1_000_000),
    ]


def test_one_call_once_on_the_day_it_happened(query):
    rows = query(
        """select span_id, usage_date, uncached_input_tokens, feature_id
        from marts.fct_llm_calls where usage_date = ? order by 1""",
        WEDNESDAY,
    )
    # g in its second, whole delivery; h once for two libraries, the span with a feature; i landed a day late; k is of tomorrow.
    assert rows == [
        ("g", WEDNESDAY, 1_000_000, "support_chat"),
        ("h2", WEDNESDAY, 250_000, "support_chat"),
        ("i", WEDNESDAY, 250_000, "unattributed"),
        ("j", WEDNESDAY, 10, "support_chat"),
    ]
    assert query("select count(*) from marts.fct_llm_calls where span_id in ('w', 'k')") == [(0,)]


def test_calls_without_a_cost_are_listed_with_their_reason(query):
    rows = query(
        "select request_model, cost_reason, call_count, input_tokens from marts.fct_daily_unpriced_usage order by 1"
    )
    assert rows == [("amazon.nova-lite-v1:0", "no_usage", 1, 0), ("us.acme.mystery-1-v1:0", "unknown_model", 1, 10)]
    costs = query("select estimated_cost_usd from marts.fct_llm_calls where cost_reason is not null")
    assert costs == [(None,), (None,)]


def test_cost_of_a_call_carries_catalog_and_version(query):
    rows = query(
        "select distinct price_catalog, price_catalog_version from marts.fct_llm_calls where model_id = ?", HAIKU_ID
    )
    assert rows == [("genai-prices", "0.2.3")]


def test_outcomes_are_kept_as_landed(query):
    rows = query(
        "select status, quarantined_count, error from marts.fct_daily_extract_outcomes where landing_date = '2025-06-06'"
    )
    assert rows == [("failed", 2, "refused")]
