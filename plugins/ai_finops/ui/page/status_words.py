"""Which of four a status is shown as. A word that is in none of the lists is shown without a colour."""

from __future__ import annotations

_GOOD = frozenset(
    {
        *("healthy", "passed", "loaded", "final", "billed", "improving", "ok", "ready", "met", "shipped"),
        *("normal", "done", "applied", "measured", "within", "fresh"),
    }
)
_WATCH = frozenset(
    {
        *("watch", "partial", "estimated", "at_risk", "missing", "short_history", "provisional", "unknown", "mixed"),
        *("may_be_exceeded", "in_progress", "no_cost_known", "insufficient_history", "launch_date_passed"),
        *("empty", "passed_with_warnings"),
    }
)
_BAD = frozenset(
    {
        *("warning", "failed", "exceeded", "will_be_exceeded", "worsening", "broken", "stale", "late", "expired"),
        *("over", "missed", "spike", "step", "new_spend", "not landed"),
        *("behind", "never_landed", "not_passed", "unreadable"),
    }
)


def status_group(status: str) -> str:
    """Return `good`, `watch`, `bad` or `none`."""
    for group, words in (("good", _GOOD), ("watch", _WATCH), ("bad", _BAD)):
        if status in words:
            return group
    return "none"
