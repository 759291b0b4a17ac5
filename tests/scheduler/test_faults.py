"""Four days under LocalExecutor on which something goes wrong each time, played once; each test asks about one of them."""

from __future__ import annotations

import shutil
from datetime import timedelta
from types import SimpleNamespace

import duckdb
import pytest

from ai_finops.days import days_between, morning_after
from tests.scheduler import promises
from tests.scheduler.fault_proxy import CLOUDWATCH
from tests.scheduler.on_time import marts_on_time
from tests.scheduler.same_marts import unlike
from tests.scheduler.small_sample import MONDAY

pytestmark = [pytest.mark.long, pytest.mark.timeout(5400)]
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=number) for number in (1, 2, 3))
SAYS_HOW_IT_WENT = {"fct_daily_extract_outcomes", "fct_daily_run_summaries", "dim_builds"}
"""Marts that say how a day's landings ended, or hash that with the rest, and so keep that one of them had failed."""
MORNINGS_WITHOUT_ALL = {morning_after(TUESDAY), morning_after(WEDNESDAY)}
"""When a source was down, so that what was issued, which stays, was issued without it."""


@pytest.fixture(scope="module")
def story(start_airflow, tmp_path_factory):
    """What became of the four days."""
    found = SimpleNamespace()
    with start_airflow("faults") as stack:
        found.stack = stack
        stack.deliver(MONDAY, MONDAY)
        fail_twice(stack, found)
        stack.deliver(TUESDAY, TUESDAY)
        stay_down(stack, found)
        stack.deliver(WEDNESDAY, WEDNESDAY)
        be_late(stack, found)
        stack.deliver(THURSDAY, THURSDAY)
        catch_up_while_the_scheduler_is_killed(stack, found)
        found.broken = promises.broken_promises(stack)
        home = tmp_path_factory.mktemp("on-time")
        # Pseudonyms are drawn, and the same where the keys are the same.
        shutil.copytree(stack.settings.home / "privacy", home / "privacy")
        on_time = marts_on_time(stack.env | stack.direct, days_between(MONDAY, THURSDAY), home=home)
        found.billed_on_time = billed(on_time, WEDNESDAY)
        found.differences = unlike(
            (stack.settings.published / "current").resolve(),
            on_time,
            leaving_out=SAYS_HOW_IT_WENT,
            mornings_left_out=MORNINGS_WITHOUT_ALL,
        )
    return found


def fail_twice(stack, found):
    """Traces do not answer twice on Monday."""
    bucket = stack.settings.traces_bucket
    stack.proxy.refuse(bucket, calls=2)
    stack.backfill(MONDAY, MONDAY)
    run = stack.wait_for("extract_traces", MONDAY)
    found.recovered = stack.task("extract_traces", run, "land_traces")
    found.refused_count = len(stack.proxy.refused[bucket])
    stack.wait_for("build_marts", MONDAY)
    found.monday = promises.outcome_statuses(stack.settings, MONDAY)
    found.alerts_after_monday = promises.alerts(stack)


def stay_down(stack, found):
    """Traces do not answer at all on Tuesday."""
    stack.proxy.refuse(stack.settings.traces_bucket)
    stack.backfill(TUESDAY, TUESDAY)
    found.red_run = stack.wait_for("extract_traces", TUESDAY, state="failed")
    found.red_task = stack.task("extract_traces", found.red_run, "land_traces")
    for feed in ("billing", "cloudwatch"):
        stack.wait_for(f"extract_{feed}", TUESDAY)
    stack.wait_for("build_marts", TUESDAY)
    found.tuesday = promises.outcome_statuses(stack.settings, TUESDAY)
    found.alerts_after_tuesday = promises.alerts(stack)
    found.named = outcomes_in_marts(stack, TUESDAY)


def be_late(stack, found):
    """Traces answer again and Tuesday's run is cleared; on Wednesday neither bill nor CloudWatch answers."""
    stack.proxy.let_through(stack.settings.traces_bucket)
    stack.clear("extract_traces", found.red_run)
    stack.wait_until(
        lambda: promises.outcome_statuses(stack.settings, TUESDAY)["traces"] == "loaded", what="Tuesday's traces"
    )
    for what in (stack.settings.billing_bucket, CLOUDWATCH):
        stack.proxy.refuse(what)
    stack.backfill(WEDNESDAY, WEDNESDAY)
    for feed in ("billing", "cloudwatch"):
        stack.wait_for(f"extract_{feed}", WEDNESDAY, state="failed")
    stack.wait_for("build_marts", WEDNESDAY)
    found.wednesday = promises.outcome_statuses(stack.settings, WEDNESDAY)
    found.billed_after_wednesday = billed(stack.settings.published / "current", WEDNESDAY)


def catch_up_while_the_scheduler_is_killed(stack, found):
    """All answer on Thursday, nobody clears Wednesday; the scheduler and its tasks die while the build is at its longest."""
    for what in (stack.settings.billing_bucket, CLOUDWATCH):
        stack.proxy.let_through(what)
    stack.backfill(THURSDAY, THURSDAY)
    stack.wait_until(lambda: is_running(stack, THURSDAY, "build_costs"), what="Thursday's build_costs to run")
    words = ("scheduler", "--skip-serve-logs")
    stack.kill("scheduler")
    stack.start("scheduler", words)
    run = stack.wait_for("build_marts", THURSDAY)
    found.killed = stack.task("build_marts", run, "build_costs")
    found.billed_after_thursday = billed(stack.settings.published / "current", WEDNESDAY)
    found.traced_after_thursday = outcomes_in_marts(stack, TUESDAY)["traces"][0]


def is_running(stack, day, task_id):
    runs = stack.runs("build_marts", key=day)
    return bool(runs) and stack.task("build_marts", runs[0], task_id)["state"] == "running"


def outcomes_in_marts(stack, day):
    """Return status and error by source, as the published marts have them for a day."""
    with duckdb.connect(str(stack.settings.published / "current" / "marts.duckdb"), read_only=True) as marts:
        rows = marts.execute(
            "select source, status, error from marts.fct_daily_extract_outcomes where landing_date = ?", [day]
        ).fetchall()
    return {source: (status, error) for source, status, error in rows}


def billed(build, day):
    """Return a day's billed dollars, credits included, in the marts of a published build; None where it has no bill."""
    with duckdb.connect(str(build / "marts.duckdb"), read_only=True) as marts:
        return marts.execute(
            "select sum(billed_cost_usd) from marts.fct_daily_reconciliations where usage_date = ?", [day]
        ).fetchone()[0]


def test_a_source_that_fails_twice_recovers_by_itself(story):
    assert story.refused_count == 2
    # More where the machine is so busy that a try cannot begin.
    assert story.recovered["state"] == "success" and story.recovered["try_number"] >= 3
    assert story.monday == dict.fromkeys(("traces", "billing", "cloudwatch"), "loaded")


def test_nobody_is_told_of_what_recovered(story):
    assert story.alerts_after_monday == []


def test_a_source_that_stays_down_turns_its_own_run_red_alone(story):
    assert story.red_task["state"] == "failed"
    assert story.tuesday == {"traces": "failed", "billing": "loaded", "cloudwatch": "loaded"}


def test_it_is_told_of_once_with_its_day(story):
    (alert,) = story.alerts_after_tuesday
    assert "extract_traces failed in land_traces" in alert and str(TUESDAY) in alert


def test_the_marts_are_built_without_it_and_name_it(story):
    status, error = story.named["traces"]
    assert status == "failed" and story.stack.settings.traces_bucket in error
    assert {story.named[source][0] for source in ("billing", "cloudwatch")} == {"loaded"}


def test_what_was_cleared_is_in_the_next_build(story):
    assert story.traced_after_thursday == "loaded"


def test_a_late_bill_is_caught_up_by_the_next_run_alone(story):
    assert story.wednesday == {"traces": "loaded", "billing": "failed", "cloudwatch": "failed"}
    assert story.billed_after_wednesday is None
    assert story.billed_after_thursday == story.billed_on_time and story.billed_on_time


def test_a_killed_scheduler_goes_on_where_it_was(story):
    assert story.killed["state"] == "success" and story.killed["try_number"] == 2


def test_the_marts_are_those_of_days_on_which_nothing_failed(story):
    assert story.differences == []


def test_all_promises_hold(story):
    assert story.broken == []
