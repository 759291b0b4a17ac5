"""Monday's message: load the week's digest, compose the text, keep it, post it once."""

from ai_finops.report.deliver import deliver, write_review
from ai_finops.report.digest import WeeklyDigest, last_complete_week, load, published_as_of
from ai_finops.report.message import compose
from ai_finops.report.slack import NotPosted

__all__ = [
    "NotPosted",
    "WeeklyDigest",
    "compose",
    "deliver",
    "last_complete_week",
    "load",
    "published_as_of",
    "write_review",
]
