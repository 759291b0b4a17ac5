"""What scaling.py has measured: lines of a CSV file, written as they come, and the table of them."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.benchmarks.made_cells import STEPS, Cell

FIELDS = (
    *("cell", "step", "status", "reason", "clock_s", "cpu_s", "peak_mb", "disk_mb", "peak_disk_mb", "span_count"),
    *("get_requests", "list_requests", "object_mb", "load", "ended_at"),
)


class Results:
    """Lines of `results.csv`, written as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self._write([])

    def lines(self) -> list[dict[str, str]]:
        """Return all lines there are."""
        with self.path.open(newline="") as file:
            return list(csv.DictReader(file))

    def of(self, cell: Cell) -> dict[str, dict[str, str]]:
        """Return a cell's lines by step."""
        return {line["step"]: line for line in self.lines() if line["cell"] == cell.name}

    def add(self, line: dict[str, object]) -> None:
        """Write one more line."""
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, FIELDS).writerow(line)

    def forget(self, cell: Cell) -> None:
        """Remove a cell's lines."""
        self._write([line for line in self.lines() if line["cell"] != cell.name])

    def _write(self, lines: list[dict[str, str]]) -> None:
        draft = self.path.with_suffix(".new")
        with draft.open("w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(lines)
        draft.rename(self.path)


def table(lines: list[dict[str, str]]) -> str:
    """Return what is measured as one Markdown table, a row a cell."""
    cells: dict[str, dict[str, dict[str, str]]] = {}
    for line in lines:
        cells.setdefault(line["cell"], {})[line["step"]] = line
    shown = [step for step in STEPS if step != "history"]
    heads = ("all, s", "CPU s", "spans a CPU s", "peak MB", "disk MB", "peak disk MB", "load")
    rows = [
        f"| Spans a day / days / features | {' | '.join((*shown, *heads))} |",
        "|---" * (1 + len(shown) + len(heads)) + "|",
    ]
    ended = []
    for name in sorted(cells, key=lambda name: _order(Cell.parse(name))):
        steps = cells[name]
        done = {step: line for step, line in steps.items() if line["status"] == "done" and step in shown}
        clock, cpu = (sum(float(line[field]) for line in done.values()) for field in ("clock_s", "cpu_s"))
        is_whole = all(step in done for step in shown)
        spans = float(steps["extract"]["span_count"]) if "extract" in done else 0.0
        cost = [f"{clock:,.0f}", f"{cpu:,.0f}", f"{spans / cpu:,.0f}"] if is_whole else ["", "", ""]
        seconds = [f"{float(done[step]['clock_s']):,.1f}" if step in done else "" for step in shown]
        peaks = [f"{max(float(line[field]) for line in steps.values()):,.0f}" for field in ("peak_mb", "peak_disk_mb")]
        disk = f"{float(steps[list(steps)[-1]]['disk_mb']):,.0f}"
        load = f"{max(float(line['load']) for line in steps.values()):.1f}"
        rows.append(f"| {name} | {' | '.join([*seconds, *cost, peaks[0], disk, peaks[1], load])} |")
        ended += [
            f"- {name} ended in {step} ({line['status']}): {line['reason']}"
            for step, line in steps.items()
            if line["status"] != "done"
        ]
    return "\n".join([*rows, *([""] if ended else []), *ended])


def _order(cell: Cell) -> tuple:
    return (cell.target, cell.day_count > 1, cell.feature_count, cell.spans_a_day, cell.day_count)
