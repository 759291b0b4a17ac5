"""A whole delivery, and one of the bundled sample's days, shifted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pytest

from ai_finops.demo.call_rows import read_calls
from ai_finops.demo.deliver import DeliveryReport, deliver
from ai_finops.demo.sample import load_sample
from ai_finops.errors import SampleError, SourceMissing
from tests.demo.hand_made import QUERY, RERANK_ROW, call, sample_of, support_chat


def test_a_day_is_delivered_to_all_three(clients, account, bodies):
    sample = sample_of(*support_chat(), call(1, "2025-02-03 10:00:00"), queries=(QUERY,), reranks=(RERANK_ROW,))
    report = deliver(sample, first=date(2025, 6, 2), last=date(2025, 6, 2), clients=clients, settings=account)
    assert report == DeliveryReport(
        object_count=1,
        span_count=5,
        trace_bytes=sum(map(len, bodies(account.traces_bucket).values())),
        billing_periods=("2025-06",),
        # Sonnet 4: 4 classes, Titan 1, rerank 1; then EC2 24 x 2 and S3 2 on 1 and 2 June, and the tax.
        line_item_count=6 + 48 + 2 + 1,
        metric_point_count=4 + 4 + 2,
    )


def test_two_deliveries_in_a_row_make_the_bill_of_one(clients, account, bodies):
    sample = sample_of(call(1, "2025-06-02 10:00:00"), call(2, "2025-06-03 10:00:00"))
    for day in (date(2025, 6, 2), date(2025, 6, 3)):
        deliver(sample, first=day, last=day, clients=clients, settings=account)
    by_day = bodies(account.billing_bucket)
    deliver(sample, first=date(2025, 6, 2), last=date(2025, 6, 3), clients=clients, settings=account)
    assert bodies(account.billing_bucket) == by_day


def test_the_bundled_sample_can_be_delivered_shifted_over_a_month_end(clients, account):
    shifted = load_sample(shift_days=21)
    days = (date(2025, 6, 30), date(2025, 7, 1))
    calls = pa.Table.from_pylist(
        [c._asdict() for c in read_calls(shifted.calls) if days[0] <= c.started_at.date() <= days[1]],
        schema=shifted.calls.schema,
    ).slice(0, 2000)
    report = deliver(replace(shifted, calls=calls), first=days[0], last=days[1], clients=clients, settings=account)
    assert report.billing_periods == ("2025-06", "2025-07")
    assert report.span_count > 1000


def test_missing_buckets_are_named(clients, settings):
    with pytest.raises(SourceMissing, match=settings.traces_bucket):
        deliver(
            sample_of(call(1, "2025-06-02 10:00:00")),
            first=date(2025, 6, 2),
            last=date(2025, 6, 2),
            clients=clients,
            settings=settings,
        )


@pytest.mark.parametrize(
    ("calls", "message"),
    [
        (pa.table({"call_number": [1]}), "have no column 'started_at'"),
        (sample_of().calls, "holds no calls"),
    ],
)
def test_unreadable_calls_are_named(clients, account, calls, message):
    sample = replace(sample_of(), calls=calls)
    with pytest.raises(SampleError, match=message):
        deliver(sample, first=date(2025, 6, 2), last=date(2025, 6, 2), clients=clients, settings=account)


def test_times_without_a_zone_are_refused():
    table = sample_of(call(1, "2025-06-02 10:00:00")).calls
    at = table.schema.get_field_index("started_at")
    naive = table.set_column(at, "started_at", table["started_at"].cast(pa.timestamp("us")))
    with pytest.raises(SampleError, match=r"started_at is not timestamp\[us, UTC\]"):
        read_calls(naive)


def test_landings_follow_the_calls_end():
    (row,) = read_calls(sample_of(call(14, "2025-06-02 11:00:00", delivery_count=2, landing_delay_s=60)).calls)
    first, second = row.landings()
    assert first == row.started_at + timedelta(seconds=62)
    assert second - first == timedelta(hours=3)
