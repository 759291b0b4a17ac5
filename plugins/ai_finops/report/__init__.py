"""Monday's message: load the week's review, compose text, picture and blocks, keep them, send them once."""

from ai_finops.report.alerting import alert
from ai_finops.report.deadline import check_deadline, find_overdue
from ai_finops.report.deliver import deliver, read_edition, write_review
from ai_finops.report.digest import WeeklyDigest, last_complete_week, load, published_as_of
from ai_finops.report.failures import NotKnown, NotPosted, NotTold
from ai_finops.report.message import compose

__all__ = [
    "NotKnown",
    "NotPosted",
    "NotTold",
    "WeeklyDigest",
    "alert",
    "check_deadline",
    "compose",
    "deliver",
    "find_overdue",
    "last_complete_week",
    "load",
    "published_as_of",
    "read_edition",
    "write_review",
]
