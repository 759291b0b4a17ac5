"""A run over ninety days goes on where it was killed, and shows how far it is."""

import json
import os
import signal
import subprocess
import sys
from datetime import date, timedelta

import pytest

from ai_finops import extract
from ai_finops.errors import LakeError, SourceUnavailable
from ai_finops.extract.history import MOST_SENTENCES, land_run
from ai_finops.extract.history_log import KEPT_COUNT, newest_lines, open_log, reported_days
from ai_finops.lake import Lake, Outcome
from ai_finops.publish.status import status_lines

FIRST = date(2025, 3, 17)
DAYS = [FIRST + timedelta(days=number) for number in range(90)]
LAST = DAYS[-1]
TODAY = LAST + timedelta(days=1)

# The child lands as a task does, and is killed after the outcome of its fortieth day and before that is written down.
KILLED_AT_40 = """
import os, signal, sys
from datetime import date
from ai_finops.config import Settings
from ai_finops.extract import history, history_log
add = history_log.HistoryLog.add
def add_or_die(log, outcome, **more):
    if len(log.done) == 39:
        os.kill(os.getpid(), signal.SIGKILL)
    add(log, outcome, **more)
history_log.HistoryLog.add = add_or_die
first, last, today = map(date.fromisoformat, sys.argv[1:])
history.land_run("traces", run="manual__1", first=first, last=last, settings=Settings.from_env(), today=today)
"""


def run_of(settings, run="manual__1", **more):
    told = []
    landed = land_run(
        "traces",
        run=run,
        first=FIRST,
        last=LAST,
        settings=settings,
        today=TODAY,
        tell=lambda line, outcome: told.append((outcome.landing_date, line)),
        **more,
    )
    return landed, told


def test_ninety_days_killed_in_the_middle_go_on_from_there(clients, settings):
    child = subprocess.run(
        [sys.executable, "-c", KILLED_AT_40, str(FIRST), str(LAST), str(TODAY)],
        env=os.environ
        | {
            "AI_FINOPS_HOME": str(settings.home),
            "AI_FINOPS_TRACES_BUCKET": settings.traces_bucket,
        },
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert Lake(settings.lake).days("traces") == DAYS[:40]
    (line,) = newest_lines(settings)
    assert line.startswith("traces: 39 of 90 days landed, 0 rows, about ")

    landed, told = run_of(settings)
    # The fortieth was landed and not written down: it alone is landed twice.
    assert [day for day, _ in told] == DAYS[39:]
    assert (landed["left_out"], landed["landed_now"], landed["failures"]) == (39, 51, [])
    assert told[-1][1] == f"{LAST} empty; traces: 90 of 90 days landed, 0 rows"
    assert Lake(settings.lake).days("traces") == DAYS

    again, told = run_of(settings)
    assert (again["left_out"], told) == (90, [])
    _, told = run_of(settings, run="manual__2")  # another run lands every day
    assert len(told) == 90
    assert "history    traces: 90 of 90 days landed, 0 rows (2025-03-17 to 2025-06-14)" in status_lines(settings)


@pytest.fixture
def landing(monkeypatch):
    """Land made-up days in no time; `landing.fails` says which do not, and with what."""

    class Landing:
        fails: dict = {}  # noqa: RUF012 - one test's own
        asked: list = []  # noqa: RUF012 - as above

    Landing.fails, Landing.asked = {}, []

    def land(source, day, *, settings, as_of, **_):
        Landing.asked.append(day)
        if day in Landing.fails:
            raise Landing.fails[day]
        at = extract.landings.now()
        return Outcome(source, day, "loaded", as_of, at, read_count=2, loaded_count=2)

    monkeypatch.setattr(extract, "land", land)
    return Landing


def test_a_source_that_went_away_is_asked_from_that_day_on(settings, landing):
    landing.fails[DAYS[30]] = SourceUnavailable("not now")
    with pytest.raises(SourceUnavailable):
        run_of(settings)
    assert newest_lines(settings)[0].startswith("traces: 30 of 90 days landed, 1 failed, 60 rows, about ")
    landing.fails.clear()
    landing.asked.clear()
    landed, _ = run_of(settings)
    assert landing.asked == DAYS[30:]
    assert landed["line"] == "traces: 90 of 90 days landed, 180 rows"


def test_days_that_failed_are_tried_again_and_days_that_are_gone_too(settings, landing):
    for day in DAYS[:25]:
        landing.fails[day] = extract.landings.SourceBroken("damaged")
    landed, _ = run_of(settings)
    assert (landed["failed_count"], len(landed["failures"]), landed["landed_now"]) == (25, MOST_SENTENCES, 65)
    landing.fails.clear()
    landing.asked.clear()
    (settings.lake / "outcomes" / "traces" / f"{DAYS[80]}.json").unlink()
    landed, _ = run_of(settings)
    assert landing.asked == [*DAYS[:25], DAYS[80]]
    assert landed["line"] == "traces: 90 of 90 days landed, 180 rows"


def test_a_line_that_was_cut_off_is_forgotten_and_one_that_was_changed_is_not(settings, landing):
    run_of(settings)
    path = settings.home / "history" / "manual__1" / "traces.jsonl"
    whole = path.read_text()
    path.write_text(whole[:-7])
    landing.asked.clear()
    run_of(settings)
    assert landing.asked == [LAST]
    assert [json.loads(line)["day"] for line in path.read_text().splitlines()[1:]] == list(map(str, DAYS))
    path.write_text(whole.replace('"rows"', "rows", 1))
    with pytest.raises(LakeError, match=r"traces\.jsonl, line 2, is damaged .* remove the file"):
        run_of(settings)


def test_another_range_under_the_same_name_begins_anew(settings, landing):
    run_of(settings)
    log = open_log(settings, run="manual__1", source="traces", first=FIRST, last=DAYS[1])
    assert log.done == {}


def test_logs_of_old_runs_are_dropped_and_names_stay_in_the_folder(settings):
    for number in range(KEPT_COUNT + 5):
        open_log(settings, run=f"../../manual__{number}", source="traces", first=FIRST, last=LAST)
    kept = sorted((settings.home / "history").iterdir())
    assert len(kept) == KEPT_COUNT
    assert not list(settings.home.parent.glob("manual__*"))


def test_a_day_is_reported_once_every_source_has_an_outcome(settings, landing):
    run_of(settings)
    assert reported_days(settings, first=FIRST, last=LAST) == []
    for source in settings.sources[1:]:
        Lake(settings.lake).record_outcome(
            Outcome(source, DAYS[1], "failed", TODAY, extract.landings.now(), error="down")
        )
    assert reported_days(settings, first=FIRST, last=LAST) == [DAYS[1]]
