"""A view's parts by name, as a test reads them."""

from __future__ import annotations

from ai_finops.ui.view import Chart, View
from ai_finops.ui.views import VIEWS


def see(slug: str, connection, settings, **chosen: str) -> View:
    """Return a view, filtered as `name=value` says; `plan__x` stands for `plan.x`."""
    asked = {name.replace("__", "."): [value] for name, value in chosen.items()}
    return VIEWS[slug](connection, chosen=asked, settings=settings)


def rows(view: View, table_id: str) -> list[dict]:
    """Return a table's rows by column."""
    table = view.table(table_id)
    return [dict(zip([column.name for column in table.columns], row, strict=True)) for row in table.rows]


def fact(view: View, label: str) -> object:
    """Return the value of a fact."""
    (found,) = [each.value for each in view.facts if each.label == label]
    return found


def chart(view: View, chart_id: str) -> Chart:
    """Return a picture."""
    (found,) = [each for section in view.sections for each in section.charts if each.chart_id == chart_id]
    return found


def line(view: View, chart_id: str, name: str) -> dict:
    """Return what a line of a picture has at each place."""
    drawn = chart(view, chart_id)
    (found,) = [each for each in drawn.series if each.name == name]
    return dict(zip(drawn.x, found.values, strict=True))


def warned(view: View) -> list[str]:
    """Return what the view warns of."""
    return [each.text for each in view.warns]
