"""The local AWS comes up, points everything at itself, and is always gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

from ai_finops.demo.local_aws import LocalAws, local_aws
from ai_finops.errors import SourceUnavailable


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _script(tmp_path, text: str) -> str:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{text}\n")
    script.chmod(0o755)
    return str(script)


def test_it_answers_on_loopback_and_leaves_the_environment_alone(aws):
    assert aws.endpoint.startswith("http://127.0.0.1:")
    assert "AWS_ENDPOINT_URL" not in os.environ
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{aws.endpoint}/moto-api/") as answer:
        assert answer.status == 200


def test_buckets_belong_to_the_sample_account(aws, clients):
    identity = clients["s3"].list_buckets()
    assert identity["ResponseMetadata"]["HTTPStatusCode"] == 200
    env = aws.env({})
    services = ("", "_S3", "_CLOUDWATCH", "_LOGS", "_BEDROCK")
    assert {env[f"AWS_ENDPOINT_URL{service}"] for service in services} == {aws.endpoint}
    assert env["AWS_REGION"] == env["AWS_DEFAULT_REGION"] == "us-east-1"
    assert env["NO_PROXY"] == "127.0.0.1"


def test_proxy_exceptions_are_kept(tmp_path):
    aws = LocalAws(endpoint="http://127.0.0.1:1", region="us-east-1", log=tmp_path / "log", pid=1)
    assert aws.env({"NO_PROXY": "intranet.example"})["NO_PROXY"] == "intranet.example,127.0.0.1"


def test_it_stops_when_the_body_fails_and_keeps_the_log(tmp_path):
    log = tmp_path / "aws.log"
    with pytest.raises(ZeroDivisionError), local_aws(log=log) as aws:
        assert _is_running(aws.pid)
        raise ZeroDivisionError
    assert not _is_running(aws.pid)
    assert "/moto-api/" in log.read_text()


def test_it_stops_when_its_parent_is_killed():
    code = (
        "import time; from ai_finops.demo.local_aws import local_aws\n"
        "with local_aws() as aws: print(aws.pid, aws.log, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    pid, log = parent.stdout.readline().split()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    os.unlink(log)
    for _ in range(100):
        if not _is_running(int(pid)):
            break
        time.sleep(0.1)
    else:
        pytest.fail("the local AWS outlived its parent")


def test_a_server_that_ends_at_once_is_named_with_its_last_words(tmp_path):
    python = _script(tmp_path, "echo No module named moto; exit 3")
    with (
        pytest.raises(SourceUnavailable, match=r"exit code 3.*'No module named moto'.*demo extra"),
        local_aws(log=tmp_path / "log", python=python),
    ):
        pass


def test_a_server_that_never_answers_is_given_up_and_stopped(tmp_path):
    python = _script(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with (
        pytest.raises(SourceUnavailable, match=r"did not answer on 127\.0\.0\.1"),
        local_aws(log=tmp_path / "log", python=python, timeout_seconds=0.5),
    ):
        pass
    assert not _is_running(int((tmp_path / "pid").read_text()))


def test_a_lost_race_for_the_port_is_tried_again(tmp_path):
    python = _script(
        tmp_path,
        f"echo x >> {tmp_path}/starts\n"
        f"test $(wc -l < {tmp_path}/starts) -lt 2 && echo Address already in use && exit 1\n"
        f'exec {sys.executable} "$@"',
    )
    with local_aws(log=tmp_path / "log", python=python) as aws:
        assert _is_running(aws.pid)
    assert (tmp_path / "starts").read_text() == "x\nx\n"
