"""Faults against the real pipeline, one at a time, and the ten promises after each: `make chaos` calls this.

    python -m tests.chaos.run [GROUP...]      all groups, or those named; --list says which there are

With CHAOS_FOLDER set, the undisturbed run is kept in that folder, and the next call of the same code goes on with it.

The exit code is 0 when each fault happened, was survived and cost no row.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.chaos import after_publishing, clock, damage, disk, kills, network, to_postgres, twice
from tests.chaos.lab import Case, Lab, listed, open_lab

GROUPS: dict[str, tuple[Callable[[Lab], Iterator[Case]], ...]] = {
    "landings": (kills.landings,),
    "builds": (kills.builds,),
    "new-run": (kills.new_run_after,),
    "publishing": (kills.publishing,),
    "disk": (disk.full_disks,),
    "network": (network.bad_networks,),
    "damage": (damage.damages,),
    "clock": (clock.wrong_clocks,),
    "twice": (twice.twos,),
    "after": (after_publishing.after_publishing,),
    "postgres": (to_postgres.to_postgres,),
}


def main(arguments: Sequence[str]) -> int:
    """Try the groups; return the exit code."""
    if "--list" in arguments:
        print("\n".join(GROUPS))
        return 0
    unknown = sorted(set(arguments) - set(GROUPS))
    if unknown:
        print(f"chaos: there is no group {unknown[0]}; there are {', '.join(GROUPS)}", file=sys.stderr)
        return 2
    started, cases = time.monotonic(), []
    folder = os.environ.get("CHAOS_FOLDER")
    with open_lab(Path(folder) if folder else None) as lab:
        told = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in lab.seconds.items())
        print(f"undisturbed: {told}; {time.monotonic() - started:.0f} s to be ready", flush=True)
        for name in arguments or GROUPS:
            for tried in GROUPS[name]:
                print(f"{name}, at {time.monotonic() - started:.0f} s", flush=True)
                cases += listed(tried(lab))
    print(table(cases))
    print(f"{time.monotonic() - started:.0f} s in all")
    return 0 if cases and all(case.is_survived for case in cases) else 1


def table(cases: Sequence[Case]) -> str:
    """Return what was tried, by group."""
    lines = [f"{'':34}{'tried':>8}{'survived':>10}{'rows lost':>11}"]
    for group in dict.fromkeys(case.group for case in cases):
        lines.append(_line(group, [case for case in cases if case.group == group]))
    return "\n".join([*lines, _line("all", cases)])


def _line(name: str, cases: Sequence[Case]) -> str:
    survived = sum(case.is_survived for case in cases)
    return f"{name:34}{len(cases):>8}{survived:>10}{sum(case.lost for case in cases):>11}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
