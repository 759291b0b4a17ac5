"""The message's picture: cost by feature over the last weeks, and the month's end with its band, as PNG.

1,600 × 800 pixels, which Slack shows at half that on a desk and at 360 pixels on a phone; so letters are large, features
are named beside the last bar and not in a legend, and the colours (Okabe and Ito's) differ for colour-blind eyes too.
"""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING, Any

from ai_finops.report.review import BAND, MonthProjection
from ai_finops.report.spend_series import OTHERS, Layer, SpendSeries, week_note
from ai_finops.report.wording import short_dollars as _short
from ai_finops.report.wording import shortest_dollars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
_OTHERS_COLOUR, _NOBODYS_COLOUR, _INK, _PALE = "#B3B3B3", "#5A5F66", "#222222", "#666666"
_LETTERS, _SMALL, _SMALLEST = 15, 13, 12
_DOTS_PER_INCH, _SIZE_INCHES = 160, (10, 5)
_LEAST_SLOTS = 4
"""Fewer bars than these are no wider."""
_MOST_NAMES_ON_A_LINE = 4
_LABELS_SHARE = 0.43
"""Of the weeks' width, for what is written beside the last bar."""
_LEAST_LABEL_GAP = 0.085
"""Of the axis' height, between the middles of two labels."""


def draw(series: SpendSeries) -> bytes:
    """Return the picture as PNG; the same series gives the same bytes.

    Uses no state of matplotlib's that threads share.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, facecolor="white")
    FigureCanvasAgg(figure)
    weeks, month = figure.subplots(1, 2, width_ratios=(2.9, 1))
    figure.subplots_adjust(left=0.02, right=0.985, top=0.9, bottom=0.11, wspace=0.04)
    _draw_weeks(weeks, series)
    _draw_month(month, series.month)
    image = BytesIO()
    figure.savefig(image, format="png", metadata={"Software": None})
    return image.getvalue()


def _draw_weeks(axes: Axes, series: SpendSeries) -> None:
    bottoms = [0.0] * len(series.weeks)
    middles = []
    for layer, colour in zip(series.layers, _colours(series), strict=True):
        heights = [float(cost or 0) for cost in layer.costs_usd]
        axes.bar(range(len(heights)), heights, bottom=bottoms, color=colour, width=0.72, edgecolor="white", linewidth=1)
        if layer.costs_usd[-1] is not None:
            middles.append((bottoms[-1] + heights[-1] / 2, layer, colour))
        bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    top = max([1.12 * height for height in bottoms] + [0.01])
    axes.set_ylim(0, top)
    slots = max(len(series.weeks), _LEAST_SLOTS)
    room = slots * _LABELS_SHARE / (1 - _LABELS_SHARE)
    axes.set_xlim(len(series.weeks) - slots - 0.5, len(series.weeks) - 0.5 + room)
    for place, total in enumerate(series.totals_usd):
        amount = "not\nknown" if total is None else shortest_dollars(total)
        _write(
            axes, place, bottoms[place] + top * 0.015, amount, ha="center", va="bottom", fontsize=_SMALLEST, color=_INK
        )
    _label_layers(axes, middles, place=len(series.weeks) - 0.62, room=room, top=top)
    axes.set_xticks(range(len(series.weeks)), _week_names(series))
    _finish(axes, "AI cost by week and feature" + (" (* not whole)" if _is_part(series) else ""))


def _label_layers(
    axes: Axes, middles: list[tuple[float, Layer, str]], *, place: float, room: float, top: float
) -> None:
    """Write each layer's name and last cost beside its bar, moved apart where layers are thin."""
    heights = _spread([middle for middle, *_ in middles], gap=_LEAST_LABEL_GAP * top, top=top)
    for height, (middle, layer, colour) in zip(heights, middles, strict=True):
        axes.plot([place, place + 0.05 * room], [middle, height], color=colour, linewidth=1.5)
        text = f"{_short(layer.costs_usd[-1] or Decimal(0))} {layer.name}"
        _write(axes, place + 0.065 * room, height, text, ha="left", va="center", fontsize=_SMALL, color=_INK)


def _spread(middles: list[float], *, gap: float, top: float) -> list[float]:
    """Move ascending heights apart by at least `gap`, upwards, and back down where they leave the axis."""
    heights: list[float] = []
    for middle in middles:
        heights.append(max(middle, heights[-1] + gap) if heights else max(middle, gap / 2))
    limit = top - gap / 2
    for place in reversed(range(len(heights))):
        heights[place] = min(heights[place], limit)
        limit = heights[place] - gap
    return heights


def _draw_month(axes: Axes, month: MonthProjection | None) -> None:
    if month is None or month.projected_cost_usd is None:
        _write(axes, 0, 0.5, "Month end\nnot projected", ha="center", fontsize=_LETTERS, color=_PALE)
        axes.set_xlim(-1, 1)
        axes.set_xticks([])
        _finish(axes, "")
        return
    projected, actual = float(month.projected_cost_usd), float(month.actual_cost_usd or 0)
    top = 1.22 * max(float(month.high_cost_usd or 0), projected, 0.01)
    axes.bar([0], [actual], color=_OTHERS_COLOUR, width=0.5)
    rest = {"color": "white", "width": 0.5, "hatch": "//", "edgecolor": _PALE, "linewidth": 1.2}
    axes.bar([0], [projected - actual], bottom=[actual], **rest)
    _draw_band(axes, month, top=top)
    left = [(actual, f"{_short(month.actual_cost_usd)}\nso far", _PALE)] if month.actual_cost_usd is not None else []
    left.append((projected, f"{_short(month.projected_cost_usd)}\nprojected", _INK))
    heights = _spread([height for height, *_ in left], gap=0.15 * top, top=top)
    for height, (_, text, colour) in zip(heights, left, strict=True):
        _write(axes, -0.33, height, text, ha="right", fontsize=_SMALL, color=colour)
    axes.set_ylim(0, top)
    axes.set_xlim(-1.1, 1.0)
    axes.set_xticks([0], [f"{month.month_start_date:%B}"])
    _finish(axes, "Month end")


def _draw_band(axes: Axes, month: MonthProjection, *, top: float) -> None:
    if month.low_cost_usd is None or month.high_cost_usd is None or month.high_cost_usd <= month.low_cost_usd:
        return
    ends = [float(month.low_cost_usd), float(month.high_cost_usd)]
    middle = sum(ends) / 2
    axes.errorbar([0], [middle], yerr=[[middle - ends[0]], [ends[1] - middle]], fmt="none", color=_INK, capsize=9, lw=2)
    heights = _spread(ends, gap=_LEAST_LABEL_GAP * top, top=top)
    for height, usd in zip(heights, (month.low_cost_usd, month.high_cost_usd), strict=True):
        _write(axes, 0.33, height, _short(usd), fontsize=_SMALL, color=_PALE)
    above = max(heights[1], ends[1]) + 0.035 * top
    _write(axes, -0.25, above, BAND, ha="left", va="bottom", fontsize=_SMALLEST, color=_PALE)


def _write(axes: Axes, x: float, y: float, text: str, **style: Any) -> None:
    # Two dollar signs in a text are no formula.
    axes.text(x, y, text, parse_math=False, **{"va": "center"} | style)


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=_LETTERS, color=_INK, weight="bold")
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0, labelsize=_SMALL, labelcolor=_INK)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_PALE)


def _colours(series: SpendSeries) -> list[str]:
    return [_colour(layer, place) for place, layer in enumerate(series.layers)]


def _colour(layer: Layer, place: int) -> str:
    if layer.is_nobodys:
        return _NOBODYS_COLOUR
    return _OTHERS_COLOUR if layer.name == OTHERS else _COLOURS[place]


def _week_names(series: SpendSeries) -> list[str]:
    """Return each week's Monday as in `Jun 9`, the day below the month where there are too many for one line."""
    between = " " if len(series.weeks) <= _MOST_NAMES_ON_A_LINE else "\n"
    mondays = [(week.week_start_date, "*" if week_note(week) else "") for week in series.weeks]
    return [f"{monday:%b}{between}{monday.day}{mark}" for monday, mark in mondays]


def _is_part(series: SpendSeries) -> bool:
    return any(map(week_note, series.weeks))
