"""One claim per week and channel, and what a crash leaves behind."""

import fcntl
import json
from contextlib import nullcontext
from datetime import date

import pytest

from ai_finops.errors import ReportError
from ai_finops.report import NotPosted, ledger
from ai_finops.report.ledger import (
    claim,
    claim_again,
    confirm,
    entry_path,
    locked,
    read_entry,
    release,
    write_atomically,
)

WEEK = date(2025, 6, 9)


@pytest.fixture
def path(tmp_path):
    return entry_path(tmp_path, week=WEEK, channel="#ai-cost")


def test_the_first_claim_writes_the_intent(path):
    assert claim(path, week=WEEK, channel="#ai-cost", content_sha256="2c") is None
    entry = read_entry(path)
    assert (entry.state, entry.week_start_date, entry.channel, entry.message_ts) == (
        "intent",
        "2025-06-09",
        "#ai-cost",
        None,
    )
    assert (entry.content_sha256, entry.has_picture) == ("2c", False)
    assert entry.intent_at > 1_700_000_000
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_second_claim_gets_what_is_there(path):
    claim(path, week=WEEK, channel="#ai-cost", content_sha256="2c")
    assert claim(path, week=WEEK, channel="#ai-cost", content_sha256="d9").state == "intent"
    confirm(path, message_ts="1.2", has_picture=True)
    entry = claim(path, week=WEEK, channel="#ai-cost", content_sha256="d9")
    assert (entry.state, entry.message_ts) == ("posted", "1.2")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_released_claim_can_be_made_again(path):
    claim(path, week=WEEK, channel="#ai-cost", content_sha256="2c")
    release(path)
    assert read_entry(path) is None
    assert claim(path, week=WEEK, channel="#ai-cost", content_sha256="2c") is None


def test_an_intent_of_which_nothing_came_is_written_anew(path):
    claim(path, week=WEEK, channel="#ai-cost", content_sha256="2c")
    before = read_entry(path)
    claim_again(path, content_sha256="d9")
    after = read_entry(path)
    assert (after.state, after.content_sha256) == ("intent", "d9")
    assert after.intent_at >= before.intent_at


def test_one_holds_the_lock_of_an_entry(path):
    with locked(path), path.with_suffix(".lock").open("a") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with path.with_suffix(".lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize("is_held", [True, False])
def test_a_lock_that_is_not_given_back_is_not_waited_for_for_ever(path, monkeypatch, is_held):
    monkeypatch.setattr(ledger, "MOST_LOCK_SECONDS", 0)
    path.parent.mkdir()
    with path.with_suffix(".lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX if is_held else fcntl.LOCK_UN)
        refused = pytest.raises(NotPosted, match=r"another run has held .*\.lock for 0 s; look for a run")
        with refused if is_held else nullcontext(), locked(path):
            pass


def test_a_lock_that_is_given_back_in_time_is_taken(path, monkeypatch):
    waits = []
    path.parent.mkdir()
    with path.with_suffix(".lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        monkeypatch.setattr(ledger.time, "sleep", lambda wait: waits.append(fcntl.flock(other, fcntl.LOCK_UN)))
        with locked(path):
            assert len(waits) == 1


def test_every_week_and_channel_has_its_own_entry(tmp_path):
    channels = ["#ai-cost", "ai-cost", "#ai cost", "C024BE91L"]
    paths = {entry_path(tmp_path, week=week, channel=name) for week in (WEEK, date(2025, 6, 16)) for name in channels}
    assert len(paths) == 8
    assert all(path.parent == tmp_path / "ledger" for path in paths)


ENTRY = {"week_start_date": "2025-06-09", "channel": "#ai-cost", "state": "posted", "content_sha256": ""}


@pytest.mark.parametrize(
    "content",
    ["", "[]", "7", '{"state": "posted"}', "\udcff"]
    + [json.dumps(ENTRY | changes) for changes in ({"state": "lost"}, {"channel": 7}, {"intent_at": "noon"})],
)
def test_a_damaged_entry_says_what_to_do(path, content):
    write_atomically(path, content.encode(errors="surrogateescape"))
    with pytest.raises(ReportError, match="look at the channel, then remove the file"):
        read_entry(path)


def test_an_entry_of_a_release_without_refused_addresses_is_read(path):
    write_atomically(path, json.dumps(ENTRY))
    assert read_entry(path).not_taken == {}


def test_a_draft_is_no_other_run_s(tmp_path):
    # Runs in two containers may have the same process id.
    target = tmp_path / "2025-06-09.md"
    first = ledger._draft(target, "first")
    write_atomically(target, "second")
    assert (first.read_text(), target.read_text()) == ("first", "second")


def test_what_cannot_be_written_leaves_no_draft(tmp_path):
    (tmp_path / "2025-06-09.md").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "2025-06-09.md", "text")
    assert [file.name for file in tmp_path.iterdir()] == ["2025-06-09.md"]


def test_a_file_is_replaced_whole(tmp_path):
    target = tmp_path / "reviews" / "2025-06-09.md"
    write_atomically(target, "first\n")
    write_atomically(target, "second\n")
    assert target.read_text() == "second\n"
    assert [file.name for file in target.parent.iterdir()] == ["2025-06-09.md"]
