"""Routing by task type, priced by hand.

One day of `calls` is 100 calls with 1,000,000 input and 100,000 output tokens: on Sonnet at 3 and 15 dollars a million
$4.50, on Haiku at 0.8 and 4 dollars $1.20. Seven days: 31.50 and 8.40. A month is 365/12/7 = 4.345238 weeks: 136.875
and 36.50, a difference of 100.375.
"""

from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from ai_finops.analyse import savings
from ai_finops.analyse.schemas import SAVINGS

AS_OF = date(2025, 6, 16)
SONNET, HAIKU, NOVA = "anthropic.sonnet", "anthropic.haiku", "amazon.nova"
PRICES = {SONNET: ("3", "15"), HAIKU: ("0.8", "4"), NOVA: ("0.06", "0.24")}

CALLS = pa.schema(
    [("usage_date", pa.date32())]
    + [
        (name, pa.string())
        for name in (
            "feature_id",
            "task_type",
            "provider_name",
            "model_id",
            "model_tier",
            "region_scope",
            "processing",
        )
    ]
    + [
        (f"{name}_tokens", pa.int64())
        for name in ("uncached_input", "cache_read_input", "cache_write_5m_input", "cache_write_1h_input", "output")
    ]
    + [("estimated_cost_usd", pa.decimal128(38, 12)), ("is_generating", pa.bool_())]
)


def calls(*, feature="docs", days=7, count=100, cost="4.50", first=date(2025, 6, 9), **more):
    """`count` calls a day that together use a million input and 100,000 output tokens."""
    share = Decimal(cost) / count if cost is not None else None
    row = {
        "feature_id": feature,
        "task_type": "summarization",
        "is_generating": True,
        "provider_name": "aws.bedrock",
        "model_id": SONNET,
        "model_tier": "expensive",
        "region_scope": "regional",
        "processing": "on_demand",
        "uncached_input_tokens": 1_000_000 // count,
        "cache_read_input_tokens": 0,
        "cache_write_5m_input_tokens": 0,
        "cache_write_1h_input_tokens": 0,
        "output_tokens": 100_000 // count,
        "estimated_cost_usd": share,
    } | more
    return [row | {"usage_date": first + timedelta(days=day)} for day in range(days) for _ in range(count)]


def prices(table=None):
    rows = [
        {
            "provider_name": "aws.bedrock",
            "model_id": model,
            "token_class": token_class,
            "region_scope": "any",
            "processing": "on_demand",
            "threshold_tokens": 0,
            "valid_from": date(2025, 1, 1),
            "valid_to": None,
            "price_usd_per_mtok": Decimal(price),
            "is_inherited": False,
        }
        for model, pair in (PRICES if table is None else table).items()
        for token_class, price in zip(("uncached_input", "output"), pair, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=pa.schema(
        [(n, pa.string()) for n in ("provider_name", "model_id", "token_class", "region_scope", "processing")]
        + [("threshold_tokens", pa.int64()), ("valid_from", pa.date32()), ("valid_to", pa.date32())]
        + [("price_usd_per_mtok", pa.decimal128(38, 12)), ("is_inherited", pa.bool_())]
    ))  # fmt: skip


def target(model=HAIKU, *, task_type="summarization", limit=0.8, min_samples=50):
    return {
        "task_type": task_type,
        "target_model_id": model,
        "min_agreement_ratio": limit,
        "min_samples": min_samples,
        "effort": "small",
        "source": "",
    }


def shadow(no_worse, of, *, task_type="summarization", candidate=HAIKU, day=10):
    """Comparisons, of which the first `no_worse` were right."""
    return [
        {
            "task_type": task_type,
            "baseline_model_id": SONNET,
            "candidate_model_id": candidate,
            "is_no_worse": number < no_worse,
            "made_date": date(2025, 6, day),
        }
        for number in range(of)
    ]


COMPARISONS = pa.schema(
    [(name, pa.string()) for name in ("task_type", "baseline_model_id", "candidate_model_id")]
    + [("is_no_worse", pa.bool_()), ("made_date", pa.date32())]
)
TARGETS = pa.schema(
    [(name, pa.string()) for name in ("task_type", "target_model_id", "effort", "source")]
    + [("min_agreement_ratio", pa.float64()), ("min_samples", pa.int64())]
)


def find(rows, *, targets=(), shadows=(), as_of_dates=(AS_OF,), price_table=None):
    features = pa.table({"feature_id": ["docs", "ownerless"], "owner": ["dana@example.com", None]})
    return savings.find(
        pa.Table.from_pylist(rows, schema=CALLS),
        prices=prices(price_table),
        routing_targets=pa.Table.from_pylist(list(targets or [target()]), schema=TARGETS),
        comparisons=pa.Table.from_pylist(list(shadows), schema=COMPARISONS),
        features=features,
        as_of_dates=as_of_dates,
    )


def only(*args, **options):
    (row,) = find(*args, **options).to_pylist()
    return row


def test_saving_on_the_same_tokens_scaled_by_the_interval():
    row = only(calls(), shadows=shadow(90, 100))
    assert row["current_cost_usd_per_month"] == Decimal("136.875")
    assert row["target_cost_usd_per_month"] == Decimal("36.5")
    # 100.375 * 0.9; the Wilson interval of 90 in 100 is 0.825634 to 0.944771.
    assert row["saving_usd_per_month"] == Decimal("90.3375")
    assert float(row["low_saving_usd_per_month"]) == pytest.approx(100.375 * 0.825634, abs=1e-3)
    assert float(row["high_saving_usd_per_month"]) == pytest.approx(100.375 * 0.944771, abs=1e-3)
    assert (row["agreement_ratio"], row["agreement_sample_count"]) == (0.9, 100)
    assert (row["status"], row["reason"], row["missing_evidence"], row["rank"]) == ("open", None, None, 1)
    assert (row["owner"], row["effort"]) == ("dana@example.com", "small")
    assert row["opportunity_id"] == f"routing_by_task_type:docs:summarization:{SONNET}:{HAIKU}"
    assert row["evidence"] == (
        "700 calls on 7 of the trailing 7 days, same tokens at list prices, times 365/12/7 for a month; "
        "no worse in 90 of 100 shadow comparisons (90.0%, 95 % interval 82.6% to 94.5%)"
    )


def test_without_shadow_rows_the_evidence_is_missing_and_said():
    row = only(calls())
    assert (row["agreement_ratio"], row["agreement_sample_count"], row["status"]) == (None, 0, "open")
    assert row["saving_usd_per_month"] == row["high_saving_usd_per_month"] == Decimal("100.375")
    assert row["low_saving_usd_per_month"] == 0
    assert row["missing_evidence"] == (
        "no shadow comparison of these two models on this task type: quality is not known"
    )


def test_a_measured_saving_ranks_above_a_larger_one_without_evidence():
    rows = calls(count=10) + calls(feature="chat", count=10, task_type="chat", cost="450.00")
    table = find(rows, targets=[target(), target(task_type="chat")], shadows=shadow(90, 100)).to_pylist()
    assert [(row["rank"], row["feature_id"]) for row in table] == [(1, "docs"), (2, "chat")]
    assert table[1]["saving_usd_per_month"] > table[0]["saving_usd_per_month"]


@pytest.mark.parametrize(("sample_count", "missing"), [(49, "49 of the 50 shadow comparisons wanted"), (50, None)])
def test_fewer_comparisons_than_wanted_are_missing_evidence(sample_count, missing):
    row = only(calls(), shadows=shadow(sample_count, sample_count))
    assert (row["missing_evidence"], row["status"]) == (missing, "open")


def test_too_few_comparisons_do_not_reject():
    assert only(calls(), shadows=shadow(10, 20))["status"] == "open"


def test_agreement_is_rejected_just_below_the_limit():
    # The low end for 90 in 100 is 0.825634.
    just_met = only(calls(), shadows=shadow(90, 100), targets=[target(limit=0.8256)])
    missed = only(calls(), shadows=shadow(90, 100), targets=[target(limit=0.8257)])
    assert (just_met["status"], missed["status"]) == ("open", "rejected")
    assert missed["reason"] == "no worse in 82.6% of comparisons at least, wanted are 82.6%"


def test_a_dearer_target_is_rejected():
    # Haiku at 4 and 20 dollars: 6 a day, 42 a week.
    row = only(calls(), shadows=shadow(100, 100), price_table=PRICES | {HAIKU: ("4", "20")})
    assert (row["status"], row["reason"]) == (
        "rejected",
        "the target is not cheaper: $42.00 against $31.50 a week on the same tokens",
    )
    # 31.5 - 42 = -10.5 a week, -45.625 a month; the interval of 100 in 100 reaches from 0.963 to 1.
    assert row["saving_usd_per_month"] == row["low_saving_usd_per_month"] == Decimal("-45.625")
    assert row["high_saving_usd_per_month"] > row["low_saving_usd_per_month"]


def test_an_equally_dear_target_is_rejected():
    row = only(calls(), price_table=PRICES | {HAIKU: ("3", "15")})
    assert (row["status"], row["reason"].split(":")[0]) == ("rejected", "the target is not cheaper")


def test_a_target_without_a_price_is_rejected():
    row = only(calls(), price_table={SONNET: PRICES[SONNET]})
    assert (row["status"], row["reason"]) == ("rejected", "the target has no price for tokens these calls used")
    assert row["target_cost_usd_per_month"] is None
    assert row["saving_usd_per_month"] == 0


def test_a_cache_class_without_a_price_is_missing_evidence():
    # 500,000 of the input written to the cache; at the target it costs 0.8 a million like other input.
    rows = calls(count=10, uncached_input_tokens=50_000, cache_write_5m_input_tokens=50_000)
    row = only(rows, shadows=shadow(90, 100))
    assert row["target_cost_usd_per_month"] == Decimal("36.5")
    assert (
        row["missing_evidence"] == "the target has no price of its own for cache_write_5m_input: taken as other input"
    )
    assert row["status"] == "open"


@pytest.mark.parametrize(
    ("cost", "status"),
    # A month of (7 * cost - 8.4) * 4.345238 dollars: 0.9999… and 1.0003…
    [("1.232876", "rejected"), ("1.232890", "open")],
)
def test_a_saving_below_a_dollar_is_not_open(cost, status):
    row = only(calls(count=1, cost=cost))
    assert row["status"] == status
    assert (row["reason"] == "saves less than $1 a month") == (status == "rejected")


def test_only_the_trailing_seven_days_count():
    row = only(calls(first=date(2025, 6, 8), days=9, count=10))
    assert row["current_cost_usd_per_month"] == Decimal("136.875")


def test_missing_days_are_named_and_not_made_up():
    row = only(calls(days=5))
    assert row["current_cost_usd_per_month"] == Decimal("97.767857")
    assert row["evidence"].startswith("500 calls on 5 of the trailing 7 days")


@pytest.mark.parametrize(
    "more",
    [
        {"model_tier": "mid"},
        {"model_tier": None},
        {"is_generating": False},
        {"task_type": "chat"},
        {"task_type": None},
        {"model_id": HAIKU},
        {"feature": None},
        {"feature": "unattributed"},
        {"cost": None},
    ],
)
def test_other_calls_are_no_opportunity(more):
    assert find(calls(**more)).num_rows == 0


def test_calls_without_a_cost_are_left_out_of_both_sides():
    row = only(calls(count=10) + calls(count=10, cost=None, model_id=SONNET))
    assert (row["current_cost_usd_per_month"], row["target_cost_usd_per_month"]) == (
        Decimal("136.875"),
        Decimal("36.5"),
    )


def test_comparisons_of_other_models_and_tasks_are_no_evidence():
    others = shadow(90, 100, candidate=NOVA) + shadow(90, 100, task_type="chat")
    assert only(calls(), shadows=others)["agreement_sample_count"] == 0


def test_each_date_sees_only_what_was_before_it():
    rows = calls(days=14, first=date(2025, 6, 2), count=10)
    shadows = shadow(90, 100, day=10)
    table = find(rows, shadows=shadows, as_of_dates=[AS_OF, date(2025, 6, 9)]).to_pylist()
    assert [(row["as_of_date"], row["agreement_sample_count"], row["rank"]) for row in table] == [
        (date(2025, 6, 9), 0, 1),
        (AS_OF, 100, 1),
    ]


def test_of_two_open_targets_for_the_same_calls_only_the_better_stays_open():
    # Nova at 0.06 and 0.24 dollars saves more, but only Haiku was compared.
    table = find(calls(count=10), targets=[target(), target(NOVA)], shadows=shadow(90, 100)).to_pylist()
    assert [(row["target_model_id"], row["status"], row["rank"]) for row in table] == [
        (HAIKU, "open", 1),
        (NOVA, "rejected", 2),
    ]
    assert table[1]["reason"] == f"{HAIKU} is the better target for the same calls"


def test_a_rejected_target_does_not_stand_in_the_way_of_another():
    table = find(calls(count=10), targets=[target(limit=0.99), target(NOVA)], shadows=shadow(90, 100)).to_pylist()
    assert [(row["target_model_id"], row["status"]) for row in table] == [(NOVA, "open"), (HAIKU, "rejected")]


def test_rejected_rows_come_last():
    rows = calls(count=10) + calls(feature="ownerless", count=10, task_type="chat")
    table = find(rows, targets=[target(), target("unpriced", task_type="chat")]).to_pylist()
    assert [(row["rank"], row["status"], row["owner"]) for row in table] == [
        (1, "open", "dana@example.com"),
        (2, "rejected", "nobody named"),
    ]


def test_no_calls_give_a_typed_empty_table():
    result = find([])
    assert (result.schema, result.num_rows) == (SAVINGS, 0)
