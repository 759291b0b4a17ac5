"""The page in Chromium: at 1280 and at 390 pixels, light and dark, by keyboard, with and without its script."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from playwright.sync_api import sync_playwright

from ai_finops.ui.views import VIEWS
from tests.ui.chromium import ARGUMENTS, chromium_path, serve
from tests.ui.conftest import HOSTILE, make_root, make_settings, publish_tiny

SIZES = {"wide": (1280, 900), "phone": (390, 844)}
# The smallest text that a picture shows, in pixels of the screen: what is set, times how the picture is scaled.
SMALLEST_TEXT = """() => Math.min(99, ...[...document.querySelectorAll(".plot svg text")]
    .filter((text) => text.getBoundingClientRect().width > 0)
    .map((text) => parseFloat(getComputedStyle(text).fontSize)
        * text.ownerSVGElement.getBoundingClientRect().width / text.ownerSVGElement.viewBox.baseVal.width))"""
OUT_OF_PICTURE = """() => [...document.querySelectorAll(".plot svg text")].filter((text) => {
    const own = text.getBoundingClientRect(), frame = text.ownerSVGElement.getBoundingClientRect();
    return own.width > 0 && (own.left < frame.left - 3 || own.right > frame.right + 3);
}).map((text) => text.textContent)"""
# Of each table the headers that are in view as long as nobody scrolls it sideways.
HEADERS_IN_VIEW = """() => Object.fromEntries([...document.querySelectorAll(".table")].map((table) => {
    const frame = table.querySelector(".scroll")?.getBoundingClientRect();
    return [table.id, [...table.querySelectorAll("thead th")]
        .filter((head) => head.getBoundingClientRect().right <= frame.right + 1)
        .map((head) => head.textContent)];
}))"""
OPENED = {
    "weekly": "weekly?week=2025-06-09",
    "features": "features",
    "reconciliation": "reconciliation",
    "projection": "projection",
    "metrics": "metrics",
    "anomalies": "anomalies",
    "savings": "savings",
}
SEEN_ON_A_PHONE = {
    "weekly": {
        "five-metrics": ["Status", "Week"], "weekly-costs": ["Cost"], "drivers": ["Part"],
        "open-savings": ["Saving a month"],
    },
    "features": {"daily-costs": ["Cost"], "period-costs": ["Cost"], "feature-value": ["Cost"]},
    "reconciliation": {
        "reconciliation-days": ["Billed"], "reconciliation-models": ["Billed"], "reconciliation-months": ["On the bill"],
        "price-differences": ["Billed"],
    },
    "projection": {"projection-months": ["As it is"], "planned-features": ["Adds in month six"], "budgets": ["Budget"]},
    "metrics": {"weekly-metrics": ["Value"]},
    "anomalies": {"anomalies": ["Cost"], "drivers": ["Part of the excess"], "daily-verdicts": ["Cost"]},
    "savings": {
        "savings-opportunities": ["Saves a month"], "decision-results": ["Saved"],
        "caching-vs-distillation": ["Saves a month"],
    },
}  # fmt: skip
SEEN_WIDE = {
    "weekly": {
        "five-metrics": ["Status", "Week", "Week before", "Trend", "Owner", "Action"],
        "weekly-costs": ["Week before", "Change", "Requests"], "drivers": ["Driver", "Detail"],
        "open-savings": ["At least", "At most", "Effort", "Owner"],
    },
    "features": {
        "daily-costs": ["Requests", "Input tokens", "Output tokens", "Bill"],
        "period-costs": ["Share", "Requests", "Per request"],
        "feature-value": ["Share of cost", "Share of requests", "Share of users", "Users", "Per user"],
    },
    "reconciliation": {
        "reconciliation-days": ["Usage unattributed", "Tax, credits and others", "Coverage", "Settled"],
        "reconciliation-models": ["Allocated", "Unattributed", "Coverage", "Estimate off the bill by"],
        "reconciliation-months": ["Difference", "Account", "Closed"],
    },
    "projection": {
        "projection-months": ["Low", "High", "With these plans", "Its error when tested"],
        "planned-features": ["Launch", "Assumed multiplier"],
        "budgets": ["Status", "Projected", "Exceeded on"],
    },
    "metrics": {"weekly-metrics": ["Status", "Healthy bound", "Warning bound", "Trend", "Owner", "Action on a warning"]},
    "anomalies": {"anomalies": ["Kind", "Baseline", "Above it", "Largest driver"], "drivers": ["Driver", "What it was"]},
    "savings": {
        "savings-opportunities": ["Change", "Status", "Low", "High", "Why not", "Evidence"],
        "decision-results": ["Feature", "Result", "Cost", "Would have cost", "Expected"],
    },
}  # fmt: skip
FOCUSABLE = """() => [...document.querySelectorAll("a[href], button, select, summary, [tabindex='0']")]
    .filter((one) => one.getClientRects().length > 0).length"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The tiny marts, with hostile names on some days, behind a real server."""
    settings = make_settings(tmp_path_factory.mktemp("browser"))
    statements = [
        f"update fct_daily_feature_costs set display_name = '{name.replace(chr(39), chr(39) * 2)}', "
        f"feature_id = '{name.replace(chr(39), chr(39) * 2)}' where usage_date = date '2025-06-0{day}' and request_count = 2"
        for day, name in enumerate(HOSTILE, start=4)
    ]
    publish_tiny(settings, *statements)
    with serve(make_root(settings)) as address:
        yield f"{address}/ai-cost"


# Whether a row's own name is on top at the place where it stands, below the header of its table.
IS_SEEN = """(row) => {
    const own = row.cells[0].getBoundingClientRect();
    const head = row.closest("table").querySelector("thead th").getBoundingClientRect();
    const found = document.elementFromPoint(own.left + 12, own.top + 3);
    return own.top >= head.bottom - 1 && row.contains(found);
}"""


@pytest.fixture(scope="module")
def chromium():
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def open_page(chromium, *, size="wide", scheme="light", script=True):
    """A page that fails the test when anything is refused, missing or thrown."""
    width, height = SIZES[size]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, java_script_enabled=script
    )
    page, faults = context.new_page(), []
    page.on("console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("response", lambda answer: faults.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None)
    page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
    yield page
    context.close()
    assert faults == []


@pytest.mark.parametrize(("size", "scheme"), [("wide", "light"), ("phone", "dark")])
def test_every_view_fits_and_nothing_is_refused(chromium, address, size, scheme):
    with open_page(chromium, size=size, scheme=scheme) as page:
        for slug in VIEWS:
            page.goto(f"{address}/{slug}")
            assert page.evaluate("document.documentElement.scrollWidth") <= SIZES[size][0], slug
            assert page.evaluate(SMALLEST_TEXT) >= 11, slug
            assert page.evaluate(OUT_OF_PICTURE) == [], slug


@pytest.mark.parametrize(("size", "wanted"), [("phone", SEEN_ON_A_PHONE), ("wide", SEEN_WIDE)])
def test_what_matters_of_a_table_is_seen_without_scrolling_it(chromium, address, size, wanted):
    with open_page(chromium, size=size) as page:
        for slug, tables in wanted.items():
            page.goto(f"{address}/{OPENED[slug]}")
            seen = page.evaluate(HEADERS_IN_VIEW)
            hidden = {name: sorted(set(labels) - set(seen[name])) for name, labels in tables.items()}
            assert {name: labels for name, labels in hidden.items() if labels} == {}


TALL_ROWS = """() => [...document.querySelectorAll("tbody tr")]
    .filter((row) => row.getBoundingClientRect().height > 80).map((row) => row.innerText.slice(0, 60))"""
# Of columns that are out of view, texts of up to a hundred characters that take more than two lines.
FAR_TALL = """(first) => [...document.querySelectorAll("tbody tr")].flatMap((row) => [...row.cells].slice(first))
    .filter((cell) => {
        const text = document.createRange();
        text.selectNodeContents(cell);
        return cell.textContent.length <= 100 && text.getBoundingClientRect().height > 45;
    }).map((cell) => cell.textContent)"""


def words(count: int) -> str:
    return f"repeat('some words of evidence ', {count})"


def test_a_long_text_far_to_the_right_makes_no_row_tall(chromium, tmp_path):
    settings = make_settings(tmp_path)
    publish_tiny(
        settings,
        f"update fct_savings_opportunities set evidence = {words(15)}, reason = {words(3)}, missing_evidence = {words(4)}, "
        f"effort = {words(2)}, owner = 'platform engineers east', current_model_id = 'anthropic.claude-3-haiku-20240307-v1:0'",
        "update fct_savings_opportunities set opportunity_id = repeat('opportunity_', 9)",
        f"update rpt_caching_vs_distillation set reason = {words(15)}",
        f"update rpt_rollout_readiness set what_is_missing = {words(4)}",
    )
    with serve(make_root(settings)) as address:
        for size in SIZES:
            with open_page(chromium, size=size) as page:
                page.goto(f"{address}/ai-cost/savings")
                assert page.evaluate(TALL_ROWS) == [], size
                assert page.evaluate(FAR_TALL, 5 if size == "phone" else 10) == [], size


def test_dark_and_light_differ(chromium, address):
    grounds = set()
    for scheme in ("light", "dark"):
        with open_page(chromium, scheme=scheme) as page:
            page.goto(f"{address}/weekly")
            grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds == {"rgb(247, 246, 242)", "rgb(20, 23, 28)"}


def test_the_keyboard_reaches_everything_and_shows_where_it_is(chromium, address):
    with open_page(chromium) as page:
        page.goto(f"{address}/features")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to content"
        assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
        count = page.evaluate(FOCUSABLE)
        seen = 1
        for _ in range(count + 5):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement === document.body"):
                break
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            seen += 1
        assert seen == count


def test_the_view_that_is_open_is_in_sight_in_the_navigation(chromium, address):
    with open_page(chromium, size="phone") as page:
        for slug in ("weekly", "health", "definitions"):
            page.goto(f"{address}/{slug}")
            box = page.locator("nav [aria-current]").bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= SIZES["phone"][0]


def test_the_skip_link_goes_past_the_navigation(chromium, address):
    with open_page(chromium) as page:
        page.goto(f"{address}/weekly")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "content"
        page.keyboard.press("Tab")
        # The first thing there is to act on: the link of a warning.
        assert page.evaluate("document.activeElement.matches('main .warn:first-of-type a')")


def test_arrow_keys_go_through_the_values_of_a_picture(chromium, address):
    with open_page(chromium) as page:
        page.goto(f"{address}/features?feature=search")
        page.locator("#by-day .plot").focus()
        page.keyboard.press("ArrowRight")
        tip = page.locator("#by-day .tip")
        assert tip.inner_text().splitlines() == ["Mon 2025-06-02", "SEARCH: $0.50"]
        page.keyboard.press("End")
        assert tip.inner_text().splitlines()[0] == "Tue 2025-06-10"
        page.keyboard.press("ArrowLeft")
        assert tip.inner_text().splitlines()[0] == "Mon 2025-06-09"
        page.keyboard.press("Escape")
        assert tip.is_hidden()
        page.locator("#by-day svg.wide .place").nth(2).hover()
        assert tip.inner_text().splitlines()[0] == "Wed 2025-06-04"


def test_without_the_script_a_title_tells_the_values(chromium, address):
    with open_page(chromium, script=False) as page:
        page.goto(f"{address}/features?feature=search")
        titles = page.locator("#by-day svg.wide .place title")
        assert titles.first.text_content() == "Mon 2025-06-02\nSEARCH: $0.50"


def test_a_filter_has_an_address_and_a_download_follows_it(chromium, address):
    with open_page(chromium) as page:
        page.goto(f"{address}/features")
        page.locator("details summary").click()
        page.get_by_role("checkbox", name="SEARCH").check()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Apply").click()
        assert page.url == f"{address}/features?level=feature&days=28&feature=search"
        with page.expect_download() as download:
            page.locator("#daily-costs").get_by_role("link", name="CSV").click()
        assert download.value.suggested_filename == "ai-cost-features-daily-costs-2025-06-11.csv"
        # Nine days of one feature below the header.
        assert len(download.value.path().read_text().splitlines()) == 10


def test_a_header_leads_to_its_definition(chromium, address):
    with open_page(chromium) as page:
        page.goto(f"{address}/features")
        page.locator("#daily-costs thead a", has_text="Cost").first.click()
        assert page.url == f"{address}/definitions#fct_daily_feature_costs.allocated_cost_usd"
        assert page.locator("tr:target th").inner_text() == "allocated_cost_usd"
        assert page.locator("tr:target").evaluate(IS_SEEN)


@pytest.mark.parametrize("size", SIZES)
def test_what_an_address_leads_to_is_not_behind_a_header(chromium, address, size):
    with open_page(chromium, size=size) as page:
        # The table of each lies in a frame of its own, whose header stays when it is scrolled.
        for column in ("fct_llm_calls.cost_reason", "rpt_weekly_digest.projection_status"):
            page.goto(f"{address}/definitions#{column}")
            assert page.locator("tr:target th").inner_text() == column.partition(".")[2]
            assert page.locator("tr:target").evaluate(IS_SEEN), column
            page.goto("about:blank")
