"""How values stand in cells."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest

from ai_finops.ui.downloads import write_download
from ai_finops.ui.page.cells import Cell, write
from ai_finops.ui.page.render import Notice, Place, render
from ai_finops.ui.page.status_words import status_group
from ai_finops.ui.rows import fill
from ai_finops.ui.view import Column, Section, Table, View


@pytest.mark.parametrize(
    ("value", "kind", "text", "exact"),
    [
        (Decimal("386.123456"), "usd", "$386", "386.123456"),
        (Decimal("9.994"), "usd", "$9.99", "9.994"),
        (Decimal("9.995"), "usd", "$10", "9.995"),
        (Decimal("0.000001"), "usd", "<$0.01", "0.000001"),
        (Decimal("-30"), "usd", "-$30", "-30"),
        (Decimal("0.0023654"), "usd_small", "$0.0024", "0.0023654"),
        (0.41251, "ratio", "41.3%", "0.41251"),
        (0.0004, "ratio", "<0.1%", "0.0004"),
        (0.0005, "ratio", "0.1%", "0.0005"),
        (-0.0004, "ratio", ">-0.1%", "-0.0004"),
        (0.0, "ratio", "0.0%", "0.0"),
        (1.18300734, "ratio", "118.3%", "1.18300734"),
        (1.18300734, "times", "1.18×", "1.18300734"),
        (0.875, "times", "0.88×", "0.875"),
        (0.004, "times", "<0.01×", "0.004"),
        (0.005, "times", "0.01×", "0.005"),
        (-0.004, "times", ">-0.01×", "-0.004"),
        (0, "times", "0.00×", "0"),
        (1234.5, "times", "1,234.50×", "1234.5"),
        (6499305, "count", "6,499,305", "6499305"),
        (7, "count", "7", None),
        (12.345, "number", "12.3", "12.345"),
        (1.2345, "number", "1.23", "1.2345"),
        (0.012345, "number", "0.0123", "0.012345"),
        (5, "number", "5", None),
        (date(2025, 6, 9), "date", "2025-06-09", None),
        (date(2025, 6, 1), "month", "June 2025", None),
        (datetime(2025, 6, 9, 8, 5, 3), "datetime", "2025-06-09 08:05 UTC", "2025-06-09T08:05:03"),
        (True, "flag", "yes", None),
        (False, "flag", "no", None),
        ("a\nb\u202ec", "text", "a b c", None),
        ("a" * 200, "text", "a" * 200, None),
        ("a" * 201, "text", f"{'a' * 199}…", None),
        # A sentence is whole: a definition that ends in the middle is none.
        ("ab " * 600 + "end", "text", "ab " * 600 + "end", None),
        ("ab " * 666 + "over", "text", ("ab " * 666 + "over")[:1999] + "…", None),
        ("text where a number should be", "usd", "text where a number should be", None),
        (3, "no such kind", "3", None),
    ],
)
def test_a_value_is_written_for_people_and_exactly(value, kind, text, exact):
    assert write(value, kind) == Cell(text, exact)


@pytest.mark.parametrize(
    ("value", "text", "exact"),
    [
        ("support_chat", "Support chat (EU)", "support_chat"),
        ("document_summarization", "Document summarization", "document_summarization"),
        ("mean_7d", "Mean 7d", "mean_7d"),
        ("routing", "Routing", "routing"),
        # An id that is not ours, or a name that somebody wrote, is no place for our capitals.
        ("anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0", None),
        ("minilm-l6-v2-static-256-int8", "minilm-l6-v2-static-256-int8", None),
        ("eBay search", "eBay search", None),
        ("a\nb", "a b", None),
        ("_", "_", None),
    ],
)
def test_an_id_is_written_as_people_call_it(value, text, exact):
    assert write(value, "name", {"support_chat": "Support chat (EU)"}) == Cell(text, exact)


def test_a_table_shows_names_and_its_download_has_the_ids():
    columns = (Column("feature_id", "Feature", "name"), Column("lever", "Lever", "name"))
    rows = [{"feature_id": "routing", "lever": "routing"}, {"feature_id": "new_one", "lever": "semantic_cache"}]
    table = fill(Table("it", "It", "mart", columns, ()), rows, names={"feature_id": {"routing": "Router & co"}})
    view = View("weekly", "Weekly", "What?", (Section("All", tables=(table,)),))
    page = render(view, place=Place("", "weekly"), build=None, today=date(2025, 6, 9), notice=Notice("", "", ""))
    assert '<th scope="row"><span title="routing">Router &amp; co</span></th>' in page
    assert '<td><span title="routing">Routing</span></td>' in page
    assert '<th scope="row"><span title="new_one">New one</span></th>' in page
    csv = write_download(table, ending="csv").content.decode()
    assert csv.split() == ["feature_id,lever", "routing,routing", "new_one,semantic_cache"]


@pytest.mark.parametrize("kind", ["usd", "ratio", "count", "date", "status", "text", "flag", "name"])
@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_is_not_known_is_a_dash_and_never_zero(value, kind):
    assert write(value, kind) == Cell("–", "not known", is_known=False)


@pytest.mark.parametrize(
    ("status", "group"),
    [
        ("healthy", "good"),
        ("watch", "watch"),
        ("warning", "bad"),
        ("insufficient", "none"),
        ("no_threshold", "none"),
        ("odd", "none"),
    ],
)
def test_a_status_has_a_group(status, group):
    assert status_group(status) == group
    assert write(status, "status") == Cell(status.replace("_", " "), status=group)
