"""What this project starts listens on loopback alone: read off the kernel's table of sockets, of real processes."""

from __future__ import annotations

import ipaddress
import os
import re
import signal
import subprocess
import sys

import psutil

from ai_finops.config import REPOSITORY
from ai_finops.demo import airflow_services
from ai_finops.demo.airflow_services import STANDALONE_PROCESSES, airflow_env, listening_on

LISTENING_SOURCES = ("plugins", "dags", "tests")
_ANY_ADDRESS = re.compile(r"""["']0\.0\.0\.0["']|["']::["']\s*[,):]|\(\s*["']{2}\s*,\s*\w*port\w*\s*\)""")


def listeners(pid: int) -> set[tuple[str, int]]:
    """Return addresses and ports on which a process and its children listen, of TCP and of UDP."""
    process = psutil.Process(pid)
    return {
        (connection.laddr.ip, connection.laddr.port)
        for each in (process, *process.children(recursive=True))
        for connection in each.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN or (connection.status == psutil.CONN_NONE and not connection.raddr)
    }


def test_the_local_aws_listens_on_loopback_alone(aws):
    port = int(aws.endpoint.rpartition(":")[2])
    assert listeners(aws.pid) == {("127.0.0.1", port)}


def test_the_collector_and_the_local_aws_behind_it_listen_on_loopback_alone(tmp_path):
    asked = [sys.executable, "-m", "ai_finops.demo.collector"]
    env = os.environ | {"AI_FINOPS_COLLECTOR_PORT": "0"}
    with subprocess.Popen(asked, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as running:
        try:
            port = int(running.stdout.readline().rpartition(":")[2])
            found = listeners(running.pid)
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(30)
    assert ("127.0.0.1", port) in found
    assert len(found) == 2
    assert {ipaddress.ip_address(address).is_loopback for address, _ in found} == {True}


def test_airflow_is_told_to_listen_on_loopback_and_its_log_servers_are_off(tmp_path):
    env = airflow_env(tmp_path, all_admins=True) | listening_on(8080)
    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    # The log servers listen on all interfaces and cannot be told otherwise (Airflow 3.3); the health check's server likewise.
    for words in STANDALONE_PROCESSES:
        assert ("--skip-serve-logs" in words) is (words[0] in ("scheduler", "triggerer")), words
    assert not [name for name in env if "ENABLE_HEALTH_CHECK" in name]
    assert airflow_services.HOST == "127.0.0.1"


def test_no_source_binds_to_every_address():
    found = []
    for folder in LISTENING_SOURCES:
        for file in (REPOSITORY / folder).rglob("*.py"):
            found += [
                f"{file.relative_to(REPOSITORY)}: {line.strip()}"
                for line in file.read_text(encoding="utf-8").splitlines()
                if file.name != "test_listening.py" and _ANY_ADDRESS.search(line)
            ]
    assert found == []
