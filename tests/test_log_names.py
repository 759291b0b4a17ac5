"""Names in lines of logs and alerts."""

import pytest

from ai_finops.log_names import listed
from tests.hostile_names import NAMES


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_name_begins_a_line_or_colours_a_terminal(name):
    line = listed([name, "next"])
    assert line.isprintable() and line.endswith(", next") and len(line.splitlines()) == 1
    assert len(line) <= 80 + len(", next")


def test_what_is_cut_and_left_out_is_said():
    assert listed(["x" * 80, "y" * 81]) == f"{'x' * 80}, {'y' * 79}…"
    assert listed(list(range(20))).endswith("18, 19")
    assert listed(list(range(21))).endswith("18, 19, and 1 more")
    assert listed(list(range(1520))).endswith(", and 1,500 more")
