"""The runbook speaks of every task and fault, each alert leads into it, and its commands exist."""

import re
import shlex

import pytest
from airflow.cli.cli_parser import get_parser
from airflow.dag_processing.dagbag import DagBag

from ai_finops import cli
from ai_finops.config import FEEDS, REPOSITORY
from ai_finops.errors import Fault
from ai_finops.orchestrate import sharding
from ai_finops.orchestrate.alert_words import anchor, slow_run_text
from ai_finops.orchestrate.retrying import PLANS

PAGE = (REPOSITORY / "docs" / "runbook.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)
CODE = [*re.findall(r"`([^`\n]+)`", PAGE), *re.findall(r"^```\n(.*?)```", PAGE, flags=re.DOTALL | re.MULTILINE)]
COMMANDS = [line for code in CODE for line in code.splitlines() if line.startswith(("ai-finops ", "airflow "))]


def anchor_of(heading):
    """Return a heading's anchor as GitHub and GitLab make it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.fixture(scope="module")
def dags():
    return DagBag(dag_folder=str(REPOSITORY / "dags")).dags


def section(found):
    """Return the text below the heading with that anchor."""
    parts = re.split(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(map(anchor_of, parts[::2]), parts[1::2], strict=True))[found]


def test_no_two_headings_have_one_anchor():
    anchors = [anchor_of(heading) for heading in HEADINGS]
    assert len(anchors) == len(set(anchors))


def test_every_task_has_a_section_that_its_alert_leads_to(dags):
    assert set(dags) <= set(HEADINGS)
    for dag in dags.values():
        for task in dag.tasks:
            assert len(section(anchor(dag.dag_id, task.task_id)).strip()) > 20, task.task_id


@pytest.mark.parametrize("task_id", [sharding.PLAN, sharding.SHARD, sharding.JOIN])
def test_tasks_of_a_day_in_shards_have_a_section_too(task_id):
    assert f"`{task_id}`" in section("extract_traces-land") + section("extract_traces-join_shards")
    assert len(section(anchor("extract_traces", task_id)).strip()) > 20


@pytest.mark.parametrize("feed", FEEDS)
def test_every_source_is_named_also_those_that_are_off_by_default(feed):
    assert [source for source in FEEDS[feed] if f"`land_{source}`" not in section(f"extract_{feed}-land")] == []


def test_the_alert_on_a_slow_run_leads_to_its_section():
    class Settings:
        runbook_url = "x"

    assert slow_run_text({}, within="1 h", settings=Settings).rsplit("#", 1)[1] in map(anchor_of, HEADINGS)


def test_links_within_the_page_lead_somewhere():
    anchors = {anchor_of(heading) for heading in HEADINGS}
    assert [target for target in re.findall(r"\]\(#([^)]+)\)", PAGE) if target not in anchors] == []


def test_every_dag_leads_to_the_runbook(dags):
    for dag in dags.values():
        assert f"docs/runbook.md#{dag.dag_id}" in dag.doc_md, dag.dag_id


def test_the_table_of_retries_is_that_of_the_code():
    rows = dict(re.findall(r"^\| ([a-z ]+) \|[^|]+\| ([^|]+) \|", PAGE, flags=re.MULTILINE))
    assert set(rows) == set(Fault)
    for fault, plan in PLANS.items():
        minutes = ", ".join(f"{wait * 120 / 60:g}" for wait in plan.waits) or "none"
        assert re.match(rf"{minutes}($|, (after|each))", rows[fault]), fault


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_is_understood(command):
    program, *words = shlex.split(command)
    parser = cli._parser() if program == "ai-finops" else get_parser()
    assert parser.parse_args(words)


def test_there_are_commands_of_both_programs():
    assert {command.split()[0] for command in COMMANDS} == {"ai-finops", "airflow"}
    assert len(COMMANDS) >= 15
