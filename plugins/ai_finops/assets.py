"""The assets that tie the DAGs together; every event carries a day, `YYYY-MM-DD`, as its partition key."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_

from airflow.sdk import Asset
from airflow.sdk.definitions.asset import BaseAsset

RAW_TRACES = Asset("raw_traces")
"""The day's trace objects are in the lake, or the outcome says why not. `extract_traces` → `build_marts`."""

RAW_BILLING = Asset("raw_billing")
"""What each enabled billing-side source states that day, or why it does not. `extract_billing` → `build_marts`."""

RAW_CLOUDWATCH = Asset("raw_cloudwatch")
"""The day's metric points and, again, those of the two days before. `extract_cloudwatch` → `build_marts`."""

PUBLISHED_MARTS = Asset("published_marts")
"""Validated marts that hold the day are current. `build_marts`, `load_history` → `report_weekly`."""

RAW_BY_FEED = {"traces": RAW_TRACES, "billing": RAW_BILLING, "cloudwatch": RAW_CLOUDWATCH}


def raw_assets_of(feeds: Iterable[str]) -> BaseAsset:
    """Return the condition "every one of these feeds has reported its day"."""
    return reduce(and_, (RAW_BY_FEED[feed] for feed in feeds))
