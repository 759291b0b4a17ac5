"""One line for each metric of the week that is not healthy, with its owner and action, the most serious first. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ai_finops.metric_units import name_of, slice_words, value_words
from ai_finops.report.metric_urgency import TOTAL, VERDICTS, not_healthy
from ai_finops.report.review import MetricRow
from ai_finops.report.wording import counted, inside_sentence, one_line

_MOST_NAMED = 3


def metric_lines(rows: Sequence[MetricRow], *, names: Mapping[str, str]) -> list[str]:
    """Return a line for each metric, owner and action of which a slice is not healthy, and one on what was not judged.

    A line tells the most serious slice with its value and bound, and names the features of the others. The row of all
    features together is told only where no feature has one.

    Args:
        rows: The week's.
        names: Features' names for people, by id; one that is not there goes by its id.
    """
    not_judged = sorted({row.metric_name for row in rows if row.status == "insufficient"})
    lines = [_line(group, names) for group in not_healthy(rows)]
    if not_judged:
        lines.append(
            f"Not judged, too few samples: {', '.join(inside_sentence(metric_title(name)) for name in not_judged)}"
        )
    return lines


def metric_title(metric_name: str) -> str:
    """Return a metric's name for people, on one line: `Calls by model tier` for `routing_mix_call_ratio`."""
    return one_line(name_of(metric_name))


def _line(group: Sequence[MetricRow], names: Mapping[str, str]) -> str:
    worst = group[0]
    others = dict.fromkeys(row.feature_id for row in group if row.feature_id != worst.feature_id)
    slices = f"{_slice(worst, names)}{_named([names.get(feature, feature) for feature in others])}"
    status = f"{worst.status}, {worst.verdict}" if worst.verdict in VERDICTS else worst.status
    action = f"{worst.owner or 'nobody'}: {worst.action or 'no action is named'}"
    return (
        f"{status.capitalize()}: {metric_title(worst.metric_name)}, {slices}. "
        f"{one_line(action[:1].upper() + action[1:], most=400)}."
    )


def _slice(row: MetricRow, names: Mapping[str, str]) -> str:
    where = "all features" if row.feature_id == TOTAL else one_line(names.get(row.feature_id, row.feature_id))
    words = one_line(slice_words(row.dimension))
    return f"{where}{', ' if words else ''}{words} at {value_words(row.metric_name, row.value)} ({_healthy(row)})"


def _healthy(row: MetricRow) -> str:
    bound = value_words(row.metric_name, row.healthy_bound)
    if row.healthy_lower_bound is not None:
        return f"healthy from {value_words(row.metric_name, row.healthy_lower_bound)} to {bound}"
    return f"healthy {'below' if row.healthy_bound < row.warning_bound else 'above'} {bound}"


def _named(features: Sequence[str]) -> str:
    if not features:
        return ""
    named = ", ".join(one_line(feature) for feature in features[:_MOST_NAMED])
    more = len(features) - _MOST_NAMED
    return f"; also {named}" + (f" and {counted(more, 'feature')} more" if more > 0 else "")
