"""The page's addresses on published marts: what they answer, with which headers, and what they do when there is nothing."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from datetime import date
from decimal import Decimal

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops.ui.headers import DATA_DOCS_POLICY, DBT_DOCS_POLICY, PAGE_POLICY
from ai_finops.ui.page.render import static_version
from ai_finops.ui.views import TITLES, VIEWS
from tests.ui.conftest import HOSTILE, make_client, make_settings, publish_tiny


@pytest.mark.parametrize("slug", VIEWS)
def test_every_view_is_a_page_without_inline_code(client, slug):
    answer = client.get(f"/ai-cost/{slug}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == PAGE_POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-store"
    assert f'href="/ai-cost/{slug}" aria-current="page"' in answer.text
    assert " style=" not in answer.text
    assert "<style" not in answer.text
    assert "http://" not in answer.text.replace("http://testserver", "")
    assert answer.text.count("<script") == 1
    assert "Build <code>000001-2025-06-11-0123abcd</code>" in answer.text


def test_navigation_names_every_view_in_order(client):
    page = client.get("/ai-cost/weekly").text
    assert list(TITLES) == list(VIEWS)
    places = [page.index(f'<a href="/ai-cost/{slug}"') for slug in VIEWS]
    assert places == sorted(places)


def test_the_page_itself_leads_to_the_first_view(client):
    answer = client.get("/ai-cost/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/ai-cost/weekly")


def test_addresses_stay_right_below_another_prefix(published):
    page = make_client(published, prefix="/airflow/ai-cost").get("/airflow/ai-cost/weekly").text
    assert 'href="/airflow/ai-cost/features"' in page
    assert 'href="/ai-cost' not in page


@pytest.mark.parametrize("slug", VIEWS)
def test_every_table_of_a_view_downloads(client, slug):
    page = client.get(f"/ai-cost/{slug}").text
    files = [part.split('"')[0] for part in page.split(f'href="/ai-cost/{slug}/')[1:]]
    assert len(files) >= 3
    for file in files:
        ending = file.rpartition(".")[2]
        answer = client.get(f"/ai-cost/{slug}/{file}")
        assert answer.status_code == 200
        assert (
            answer.headers["content-disposition"]
            == f'attachment; filename="ai-cost-{slug}-{file.split(".")[0]}-2025-06-11.{ending}"'
        )


def test_a_download_is_filtered_as_its_page_is(client):
    page = client.get("/ai-cost/features?feature=chat&days=7&junk=1").text
    assert "/ai-cost/features/daily-costs.csv?days=7&amp;feature=chat" in page
    assert "junk" not in page
    rows = client.get("/ai-cost/features/daily-costs.csv?days=7&feature=chat").text.splitlines()
    assert rows[0].startswith("display_name,usage_date,allocated_cost_usd,request_count")
    # Seven days of $2.00 in two calls, the newest first.
    assert len(rows) == 1 + 7
    assert rows[1].startswith("CHAT,2025-06-10,2.000000,2")


def test_a_workbook_has_numbers_and_days(client):
    answer = client.get("/ai-cost/features/daily-costs.xlsx?feature=chat")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert (sheet["B2"].value.date(), sheet["C2"].value, sheet["C2"].data_type) == (date(2025, 6, 10), 2, "n")


def test_parquet_keeps_decimals_and_days(client):
    table = pq.read_table(io.BytesIO(client.get("/ai-cost/features/daily-costs.parquet?feature=search").content))
    assert table.schema.field("allocated_cost_usd").type == pa.decimal128(38, 6)
    assert table.schema.field("usage_date").type == pa.date32()
    assert sum(table["allocated_cost_usd"].to_pylist()) == Decimal("4.500000")


@pytest.mark.parametrize(
    "address",
    [
        "nothing", "weekly/nothing.csv", "weekly/five-metrics.exe", "weekly/five-metrics", "weekly/a/b", "static/0/page.css",
        "static/0/..%2f..%2fapp.py", "reviews/2025-06-02.md", "reviews/..%2f..%2fsecret.png", "data-docs/", "dbt-docs/",
        "docs", "openapi.json", "redoc", "weekly/", "WEEKLY", "%2e%2e/api/v2/dags",
    ],
)  # fmt: skip
def test_there_is_nothing_at_any_other_address(client, address):
    answer = client.get(f"/ai-cost/{address}")
    assert answer.status_code == 404
    assert answer.headers["content-security-policy"] == PAGE_POLICY


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "BREW"])
@pytest.mark.parametrize("address", ["", "weekly", "weekly/five-metrics.csv", "nothing"])
def test_nothing_can_be_written(client, method, address):
    answer = client.request(method, f"/ai-cost/{address}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.headers["content-security-policy"] == PAGE_POLICY


def test_head_says_what_get_would(client):
    answer = client.head("/ai-cost/weekly")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_static_file_is_kept_by_the_browser_and_only_under_its_hash(client):
    answer = client.get(f"/ai-cost/static/{static_version('page.css')}/page.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize("slug", VIEWS)
def test_unknown_filters_fall_back(client, slug):
    odd = ["week='", "days=9999", "feature=%00", "level=..", "a=" + "x" * 5000, *["mart=1"] * 900]
    assert client.get(f"/ai-cost/{slug}?{'&'.join(odd)}").status_code == 200


def test_as_many_features_as_there_are_can_be_chosen(tmp_path):
    settings = make_settings(tmp_path)
    # 300 beside chat, whose names are as long as names come.
    more = (
        "insert into fct_daily_feature_costs by name select * exclude (n) replace (repeat('x', 70) || n as feature_id) "
        "from fct_daily_feature_costs, range(100, 400) as r(n) where feature_id = 'chat' and usage_date = '2025-06-10'"
    )
    publish_tiny(settings, more)
    client = make_client(settings)
    names = [f"{'x' * 70}{number}" for number in range(100, 400)]
    query = "&".join(f"feature={name}" for name in [*names, "search"])
    answer = client.get(f"/ai-cost/features?{query}")
    assert "This address is longer" not in answer.text
    rows = client.get(f"/ai-cost/features/period-costs.csv?{query}").text.splitlines()
    assert len(rows) == 1 + 301


def test_what_is_cut_off_an_address_is_said(client):
    # Of 32,768 bytes the last that fits is whole; one more byte, and it is left out.
    for filler, is_cut in ((32_768 - len("junk=&feature=chat"), False), (32_769 - len("junk=&feature=chat"), True)):
        query = f"junk={'x' * filler}&feature=chat"
        page = client.get(f"/ai-cost/features?{query}").text
        told = "This address is longer than 32,768 bytes: the filters at its end were left out."
        assert (told in page) is is_cut
        assert ('value="chat" checked' in page) is not is_cut
        answer = client.get(f"/ai-cost/features/daily-costs.csv?{query}")
        assert answer.status_code == (414 if is_cut else 200)
    assert "Too many filters" in answer.text
    alone = client.get(f"/ai-cost/features?feature={'x' * 40_000}")
    assert (alone.status_code, told in alone.text) == (200, True)


def test_hostile_names_are_text_everywhere(tmp_path):
    settings = make_settings(tmp_path)
    statements = []
    for number, name in enumerate(HOSTILE):
        quoted = name.replace("'", "''")
        for mart, column in (("fct_daily_feature_costs", "feature_id"), ("fct_daily_feature_costs", "display_name")):
            day = f"date '2025-06-0{number + 2}'"
            statements.append(f"update {mart} set {column} = '{quoted}' where usage_date = {day} and request_count = 2")
        statements.append(
            f"update rpt_weekly_digest set top_feature_name = '{quoted}', main_driver_detail = '{quoted}'"
        )
    publish_tiny(settings, *statements)
    client = make_client(settings)
    for address in ("features", "features?days=all", "weekly", "weekly?week=2025-06-02"):
        page = client.get(f"/ai-cost/{address}").text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "\u202e" not in re.sub('value="[^"]*"', "", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    text = client.get("/ai-cost/features/period-costs.csv").text
    assert "\"'=cmd|'/c calc'!A1\"" in text or "'=cmd|'/c calc'!A1" in text
    assert "\n=cmd" not in text
    sheet = openpyxl.load_workbook(io.BytesIO(client.get("/ai-cost/features/period-costs.xlsx").content)).active
    assert {cell.data_type for row in sheet.iter_rows(min_row=2, max_col=1) for cell in row} == {"s"}


def test_nothing_published_is_said(tmp_path):
    client = make_client(make_settings(tmp_path))
    answer = client.get("/ai-cost/weekly")
    assert answer.status_code == 200
    assert "<h1>Nothing to show yet</h1>" in answer.text
    assert "Nothing is published in" in answer.text
    assert "nothing published" in answer.text
    assert client.get("/ai-cost/weekly/five-metrics.csv").status_code == 404


def point_at(settings, target):
    settings.published.mkdir(parents=True, exist_ok=True)
    (settings.published / "current").unlink(missing_ok=True)
    (settings.published / "current").symlink_to(target)


def is_unreadable(client, *said):
    """Whether a view and a download say what cannot be read, and neither that nothing is published."""
    for address in ("weekly", "health/builds.csv"):
        answer = client.get(f"/ai-cost/{address}")
        assert answer.status_code == 503
        for words in said:
            assert words in answer.text
        assert "othing published" not in answer.text
        assert "Nothing to show yet" not in answer.text
    return True


def test_a_pointer_that_leads_nowhere_is_said(tmp_path):
    settings = make_settings(tmp_path)
    publish_tiny(settings)
    client = make_client(settings)
    assert client.get("/ai-cost/weekly").status_code == 200
    point_at(settings, "builds/000009-2025-06-12-0123abcd")
    told = f"{settings.published / 'current'} leads to builds/000009-2025-06-12-0123abcd, which is not there; publish again"
    assert is_unreadable(client, told)


def test_a_pointer_that_cannot_be_read_is_said(tmp_path):
    settings = make_settings(tmp_path)
    # Longer than a name may be.
    point_at(settings, "x" * 300)
    assert is_unreadable(make_client(settings), str(settings.published / "current"), "cannot be read", "publish again")


def test_a_pointer_that_is_no_link_is_said(tmp_path):
    settings = make_settings(tmp_path)
    settings.published.mkdir(parents=True)
    (settings.published / "current").write_text("builds/000001")
    file = settings.published / "current" / "marts.duckdb"
    assert is_unreadable(make_client(settings), "The published marts are damaged, publish again", str(file))
    (settings.published / "current").unlink()
    (settings.published / "current").mkdir()
    assert is_unreadable(make_client(settings), "The published marts are damaged, publish again", str(file))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("drop table dim_builds", "holds no marts; publish again"),
        ("delete from dim_builds", "0 rows where one full row should be"),
        ("insert into dim_builds from dim_builds", "2 rows where one full row should be"),
        ("update dim_builds set as_of_date = null", "an empty cell where one full row should be"),
        ("alter table dim_builds drop column built_at", "cannot be read"),
        ("alter table dim_builds rename column as_of_date to run_date", "cannot be read"),
        ("alter table dim_builds alter as_of_date set data type varchar using 'June'", "cannot be read"),
    ],
)
def test_marts_that_do_not_say_which_build_they_are_of_are_said(tmp_path, statement, said):
    settings = make_settings(tmp_path)
    file = publish_tiny(settings) / "marts.duckdb"
    with duckdb.connect(str(file)) as connection:
        if "null" in statement:
            connection.execute("alter table dim_builds alter as_of_date drop not null")
        connection.execute(statement)
    assert is_unreadable(make_client(settings), said, str(file))


def test_damaged_marts_are_said(tmp_path):
    settings = make_settings(tmp_path)
    file = publish_tiny(settings) / "marts.duckdb"
    file.write_bytes(b"not a database" * 999)
    client = make_client(settings)
    answer = client.get("/ai-cost/weekly")
    assert answer.status_code == 503
    assert "The published marts are damaged" in answer.text
    assert client.get("/ai-cost/weekly/five-metrics.csv").status_code == 503


def test_marts_that_are_damaged_behind_their_first_blocks_are_said(tmp_path):
    settings = make_settings(tmp_path)
    file = publish_tiny(settings) / "marts.duckdb"
    content = bytearray(file.read_bytes())
    # Three headers of 4 kB, then blocks of 256; the first ones say what there is.
    for start in range(12_288 + 8 * 262_144, len(content) - 4_096, 262_144):
        content[start + 8 : start + 2_008] = b"Z" * 2_000
    file.write_bytes(content)
    client = make_client(settings)
    for slug in ("weekly", "health", "features"):
        answer = client.get(f"/ai-cost/{slug}")
        assert answer.status_code == 503
        assert f"Build 000001-2025-06-11-0123abcd in {settings.published} is damaged" in answer.text
        assert "publish a new build" in answer.text


def test_a_build_without_a_mart_says_so(tmp_path):
    settings = make_settings(tmp_path)
    older = (
        "drop table fct_weekly_metrics",
        "alter table fct_daily_extract_outcomes drop column api_call_count",
        "alter table dim_builds drop column duckdb_version",
    )
    publish_tiny(settings, *older)
    client = make_client(settings)
    for slug, lacking in (("weekly", "fct_weekly_metrics"), ("health", "")):
        answer = client.get(f"/ai-cost/{slug}")
        assert answer.status_code == 503
        assert "Build 000001-2025-06-11-0123abcd does not hold what this view shows" in answer.text
        assert lacking in answer.text


@pytest.mark.parametrize(("today", "is_stale"), [(date(2025, 6, 13), False), (date(2025, 6, 14), True)])
def test_old_marts_are_shown_as_stale(published, today, is_stale):
    # The clock is June 11: two days after it is still fresh, three are not.
    page = make_client(published, today=today).get("/ai-cost/weekly").text
    assert ("Stale: the newest published day lies before 2025-06-11, 3 days ago." in page) is is_stale


def test_a_newer_build_that_failed_its_audit_is_said_above_every_view(tmp_path):
    settings = make_settings(tmp_path)
    publish_tiny(settings)
    newer = "000002-2025-06-12-0123abcd"
    folder, docs = settings.builds / newer, settings.home / "data_docs" / newer
    for made in (folder, docs):
        made.mkdir(parents=True)
    (folder / "build.json").write_text("{}")
    (folder / "audit.json").write_text(json.dumps({"is_passed": False, "failures": ["<b>rows</b> doubled"]}))
    (docs / "index.html").write_text("what broke")
    client = make_client(settings)
    for slug in VIEWS:
        page = client.get(f"/ai-cost/{slug}").text
        assert "The data is as of build 000001-2025-06-11-0123abcd (days before 2025-06-11)." in page
        assert f"The newer build {newer} (days before 2025-06-12) failed its audit and was not published" in page
        assert "1 expectation broken, first &lt;b&gt;rows&lt;/b&gt; doubled." in page
        assert f'<a href="/ai-cost/data-docs/{newer}/index.html">Its audit (Data Docs)</a>' in page
    assert client.get(f"/ai-cost/data-docs/{newer}/index.html").text == "what broke"


def test_a_build_published_in_between_is_seen_by_the_next_request(tmp_path):
    settings = make_settings(tmp_path)
    publish_tiny(settings)
    client = make_client(settings)
    assert "Build <code>000001-" in client.get("/ai-cost/features").text
    publish_tiny(
        settings, "update fct_daily_feature_costs set display_name = 'Renamed'", build_id="000002-2025-06-12-4567cdef"
    )
    page = client.get("/ai-cost/features").text
    assert "Build <code>000002-2025-06-12-4567cdef</code>" in page
    assert "Renamed" in page


def test_a_message_written_later_is_seen(tmp_path):
    settings = make_settings(tmp_path)
    publish_tiny(settings)
    client = make_client(settings)
    assert "Not written yet" in client.get("/ai-cost/weekly?week=2025-06-02").text
    reviews = settings.published / "reviews"
    reviews.mkdir()
    (reviews / "2025-06-02.md").write_text("AI Cost Weekly <b>as kept</b>\n")
    (reviews / "2025-06-02.png").write_bytes(b"\x89PNG")
    page = client.get("/ai-cost/weekly?week=2025-06-02").text
    assert "AI Cost Weekly &lt;b&gt;as kept&lt;/b&gt;" in page
    assert 'src="/ai-cost/reviews/2025-06-02.png"' in page
    assert client.get("/ai-cost/reviews/2025-06-02.png").headers["content-type"] == "image/png"


def test_another_audit_of_the_same_build_is_seen(tmp_path):
    settings = make_settings(tmp_path)
    publish_tiny(settings)
    audit = settings.builds / "000001-2025-06-11-0123abcd" / "audit.json"
    audit.parent.mkdir(parents=True)
    client = make_client(settings)
    for number in (1, 2):
        audit.write_text(json.dumps({"is_passed": True, "warnings": [f"drift {number}"]}))
        assert f"drift {number}" in client.get("/ai-cost/health").text


def test_marts_that_lie_in_the_place_of_the_same_build_are_seen(tmp_path):
    settings = make_settings(tmp_path)
    folder = publish_tiny(settings)
    client = make_client(settings)
    assert "Renamed" not in client.get("/ai-cost/features").text
    shutil.rmtree(folder)
    publish_tiny(settings, "update fct_daily_feature_costs set display_name = 'Renamed'")
    assert "Renamed" in client.get("/ai-cost/features").text


def test_sites_below_the_page_have_their_own_policies(tmp_path):
    settings = make_settings(tmp_path)
    site = tmp_path / "site"
    (site / "inner").mkdir(parents=True)
    (site / "index.html").write_text("<h1>Audit</h1>")
    (site / "inner" / "one.html").write_text("<p>one</p>")
    (tmp_path / "secret.html").write_text("secret")
    (site / "out.html").symlink_to(tmp_path / "secret.html")
    settings.home.mkdir(exist_ok=True)
    os.symlink(site, settings.home / "data_docs")
    (settings.published / "dbt_docs").mkdir(parents=True)
    (settings.published / "dbt_docs" / "index.html").write_text("<script>1</script>")
    client = make_client(settings)
    answer = client.get("/ai-cost/data-docs/")
    assert (answer.text, answer.headers["content-security-policy"]) == ("<h1>Audit</h1>", DATA_DOCS_POLICY)
    assert client.get("/ai-cost/data-docs/inner/one.html").text == "<p>one</p>"
    assert client.get("/ai-cost/dbt-docs/index.html").headers["content-security-policy"] == DBT_DOCS_POLICY
    for path in (
        "out.html",
        "..%2fsecret.html",
        "inner/..%2f..%2fsecret.html",
        "%2fetc%2fpasswd",
        "inner",
        "%00",
        "..%5csecret.html",
    ):
        assert client.get(f"/ai-cost/data-docs/{path}").status_code == 404
