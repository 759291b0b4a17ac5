"""Records that were set aside: how large their share may be before somebody is told."""

from __future__ import annotations

from ai_finops.quality.trailing import first_watched

LARGEST_QUARANTINED_RATIO = 0.05
SMALLEST_QUARANTINED_COUNT = 5
"""A handful is told of in the weekly message all the same."""

_OFF = """
select string_agg(
    format('{{}} {{}}: {{}} of {{}} records set aside', landing_date, source, quarantined_count, read_count),
    '; ' order by landing_date, source
)
from marts.fct_daily_extract_outcomes
where
    landing_date >= {first_watched} and landing_date < $as_of_date
    and quarantined_count >= {smallest_count} and quarantined_count > {largest_ratio} * read_count
"""


def quarantined_share_off() -> str:
    """Return the query for landings of the newest days of which more than a twentieth was set aside."""
    return _OFF.format(
        first_watched=first_watched("marts.fct_daily_extract_outcomes", day="landing_date"),
        smallest_count=SMALLEST_QUARANTINED_COUNT,
        largest_ratio=LARGEST_QUARANTINED_RATIO,
    )
