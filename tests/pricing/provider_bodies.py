"""The usage bodies of `tests/fixtures/genai_prices`, with what their own tests expect of them."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "genai_prices"


@dataclass(frozen=True)
class Reading:
    """One body read as that of one provider and API flavor."""

    line: int
    file: str
    model: str | None
    body: dict[str, Any]
    provider_id: str
    api_flavor: str
    expected_counts: dict[str, int]
    """As genai-prices counts: input includes cached tokens."""
    expected_usd: Decimal | None

    @property
    def key(self) -> tuple[int, str, str, str]:
        return self.line, self.file, self.provider_id, self.api_flavor

    @property
    def expected_classes(self) -> dict[str, int]:
        """The expected usage in this project's classes. Zeros are not in it: they are not in the expectations either."""
        counts = self.expected_counts
        read, written, for_an_hour = (counts.get(f"cache_{name}_tokens", 0) for name in ("read", "write", "write_1h"))
        classes = {
            "uncached_input_tokens": counts.get("input_tokens", 0) - read - written,
            "cache_read_input_tokens": read,
            "cache_write_5m_input_tokens": written - for_an_hour,
            "cache_write_1h_input_tokens": for_an_hour,
            "output_tokens": counts.get("output_tokens", 0),
            "reasoning_output_tokens": counts.get("output_reasoning_tokens", 0),
        }
        return {name: count for name, count in classes.items() if count}


def readings() -> Iterator[Reading]:
    """Yield each body as each provider that can read it, in the file's order."""
    with gzip.open(FIXTURES / "usage_bodies.jsonl.gz", "rt") as lines:
        for line, text in enumerate(lines, start=1):
            row = json.loads(text)
            for expected in row["expected"]:
                for read_as in expected["read_as"]:
                    provider_id, api_flavor, *usd = read_as.split(" ")
                    yield Reading(
                        line=line,
                        file=row["file"],
                        model=row["model"],
                        body=row["body"],
                        provider_id=provider_id,
                        api_flavor=api_flavor,
                        expected_counts=expected["usage"],
                        expected_usd=sum(map(Decimal, usd)) if usd else None,
                    )


def known_differences(name: str) -> dict[tuple[int, str, str, str], dict[str, str]]:
    """Return the known differences in `<name>_differences.csv` by the key of their reading."""
    with (FIXTURES / f"{name}_differences.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(int(row["line"]), row["file"], row["provider_id"], row["api_flavor"]): row for row in rows}
    assert len(found) == len(rows), "a difference is listed twice"
    assert all(row["why"] for row in rows), "a difference needs its reason"
    return found
