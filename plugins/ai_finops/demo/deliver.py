"""Put the sample into an account as its services, its bill and its metrics would have: what landed on a range of days.

    create_account(clients, settings)
    deliver(sample, first=date(2025, 6, 2), last=date(2025, 6, 14), clients=clients, settings=settings)
    deliver(sample, first=date(2025, 6, 15), last=date(2025, 6, 15), clients=clients, settings=settings)

Time comes from the sample alone, so a sample shifted by any number of days is delivered the same way; a range that crosses
months fills several billing periods. Traces and bill can be delivered again; metrics add up, so each day goes in once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ai_finops.config import Settings
from ai_finops.demo.account import Clients, create_account
from ai_finops.demo.call_rows import SampleTables, read_calls
from ai_finops.demo.deliver_billing import deliver_billing
from ai_finops.demo.deliver_cloudwatch import deliver_cloudwatch
from ai_finops.demo.deliver_traces import deliver_traces

__all__ = ["DeliveryReport", "create_account", "deliver"]


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one delivery put into the account."""

    object_count: int
    """Trace objects."""
    span_count: int
    """Spans in them, repeats included; the broken object's is not counted."""
    trace_bytes: int
    billing_periods: tuple[str, ...]
    line_item_count: int
    metric_point_count: int
    """Statistic sets put into CloudWatch."""


def deliver(sample: SampleTables, *, first: date, last: date, clients: Clients, settings: Settings) -> DeliveryReport:
    """Put everything that landed from `first` to `last`, both included, into S3 and CloudWatch.

    Traces are those that reached the collector on these days, late and repeated ones among them. The bill is that of the end
    of `last`: each billing period of the range is overwritten with all usage up to it. Metrics are of calls that began in the
    range.

    Args:
        sample: The sample's tables.
        first, last: Landing days, UTC.
        clients: boto3 clients `s3` and `cloudwatch`.
        settings: Names of buckets and prefixes.
    Raises:
        SampleError: A table lacks a column, or a call's model cannot be billed.
        SourceMissing: A bucket does not exist.
        SourceForbidden, SourceUnavailable: A service refused, or did not answer.
    """
    calls = read_calls(sample.calls)
    object_count, span_count, trace_bytes = deliver_traces(
        sample, calls, first=first, last=last, s3=clients["s3"], settings=settings
    )
    periods, line_item_count = deliver_billing(calls, first=first, last=last, s3=clients["s3"], settings=settings)
    return DeliveryReport(
        object_count=object_count,
        span_count=span_count,
        trace_bytes=trace_bytes,
        billing_periods=periods,
        line_item_count=line_item_count,
        metric_point_count=deliver_cloudwatch(calls, first=first, last=last, cloudwatch=clients["cloudwatch"]),
    )
