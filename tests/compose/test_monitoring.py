"""Prometheus' and the collector's files: they fit each other, the compose file, and what the extractor reads."""

import fnmatch
import re
import shutil
import subprocess
from datetime import UTC, date, datetime

import pytest
import yaml

from ai_finops.config import Settings
from ai_finops.deploy.env_file import env_text
from ai_finops.extract.traces import PROTOBUF_ENDINGS, day_prefix
from tests.compose.compose_file import DEPLOY, env_of, services

PROMETHEUS = yaml.safe_load((DEPLOY / "prometheus.yaml").read_text())
COLLECTOR_TEXT = (DEPLOY / "collector.yaml").read_text()
ENV = services(env_of(env_text("demo")))["otel-collector"]["environment"]
COLLECTOR = yaml.safe_load(re.sub(r"\$\{env:(\w+)\}", lambda found: ENV[found[1]], COLLECTOR_TEXT))
# Fields of the exporter's settings, from its documentation (contrib, exporter/awss3exporter, read on 29 November 2026).
AWSS3 = {
    "marshaler",
    "encoding",
    "encoding_file_extension",
    "timeout",
    "sending_queue",
    "retry_on_failure",
    "s3uploader",
}
UPLOADER = {
    *(
        "region",
        "s3_bucket",
        "s3_prefix",
        "s3_base_prefix",
        "s3_partition_format",
        "s3_partition_timezone",
        "file_prefix",
    ),
    *(
        "endpoint",
        "role_arn",
        "external_id",
        "s3_force_path_style",
        "disable_ssl",
        "acl",
        "storage_class",
        "compression",
    ),
    *("retry_mode", "retry_max_attempts", "retry_max_backoff", "unique_key_func_name"),
}


def test_prometheus_takes_its_files(tmp_path):
    if not shutil.which("promtool"):
        pytest.skip("promtool is not installed (Debian: prometheus)")
    # The paths of the container are none here, and promtool looks them up.
    text = (DEPLOY / "prometheus.yaml").read_text().replace("/etc/prometheus/", f"{DEPLOY}/")
    (tmp_path / "prometheus.yaml").write_text(text)
    done = subprocess.run(
        ["promtool", "check", "config", tmp_path / "prometheus.yaml"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "3 rules found" in done.stdout


def test_prometheus_asks_services_of_the_file_at_ports_that_they_listen_on():
    targets = {
        target for job in PROMETHEUS["scrape_configs"] for each in job["static_configs"] for target in each["targets"]
    }
    reader = COLLECTOR["service"]["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]["prometheus"]
    assert targets == {
        "node-exporter:9100",
        f"otel-collector:{COLLECTOR['exporters']['prometheus']['endpoint'].split(':')[1]}",
        f"otel-collector:{reader['port']}",
        "127.0.0.1:9090",
    }
    assert "--web.listen-address=:9100" in services()["node-exporter"]["command"]
    assert "--web.listen-address=0.0.0.0:9090" in services()["prometheus"]["command"]


def test_prometheus_reads_the_rules_that_a_build_writes():
    written = services()["airflow-worker"]["environment"]["AI_FINOPS_PROMETHEUS_RULES"]
    mounts = dict(mount.split(":")[:2] for mount in services()["prometheus"]["volumes"])
    seen = written.replace("/opt/ai-finops/alarms", mounts["alarms"])
    assert any(fnmatch.fnmatch(seen, pattern) for pattern in PROMETHEUS["rule_files"])
    assert "--enable-feature=auto-reload-config" in services()["prometheus"]["command"]


def test_node_exporter_reads_the_values_that_a_build_writes():
    written = services()["airflow-worker"]["environment"]["AI_FINOPS_PROMETHEUS_TEXTFILE"]
    assert written.startswith("/opt/ai-finops/alarms/") and written.endswith(".prom")
    assert services()["node-exporter"]["volumes"] == ["alarms:/alarms:ro"]
    assert "--collector.textfile.directory=/alarms" in services()["node-exporter"]["command"]


def test_the_collector_has_what_its_pipelines_name():
    named = {kind: set() for kind in ("receivers", "processors", "exporters")}
    for pipeline in COLLECTOR["service"]["pipelines"].values():
        for kind, names in named.items():
            names |= set(pipeline[kind])
    for kind, names in named.items():
        assert names == set(COLLECTOR[kind]), kind
    assert set(COLLECTOR["service"]["extensions"]) == set(COLLECTOR["extensions"])
    assert COLLECTOR["exporters"]["awss3"]["sending_queue"]["storage"] in COLLECTOR["extensions"]


def test_each_variable_of_the_collector_comes_from_the_compose_file():
    assert set(re.findall(r"\$\{env:(\w+)\}", COLLECTOR_TEXT)) <= set(ENV)


def test_fields_of_the_exporter_are_documented_ones():
    exporter = COLLECTOR["exporters"]["awss3"]
    assert set(exporter) <= AWSS3 and set(exporter["s3uploader"]) <= UPLOADER
    assert isinstance(exporter["s3uploader"]["s3_force_path_style"], bool)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"AI_FINOPS_TRACES_PREFIX": "team/otlp", "AI_FINOPS_TRACES_PARTITION_FORMAT": "%Y/%m/%d"},
    ],
)
def test_objects_lie_where_the_extractor_lists(given):
    """A key as the exporter builds it (internal/upload/partition.go): prefix, time, `traces_` and an ending by marshaler."""
    env = services(env_of(env_text("demo")) | given)
    collector = yaml.safe_load(
        re.sub(r"\$\{env:(\w+)\}", lambda found: env["otel-collector"]["environment"][found[1]], COLLECTOR_TEXT)
    )
    uploader = collector["exporters"]["awss3"]["s3uploader"]
    settings = Settings.from_env(env["airflow-worker"]["environment"])
    assert uploader["s3_bucket"] == settings.traces_bucket
    at = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    key = f"{uploader['s3_prefix']}/{at.strftime(uploader['s3_partition_format'])}/traces_aBc123.binpb.gz"
    assert uploader["s3_partition_timezone"] == "UTC" and uploader["compression"] == "gzip"
    assert collector["exporters"]["awss3"]["marshaler"] == "otlp_proto"
    assert key.startswith(day_prefix(date(2026, 3, 1), settings=settings))
    assert not key.startswith(day_prefix(date(2026, 3, 2), settings=settings))
    assert key.endswith(PROTOBUF_ENDINGS)


def test_the_collector_is_asked_for_its_health_where_it_says_it():
    port = COLLECTOR["extensions"]["health_check"]["endpoint"].split(":")[1]
    assert services()["otel-collector"]["healthcheck"]["test"][-1] == f"http://127.0.0.1:{port}/"


def test_nothing_is_lost_between_taking_and_writing():
    """Batches are made behind the queue on the disk: a processor before it would hold spans in memory alone."""
    assert "batch" not in COLLECTOR.get("processors", {})
    exporter = COLLECTOR["exporters"]["awss3"]
    assert exporter["sending_queue"]["batch"]["min_size"] > 0
    assert exporter["retry_on_failure"] == {
        **exporter["retry_on_failure"],
        "enabled": True,
        "max_elapsed_time": "0s",
    }
    assert (
        services()["otel-collector"]["volumes"][-1].split(":")[1]
        == COLLECTOR["extensions"]["file_storage"]["directory"]
    )
