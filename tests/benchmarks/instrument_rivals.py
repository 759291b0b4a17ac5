"""Measure what instrumentations add to a call of one OpenAI client, side by side: this one, OpenLIT, OpenInference, Traceloop.

    make bench BENCH=instrument_rivals
    make bench BENCH=instrument_rivals BENCH_CALLS=5000 BENCH_ROUNDS=5

Each runs in processes of its own, since each changes the client for its whole process; they take turns, so that what else the
machine does falls on all. The client asks a transport that answers from memory. What is added is the median of a way's calls
less the median without any, and the median of that over the rounds. `made_openai_calls` has the ways; no library keeps texts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-rivals" / "bin" / "python"
CALLS = int(os.environ.get("BENCH_CALLS", "3000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
WAYS = {
    "none": "the client alone",
    "bare_span": "a bare span with its attributes",
    "ours": "track_llm_cost",
    "ours_both": "track_llm_cost and instrument_llm",
    "openlit": "OpenLIT",
    "openinference": "OpenInference",
    "traceloop": "Traceloop",
}
RIVALS = ("openlit", "openinference", "traceloop")


def main() -> None:
    """Run the ways in turns and print what each adds."""
    took: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for number in range(ROUNDS):
        for way in list(WAYS)[number % len(WAYS) :] + list(WAYS)[: number % len(WAYS)]:
            took[way].append(_run(way))
    added = {
        way: statistics.median(
            each["median_ns"] - alone["median_ns"] for each, alone in zip(runs, took["none"], strict=True)
        )
        / 1_000
        for way, runs in took.items()
    }
    print(f"{ROUNDS} rounds of {CALLS:,} calls, load {os.getloadavg()[0]:.1f}; {_versions()}\n")
    print("| Instrumentation | median of a call, µs | p99, µs | added at the median, µs |\n|---|---|---|---|")
    for way, name in WAYS.items():
        median, p99 = (statistics.median(run[key] for run in took[way]) / 1_000 for key in ("median_ns", "p99_ns"))
        print(f"| {name} | {median:.0f} | {p99:.0f} | {'' if way == 'none' else f'{added[way]:.0f}'} |")
    for rival in RIVALS:
        print(f"| **ours ÷ {WAYS[rival]}, of what is added** | | | **{added['ours'] / added[rival]:.2f}** (< 1) |")


def _run(way: str) -> dict[str, float]:
    done = subprocess.run(
        [PYTHON, "tests/benchmarks/made_openai_calls.py", way, str(CALLS)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"instrument_rivals: {way} failed:\n{done.stderr[-2_000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _versions() -> str:
    names = ("openai", "openlit", "openinference-instrumentation-openai", "opentelemetry-instrumentation-openai")
    code = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {names!r}))"
    return subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
