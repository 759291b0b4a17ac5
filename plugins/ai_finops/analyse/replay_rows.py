"""Questions that a cheap and a strong model were both marked on, read from CSV, JSON lines or Parquet, for replaying a policy.

| Column | Says |
|---|---|
| `cheap_correct`, `strong_correct` | whether each model was right: true or false, 1 or 0; needed |
| `prompt` | the text that was asked; a policy that looks at texts needs it |
| `input_tokens`, else `input_chars`, else the length of `prompt` | how long it is; one of them is needed |
| `output_tokens` | of the answer; without it a number is assumed |
| `task_type` | kind of task; a policy by task type needs it, or the files' names say it |
| `confidence` | of the cheap model in its answer, 0 to 1; a policy that escalates needs it |
| `complexity_score` | 0 to 1, where texts are not kept and their score is |
| `question_count`, `character_count` | how many questions a row stands for (else one), and their characters together |
| `squared_character_count` | the squares of their lengths, added up; `character_count` without them is never recommended |
| `split` | `train` or `test`; without it the hash of the prompt says which half it is in |

`is_cheap_right` and `is_strong_right` are read as the two marks too. Other columns are left alone.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ai_finops.errors import ReplayError

ALSO_CALLED = {"cheap_correct": ("is_cheap_right",), "strong_correct": ("is_strong_right",)}
NAMES = (
    "task_type", "prompt", "input_chars", "input_tokens", "output_tokens", "cheap_correct", "strong_correct", "confidence",
    "complexity_score", "question_count", "character_count", "squared_character_count", "split",
)  # fmt: skip
HALVES = ("train", "test")
_READERS = (".csv", ".jsonl", ".parquet")
# pandas makes 1.0 of a 1 in a column that has a gap.
_WORDS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
_LONGEST_FIELD = 16 * 2**20


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """Questions with the same marks; nearly always one."""

    place: str
    """File and line, for errors."""
    is_cheap_correct: bool
    is_strong_correct: bool
    input_tokens: float
    """Of all of them together."""
    question_count: int = 1
    output_tokens: float | None = None
    task_type: str | None = None
    prompt: str | None = None
    confidence: float | None = None
    complexity_score: float | None = None
    has_input_tokens: bool = True
    """Whether `input_tokens` was said, and not made of characters."""
    squared_input_tokens: float | None = None
    """Sum of the squares of each question's length; None: how much they differ is not known."""


@dataclass(frozen=True, slots=True)
class ReadingRules:
    """How files are read."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Column in the files by name in the table above, where they differ."""
    half: str | None = None
    """`train` or `test`: only this half."""
    task_type_prefix: str | None = None
    """Files are named after their task type, with this before it; None: they are not."""
    characters_per_token: float = 4.0


def read_rows(paths: Sequence[Path], *, rules: ReadingRules) -> list[ReplayRow]:
    """Read the questions of files, and of the folders' files.

    Raises:
        ReplayError: A file is missing or cannot be read, a column is missing, a value is not what its column holds, or
            there is no question at all. It names file and line.
    """
    files = [file for path in paths for file in _files(path)]
    rows = [row for file in files for row in _rows_of(file, rules)]
    if not rows:
        of_half = f" of half {rules.half}" if rules.half else ""
        raise ReplayError(f"{_named(paths)} holds no question{of_half}: nothing to replay")
    return rows


def split_of(prompt: str) -> str:
    """Return `train` or `test` by the prompt's own hash: the same every time, and a repeated question is on one side."""
    return "test" if hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()[0] % 2 else "train"


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix in _READERS)
        if not found:
            raise ReplayError(f"folder {path} holds no file that ends in {', '.join(_READERS)}")
        return found
    if path.exists() and not path.is_file():
        raise ReplayError(f"{path} is no regular file: --data names files of questions, or folders of them")
    if not path.is_file():
        raise ReplayError(f"{path} does not exist: --data names files of questions, or folders of them")
    if path.suffix not in _READERS:
        raise ReplayError(f"{path} is not read: files of questions end in {', '.join(_READERS)}")
    return [path]


def _rows_of(file: Path, rules: ReadingRules) -> Iterator[ReplayRow]:
    missing, is_read = set(rules.columns.items()), False
    try:
        for place, said in {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}[file.suffix](file):
            is_read = True
            missing = {(name, column) for name, column in missing if column not in said}
            row = _Fields(said, place=place, columns=rules.columns)
            if rules.half is None or _half(row) == rules.half:
                yield _row(row, file=file, rules=rules)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReplayError(f"{file} cannot be read: {error}") from error
    if missing and is_read:
        name, column = min(missing)
        raise ReplayError(f"{file}: there is no column {column}, which --column {name}={column} names")


def _csv(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    with file.open(newline="", encoding="utf-8-sig") as opened:
        reader = csv.DictReader(opened)
        line = 2
        for row in reader:
            yield f"{file}, line {line}", {name: value for name, value in row.items() if name}
            line = reader.line_num + 1


def _json_lines(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with file.open(encoding="utf-8") as opened:
        for number, line in enumerate(opened, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ReplayError(f"{file}, line {number} is no JSON: {error}") from error
            if not isinstance(row, dict):
                raise ReplayError(f"{file}, line {number} is no JSON object")
            yield f"{file}, line {number}", row


def _parquet(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ReplayError(f"{file} needs pyarrow, which is not installed: use CSV or JSON lines") from error
    try:
        rows = pq.read_table(file, partitioning=None).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise ReplayError(f"{file} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    yield from ((f"{file}, row {number}", row) for number, row in enumerate(rows, start=1))


class _Fields:
    """The values of one row under the names of the table above."""

    def __init__(self, said: Mapping[str, Any], *, place: str, columns: Mapping[str, str]) -> None:
        self._said = said
        self.place = place
        self._columns = columns

    def column(self, name: str) -> str:
        """The column that holds it; the first of its names that is there."""
        if name in self._columns:
            return self._columns[name]
        return next((each for each in (name, *ALSO_CALLED.get(name, ())) if each in self._said), name)

    def value(self, name: str) -> Any:
        value = self._said.get(self.column(name))
        return None if value is None or value == "" else value

    def text(self, name: str) -> str | None:
        value = self.value(name)
        if value is None or isinstance(value, str):
            return value
        raise self.wrong(name, "text")

    def mark(self, name: str) -> bool:
        if self.column(name) not in self._said:
            raise self.missing(name)
        value = self.value(name)
        if isinstance(value, bool):
            return value
        said = _WORDS.get(str(value).strip().lower())
        if said is None:
            raise self.wrong(name, "true or false")
        return said

    def number(self, name: str, *, most: float | None = None) -> float | None:
        value = self.value(name)
        if value is None:
            return None
        try:
            number = float(value) if not isinstance(value, bool) else -1.0
        except (TypeError, ValueError):
            number = -1.0
        if not 0 <= number <= (most or 1e15):
            raise self.wrong(name, f"a number from 0 to {most:g}" if most else "a number that is not negative")
        return number

    def missing(self, name: str) -> ReplayError:
        column = self.column(name)
        called = "" if column == name else f" (for {name})"
        return ReplayError(
            f"{self.place}: there is no column {column}{called}; name the column that holds it with "
            f"--column {name}=<column>"
        )

    def wrong(self, name: str, wanted: str) -> ReplayError:
        return ReplayError(f"{self.place}: {self.column(name)} is {_shown(self.value(name))} and not {wanted}")


def _half(row: _Fields) -> str:
    said = row.text("split")
    if said is not None:
        if said not in HALVES:
            raise row.wrong("split", "train or test")
        return said
    prompt = row.text("prompt")
    if prompt is None:
        raise ReplayError(f"{row.place}: halves need a column split, or prompt, whose hash says which half it is in")
    return split_of(prompt)


def _row(row: _Fields, *, file: Path, rules: ReadingRules) -> ReplayRow:
    count = row.number("question_count")
    if count is not None and (count < 1 or count != int(count)):
        raise row.wrong("question_count", "a whole number from 1")
    count = 1 if count is None else int(count)
    output = row.number("output_tokens")
    task_type = row.text("task_type")
    if task_type is None and rules.task_type_prefix is not None:
        task_type = file.stem.removeprefix(rules.task_type_prefix)
    tokens = row.number("input_tokens")
    characters = None if tokens is not None else _characters(row, count=count)
    return ReplayRow(
        place=row.place,
        is_cheap_correct=row.mark("cheap_correct"),
        is_strong_correct=row.mark("strong_correct"),
        input_tokens=count * tokens if characters is None else characters / rules.characters_per_token,
        question_count=count,
        output_tokens=None if output is None else count * output,
        task_type=task_type,
        prompt=row.text("prompt"),
        confidence=row.number("confidence", most=1.0),
        complexity_score=row.number("complexity_score", most=1.0),
        has_input_tokens=characters is None,
        squared_input_tokens=_squared_tokens(row, count=count, characters_per_token=rules.characters_per_token),
    )


def _squared_tokens(row: _Fields, *, count: int, characters_per_token: float) -> float | None:
    """Sum of squared lengths: of what was said to be together where its squares are, else of equal lengths."""
    tokens, together = row.number("input_tokens"), row.number("character_count")
    if tokens is None and together is not None:
        squared = row.number("squared_character_count")
        if squared is None:
            return (together / characters_per_token) ** 2 if count == 1 else None
        if squared < together**2 / count * (1 - 1e-9):
            raise row.wrong("squared_character_count", "at least the square of character_count over question_count")
        return squared / characters_per_token**2
    each = tokens if tokens is not None else _characters(row, count=1) / characters_per_token
    # A part of a token is a mean of several, and says nothing of how far they are from it.
    is_mean = count > 1 and (each if tokens is not None else row.number("input_chars") or 0) % 1 != 0
    return None if is_mean else count * each**2


def _characters(row: _Fields, *, count: int) -> float:
    """Characters of all questions of a row together."""
    together = row.number("character_count")
    if together is not None:
        return together
    each = row.number("input_chars")
    prompt = row.text("prompt")
    if each is None and prompt is not None:
        each = len(prompt)
    if each is None:
        raise ReplayError(
            f"{row.place}: none of input_tokens, input_chars, character_count and prompt says how long it is; name a column "
            "with --column prompt=<column>"
        )
    return count * each


def _shown(value: Any) -> str:
    """A value in an error, cut: it may be a text of somebody's."""
    said = repr(value)
    return said if len(said) <= 40 else f"{said[:40]}…"


def _named(paths: Iterable[Path]) -> str:
    return " and ".join(map(str, paths))
