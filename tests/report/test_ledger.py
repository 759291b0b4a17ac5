"""One claim per week and channel, and what a crash leaves behind."""

import fcntl
from datetime import date

import pytest

from ai_finops.errors import ReportError
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


def test_every_week_and_channel_has_its_own_entry(tmp_path):
    channels = ["#ai-cost", "ai-cost", "#ai cost", "C024BE91L"]
    paths = {entry_path(tmp_path, week=week, channel=name) for week in (WEEK, date(2025, 6, 16)) for name in channels}
    assert len(paths) == 8
    assert all(path.parent == tmp_path / "ledger" for path in paths)


@pytest.mark.parametrize("content", ["", "[]", '{"state": "posted"}'])
def test_a_damaged_entry_says_what_to_do(path, content):
    write_atomically(path, content)
    with pytest.raises(ReportError, match="look at the channel, then remove the file"):
        read_entry(path)


def test_a_file_is_replaced_whole(tmp_path):
    target = tmp_path / "reviews" / "2025-06-09.md"
    write_atomically(target, "first\n")
    write_atomically(target, "second\n")
    assert target.read_text() == "second\n"
    assert [file.name for file in target.parent.iterdir()] == ["2025-06-09.md"]
