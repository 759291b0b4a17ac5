"""A type checker sees through the decorators: signatures and results stay, and wrong uses are found."""

from __future__ import annotations

import re
from pathlib import Path

from mypy import api

USE = Path(__file__).with_name("typed_use.py")


def test_a_type_checker_finds_the_wrong_uses_and_no_others(tmp_path):
    said, errors, _ = api.run(
        ["--strict", "--follow-imports=silent", "--no-error-summary", f"--cache-dir={tmp_path}", str(USE)]
    )
    assert not errors
    found = {(int(line), code) for line, code in re.findall(r":(\d+): error: .*\[([a-z-]+)\]", said)}
    expected = {
        (number, code)
        for number, line in enumerate(USE.read_text().splitlines(), start=1)
        for code in re.findall(r"# expected: ([a-z-]+)", line)
    }
    assert len(expected) == 4
    assert found == expected, said
