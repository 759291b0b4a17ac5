"""An account of hostile names, the whole way: nothing leaves the home, names stay names, each sink escapes for its own kind.

Landed, built, audited, published, told, shown, exported, put to Prometheus and to PostgreSQL, with prompts kept. Takes minutes.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import openpyxl
import pytest
import yaml

from ai_finops import alarms, finance, report
from ai_finops.build import build_all
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.publish import open_published, publish_to_postgres
from ai_finops.report.digest import read_digest
from ai_finops.report.limits import escaped
from ai_finops.ui.views import VIEWS
from tests import planted
from tests.dbt_forks import fork_builds, leave_generic_tests_out
from tests.extract.stand_in import use_endpoint
from tests.hostile import account
from tests.hostile_names import NAMES
from tests.publish.postgres_cluster import airflow_connection, cluster
from tests.report.slack_api import block_problems
from tests.ui.conftest import make_client

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
WEEK = account.FIRST
KEPT = {name for kind, name in NAMES.items() if kind != "blank"}
"""A blank name is none, so what it spent is nobody's."""
LOADING = ("script", "img", "iframe", "object", "embed", "base", "form", "link", "meta")
FORMULA = re.compile(r"(^|[;\t\r\n])[\s\x00-\x1f\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20]")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A deployment on which the week has been landed, built, published, told and exported."""
    folder = tmp_path_factory.mktemp("hostile")
    with local_aws() as running, pytest.MonkeyPatch.context() as monkeypatch:
        use_endpoint(monkeypatch, running.endpoint)
        for name, value in account.environment(str(folder / "var")).items():
            monkeypatch.setenv(name, value)
        fork_builds(monkeypatch)
        leave_generic_tests_out(monkeypatch)
        monkeypatch.chdir(folder)
        made = Settings.from_env()
        assert account.land(made) == {"traces": 11, "billing": 0}
        build_all(settings=made)
        report.write_review(settings=made, week=WEEK)
        finance.export(settings=made)
        made_alarms = alarms.sync(settings=made, now=datetime(2025, 6, 9, 8, tzinfo=UTC))
        (folder / "told.json").write_text(json.dumps(made_alarms))
        yield made


@pytest.fixture(scope="module")
def page(settings):
    return make_client(settings, today=date(2025, 6, 9))


def rows(settings, query):
    with open_published(settings) as connection:
        return connection.execute(query).fetchall()


def test_nothing_is_written_outside_of_the_home(settings):
    folder = settings.home.parent
    beside = {path.name for path in folder.iterdir()} - {settings.home.name, "told.json"}
    assert beside == set()
    outside = [path for path in settings.home.rglob("*") if not path.resolve().is_relative_to(settings.home)]
    assert outside == []


def test_every_name_is_kept_as_it_is_and_the_money_ties(settings):
    for column in ("feature_id", "pipeline_id", "service_name"):
        found = {name for (name,) in rows(settings, f"select distinct {column} from fct_llm_calls")}
        assert {name for name in NAMES.values() if name not in found} <= {NAMES["blank"]}, column
    features = {name for (name,) in rows(settings, "select distinct feature_id from fct_daily_feature_costs")}
    assert features == KEPT | {"unattributed"}
    (billed,) = rows(settings, "select sum(billed_cost_usd) from fct_daily_reconciliations")[0]
    (paid,) = rows(settings, "select sum(allocated_cost_usd) from fct_daily_feature_costs")[0]
    assert paid == billed > 400
    assert rows(settings, "select sum(quarantined_count) from fct_daily_extract_outcomes") == [(11,)]


def test_users_are_no_names_at_all(settings):
    users = {user for (user,) in rows(settings, "select distinct user_id from fct_llm_calls where user_id is not null")}
    assert len(users) >= len(KEPT) - 1
    assert all(re.fullmatch(r"u_[0-9a-f]{32}", user) for user in users)


def test_a_prompt_that_is_kept_is_kept_in_one_place(settings):
    found = planted.files_that_say(settings.home, planted.MARK)
    assert len(found) == len(account.DAYS)
    assert all(file.startswith("lake/data/trace_contents/") for file in found)


def test_the_message_calls_nobody_and_has_no_line_that_is_not_ours(settings):
    kept = settings.published / "reviews" / f"{WEEK}.json"
    message = json.loads(kept.read_text())
    with open_published(settings) as connection:
        top = read_digest(connection, WEEK).top_feature_id
    assert top in {NAMES[kind] for kind in account.BIGGEST}
    assert block_problems(message["blocks"]) == []
    texts = [text for block in message["blocks"] for text in [block.get("text"), *block.get("elements", [])] if text]
    assert {text["type"] for text in texts} == {"plain_text"}
    said = [message["text"], *(text["text"] for text in texts)]
    assert any(escaped(" ".join(top.split())) in text for text in said)
    for text in said:
        assert not re.search(r"<[!@#h]", text)
        assert all(line.isprintable() for line in text.splitlines())
        assert not re.search(r"^\[2025", text, flags=re.MULTILINE)
    assert kept.with_suffix(".png").read_bytes().startswith(b"\x89PNG")


class Tags(HTMLParser):
    """What a page would run or load: tags and attributes that do."""

    def __init__(self, text: str, *, own: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._own = own
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        address = given.get("src") or given.get("href") or given.get("action") or ""
        is_foreign = bool(address) and not address.startswith((self._own, "#", "data:,", "?"))
        runs = any(name.startswith("on") or name == "style" for name in given) or address.lower().startswith(
            "javascript"
        )
        if runs or (tag in LOADING and is_foreign):
            self.found.append(f"{tag} {attrs}")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)


@pytest.mark.parametrize("slug", VIEWS)
def test_a_view_runs_and_loads_nothing_of_theirs(page, slug):
    answer = page.get(f"/ai-cost/{slug}?days=all&week={WEEK}")
    assert answer.status_code == 200
    assert Tags(answer.text, own="/ai-cost/").found == []
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", re.sub('value="[^"]*"', "", answer.text))
    for file in sorted(set(re.findall(rf'href="/ai-cost/{slug}/([\w-]+)\.csv', answer.text))):
        name = f"/ai-cost/{slug}/{file}"
        query = f"days=all&week={WEEK}"
        check_csv(page.get(f"{name}.csv?{query}").text)
        check_workbook(page.get(f"{name}.xlsx?{query}").content)


def test_names_are_on_the_page_as_text(page):
    shown = page.get("/ai-cost/features?days=all").text
    for kind in ("script", "image", "slack channel", "jinja"):
        name = NAMES[kind].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert name in shown.replace("<wbr>", "").replace("&#34;", '"').replace("&#39;", "'"), kind
    assert "49{%" not in shown  # nobody worked the template out


def check_csv(text: str) -> None:
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            assert not FORMULA.search(cell) or re.fullmatch(r"-?[0-9.]+(e-?[0-9]+)?", cell), cell


def check_workbook(content: bytes) -> None:
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert [cell.value for cell in cells if cell.data_type == "f" or cell.hyperlink] == []


def test_no_cell_of_finances_files_is_a_formula(settings):
    folder = settings.published / "finance" / "2025-06" / "current"
    files = [*folder.glob("*.csv"), *folder.glob("*.xlsx")]
    assert len(files) > 2
    for file in files:
        if file.suffix == ".csv":
            check_csv(file.read_text(encoding="utf-8"))
        else:
            check_workbook(file.read_bytes())
    text = "".join(file.read_text(encoding="utf-8") for file in files if file.suffix == ".csv")
    assert NAMES["dde"] in text


def test_data_docs_run_nothing_of_theirs(settings):
    pages = [path for path in (settings.home / "data_docs").rglob("*.html") if not path.is_symlink()]
    assert len(pages) > 10
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "<script>alert" not in text and "<img src=x" not in text and "<svg onload" not in text, path


def test_prometheus_has_our_series_alone(settings):
    lines = settings.prometheus_textfile.read_text(encoding="utf-8").splitlines()
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r'ai_finops_\w+(\{(\w+="(?:[^"\\]|\\.)*",?)+\})? \S+', line), line
    groups = yaml.safe_load(settings.prometheus_rules.read_text(encoding="utf-8"))["groups"]
    assert [group["name"] for group in groups] == ["ai_finops"]
    told = json.loads((settings.home.parent / "told.json").read_text())
    assert told[-1].startswith("no alarms for ")
    assert all(line.isprintable() and len(line) < 2_500 for line in told)


def test_postgresql_gets_them_as_data(settings, monkeypatch):
    with cluster() as server:
        monkeypatch.setenv("AI_FINOPS_POSTGRES_CONNECTION", "marts_db")
        monkeypatch.setenv("AIRFLOW_CONN_MARTS_DB", airflow_connection(server, "marts"))
        publish_to_postgres(settings=Settings.from_env())
        with server.connect("marts") as connection:
            found = connection.execute("select distinct feature_id from ai_finops.fct_daily_feature_costs").fetchall()
            (calls,) = connection.execute("select count(*) from ai_finops.fct_llm_calls").fetchone()
    assert {name for (name,) in found} == KEPT | {"unattributed"}
    assert calls == rows(settings, "select count(*) from fct_llm_calls")[0][0] > 0
