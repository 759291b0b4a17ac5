"""Each answer of the threat model names tests that are there."""

import re

from ai_finops.config import REPOSITORY

PAGE = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
MODEL = PAGE.partition("## Threat model")[2].partition("\n## ")[0]
ROWS = [line for line in MODEL.splitlines() if line.startswith("| ")][1:]


def test_every_threat_has_an_answer_that_is_held_by_something():
    assert len(ROWS) > 12
    for row in ROWS:
        _, threat, answer, held_by, _ = row.split("|")
        assert threat.strip() and answer.strip()
        assert re.findall(r"`([^`]+)`", held_by), row


def test_what_holds_an_answer_is_there():
    named = set(re.findall(r"`((?:tests|requirements)[\w/.]*)`", MODEL))
    assert len(named) > 20
    assert [path for path in sorted(named) if not (REPOSITORY / path).exists()] == []
