"""`python -m ai_finops.quality.describe` writes the counts and the matrix of marts and kinds into `docs/quality.md`."""

from __future__ import annotations

import re
from itertools import groupby

from ai_finops.config import REPOSITORY
from ai_finops.quality.counts import counts_text
from ai_finops.quality.kinds import Kind
from ai_finops.quality.matrix import MADE_BY_PUBLISHING, matrix

DOCUMENT = REPOSITORY / "docs" / "quality.md"


def matrix_text() -> str:
    """Return the matrix as Markdown: expectations that stop a build, and after a plus those that warn."""
    rows = [
        f"| `{mart}` | " + " | ".join(_cell(cell) for cell in cells.values()) + " |" for mart, cells in matrix().items()
    ]
    head = [f"| Mart | {' | '.join(Kind)} |", "|---" * (len(Kind) + 1) + "|"]
    return "\n".join([*head, *rows])


def reasons_text() -> str:
    """Return why there is nothing where there is nothing, a line for each reason of a mart."""
    lines = []
    for mart, cells in matrix().items():
        said = [(cell.reason, str(kind)) for kind, cell in cells.items() if cell.reason]
        parts = [
            f"{', '.join(kind for _, kind in same)}: {reason}"
            for reason, same in groupby(sorted(said), key=lambda pair: pair[0])
        ]
        if parts:
            lines.append(f"- `{mart}`: {'; '.join(parts)}.")
    lines += [f"- `{table}`: all: {reason}." for table, reason in MADE_BY_PUBLISHING.items()]
    return "\n".join(lines)


def write_section(name: str, text: str) -> None:
    """Replace what stands between the marks of a section of `docs/quality.md`."""
    whole = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(_section(name).sub(lambda found: f"{found[1]}{text}\n{found[3]}", whole), encoding="utf-8")


def read_section(name: str) -> str:
    """Return what stands there now."""
    found = _section(name).search(DOCUMENT.read_text(encoding="utf-8"))
    return found[2].rstrip("\n") if found else ""


def _section(name: str) -> re.Pattern:
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end of {name} -->)", re.DOTALL)


def _cell(cell) -> str:  # noqa: ANN001 - matrix.Cell
    if not (cell.fail_count or cell.warn_count):
        return "–"
    warns = f"{cell.warn_count} warn" if cell.warn_count else ""
    return " + ".join(filter(None, [str(cell.fail_count) if cell.fail_count else "", warns]))


def write_all() -> None:
    """Write every section that is made of the suites and of the table of faults."""
    write_section("counts", counts_text(REPOSITORY / "dbt_project", faults=read_section("faults")))
    write_section("matrix", matrix_text())
    write_section("reasons", reasons_text())


if __name__ == "__main__":
    write_all()
