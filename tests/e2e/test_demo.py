"""The whole way, checked against numbers derived from the sample without the pipeline's code."""

import csv
import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from matplotlib.image import imread

from ai_finops.build.inputs import read_inputs
from ai_finops.config import REPOSITORY
from ai_finops.days import days_between
from ai_finops.lake import Lake
from ai_finops.publish import compare_builds
from tests import planted, sql
from tests.e2e import examples, truth

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]
MONDAY = date(2025, 6, 9)
SUNDAY = date(2025, 6, 15)
WEEK_BEFORE = (MONDAY - timedelta(days=7), MONDAY - timedelta(days=1))


@pytest.fixture(scope="module")
def marts(demo):
    with duckdb.connect(str(demo.current / "marts.duckdb"), read_only=True) as connection:
        yield connection


def usd_by_feature(marts, first, last):
    rows = marts.execute(
        "select feature_id, sum(allocated_cost_usd) from marts.fct_daily_feature_costs "
        "where usage_date between ? and ? group by all",
        [first, last],
    ).fetchall()
    return {feature: float(cost) for feature, cost in rows}


@pytest.mark.parametrize(("first", "last"), [WEEK_BEFORE, (MONDAY, SUNDAY)])
def test_the_week_adds_up_to_the_bill(marts, first, last):
    assert sum(usd_by_feature(marts, first, last).values()) == pytest.approx(truth.total_usd(first, last), abs=0.01)


@pytest.mark.parametrize(("first", "last"), [WEEK_BEFORE, (MONDAY, SUNDAY)])
def test_each_feature_pays_for_its_traced_calls_and_nothing_else(marts, first, last):
    costs = usd_by_feature(marts, first, last)
    expected = truth.traced_usd_by_feature(first, last)
    assert set(costs) == {*expected, "unattributed"}
    for feature, usd in expected.items():
        assert costs[feature] == pytest.approx(usd, abs=0.01), feature


def test_uninstrumented_usage_stays_unattributed(marts):
    costs = usd_by_feature(marts, MONDAY, SUNDAY)
    untraced = truth.total_usd(MONDAY, SUNDAY) - sum(truth.traced_usd_by_feature(MONDAY, SUNDAY).values())
    assert costs["unattributed"] == pytest.approx(untraced, abs=0.01)
    assert costs["unattributed"] > 1
    assert "contract_review" not in costs


def test_each_call_counts_once_on_the_day_it_happened(marts):
    counted = marts.execute(
        "select count(*), count(distinct call_id) from marts.fct_llm_calls where usage_date between ? and ?",
        [WEEK_BEFORE[0], SUNDAY],
    ).fetchone()
    assert counted == (truth.traced_call_count(WEEK_BEFORE[0], SUNDAY),) * 2


def test_every_cell_of_the_bill_ties_exactly(marts):
    loose = marts.execute(
        "select count(*) from marts.fct_daily_reconciliations where billed_cost_usd is not null "
        "and billed_cost_usd <> allocated_cost_usd + unattributed_cost_usd"
    ).fetchone()
    assert loose == (0,)


def test_repeated_queries_are_those_of_the_sample(marts):
    counted = marts.execute(
        "select sum(query_count), sum(hit_count) from marts.fct_daily_cache_opportunities "
        "where feature_id = 'support_chat' and similarity = 1 and usage_date between ? and ?",
        [MONDAY, SUNDAY],
    ).fetchone()
    asked, repeated = truth.repeated_query_counts("support_chat", first=MONDAY, last=SUNDAY)
    assert counted == (asked, repeated) and repeated > 1000


def test_the_broken_object_is_counted_and_stops_nothing(marts):
    rows = marts.execute(
        "select landing_date, status, quarantined_count from marts.fct_daily_extract_outcomes "
        "where source = 'traces' and quarantined_count > 0"
    ).fetchall()
    # On the third lie the objects of tests/planted.py: three lines of one, and one of each but the one that can be read.
    assert rows == [(date(2025, 6, 3), "loaded", 11), (date(2025, 6, 11), "loaded", 1)]


def test_the_message_says_what_the_sample_says(demo):
    total, before = truth.total_usd(MONDAY, SUNDAY), truth.total_usd(*WEEK_BEFORE)
    features, features_before = (truth.traced_usd_by_feature(*days) for days in ((MONDAY, SUNDAY), WEEK_BEFORE))
    top = max(features, key=features.get)
    share, share_before = round(100 * features[top] / total), round(100 * features_before.get(top, 0) / before)
    message = demo.result.message
    assert message.startswith(
        f"AI Cost Weekly (Week of June 9): Total: ${total:,.0f} ({100 * (total / before - 1):+.0f}% WoW). "
    )
    assert top == "document_summarization"
    assert f"Document summarization: ${features[top]:,.0f} ({share}% of total, " in message
    assert f" from {share_before}%)" in message
    new_caller = features["batch_summarization"]
    assert "Root cause: new caller, batch summarization calls pipeline " in message
    assert f"(+${new_caller:,.0f}; all else together -${new_caller - (total - before):,.0f})" in message
    month_end = truth.month_end_usd(WEEK_BEFORE[0], SUNDAY)
    assert (
        f"Projected month-end: ${month_end:,.0f} (without 1 day of the month that is missing, error not yet measured). "
        in message
    )
    saving = truth.saving_usd_per_month(top, task_type="summarization", first=MONDAY, last=SUNDAY)
    assert (
        f" Recommended: route document summarization to Claude 3.5 Haiku (est. savings: ${saving:,.0f}/month; "
        in message
    )
    assert message.splitlines()[0].endswith("Decision needed by Friday, June 20.")


def test_the_documented_message_is_the_one_that_the_sample_makes(demo):
    reviews, docs = demo.settings.published / "reviews", REPOSITORY / "docs"
    made = json.loads((reviews / f"{MONDAY}.json").read_text())
    assert json.loads((docs / "images" / "weekly_message.json").read_text()) == made
    assert (reviews / f"{MONDAY}.md").read_text().strip() == made["text"]
    pictures = [imread(path) for path in (reviews / f"{MONDAY}.png", docs / "images" / "weekly_message.png")]
    assert pictures[0].shape == pictures[1].shape
    # Letters are smoothed alike on all machines but for a hair; one that is another changes hundreds of points.
    assert (abs(pictures[0] - pictures[1]) > 0.25).any(axis=2).sum() < 50
    page = " ".join(re.sub(r"^>", "", (docs / "message.md").read_text(), flags=re.MULTILINE).split())
    said = [line for text in texts_of(made["blocks"]) for line in text.splitlines()]
    assert len(said) > 10
    assert [line for line in said if " ".join(line.split()) not in page] == []


def texts_of(blocks):
    """All texts of blocks, in their order."""
    for block in blocks:
        for text in [block["text"]] if "text" in block else block.get("elements", []):
            yield text["text"]


def test_finances_files_in_the_docs_are_those_of_the_sample(demo):
    made = demo.settings.published / "finance" / "2025-06" / "current"
    again = f"copy them from {made.resolve()} to docs/examples"
    csv_shown = examples.csv_rows(examples.DOCS / "examples" / "feature_costs_2025-06.csv")
    assert csv_shown == examples.csv_rows(made / "feature_costs.csv"), again
    shown = examples.workbook_rows(examples.DOCS / "examples" / "ai_cost_2025-06.xlsx")
    parted = examples.first_difference(shown, examples.workbook_rows(made / "ai_cost_2025-06.xlsx"))
    assert not parted, f"{parted}; {again}"


def test_the_answers_on_the_page_of_queries_are_those_of_the_sample(marts):
    page = (examples.DOCS / "querying.md").read_text()
    outputs = examples.outputs_shown(page)
    assert len(outputs) == 7
    for query, shown in outputs.items():
        assert not (other := examples.first_other_row(shown, marts.execute(query).fetchall())), f"{query}\n{other}"


def test_the_week_fires_once_by_itself(demo):
    keys = [run["partition_key"] for run in demo.runs["report_weekly"]]
    assert sorted(keys) == ["2025-06-02 (W23)", "2025-06-09 (W24)"]
    assert {run["state"] for run in demo.runs["report_weekly"]} == {"success"}


def test_the_daily_dags_ran_for_the_last_day_alone(demo):
    assert [run["partition_key"] for run in demo.runs["extract_traces"]] == ["2025-06-15"]


def test_building_again_for_any_day_leaves_every_mart_identical(demo):
    assert [run["state"] for run in demo.runs["build_marts"]].count("success") == 2
    assert compare_builds(demo.first_build, demo.current) == []


def test_a_build_is_the_same_whichever_day_asked_for_it(demo):
    # All that a build is made of is in this hash; what dbt makes of it is compared for one day above.
    first, last = WEEK_BEFORE[0], SUNDAY
    lake = Lake(demo.settings.lake)
    hashes = {read_inputs(lake, settings=demo.settings, run_day=day).sha256 for day in days_between(first, last)}
    assert len(hashes) == 1


def test_a_day_that_nobody_landed_fails_its_run_and_is_named(demo):
    assert "no source has landed 2025-07-01" in demo.failures["unknown day"]
    assert "holds 2025-06-02 to 2025-06-15" in demo.failures["unknown day"]


def test_a_failed_audit_fails_the_run_and_leaves_what_is_published(demo):
    assert "check_marts: " in demo.failures["no spans"]
    assert "fct_llm_calls" in demo.failures["no spans"]
    assert (demo.settings.published / "current").resolve() == demo.current


def test_every_feature_in_production_has_its_alarms(demo):
    names = [alarm["AlarmName"].split("/") for alarm in demo.cloudwatch.describe_alarms()["MetricAlarms"]]
    seed = csv.DictReader((REPOSITORY / "dbt_project" / "seeds" / "features.csv").read_text().splitlines())
    assert {feature for _, _, feature, rule in names if rule == "daily_cost_anomaly"} == {
        row["feature_id"] for row in seed
    }
    assert ["ai-finops", "AIFinOps", "invoice_extraction", "token_amplification_extraction"] in names


def test_what_is_put_to_cloudwatch_is_what_the_marts_say(demo, marts):
    costs = marts.execute(
        "select usage_date, allocated_cost_usd from marts.fct_daily_feature_costs "
        "where feature_id = 'document_summarization' order by usage_date"
    ).fetchall()
    metric = {
        "Namespace": "AIFinOps",
        "MetricName": "FeatureDailyCostUSD",
        "Dimensions": [{"Name": "Feature", "Value": "document_summarization"}],
    }
    answer = demo.cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "q", "MetricStat": {"Metric": metric, "Period": 86400, "Stat": "Maximum"}}],
        StartTime=datetime(2025, 6, 1, tzinfo=UTC),
        EndTime=datetime(2025, 6, 16, tzinfo=UTC),
        ScanBy="TimestampAscending",
    )
    (result,) = answer["MetricDataResults"]
    put = [(at.astimezone(UTC).date(), value) for at, value in zip(result["Timestamps"], result["Values"], strict=True)]
    assert put == [(day, pytest.approx(float(usd))) for day, usd in costs]


def test_nothing_listens_beyond_this_machine(demo):
    assert demo.listening == {"127.0.0.1"}


def test_the_page_answers_from_the_published_marts(demo, marts):
    assert {path: answer.status_code for path, answer in demo.page.items()} == dict.fromkeys(demo.page, 200)
    rows = list(csv.DictReader(demo.page["features/daily-costs.csv"].text.splitlines()))
    (cost,) = marts.execute("select sum(allocated_cost_usd) from marts.fct_daily_feature_costs").fetchone()
    assert sum(Decimal(row["allocated_cost_usd"]) for row in rows) == cost
    assert "Decision needed by Friday, June 20." in demo.page["weekly"].text


def test_published_parquet_and_database_hold_the_same_marts(demo, marts):
    current = demo.current
    tables = {
        name
        for (name,) in marts.execute("select table_name from duckdb_tables() where schema_name = 'main'").fetchall()
    }
    assert {path.stem for path in current.glob("*.parquet")} == tables
    for table in sorted(tables):
        in_database = marts.execute(f"select count(*) from marts.{table}").fetchone()
        assert marts.execute(f"select count(*) from '{current / table}.parquet'").fetchone() == in_database, table


def test_data_docs_are_a_site(demo):
    index = demo.settings.home / "data_docs" / "index.html"
    assert "<html" in index.read_text(encoding="utf-8").lower()


def test_prompt_text_never_reaches_lake_or_logs(demo):
    texts = sql.rows(f"select text from '{truth.SAMPLE / 'queries.parquet'}' order by length(text) desc limit 50")
    assert len(texts) == 50
    for place in ("lake", "logs", "airflow/logs"):
        assert planted.files_that_say(demo.settings.home / place, *(text for (text,) in texts)) == []


def test_no_planted_secret_or_prompt_is_in_anything_that_the_run_left(demo):
    home = demo.settings.home
    suffixes = {file.suffix for file in home.rglob("*")}
    assert {
        ".log",
        ".parquet",
        ".duckdb",
        ".json",
        ".jsonl",
        ".sql",
        ".html",
        ".csv",
        ".xlsx",
        ".db",
        ".sqlite",
    } <= suffixes
    assert planted.files_that_say(home, planted.MARK) == []
    said = [*demo.commands, *demo.failures.values(), *(f"{page.text}{page.headers}" for page in demo.page.values())]
    assert len(demo.commands) > 4
    assert [text for text in said if planted.MARK in text] == []


def test_what_was_planted_was_in_use(demo):
    # Slack took the token, the pseudonyms are made with the key, and what cannot be read is named by its object.
    said = json.dumps([*demo.slack.bodies, *demo.slack.messages], default=str)
    assert {"chat.postMessage", "files.getUploadURLExternal"} <= set(demo.slack.calls)
    assert "AI Cost Weekly (Week of June 9)" in said and planted.MARK not in said
    assert said.count("AI cost: build_marts ") >= len(demo.failures)
    assert (demo.settings.home / "privacy" / "users.sqlite").exists()
    assert not (demo.settings.home / "privacy" / "secret").exists()
    (named,) = planted.files_that_say(demo.settings.home / "lake" / "data" / "traces" / "2025-06-03", "cut.binpb")[-1:]
    assert named.endswith("quarantine.parquet")
