"""Whole processes: their end, forks, and an interpreter without boto3."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PREAMBLE = """
import os, sys, threading, time
from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics import configure_metrics, flush_metrics, metric_sink
from tests.instrument.metrics.made import call

def add(feature, count=1):
    for _ in range(count):
        metric_sink().add(call(feature, at_s=time.time()))
"""


def run(program: str, **env: str) -> subprocess.CompletedProcess:
    """Run a program that has the preamble; its environment is this one's with `AI_FINOPS_METRICS=cloudwatch`."""
    environment = os.environ | {"AI_FINOPS_METRICS": "cloudwatch", "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"} | env
    command = [sys.executable, "-c", PREAMBLE + textwrap.dedent(program)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def counted(rules) -> dict[str, float]:
    """Calls that arrived, by feature."""
    features = sorted({each["Dimensions"][0]["Value"] for each in rules.taken})
    return {feature: sum(sets[0] for sets in rules.values("LatencyMs", feature)) for feature in features}


def test_a_process_sends_at_its_end(rules):
    done = run("add('search', 3)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert counted(rules) == {"search": 3}


def test_a_process_that_raises_sends_too(rules):
    done = run("add('search'); raise SystemExit(7)")
    assert done.returncode == 7
    assert counted(rules) == {"search": 1}


def test_a_process_without_calls_makes_no_thread_and_imports_no_boto3():
    done = run("print(type(metric_sink()).__name__, threading.active_count(), 'boto3' in sys.modules)")
    assert done.stdout == "CloudWatchSink 1 False\n"


def test_nothing_heavy_is_imported():
    names = ("boto3", "botocore", "prometheus_client", "pandas", "numpy", "duckdb", "pyarrow", "airflow")
    done = run(f"print([name for name in {names} if name in sys.modules])")
    assert done.stdout == "[]\n"


def test_an_end_with_a_network_that_hangs_is_bounded(rules):
    rules.delay_s = 30
    began = time.monotonic()
    done = run(
        "import ai_finops.instrument.metrics.lifetimes as each; each.close_all.__defaults__ = (0.2,); add('search')"
    )
    assert done.returncode == 0
    assert time.monotonic() - began < 20
    assert "metrics_unsent_at_exit" in done.stderr


def test_an_end_with_nobody_listening_is_no_error(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "local")
    done = run("add('search')")
    assert done.returncode == 0
    assert "CloudWatch takes no metrics" in done.stderr and "Traceback" not in done.stderr


def test_a_lambda_sends_before_it_freezes(rules):
    # An invocation ends in a flush; then the process is frozen, and never ends in order.
    done = run("add('search', 2); print(flush_metrics(timeout_s=20)); sys.stdout.flush(); os._exit(0)")
    assert done.stdout == "True\n"
    assert counted(rules) == {"search": 2}


def test_a_killed_process_loses_what_it_had_not_sent(rules):
    run("add('sent'); flush_metrics(20); add('lost'); os._exit(0)")
    assert counted(rules) == {"sent": 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_parent_and_child_send_their_own(rules):
    # As gunicorn with preload: the parent has calls waiting, and a thread and a connection of its own.
    program = """
    add('before', 2)
    flush_metrics(20)
    add('parent', 3)
    child = os.fork()
    if child == 0:
        assert not any(each.name == 'ai-finops-metrics' for each in threading.enumerate())
        add('child', 4)
        sys.exit(0)
    add('parent')
    print(os.waitpid(child, 0)[1])
    """
    done = run(program)
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert counted(rules) == {"before": 2, "child": 4, "parent": 4}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_of_a_fork_in_the_middle_of_an_add_is_not_stuck(rules):
    program = """
    add('parent')
    flush_metrics(20)
    sink = metric_sink()
    with sink._lock, sink._sending, sink._thread._condition:
        child = os.fork()
    if child == 0:
        add('child', 2)
        sys.exit(0 if flush_metrics(20) else 1)
    print(os.waitpid(child, 0)[1])
    """
    assert run(program).stdout == "0\n"
    assert counted(rules) == {"child": 2, "parent": 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_waits_for_an_import(rules):
    # The thread imports boto3 right after the first call; a child that was made meanwhile must be able to import it too.
    program = """
    add('parent')
    child = os.fork()
    if child == 0:
        import boto3
        add('child')
        sys.exit(0 if flush_metrics(20) else 1)
    print(os.waitpid(child, 0)[1])
    """
    assert run(program).stdout == "0\n"
    assert counted(rules) == {"child": 1, "parent": 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_client_that_was_given_opens_connections_of_its_own_in_a_child(rules):
    program = """
    from ai_finops.instrument.metrics.cloudwatch_client import make_client
    configure_metrics('cloudwatch', client=make_client())
    add('parent')
    flush_metrics(20)
    child = os.fork()
    add('child' if child == 0 else 'parent')
    fine = flush_metrics(20)
    if child == 0:
        sys.exit(0 if fine else 1)
    print(os.waitpid(child, 0)[1])
    """
    assert run(program).stdout == "0\n"
    assert counted(rules) == {"child": 1, "parent": 2}


def test_a_process_that_forks_by_multiprocessing_flushes_itself(rules):
    # Its children end without what atexit has: they flush, or lose up to an interval.
    program = """
    import multiprocessing
    def work(feature):
        add(feature)
        if feature == 'flushed':
            flush_metrics(20)
    context = multiprocessing.get_context('fork')
    for feature in ('flushed', 'lost'):
        child = context.Process(target=work, args=(feature,))
        child.start()
        child.join()
    """
    assert run(program).returncode == 0
    assert counted(rules) == {"flushed": 1}


def test_without_boto3_there_are_no_metrics_and_one_warning():
    program = """
    import importlib.util
    find = importlib.util.find_spec
    from ai_finops.instrument.metrics import choice
    choice.find_spec = lambda name: None if name == 'boto3' else find(name)
    print(metric_sink(), metric_sink(), flush_metrics())
    """
    done = run(program)
    assert done.stdout == "None None True\n"
    assert done.stderr.count("install ai-finops[cloudwatch]") == 1
