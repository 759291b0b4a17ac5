"""How wrong projections were when they were tested on Mondays of the past: in words, as rows and as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ai_finops.report.wording import counted, inside_sentence, share
from ai_finops.ui.rows import Record, column, floats, records
from ai_finops.ui.view import Chart, Fact, Series, Table
from ai_finops.ui.words import name_words, told_apart

if TYPE_CHECKING:
    import duckdb

NOT_MEASURED = "not yet measured"
LEAST_ORIGINS = 3
"""Earlier projections that an error is measured on, from which it is a number: one that went wrong is an anecdote."""
METHODS = {
    "in_use": "What was projected",
    "linear_trend": "Linear trend",
    "auto_ets": "Exponential smoothing (ETS)",
    "mean_7d": "Mean of seven days",
    "last_week": "Last week again",
}
"""What people call the ways to project, by their ids."""
HORIZONS = {"7d": "7 days", "14d": "14 days", "month_end": "the month's end"}

ERRORS = Table(
    "projection-errors",
    "How wrong forecasts were, by method and horizon",
    "fct_projection_errors",
    (
        column("method", "Method", "name"),
        column("horizon", "Horizon", "name"),
        column("is_in_use", "In use", "flag"),
        column("wape_ratio", "Error (WAPE)", "ratio"),
        column("bias_ratio", "Bias", "ratio"),
        column("coverage_ratio", "Came within their band", "ratio"),
        column("origin_count", "Mondays tested", "count"),
        column("error_words", "Why no error", "text", "fct_projection_errors.origin_count"),
        column("status", "Status", "status"),
    ),
    (),
    note=(
        "What was projected is no method of its own: each Monday's method was chosen on earlier Mondays and scored on later "
        "days. An error is a number from three Mondays tested on."
    ),
    empty="Nothing was tested yet: it takes a Monday with seven known days before it, and a week after it.",
)


def read_errors(connection: duckdb.DuckDBPyConnection, feature: str) -> list[Record]:
    """Return the newest errors of a feature; one of too few Mondays is no number but words."""
    query = """
        select * from fct_projection_errors
        where feature_id = $feature and as_of_date = (select max(as_of_date) from fct_projection_errors)
        order by method <> 'in_use', horizon_days, horizon, wape_ratio nulls last, method"""
    return [_error_row(row) for row in records(connection, query, feature=feature)]


def error_chart(errors: list[Record]) -> Chart:
    """Draw the error of each horizon and method that was tested often enough."""
    known = [row for row in errors if row["wape_ratio"] is not None]
    known.sort(key=lambda row: (row["horizon_days"], row["method"] != "in_use"))
    places = [
        f"{HORIZONS.get(row['horizon'], row['horizon'])}: {inside_sentence(name_words(row['method'], METHODS))}"
        for row in known
    ]
    said = [f"{place} {share(row['wape_ratio'])}" for place, row in zip(places, known, strict=True)]
    return Chart(
        "errors-when-tested",
        "How far projections were off, by horizon and method",
        f"Mean error when tested: {', '.join(said[:6])}." if said else "No error is measured yet.",
        told_apart([f"{place[:1].upper()}{place[1:]}" for place in places]),
        (Series("Error (WAPE)", floats(known, "wape_ratio"), "bar"),),
        kind="ratio",
        form="rows",
        subtitle="what was off, either way ÷ what it cost, over the Mondays tested",
        empty=f"Not enough Mondays: an error is a number from {LEAST_ORIGINS} tested on.",
    )


def error_fact(row: Record) -> Fact:
    """Return the error of a projection as a fact."""
    label, source = "Error when tested", "fct_cost_projections.wape_ratio"
    ratio = known_error(row, "error_origin_count")
    if ratio is None:
        return Fact(label, too_few(row["error_origin_count"]), "text", source=source)
    note = f"{_over(row)}, {counted(row['error_origin_count'], 'Monday')}"
    return Fact(label, ratio, "ratio", note, source=source)


def error_words(row: Record) -> str:
    """Return the backtested error of a row in words: how large, over which horizon, on how many Mondays."""
    ratio = known_error(row, "error_origin_count")
    if ratio is None:
        return too_few(row["error_origin_count"])
    return f"{share(ratio)} {_over(row)}, {counted(row['error_origin_count'], 'Monday')}"


def _over(row: Record) -> str:
    """Return how far ahead an error looks: `over 7 days`, `to the month's end`."""
    horizon = row["error_horizon"]
    return f"{'to' if horizon == 'month_end' else 'over'} {HORIZONS.get(horizon, horizon)}"


def known_error(row: Record, count_name: str) -> float | None:
    """Return an error that enough earlier projections speak for; None where there are too few."""
    return row["wape_ratio"] if (row[count_name] or 0) >= LEAST_ORIGINS else None


def too_few(count: int | None) -> str:
    """Say why an error is no number: `not yet measured`, or `only 1 Monday tested, too few to say`."""
    return f"only {counted(count, 'Monday')} tested, too few to say" if count else NOT_MEASURED


def _error_row(row: Record) -> Record:
    if known_error(row, "origin_count") is not None:
        return row | {"error_words": None}
    unknown = dict.fromkeys(("wape_ratio", "bias_ratio", "coverage_ratio"))
    if row["status"] == "measured":
        # On so few Mondays nothing was measured that is worth its name.
        unknown["status"] = "short_history"
    # Without any the status says so already.
    return row | unknown | {"error_words": too_few(row["origin_count"]) if row["origin_count"] else None}
