"""The ways in which the message, or word of it, fails to get through and which a retry may mend."""

from __future__ import annotations

from ai_finops.errors import Fault, ReportError


class NotPosted(ReportError):
    """The message certainly did not get there; sending it again cannot make two."""

    fault = Fault.UNAVAILABLE
    reason: str | None = None
    """Slack's own word for it, such as `invalid_blocks`; None when Slack did not say one."""


class NotKnown(ReportError):
    """The message may be in the channel or not; the next run looks for it before it posts."""

    fault = Fault.UNAVAILABLE


class NotTold(ReportError):
    """The message is late, and nobody could be told of it yet."""

    fault = Fault.UNAVAILABLE
