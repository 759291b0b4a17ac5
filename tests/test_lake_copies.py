"""Copies of a lake on S3: what stays and what goes."""

import os
import time

import pytest

from ai_finops.errors import LakeError
from ai_finops.lake_copies import Copies

HOUR = 3600


def copy(copies: Copies, name: str, *, size: int, hours_ago: float):
    with copies.draft() as draft:
        (draft / name).write_bytes(b"x" * size)
        place = copies.keep(draft / name, f"data/{name}", "stamp")
    os.utime(place, (time.time() - hours_ago * HOUR,) * 2)
    return place


def test_a_copy_is_found_under_its_stamp_alone(tmp_path):
    copies = Copies(tmp_path, 10)
    place = copy(copies, "file", size=3, hours_ago=30)
    assert place == tmp_path / "data@stamp" / "file"
    assert copies.find("data/file", "another") is None
    assert copies.find("data/file", "stamp") == place
    assert place.stat().st_mtime > time.time() - HOUR  # it counts as used now


@pytest.mark.parametrize(
    ("most_bytes", "left"), [(100, "abc"), (60, "abc"), (59, "bc"), (40, "bc"), (39, "c"), (0, "c")]
)
def test_the_oldest_go_until_there_is_room_and_none_that_was_used_today(tmp_path, most_bytes, left):
    copies = Copies(tmp_path, most_bytes)
    for name, hours_ago in (("a", 60), ("b", 25), ("c", 23)):
        copy(copies, name, size=20, hours_ago=hours_ago)
    copies.trim()
    assert "".join(sorted(path.name for path in tmp_path.rglob("?"))) == left


def test_what_was_never_ended_goes_after_a_day(tmp_path):
    for name, hours_ago in (("old", 25), ("new", 23)):
        draft = tmp_path / "drafts" / name
        draft.mkdir(parents=True)
        (draft / "half").write_bytes(b"x")
        for path in (draft / "half", draft):
            os.utime(path, (time.time() - hours_ago * HOUR,) * 2)
    Copies(tmp_path, 100).trim()
    assert [path.name for path in (tmp_path / "drafts").iterdir()] == ["new"]


def test_of_two_that_copy_the_same_version_the_first_stays(tmp_path):
    copies = Copies(tmp_path, 100)
    for content in ("first", "second"):
        with copies.draft() as draft:
            (draft / "file").write_text(content)
            place = copies.keep(draft, "data/v1", "stamp")
    assert (place / "file").read_text() == "first"


def test_dropping_a_version_drops_it_under_every_stamp_and_no_other(tmp_path):
    copies = Copies(tmp_path, 100)
    for home in ("data/v1", "data/v10"):
        for stamp in ("one", "two"):
            with copies.draft() as draft:
                (draft / "file").write_bytes(b"x")
                copies.keep(draft, home, stamp)
    copies.drop("data/v1")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["v10@one", "v10@two"]


def test_a_key_that_leads_elsewhere_has_no_place(tmp_path):
    with pytest.raises(LakeError, match="is no place in a lake"):
        Copies(tmp_path, 100).place("data/../../x", "")
