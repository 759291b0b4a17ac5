"""What holds of every view as it is sent: each number leads to a definition that is there, each id is there once."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from html.parser import HTMLParser

import pytest

from ai_finops.ui.page.cells import Cell
from ai_finops.ui.page.render import Notice, Place, _breakable, _classes, _fact_cells, render
from ai_finops.ui.view import Column, Fact, Section, Table, View
from ai_finops.ui.views import VIEWS

SHOWN = tuple(slug for slug in VIEWS if slug != "definitions")


class Page(HTMLParser):
    """Reads ids, and the links of headers (`th` of numbers) and facts (`dt`) off a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: dict[str, list[str]] = {}
        self._within: list[str] | None = None
        self._text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(found["id"])
        if tag == "dt" or (tag == "th" and found.get("scope") == "col"):
            self._within, self._text = [], ""
        elif tag == "a" and self._within is not None:
            self._within.append(found["href"])

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag in ("dt", "th") and self._within is not None:
            self.links[f"{tag} {self.getpos()} {self._text.strip()}"] = self._within
            self._within = None


@pytest.fixture(scope="module")
def pages(client) -> dict[str, Page]:
    return {slug: Page(client.get(f"/ai-cost/{slug}").text) for slug in VIEWS}


@pytest.mark.parametrize("slug", VIEWS)
def test_an_id_is_on_a_page_once(pages, slug):
    assert [name for name, count in Counter(pages[slug].ids).items() if count > 1] == []


@pytest.mark.parametrize("slug", SHOWN)
def test_every_header_and_every_fact_leads_to_a_definition_that_is_there(pages, slug):
    defined = set(pages["definitions"].ids)
    assert len(pages[slug].links) > 5
    for place, links in pages[slug].links.items():
        if not links and place.endswith(" Audit of this build"):
            continue  # A verdict, which no mart holds.
        assert len(links) == 1, place
        address, _, anchor = links[0].partition("#")
        assert address == "/ai-cost/definitions"
        assert anchor in defined, links[0]


@pytest.mark.parametrize(("rows", "is_whole"), [(20, True), (21, False)])
def test_a_short_table_is_as_high_as_its_rows(rows, is_whole):
    table = Table("t", "T", "m", (Column("number", "Number", "count"), Column("it", "It")), ((7, "it"),) * rows)
    view = View("v", "V", "?", (Section("S", tables=(table,)),))
    page = render(view, place=Place("", "v"), build=None, today=date(2025, 6, 11), notice=Notice("", "", ""))
    assert ('class="scroll whole"' in page) is is_whole
    # A number that is first says what its row is about.
    assert page.count('<th scope="row" class="n">7</th>') == rows


def test_links_to_what_drove_an_anomaly_or_a_week_arrive(pages):
    assert "drivers" in pages["anomalies"].ids
    assert "drivers" in pages["weekly"].ids


@pytest.mark.parametrize(
    ("fact", "texts", "groups"),
    [
        (Fact("Warning", 1, "count", status="warning"), ("1", ""), (None, "bad")),
        (Fact("Cells that do not tie", 0, "count", status="healthy"), ("0", "healthy"), (None, "good")),
        (Fact("Audit of this build", "passed", "text", status="healthy"), ("passed", None), ("good", None)),
        (Fact("Budget", "exceeded", "status"), ("exceeded", None), ("bad", None)),
        (Fact("Cost", 3, "usd"), ("$3.00", None), (None, None)),
    ],
)
def test_a_status_of_a_fact_is_said_once(fact, texts, groups):
    value, status = _fact_cells(fact)
    assert (value.text, status.text if status else None) == texts
    assert (value.status, status.status if status else None) == groups


@pytest.mark.parametrize(
    ("text", "css"),
    [
        ("x " * 12, ""), ("x " * 13, "mid"), ("x " * 24, "mid"), ("x " * 25, "long"), ("x " * 32, "long"),
        ("x " * 33, "long wide"), ("x " * 50, "long wide"), ("x " * 51, "long very"), ("x " * 75, "long very"),
        ("x " * 76, "long very vast"),
        ("x" * 24, ""), ("x" * 32, "mid"), ("x" * 33, "wide"), ("x" * 80, "wide"), ("x" * 81, "very"),
    ],
)  # fmt: skip
def test_a_sentence_gets_a_column_as_wide_as_it_is_long(text, css):
    assert _classes(Column("it", "It"), Cell(text)) == css


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("document_summarization", "document_<wbr>summarization"),
        ("_a__b_", "_<wbr>a_<wbr>_<wbr>b_"),
        ("tier=cheap", "tier=<wbr>cheap"),
        ("x" * 30, "x" * 30),
        ("x" * 61, f"{'x' * 30}<wbr>{'x' * 30}<wbr>x"),
        ("a <b>_c & words", "a &lt;b&gt;_<wbr>c &amp; words"),
    ],
)
def test_a_name_may_be_broken_after_underscores_and_when_it_is_no_word(text, html):
    assert _breakable(text) == html


def test_a_name_may_be_broken_after_its_underscores(client):
    page = client.get("/ai-cost/definitions").text
    assert "allocated_<wbr>cost_<wbr>usd" in page
    assert 'id="fct_daily_feature_costs.allocated_cost_usd"' in page
    assert not re.search(r'(title|value|href|id)="[^"]*<wbr>', page)
