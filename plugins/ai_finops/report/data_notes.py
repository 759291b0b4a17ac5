"""What is to be known of the week's data before anybody acts on it, in words; nothing where all is well. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby

from ai_finops.report.digest import WeeklyDigest
from ai_finops.report.review import FeedDay, WeeklyReview
from ai_finops.report.wording import counted, day_name, day_names, dollars, one_line, share

UNATTRIBUTED_SHARE = 0.05
"""Cost that belongs to no feature is mentioned above this share of the total."""
ESTIMATED_SHARE = 0.01
"""Cost without a bill is mentioned from this share of the total on: less would move no figure of the message."""
GAP_SHARE = 0.01
"""Calls without usage are mentioned above this share of the week's, or where some feature's cost is not known."""

_SAID_OF_FEEDS = {
    "empty": "came empty",
    "missing": "was not there to be read",
    "failed": "could not be read",
    "expired": "is past what its source keeps",
    "not_landed": "was not landed",
}


def data_notes(review: WeeklyReview) -> list[str]:
    """Return all that is to be said of the week's data."""
    return [*digest_notes(review.digest, call_count=review.call_count), *review_notes(review)]


def digest_notes(digest: WeeklyDigest, *, call_count: int = 0) -> Iterator[str]:
    """Yield what the digest holds of the data's gaps, each without a full stop.

    Calls without a price and records that were quarantined are said however few they are: somebody has to add the price, and
    nothing that was put aside vanishes.

    Args:
        call_count: Calls of the week; 0 where that is not known, and calls without usage are then said too.
    """
    missing_count = 7 - digest.covered_day_count
    if missing_count > 0:
        named = f" ({day_names(one_line(digest.missing_days))})" if digest.missing_days else ""
        yield f"{counted(missing_count, 'day')} of 7 missing{named}"
    if (digest.estimated_share_ratio or 0) >= ESTIMATED_SHARE:
        yield f"{share(digest.estimated_share_ratio)} of the total is estimated, its bill has not arrived"
    if (digest.unattributed_share_ratio or 0) > UNATTRIBUTED_SHARE:
        amount = dollars(digest.unattributed_cost_usd)
        yield f"{share(digest.unattributed_share_ratio)} of the total ({amount}) belongs to no feature"
    if digest.unpriced_call_count:
        yield f"{counted(digest.unpriced_call_count, 'call')} without a price"
    if digest.gap_call_count and (digest.gap_call_count > GAP_SHARE * call_count or digest.unknown_cost_feature_count):
        yield f"{counted(digest.gap_call_count, 'call')} without usage"
    if digest.quarantined_record_count:
        yield f"{counted(digest.quarantined_record_count, 'record')} quarantined"


def review_notes(review: WeeklyReview) -> list[str]:
    """Return what is to be said beside the digest: feeds that brought nothing, and a bill that may still grow."""
    notes = [
        f"feed {one_line(source)} {_SAID_OF_FEEDS.get(status, status)} ({_days(day.landing_date for day in days)})"
        for (source, status), days in groupby(sorted(review.feed_days, key=_by_feed), key=_by_feed)
    ]
    if review.unsettled_days:
        notes.append(f"the bill is not settled ({_days(review.unsettled_days)})")
    return notes


def _by_feed(day: FeedDay) -> tuple[str, str]:
    return day.source, day.status


def _days(days: Iterator[date] | tuple[date, ...]) -> str:
    return ", ".join(day_name(day) for day in sorted(days))
