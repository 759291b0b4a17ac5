"""Inputs led by coverage: atheris draws them, a decoder's Python code shows it which are new, batches go the whole way.

`python -m tests.fuzz.led TARGET RUNS` prints nothing but atheris' own lines and ends with 0 when nothing broke.
"""

from __future__ import annotations

import io
import itertools
import os
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ai_finops.extract"]):
    from ai_finops.extract import (
        json_lines,
        logged_spans,
        otlp_json,
        otlp_protobuf,
        query_texts,
        said_queries,
        spoken_text,
    )
    from ai_finops.extract.long_requests import UncutError
    from tests.fuzz.found import at_fault, keep
    from tests.fuzz.programs import make
    from tests.fuzz.targets import TARGETS, Target


def _json(content: bytes) -> None:
    for line in otlp_json.read_requests(io.BytesIO(content), max_bytes=2**22):
        if not line.problem:
            try:
                list(otlp_json.tagged(line, object_number=1))
            except UncutError:
                continue


def _protobuf(content: bytes) -> None:
    otlp_protobuf.count_values(content, enough=10_000)


def _logged(content: bytes) -> None:
    try:
        logged_spans.request_of(content.decode(errors="replace"), account_id="1")
    except ValueError:
        return


def _lines(content: bytes) -> None:
    for line in json_lines.read_lines(io.BytesIO(content), max_line_bytes=2**20, max_file_bytes=2**22):
        json_lines.json_problem(line.content)


def _said(content: bytes) -> None:
    text = content.decode(errors="replace")
    query_texts.query_of([query_texts.Text("input.value", "prompt", text)])
    said_queries.read_embedding(text)
    said_queries.read_blocks(text)
    spoken_text.spoken_text(text)
    spoken_text.answer_text(text)


MOST_BYTES = 8192
AS_IT_IS = b"\xc0"
"""What is drawn is the input itself where it begins with this byte or a greater one."""
FRONTS: dict[str, Callable[[bytes], None]] = {
    "otlp_json": _json,
    "otlp_protobuf": _protobuf,
    "logged_spans": _logged,
    "said_texts": _said,
    "invocation_logs": _lines,
}
"""The part of a decoder that is Python, by target; the rest, DuckDB and Arrow, sees its inputs in batches."""


def _numbers(content: bytes) -> Iterator[int]:
    whole = len(content) // 4 * 4
    yield from (number for (number,) in struct.iter_unpack("<I", content[:whole]))
    yield from itertools.repeat(0)


class _Tried:
    """Takes what atheris draws: as it is, or as the numbers that an edited seed is made of."""

    def __init__(self, target: Target) -> None:
        self._target, self._waiting = target, []

    def one(self, drawn: bytes) -> None:
        content = make(self._target.seeds, _numbers(drawn[1:])) if drawn[:1] < AS_IT_IS else drawn[1:]
        FRONTS[self._target.name](content)
        self._waiting.append(content)
        if len(self._waiting) == self._target.batch:
            self.all()

    def all(self) -> None:
        waiting, self._waiting = self._waiting, []
        try:
            self._target.check(waiting)
        except BaseException:  # a panic of the decoder in Rust is no Exception
            print(f"kept in {keep(self._target, at_fault(self._target, waiting))}", file=sys.stderr)
            raise


def main() -> None:
    """Run one target; atheris ends the process."""
    name, runs = sys.argv[1:3]
    target = TARGETS[name]
    with tempfile.TemporaryDirectory(prefix="fuzz-corpus-") as corpus:
        for number, seed in enumerate(target.seeds):
            Path(corpus, str(number)).write_bytes(AS_IT_IS + seed[: MOST_BYTES - 1])
        options = [f"-atheris_runs={runs}", f"-max_len={MOST_BYTES}", "-len_control=0", "-rss_limit_mb=2048"]
        options.append(f"-seed={os.environ.get('FUZZ_SEED', '1')}")
        atheris.Setup([sys.argv[0], *options, corpus], _Tried(target).one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
