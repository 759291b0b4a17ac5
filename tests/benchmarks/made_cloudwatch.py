"""A CloudWatch for benches in a process of its own, so that it takes no time of the one that is measured."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import boto3
from botocore.config import Config

from tests.instrument.metrics.put_rules import THROTTLED, put_rules


@contextmanager
def answering(*, throttles: bool = False, delay_s: float = 0.0) -> Iterator[str]:
    """Run one on loopback and give its address; with `throttles` it refuses all, `delay_s` is the time of a round trip."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, throttles, delay_s), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.close()
        process.kill()


def client_of(endpoint: str) -> Any:
    """A boto3 client for it, with the patience that a bench has."""
    return boto3.client(
        "cloudwatch",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}),
    )


def _serve(pipe: Connection, throttles: bool, delay_s: float) -> None:
    with put_rules() as rules:
        rules.delay_s = delay_s
        if throttles:
            rules.faults, rules.is_fault_kept = [THROTTLED], True
        pipe.send(rules.endpoint)
        try:
            pipe.recv()
        except EOFError:
            return
