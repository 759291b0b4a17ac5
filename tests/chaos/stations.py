"""The stations of the pipeline as a process runs them: the functions that the DAG tasks call, one verb each.

    python -m tests.chaos.stations VERB ARGUMENT...

`prepare`, `phase_1`, `analyse` and `phase_2` are the four tasks of a build; every other verb is one of `ai-finops`. A forked
child of `forks.py` runs the same `main`, watched by what `Faults` asks for.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

UNNAMED = 70
"""Exit code for an exception that no sentence of the product stands for: a defect."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What is done to a station's process."""

    stop_before: int | None = None
    """Kill it before this point of `kill_points`."""
    note: str = ""
    """Where the points are noted; empty: they are not watched."""
    below: str = ""
    kill_after_seconds: float | None = None
    read_timeout: float | None = None
    """Seconds that boto3 waits for an answer, in place of the product's sixty."""
    most_file_bytes: int | None = None
    """RLIMIT_FSIZE: a file that would grow beyond it fails."""


def run(arguments: Sequence[str], faults: Faults) -> int:
    """Run one station under its faults; return the exit code."""
    _prepare(faults)
    counter = None
    if faults.most_file_bytes is not None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (faults.most_file_bytes, faults.most_file_bytes))
    if faults.note:
        from tests.chaos import kill_points

        counter = kill_points.install(below=faults.below, stop_before=faults.stop_before, note=faults.note)
    if faults.kill_after_seconds is not None:
        threading.Thread(target=_kill_after, args=(faults.kill_after_seconds,), daemon=True).start()
    code = main(arguments)
    if counter is not None:
        counter.write("points passed")
    return code


def _kill_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _prepare(faults: Faults) -> None:
    """Shorten what the product waits for, and leave nothing to chance: else no two runs could be held against each other."""
    import secrets
    from types import SimpleNamespace

    from ai_finops import aws
    from ai_finops.privacy import user_keys
    from ai_finops.report import slack_delivery, slack_entry

    # Which landing gives a user a key makes no other pseudonym.
    user_keys.secrets = SimpleNamespace(token_bytes=bytes, token_hex=secrets.token_hex)
    slack_entry.SETTLE_SECONDS = 0.5
    slack_delivery.PICTURE_WAITS_SECONDS = (0, 0, 0)
    if faults.read_timeout is not None:
        plain = aws.Config
        aws.Config = lambda **named: plain(**named | {"read_timeout": faults.read_timeout})


def main(arguments: Sequence[str]) -> int:
    """Run one station; return the exit code."""
    from ai_finops.errors import AiFinopsError

    verb = arguments[0]
    try:
        if verb in ("prepare", "phase_1", "analyse", "phase_2"):
            _build_step(verb)
            return 0
        from ai_finops.cli import main as command

        return command(list(arguments))
    except AiFinopsError as error:
        print(f"ai-finops: {error}", file=sys.stderr)
        return 1
    except SystemExit as error:
        return int(error.code or 0)
    except BaseException:  # noqa: BLE001 - what it is, the harness reports
        traceback.print_exc()
        return UNNAMED


def _build_step(verb: str) -> None:
    from ai_finops import build
    from ai_finops.build.candidate import find_build
    from ai_finops.config import Settings

    settings = Settings.from_env()
    if verb == "prepare":
        print(build.prepare(settings=settings)["build_id"])
        return
    candidate = find_build(settings)
    if verb == "analyse":
        build.analyse(settings=settings, build=candidate)
    else:
        build.run_dbt(verb, settings=settings, build=candidate)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], Faults()))
