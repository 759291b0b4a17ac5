"""A CloudWatch of its own process for benchmarks: takes or throttles PutMetricData, each answer after a round trip."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from tests.instrument.metrics.put_rules import THROTTLED, put_rules

ROUND_TRIP_S = 0.015
NOBODY = "http://127.0.0.1:9"
STATES = ("healthy", "throttling", "dead")


@contextlib.contextmanager
def made_cloudwatch(state: str) -> Iterator[None]:
    """Send boto3 of this process to a CloudWatch in one of `STATES`."""
    child = None
    endpoint = NOBODY
    if state != "dead":
        command = [sys.executable, "-m", "tests.benchmarks.made_cloudwatch", state]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        endpoint = child.stdout.readline().strip()
    os.environ.update(
        AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID="local", AWS_SECRET_ACCESS_KEY="local", AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1", NO_PROXY="127.0.0.1",
    )  # fmt: skip
    try:
        yield
    finally:
        if child is not None:
            child.stdin.close()
            child.wait()


def _serve(state: str) -> None:
    with put_rules() as rules:
        rules.delay_s = ROUND_TRIP_S
        if state == "throttling":
            rules.faults, rules.is_fault_kept = [THROTTLED], True
        print(rules.endpoint, flush=True)
        threading.Thread(target=_forget, args=(rules,), daemon=True).start()
        sys.stdin.read()


def _forget(rules: object) -> None:
    while True:  # what it took is of no interest, and would fill the memory
        time.sleep(1)
        rules.taken.clear()


if __name__ == "__main__":
    _serve(sys.argv[1])
