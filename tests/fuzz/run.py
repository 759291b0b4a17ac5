"""Every decoder under a million inputs: `make fuzz`, or `FUZZ_INPUTS=20000 python -m tests.fuzz.run [TARGET …]`.

Half of the inputs of a target that has a part in Python are drawn by atheris, led by coverage, the others by a counter, both
from a seed (FUZZ_SEED): another seed is other inputs. Prints a line per target: inputs, inputs a second, peak memory; exits
with 1 when one broke, and then the inputs at fault lie in `var/fuzz`. Last result: docs/fuzzing.md.
"""

from __future__ import annotations

import os
import random
import re
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from tests.fuzz.found import at_fault, keep
from tests.fuzz.programs import NUMBERS, make
from tests.fuzz.targets import TARGETS, Target

INPUTS = int(os.environ.get("FUZZ_INPUTS", "1000000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
MOST_MEMORY_MB = 1024
LED = ("otlp_json", "otlp_protobuf", "logged_spans", "said_texts", "invocation_logs")
SHARES = {
    "otlp_json": 24,
    "otlp_protobuf": 26,
    "logged_spans": 12,
    "said_texts": 6,
    "invocation_logs": 14,
    "cur_csv": 4,
    "cur_csv_gz": 4,
    "cur_csv_zip": 4,
    "cur_parquet": 3,
    "focus_csv": 3,
}
"""Of a hundred inputs, by target; a file of a bill is read by itself, which takes longest."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How one process ended."""

    name: str
    drawn_by: str
    inputs: int
    seconds: float
    peak_mb: int
    said: str
    """Empty when nothing broke."""


def count(target: Target, inputs: int) -> None:
    """Try so many inputs drawn by a counter; on the last line, peak memory in MB."""
    drawn = random.Random(f"{SEED} {target.name}")
    numbers = iter(lambda: drawn.randrange(NUMBERS), None)
    for start in range(0, inputs, target.batch):
        batch = [make(target.seeds, numbers) for _ in range(min(target.batch, inputs - start))]
        try:
            target.check(batch)
        except BaseException:  # a panic of the decoder in Rust is no Exception
            print(f"kept in {keep(target, at_fault(target, batch))}", file=sys.stderr)
            raise


def run(name: str, drawn_by: str, inputs: int) -> Ran:
    """Run a process of its own for one target, so that its peak memory is its own."""
    command = {
        "counter": [sys.executable, "-m", "tests.fuzz.run", "--one", name, str(inputs)],
        "coverage": [sys.executable, "-m", "tests.fuzz.led", name, str(inputs)],
    }[drawn_by]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    _, said = process.communicate()
    peak_mb = _peak_mb(said)
    seconds = time.monotonic() - start
    lines = [line for line in said.splitlines() if not line.startswith(("peak ", "INFO", "WARNING", "#"))]
    problem = "" if process.returncode == 0 else "\n".join(lines[-25:]) or f"ended with {process.returncode}"
    if not problem and peak_mb > MOST_MEMORY_MB:
        problem = f"took {peak_mb} MB, more than {MOST_MEMORY_MB}"
    return Ran(name, drawn_by, inputs, seconds, peak_mb, problem)


def _peak_mb(said: str) -> int:
    """Peak memory as the process says it, or as atheris does with each input that it keeps."""
    return max((int(megabytes) for megabytes in re.findall(r"(?:^peak |rss: )(\d+)", said, re.MULTILINE)), default=0)


def main() -> int:
    """Run all targets, or those that are named, two processes at a time."""
    wanted = sys.argv[1:] or list(TARGETS)
    plans = []
    for name in wanted:
        inputs = INPUTS * SHARES[name] // sum(SHARES[each] for each in wanted)
        batch = TARGETS[name].batch  # atheris gives nothing back when it ends, so that half a batch would go unseen
        led = inputs // 2 // batch * batch if name in LED else 0
        plans += [(name, "counter", inputs - led)] + ([(name, "coverage", led)] if led else [])
    with ThreadPoolExecutor(2) as pool:
        ran = []
        waiting = [pool.submit(run, *plan) for plan in sorted(plans, key=lambda plan: -plan[2])]
        for ended_first in as_completed(waiting):
            ran.append(each := ended_first.result())
            rate = each.inputs / each.seconds
            ended = "broken" if each.said else "ok"
            print(
                f"{each.name:16} {each.drawn_by:9} {each.inputs:9,} inputs {rate:7,.0f}/s {each.peak_mb:5} MB {ended}",
                flush=True,
            )
    for each in ran:
        if each.said:
            print(f"\n{each.name} ({each.drawn_by}):\n{each.said}", file=sys.stderr)
    broken = sum(bool(each.said) for each in ran)
    print(f"{sum(each.inputs for each in ran):,} inputs, {len(ran)} runs, {broken} broken")
    return 1 if broken else 0


def one() -> None:
    """What a process of `run` does."""
    name, inputs = sys.argv[2:4]
    count(TARGETS[name], int(inputs))
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}", file=sys.stderr)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        one()
    else:
        sys.exit(main())
