"""The collector to try things with takes what the real exporter sends, and lays it where the extractor looks."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from ai_finops.demo import collector
from ai_finops.errors import SettingsError
from ai_finops.extract.traces import day_prefix


@pytest.fixture
def endpoint(clients, settings):
    clients["s3"].create_bucket(Bucket=settings.traces_bucket)
    told = []
    with collector.collecting(clients["s3"], settings=settings, port=0, tell=told.append) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def objects(clients, settings):
    """Return the objects that lie where the extractor looks for today's."""

    def objects():
        prefix = day_prefix(datetime.now(UTC).date(), settings=settings)
        listed = clients["s3"].list_objects_v2(Bucket=settings.traces_bucket, Prefix=prefix).get("Contents", [])
        return {
            each["Key"]: clients["s3"].get_object(Bucket=settings.traces_bucket, Key=each["Key"])["Body"].read()
            for each in listed
        }

    return objects


def post(url, body, **headers):
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_takes_what_the_exporter_sends(endpoint, objects, compression):
    span = TracerProvider(shutdown_on_exit=False).get_tracer("t").start_span("answer")
    span.end()
    exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces", compression=compression)
    assert exporter.export([span]) is SpanExportResult.SUCCESS
    exporter.shutdown()

    ((key, content),) = objects().items()
    assert key.endswith(".binpb")
    request = ExportTraceServiceRequest.FromString(content)
    assert request.resource_spans[0].scope_spans[0].spans[0].name == "answer"


def test_json_is_one_line(endpoint, objects):
    body = json.dumps({"resourceSpans": []}, indent=2).encode()
    assert post(f"{endpoint}/v1/traces", body, **{"Content-Type": "application/json"}) == 200

    ((key, content),) = objects().items()
    assert (key.endswith(".json"), content.count(b"\n"), json.loads(content)) == (True, 0, {"resourceSpans": []})


def test_what_it_cannot_keep_is_refused(endpoint, objects, monkeypatch):
    monkeypatch.setattr(collector, "MAX_BYTES", 10)
    assert post(f"{endpoint}/v1/metrics", b"1") == 404
    assert post(f"{endpoint}/v1/traces", b"") == 411
    assert post(f"{endpoint}/v1/traces", b"x" * 11) == 413
    assert post(f"{endpoint}/v1/traces", b"x", **{"Content-Encoding": "gzip"}) == 400
    assert post(f"{endpoint}/v1/traces", b"x", **{"Content-Encoding": "deflate"}) == 400
    assert objects() == {}
    assert post(f"{endpoint}/v1/traces", b"x" * 10) == 200
    assert len(objects()) == 1


def test_a_taken_port_is_one_sentence(endpoint, clients, settings):
    port = int(endpoint.rpartition(":")[2])
    with (
        pytest.raises(SettingsError, match=f"port {port} of 127.0.0.1 cannot be used"),
        collector.collecting(clients["s3"], settings=settings, port=port, tell=print),
    ):
        pass


def test_it_runs_until_interrupted_and_takes_its_environment_with_it(tmp_path):
    env = os.environ | {"AI_FINOPS_COLLECTOR_PORT": "0"}
    asked = [sys.executable, "-m", "ai_finops.demo.collector"]
    with subprocess.Popen(asked, cwd=tmp_path, env=env, stdout=subprocess.PIPE, text=True) as running:
        first = running.stdout.readline()
        assert first.startswith("OTLP over HTTP   http://127.0.0.1:")
        lines = (tmp_path / "var/try/env").read_text().splitlines()
        assert f"export AI_FINOPS_HOME={tmp_path}/var/try" in lines
        assert post(f"{first.split()[-1]}/v1/traces", b"x") == 200
        running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
    assert not (tmp_path / "var/try/env").exists()
