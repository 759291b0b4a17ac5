"""The bundled sample, the whole way on Spark: built, analysed, audited and published as on DuckDB, to the last row.

Needs requirements-spark.txt and Java 17; takes minutes.
"""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys

import boto3
import pytest

from ai_finops.build import build_all
from ai_finops.build.spark_session import missing_for_spark
from ai_finops.config import Settings
from ai_finops.demo.account import create_account
from ai_finops.demo.deliver import deliver
from ai_finops.demo.local_aws import local_aws
from ai_finops.demo.sample import load_sample
from ai_finops.extract.history import land_days
from ai_finops.publish import compare_builds
from tests.warehouse.on_spark import spark_environment

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(missing_for_spark() is not None, reason=str(missing_for_spark())),
]


@pytest.fixture
def sample_settings(tmp_path, monkeypatch) -> Settings:
    """Settings of a deployment whose lake holds the fortnight of the bundled sample."""
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "var")})
    sample = load_sample()
    with local_aws() as aws, monkeypatch.context() as environment:
        for name, value in aws.env().items():
            environment.setenv(name, value)
        clients = {name: boto3.client(name) for name in ("s3", "cloudwatch")}
        create_account(clients, settings)
        deliver(sample, first=sample.first_day, last=sample.last_day, clients=clients, settings=settings)
        for source in settings.sources:
            land_days(source, first=sample.first_day, last=sample.last_day, settings=settings)
    return settings


def test_sample_is_published_from_spark_as_from_duckdb(sample_settings, tmp_path, monkeypatch):
    for name, value in spark_environment(tmp_path / "conf", is_compiled=True).items():
        monkeypatch.setenv(name, value)
    # A process whose main module has no file, as a worker of pytest-xdist, pyspark takes for one of its doctests, and ends it.
    monkeypatch.setattr(sys.modules["__main__"], "__file__", __file__, raising=False)
    on_duckdb = build_all(settings=sample_settings)
    on_spark = build_all(settings=sample_settings, target="spark")
    folders = [sample_settings.published / "builds" / build["build_id"] for build in (on_duckdb, on_spark)]
    assert compare_builds(*folders) == []
    assert on_spark["published"]["row_counts"] == on_duckdb["published"]["row_counts"]
    assert on_spark["published"]["row_counts"]["fct_llm_calls"] > 1_000


LISTEN = """
import ipaddress
import os
import subprocess
import sys
from pathlib import Path
import psutil
from ai_finops.build.spark_session import open_session
session = open_session(Path(sys.argv[1]))
session.range(10).count()
of_java = [psutil.Process(), *psutil.Process().children(recursive=True)]
found = {each.laddr.ip for process in of_java for each in process.net_connections("inet") if each.status == "LISTEN"}
print("listening:", *sorted(found))
session.stop()
"""


def test_a_drivers_ports_are_on_loopback(tmp_path):
    # No settings of Spark's own, as where nobody has set any.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_")}
    asked = [sys.executable, "-c", LISTEN, str(tmp_path)]
    done = subprocess.run(asked, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("listening:")]
    assert len(line.split()) > 1
    assert all(ipaddress.ip_address(ip.removeprefix("::ffff:")).is_loopback for ip in line.split()[1:]), line
