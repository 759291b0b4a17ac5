"""The console script: verbs call the package, errors are one sentence, usage errors say how."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ai_finops import alarms, cli, config
from ai_finops.build import find_build
from ai_finops.build.recost import CostChange, Recosted
from ai_finops.config import Settings
from ai_finops.errors import SourceForbidden
from ai_finops.lake import Outcome
from tests.publish.test_swap import make_passed, pass_audit
from tests.quality.tiny_marts import change, make_build
from tests.report import conftest as digests

publish_weeks = digests.publish

VERBS = (
    "land",
    "build",
    "audit",
    "publish",
    "run",
    "recost",
    "forget",
    "retain",
    "permissions",
    "report",
    "finance",
    "compare",
    "alarms",
    "routing",
    "status",
    "metrics",
)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("AI_FINOPS_HOME", str(tmp_path / "var"))
    return Settings.from_env()


def test_help_lists_every_verb(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert all(re.search(rf"\n    {verb}\s", text) for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert verb in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "VERB"),
        (["fly"], "invalid choice: 'fly'"),
        (["land", "traces"], "--from"),
        (["land", "mainframe", "--from", "2025-06-02"], "invalid choice: 'mainframe'"),
        (["land", "traces", "--from", "2.6.2025"], "'2.6.2025' is not a date; write it as YYYY-MM-DD"),
        (["report", "--week", "last"], "'last' is not a date"),
        (["recost", "--to", "2025-06-02"], "--from"),
        (["recost", "--from", "2025-06-02", "--dry-run", "--apply"], "not allowed with argument"),
        (["build", "--day", "yesterday"], "'yesterday' is not a date"),
        (["alarms"], "ACT"),
        (["routing"], "ACT"),
        (["routing", "analyze", "--days", "0"], "'0' is not a number from 1 to 100000"),
        (["alarms", "mute"], "invalid choice: 'mute'"),
        (["alarms", "test"], "--feature"),
        (["alarms", "sync", "--as-of", "today"], "'today' is not a date"),
    ],
)
def test_usage_errors_exit_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "holds nothing of traces, billing, cloudwatch; land a day first"),
        (["audit"], "no build in "),
        (["publish", "--build", "nine"], "no build nine"),
        (["publish", "--to", "postgres"], "AI_FINOPS_POSTGRES_CONNECTION names no connection"),
        (["publish", "--to", "postgres", "--build", "nine"], "PostgreSQL gets the build that the files hold"),
        (["compare", "one", "two"], "no published build 'one'"),
        (["land", "traces", "--from", "2025-06-03", "--to", "2025-06-02"], "the range ends before it begins"),
        (["land", "traces", "--from", "2062-06-03"], "cannot be landed for 2062-06-03 as of"),
        (["land", "traces", "--from", "9999-12-31"], "cannot be landed for 9999-12-31 as of"),
        (["land", "traces", "--from", "2025-06-03", "--as-of", "2025-06-03"], "give a day that is over by then"),
        (["land", "traces", "--from", "0205-06-03", "--to", "2025-06-03"], "land at most 3700 at a time"),
        (["report", "--week", "2025-06-09", "--print"], "nothing is published"),
        (["report"], "nothing is published"),
        (["routing", "analyze"], "nothing is published"),
        (["alarms", "check"], "AI_FINOPS_ALARMS is none: only alarms in CloudWatch can be checked"),
        (["alarms", "test", "--feature", "x"], "AI_FINOPS_ALARMS is none: only alarms in CloudWatch can be tried"),
    ],
)
def test_failures_are_one_sentence_and_exit_1(settings, arguments, said, capsys):
    assert cli.main(arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("ai-finops: ")
    assert err.count("\n") == 1
    assert said in err


def test_wrong_setting_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setenv("AI_FINOPS_SOURCES", "traces,mainframe")
    assert cli.main(["status"]) == 1
    assert "unknown source 'mainframe'" in capsys.readouterr().err


def test_audit_publish_compare_and_status(settings, capsys):
    first = make_build(settings)
    assert cli.main(["audit"]) == 0
    assert f"audited {first['build_id']}: " in capsys.readouterr().out
    assert cli.main(["publish"]) == 0
    assert "published 000001-2025-06-11-0123abcd: 43 marts" in capsys.readouterr().out

    make_passed(settings, number=2)
    assert cli.main(["publish", "--build", "000002-2025-06-11-0123abcd"]) == 0
    capsys.readouterr()
    assert cli.main(["compare", "000001-2025-06-11-0123abcd", "current"]) == 0
    assert "no marts differ" in capsys.readouterr().out

    assert cli.main(["status"]) == 0
    out = capsys.readouterr().out
    assert "traces     nothing landed" in out
    assert "published  000002-2025-06-11-0123abcd as of 2025-06-11" in out

    mart = settings.published / "current" / "fct_daily_metrics.parquet"
    mart.write_bytes(mart.read_bytes()[:-1])
    assert cli.main(["status"]) == 1
    assert "000002-2025-06-11-0123abcd is damaged (fct_daily_metrics.parquet); publish" in capsys.readouterr().err


def test_compare_exits_1_and_lists_what_differs(settings, capsys):
    for number, statement in ((1, "select 1"), (2, "update marts.fct_daily_metrics set value = 0.06")):
        build = make_build(settings, number=number)
        change(build, statement)
        pass_audit(build)
        assert cli.main(["publish"]) == 0
    capsys.readouterr()
    assert cli.main(["compare", "000001-2025-06-11-0123abcd", "current"]) == 1
    assert "fct_daily_metrics: 9 rows only in the first build, 9 only in the second" in capsys.readouterr().out


def test_failed_audit_is_a_sentence(settings, capsys):
    change(make_build(settings), "delete from marts.fct_daily_metrics")
    assert cli.main(["audit"]) == 1
    err = capsys.readouterr().err
    assert "broke 2 expectations (" in err
    assert "fct_daily_metrics__watched: " in err
    assert "nothing was published" in err


def test_land_goes_day_by_day_through_the_sources_that_are_on(settings, monkeypatch, capsys):
    asked = []

    def land(source, day, *, settings, as_of, today, allow_empty=False):
        asked.append((source, day, as_of, allow_empty))
        at = datetime.fromisoformat("2025-06-04T06:00:00+00:00")
        return Outcome(source, day, "loaded", as_of, at, read_count=3, loaded_count=2, quarantined_count=1)

    monkeypatch.setattr("ai_finops.extract.land", land)
    monkeypatch.setenv("AI_FINOPS_SOURCES", "traces,billing")
    assert cli.main(["land", "all", "--from", "2025-06-02", "--to", "2025-06-03", "--allow-empty"]) == 0
    monday, tuesday, as_of = date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 4)
    assert asked == [(source, day, as_of, True) for source in ("traces", "billing") for day in (monday, tuesday)]
    assert "traces 2025-06-02: loaded, 2 of 3 records loaded, 1 quarantined" in capsys.readouterr().out

    asked.clear()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert cli.main(["land", "traces", "--from", str(yesterday)]) == 0
    assert [day for _, day, _, _ in asked] == [yesterday]

    asked.clear()
    assert cli.main(["land", "traces", "--from", "2025-06-02", "--as-of", "2025-06-09"]) == 0
    assert asked == [("traces", monday, date(2025, 6, 9), False)]


def test_one_dead_source_does_not_keep_the_others_from_landing(settings, monkeypatch, capsys):
    asked = []

    def land(source, day, *, settings, as_of, today, allow_empty=False):
        asked.append(source)
        if source == "traces":
            raise SourceForbidden("the bucket ai-traces refused")
        at = datetime.fromisoformat("2025-06-04T06:00:00+00:00")
        return Outcome(source, day, "loaded", as_of, at, read_count=1, loaded_count=1)

    monkeypatch.setattr("ai_finops.extract.land", land)
    assert cli.main(["land", "all", "--from", "2025-06-02"]) == 1
    assert asked == ["traces", "billing", "cloudwatch"]
    assert capsys.readouterr().err == "ai-finops: the bucket ai-traces refused\n"


def test_build_names_the_warehouse(settings, monkeypatch, capsys):
    build = make_build(settings)
    monkeypatch.setattr("ai_finops.build.build_candidate", lambda *, settings, **wanted: find_build(settings))
    assert cli.main(["build", "--day", "2025-06-10"]) == 0
    assert f"built {build['build_id']} as of 2025-06-11: {build['warehouse']}" in capsys.readouterr().out


@pytest.mark.parametrize(("arguments", "is_full"), [(["build"], False), (["build", "--full"], True)])
def test_build_makes_all_of_it_when_asked(settings, monkeypatch, arguments, is_full):
    make_build(settings)
    asked = []
    monkeypatch.setattr(
        "ai_finops.build.build_candidate", lambda **wanted: asked.append(wanted["is_full"]) or find_build(settings)
    )
    assert cli.main(arguments) == 0
    assert asked == [is_full]


def test_interrupt_is_a_sentence(settings, monkeypatch, capsys):
    def interrupt(**_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("ai_finops.build.build_candidate", interrupt)
    assert cli.main(["build"]) == 1
    assert "interrupted; what was published before is still there" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    code = (
        "import sys, ai_finops.cli; print(sorted({'duckdb', 'pyarrow', 'pandas', 'boto3', 'dbt'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_console_script_is_installed(settings):
    script = Path(sys.executable).with_name("ai-finops")
    done = subprocess.run([script, "run"], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("week", [[], ["--week", "2025-06-11"]])
def test_report_says_the_message_and_what_became_of_it(settings, publish_weeks, week, capsys, monkeypatch):
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_DEFAULT", raising=False)
    publish_weeks(digests.WEEK)
    assert cli.main(["report", *week]) == 0
    out = capsys.readouterr().out
    text = (settings.published / "reviews" / "2025-06-09.md").read_text()
    assert out == f"{text}kept, not posted: there is no Airflow connection slack_default\n"


def test_report_only_prints_when_asked(settings, publish_weeks, capsys):
    publish_weeks(digests.WEEK)
    assert cli.main(["report", "--print"]) == 0
    assert "Document summarization" in capsys.readouterr().out
    assert not (settings.published / "reviews").exists()


@pytest.mark.parametrize("arguments", [["run"], ["build"], ["land", "traces", "--from", "2025-06-02"], ["report"]])
def test_home_that_is_a_file_is_a_sentence(tmp_path, monkeypatch, arguments, capsys):
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("AI_FINOPS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("ai_finops.extract.land", refuse)
    assert cli.main(arguments) == 1
    assert capsys.readouterr().err.startswith("ai-finops: ")


def refuse(*_args, **_kwargs):
    raise SourceForbidden("refused")


def test_outcome_that_cannot_be_read_is_a_sentence(settings, capsys):
    path = settings.lake / "outcomes" / "traces" / "2025-06-02.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert cli.main(["run"]) == 1
    err = capsys.readouterr().err
    assert f"could not read the outcome {path}" in err
    assert "land traces 2025-06-02 again" in err
    assert err.count("\n") == 1


def test_a_recosting_lists_what_would_change_and_says_how_to_apply_it(settings, monkeypatch, capsys):
    change = CostChange(date(2025, 6, 1), "chat", Decimal(1), Decimal(2), Decimal("1.5"), Decimal("1.5"))
    asked = []

    def tried(first, last, *, settings, is_applied, is_forced):
        asked.append((first, last, is_applied, is_forced))
        return Recosted("0.2.4-0123abcd.parquet", (change,), None)

    monkeypatch.setattr("ai_finops.build.recost.recost", tried)
    assert cli.main(["recost", "--from", "2025-06-02"]) == 0
    assert asked == [(date(2025, 6, 2), date(2025, 6, 2), False, False)]
    assert capsys.readouterr().out.splitlines() == [
        "2025-06-02 to 2025-06-02 priced by 0.2.4-0123abcd.parquet: 1 features and months would change",
        "  2025-06 chat: estimated $1.000000 -> $2.000000, allocated $1.500000 unchanged",
        "nothing was published; --apply does it",
    ]
    assert cli.main(["recost", "--from", "2025-05-02", "--apply", "--force"]) == 0
    assert asked[-1] == (date(2025, 5, 2), date(2025, 5, 2), True, True)


def test_calibrate_prints_rows_for_the_seed(capsys, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text(
        "earlier_query,query,is_same_answer\n"
        "how do i get my card pin,how do i get a pin for my card,true\n"
        "can i get a card in the eu,where can i get a card in the eu,false\n"
    )
    assert cli.main(["calibrate", str(pairs)]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    with (config.REPOSITORY / "dbt_project" / "seeds" / "cache_calibrations.csv").open() as file:
        assert head == file.readline().rstrip()
    counts = [row.split(",")[2:4] for row in rows]
    assert sum(int(pair_count) for pair_count, _ in counts) == 2 and sum(int(right) for _, right in counts) == 1
    assert all(
        row.startswith("minilm-l6-v2-static-256-int8,0.") and "2 labelled pairs of pairs.csv" in row for row in rows
    )


def test_calibrate_says_what_is_wrong_with_a_file(capsys, tmp_path):
    assert cli.main(["calibrate", str(tmp_path / "none.csv")]) == 1
    assert "cannot read the labelled pairs" in capsys.readouterr().err


def test_alarms_that_are_off_say_so(settings, capsys):
    assert cli.main(["alarms", "sync"]) == 0
    assert capsys.readouterr().out.startswith("alarms are switched off; set AI_FINOPS_ALARMS")


@pytest.mark.parametrize(("found", "code"), [([], 0), (["a is muted"], 1)])
def test_alarms_check_exits_1_when_one_could_not_fire(settings, monkeypatch, capsys, found, code):
    asked = []
    monkeypatch.setattr(alarms, "check", lambda **given: asked.append(given["now"]) or found)
    assert cli.main(["alarms", "check", "--as-of", "2025-06-16"]) == code
    assert asked == [datetime(2025, 6, 16, 12, tzinfo=UTC)]
    assert capsys.readouterr().out == ("a is muted\n" if found else "every alarm that should be there could fire\n")


@pytest.mark.parametrize(
    ("has_fired", "code", "said"), [(True, 0, "fired after 61 s"), (False, 1, "did not fire: it says OK")]
)
def test_alarms_test_says_which_fired(settings, monkeypatch, capsys, has_fired, code, said):
    given = {}

    def try_alarms(feature_id, **arguments):
        given.update(arguments, feature_id=feature_id)
        arguments["on_breach"](["copy"])
        state = "ALARM" if has_fired else "OK"
        return [alarms.Trial("ai-finops/AIFinOps/f/r", True, "ALARM", 2.0), alarms.Trial("b", has_fired, state, 61.0)]

    monkeypatch.setattr(alarms, "try_alarms", try_alarms)
    arguments = ["alarms", "test", "--feature", "f", "--rule", "r", "--tell", "--timeout", "90"]
    assert cli.main(arguments) == code
    assert {name: given[name] for name in ("feature_id", "rule", "is_telling", "timeout_seconds")} == {
        "feature_id": "f",
        "rule": "r",
        "is_telling": True,
        "timeout_seconds": 90.0,
    }
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("breached 1 copies of alarms; waiting")
    assert second == "ai-finops/AIFinOps/f/r: fired after 2 s"
    assert third.startswith(f"b: {said}")
