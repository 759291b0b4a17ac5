"""Monday's message as text: what the digest supports, and in words what it does not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from ai_finops.report.data_notes import digest_notes
from ai_finops.report.digest import WeeklyDigest
from ai_finops.report.recommendation import recommend
from ai_finops.report.wording import (
    change,
    counted,
    day_name,
    dollars,
    inside_sentence,
    one_line,
    share,
    signed_dollars,
)

EXPLAINING_SHARE = 0.2
"""A driver is named as root cause when it explains more than this share of the change."""

_MOST_DETAIL_LENGTH = 400
_HORIZONS = {"7d": "over 7 days", "14d": "over 14 days", "month_end": "to month end"}
_DRIVERS = {
    "new_caller": ("new caller", "new caller"),
    "lost_caller": ("lost caller", "lost caller"),
    "new_prompt_version": ("a dearer prompt version", "a cheaper prompt version"),
    "volume": ("more calls", "fewer calls"),
    "model_mix": ("a dearer model mix", "a cheaper model mix"),
    "tokens_per_call": ("more tokens per call", "fewer tokens per call"),
    "cost_per_token": ("a higher cost per token", "a lower cost per token"),
    "untraced_usage": ("more usage without a trace", "less usage without a trace"),
    "unattributed_usage": (
        "more usage that no feature can be named for",
        "less usage that no feature can be named for",
    ),
    "cost_not_known": ("a cost not known in full", "a cost not known in full"),
}
_NAMED_BY_DETAIL = ("new_caller", "lost_caller", "new_prompt_version", "unattributed_usage", "cost_not_known")
"""Drivers whose detail says whose they are."""
_REUSED_BY = ", already used by "
_NO_NAMES: Mapping[str, str] = {}


def compose(
    digest: WeeklyDigest,
    *,
    names: Mapping[str, str] = _NO_NAMES,
    metrics: Sequence[str] = (),
    notes: Sequence[str] | None = None,
) -> str:
    """Return the message: one paragraph that ends in a decision, a line where a sprint had none, a line for each metric that
    is not healthy, and a line of data notes.

    The text is plain: nothing in it is escaped for Slack (`limits.escaped` does that).

    Args:
        names: Features' names for people, by id; one that is not there goes by its id.
        metrics: What `metric_lines.metric_lines` made.
        notes: What is to be said of the data, `data_notes.data_notes`; default: what the digest alone holds of it.
    """
    said = list(digest_notes(digest)) if notes is None else notes
    data = f"Data: {'; '.join(said)}." if said else ""
    return "\n".join(filter(None, (paragraph(digest, names=names), no_decision(digest), *metrics, data)))


def title(digest: WeeklyDigest) -> str:
    """Return what the message is called."""
    return f"AI Cost Weekly (Week of {day_name(digest.week_start_date)})"


def paragraph(digest: WeeklyDigest, *, names: Mapping[str, str] = _NO_NAMES) -> str:
    """Return the message's one paragraph; `names` as for `compose`."""
    clauses = [
        f"{title(digest)}: {_total(digest)}",
        _top_feature(digest),
        f"Root cause: {_root_cause(digest, names)}",
        _projection(digest),
        *recommend(digest),
    ]
    return " ".join(clauses)


def _total(digest: WeeklyDigest) -> str:
    amount = "not known" if digest.total_cost_usd is None else dollars(digest.total_cost_usd)
    if digest.not_compared_reason is not None:
        against = _not_compared(digest)
    elif digest.change_ratio is None:
        against = "nothing the week before"
    else:
        against = f"{change(digest.change_ratio)} WoW"
    return f"Total: {amount} ({against})."


def _not_compared(digest: WeeklyDigest) -> str:
    if digest.not_compared_reason == "no_earlier_week":
        return "no earlier week to compare with"
    if digest.not_compared_reason == "other_day_count":
        verb = "is" if digest.covered_day_count == 1 else "are"
        days = f"{counted(digest.covered_day_count, 'day')} of this week {verb} covered"
        return f"not compared: {days}, {digest.previous_covered_day_count} of the week before"
    weeks = (
        (digest.unknown_cost_call_count, "this week"),
        (digest.previous_unknown_cost_call_count, "the week before"),
    )
    calls = " and ".join(f"{counted(count, 'call')} {name}" for count, name in weeks if count)
    return f"not compared: {f'the cost of {calls}' if calls else 'what one of the weeks cost'} is not known"


def _top_feature(digest: WeeklyDigest) -> str:
    if digest.top_feature_id is None:
        return "No feature's cost is known." if digest.unknown_cost_feature_count else "No feature had any cost."
    name = one_line(digest.top_feature_name or digest.top_feature_id)
    return f"{name}: {dollars(digest.top_feature_cost_usd)} ({_top_share(digest)})."


def _top_share(digest: WeeklyDigest) -> str:
    if digest.top_feature_share_ratio is None:
        return "share not known"
    now = share(digest.top_feature_share_ratio)
    if digest.not_compared_reason is not None:
        return f"{now} of total"
    if digest.previous_top_feature_share_ratio is None:
        was_there = digest.previous_top_feature_call_count
        return (
            f"{now} of total, {'its cost the week before is not known' if was_there else 'not there the week before'}"
        )
    before = share(digest.previous_top_feature_share_ratio)
    if before == now:
        return f"{now} of total, as the week before"
    direction = "up" if digest.top_feature_share_ratio > digest.previous_top_feature_share_ratio else "down"
    return f"{now} of total, {direction} from {before}"


def _root_cause(digest: WeeklyDigest, names: Mapping[str, str]) -> str:
    if digest.not_compared_reason == "no_earlier_week":
        return "not known without an earlier week."
    if digest.not_compared_reason is not None:
        return "not known, as the weeks cannot be compared."
    if digest.main_driver is None:
        return _no_driver(digest)
    if digest.main_driver_share_ratio is None or digest.main_driver_share_ratio <= EXPLAINING_SHARE:
        return "no single driver explains more than a fifth of the change."
    rose, fell = _DRIVERS.get(digest.main_driver, (digest.main_driver, digest.main_driver))
    what = rose if digest.main_driver_cost_usd >= 0 else fell
    if digest.main_driver not in _NAMED_BY_DETAIL:
        what += f" in {_inside(digest.main_driver_feature_id, names)}"
    detail = f", {one_line(_detail(digest, names), most=_MOST_DETAIL_LENGTH)}" if digest.main_driver_detail else ""
    rest_usd = digest.total_cost_usd - digest.previous_total_cost_usd - digest.main_driver_cost_usd
    return (
        f"{what}{detail} ({signed_dollars(digest.main_driver_cost_usd)}; all else together {signed_dollars(rest_usd)})."
    )


def _detail(digest: WeeklyDigest, names: Mapping[str, str]) -> str:
    """Return the driver's detail with features by their names, at the places where `analyse.driver_words` puts one."""
    detail, caller = digest.main_driver_detail, f"{digest.main_driver_feature_id} calls pipeline "
    if digest.main_driver in _NAMED_BY_DETAIL and detail.startswith(caller):
        detail = f"{_inside(digest.main_driver_feature_id, names)} calls pipeline {detail[len(caller) :]}"
    if digest.main_driver == "new_caller" and _REUSED_BY in detail:
        of_whom, _, users = detail.rpartition(_REUSED_BY)
        detail = f"{of_whom}{_REUSED_BY}{' and '.join(_inside(each, names) for each in users.split(' and '))}"
    return detail


def _inside(feature_id: str, names: Mapping[str, str]) -> str:
    name = names.get(feature_id, feature_id)
    return one_line(name) if name == feature_id else inside_sentence(one_line(name))


def _no_driver(digest: WeeklyDigest) -> str:
    if digest.total_cost_usd != digest.previous_total_cost_usd:
        return "not known, no driver was computed for this week."
    if digest.risen_cost_usd:
        return f"the total did not change, its parts did, by {dollars(digest.risen_cost_usd)} each way."
    return "nothing changed."


def _projection(digest: WeeklyDigest) -> str:
    last_day = digest.week_start_date + timedelta(days=6)
    is_same_month = (digest.month_start_date.year, digest.month_start_date.month) == (last_day.year, last_day.month)
    label = "Projected month-end" if is_same_month else f"Projected month-end ({digest.month_start_date:%B})"
    if digest.projected_month_end_cost_usd is None:
        return f"{label}: {_no_projection(digest)}."
    notes = ["short history"] if digest.projection_status == "short_history" else []
    if digest.projection_missing_day_count:
        notes.append(
            f"without {counted(digest.projection_missing_day_count, 'day')} of the month that {_are_missing(digest)}"
        )
    if digest.projection_error_ratio is None:
        notes.append("error not yet measured")
    else:
        horizon = _HORIZONS.get(digest.projection_error_horizon, digest.projection_error_horizon)
        notes.append(f"off by {share(digest.projection_error_ratio)} {horizon} so far")
    return f"{label}: {dollars(digest.projected_month_end_cost_usd)} ({', '.join(notes)})."


def _are_missing(digest: WeeklyDigest) -> str:
    return "is missing" if digest.projection_missing_day_count == 1 else "are missing"


def _no_projection(digest: WeeklyDigest) -> str:
    if digest.projection_status == "insufficient_history":
        return "not enough days of known cost yet"
    if digest.projection_missing_day_count and not digest.month_unknown_cost_call_count:
        days = counted(digest.projection_missing_day_count, "day")
        return f"not known, {days} of the month {_are_missing(digest)}"
    if not digest.month_unknown_cost_call_count:
        return "not known, the month has no known cost yet"
    return f"not known, the cost of {counted(digest.month_unknown_cost_call_count, 'call')} of the month is not known"


def no_decision(digest: WeeklyDigest) -> str:
    """Return the line on the last sprint that ended, where it did so without a decision (seed optimization_decisions)."""
    if digest.undecided_sprint_start_date is None or digest.undecided_sprint_end_date is None:
        return ""
    first, last = day_name(digest.undecided_sprint_start_date), day_name(digest.undecided_sprint_end_date)
    return f"Decisions: no saving was decided on in the sprint from {first} to {last}."
