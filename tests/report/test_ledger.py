"""One claim per week and channel, and what a crash leaves behind."""

from datetime import date

import pytest

from ai_finops.errors import ReportError
from ai_finops.report.ledger import claim, confirm, entry_path, read_entry, release, write_atomically

WEEK = date(2025, 6, 9)


@pytest.fixture
def path(tmp_path):
    return entry_path(tmp_path, week=WEEK, channel="#ai-cost")


def test_the_first_claim_writes_the_intent(path):
    assert claim(path, week=WEEK, channel="#ai-cost", text="hello") is None
    entry = read_entry(path)
    assert (entry.state, entry.week_start_date, entry.channel, entry.message_ts) == (
        "intent",
        "2025-06-09",
        "#ai-cost",
        None,
    )
    # printf hello | sha256sum
    assert entry.text_sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_second_claim_gets_what_is_there(path):
    claim(path, week=WEEK, channel="#ai-cost", text="hello")
    assert claim(path, week=WEEK, channel="#ai-cost", text="other").state == "intent"
    confirm(path, message_ts="1.2")
    entry = claim(path, week=WEEK, channel="#ai-cost", text="other")
    assert (entry.state, entry.message_ts) == ("posted", "1.2")
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_released_claim_can_be_made_again(path):
    claim(path, week=WEEK, channel="#ai-cost", text="hello")
    release(path)
    assert read_entry(path) is None
    assert claim(path, week=WEEK, channel="#ai-cost", text="hello") is None


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
