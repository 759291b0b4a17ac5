"""The doctor says what is there, where it goes, and what to do about each thing that is missing; it tells no secret."""

import json
import logging
import os
import subprocess
import sys

import pytest
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, ParentBasedTraceIdRatio, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from ai_finops.instrument import FeatureSpanProcessor, configure_metrics, diagnosis, doctor, tracing_findings
from ai_finops.instrument.losses import count_loss, forget_losses
from ai_finops.instrument.metrics.choice import forget_choice
from ai_finops.instrument.switch import set_on
from tests.instrument.exported import collecting, provider_to, sent

ACTIVE_INSTRUMENTORS = tracing_findings._active_instrumentors
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def healthy(monkeypatch):
    """A process in which nothing is wrong; each test takes one thing away."""
    forget_losses()
    forget_choice()
    monkeypatch.setenv("AI_FINOPS_QUERY_KEY", KEY)
    for name in ("AI_FINOPS_QUERY_EMBEDDER", "AI_FINOPS_METRICS", "AI_FINOPS_FEATURE", "OTEL_SDK_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(diagnosis, "decorated", lambda: [("track_llm_cost", "support.answer", "support_answer")])
    monkeypatch.setattr(tracing_findings, "_active_instrumentors", lambda: iter(()))
    monkeypatch.setattr(tracing_findings, "_PACKAGES", {})
    yield
    forget_losses()
    forget_choice()


@pytest.fixture
def use(monkeypatch):
    """Set the provider of the process, for the test."""
    made = []

    def use(*processors, **options):
        provider = TracerProvider(shutdown_on_exit=False, **options)
        for processor in processors:
            provider.add_span_processor(processor)
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
        made.append(provider)
        return provider

    yield use
    for provider in made:
        provider.shutdown()


def exporting():
    return BatchSpanProcessor(OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces"))


def wrong(found) -> list[tuple[str, str]]:
    assert all(finding.advice for finding in found.findings if finding.level == "wrong")
    return [(finding.topic, finding.what) for finding in found.findings if finding.level == "wrong"]


def told(found, topic) -> list[tuple[str, str]]:
    return [(finding.level, finding.what) for finding in found.of(topic)]


def test_nothing_is_wrong_where_all_is_there(use):
    use(FeatureSpanProcessor(), exporting())
    found = doctor.diagnose()

    assert wrong(found) == []
    assert found.is_well
    assert told(found, "processors") == [
        ("ok", "OTLPSpanExporter to http://127.0.0.1:9/v1/traces"),
        ("ok", "FeatureSpanProcessor stamps the feature on spans of other instrumentations"),
    ]
    assert told(found, "decorated") == [("ok", "support.answer: support_answer")]
    assert told(found, "sampler") == [("ok", "ParentBased of root:AlwaysOnSampler")]
    assert doctor.report(found).endswith("\nnothing is wrong")


def test_without_a_provider_spans_go_nowhere(monkeypatch):
    monkeypatch.setattr(trace, "get_tracer_provider", trace.ProxyTracerProvider)

    assert wrong(doctor.diagnose()) == [("tracer provider", "none is set: spans of decorated calls go nowhere")]


def test_a_disabled_sdk_is_said(use, monkeypatch):
    use(exporting())
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")

    assert wrong(doctor.diagnose()) == [("tracer provider", "OTEL_SDK_DISABLED is true: no span is made")]


def test_a_provider_without_processors_drops_spans(use):
    use()

    assert [topic for topic, _ in wrong(doctor.diagnose())] == ["processors"]


def test_spans_that_stay_in_the_process_are_a_hint_and_export_on_the_path_is_wrong(use):
    use(SimpleSpanProcessor(InMemorySpanExporter()))
    found = doctor.diagnose()

    assert ("hint", "InMemorySpanExporter: spans stay in this process") in told(found, "processors")
    assert wrong(found) == [("processors", "SimpleSpanProcessor exports on the request path")]


@pytest.mark.parametrize("sampler", [TraceIdRatioBased(0.1), ParentBasedTraceIdRatio(0.999)])
def test_a_sampler_that_leaves_calls_out_loses_cost(use, sampler):
    use(exporting(), sampler=sampler)
    ((topic, what),) = wrong(doctor.diagnose())

    assert topic == "sampler"
    assert what.endswith("cost of calls that are not sampled is lost")


def test_a_sampler_that_is_always_on_is_fine(use):
    use(exporting(), sampler=ALWAYS_ON)

    assert told(doctor.diagnose(), "sampler") == [("ok", "AlwaysOnSampler")]


def test_cut_texts_are_a_hint(use):
    use(exporting(), span_limits=SpanLimits(max_span_attribute_length=250))

    assert ("hint", "texts on spans are cut after 250 characters") in told(doctor.diagnose(), "processors")


def test_propagators_without_baggage_lose_who_asked(use, monkeypatch):
    use(exporting())
    only_traces = CompositePropagator([TraceContextTextMapPropagator()])
    monkeypatch.setattr(propagate, "get_global_textmap", lambda: only_traces)

    assert wrong(doctor.diagnose()) == [
        ("propagators", "without baggage: services that this one calls do not learn who asked")
    ]


def test_other_instrumentations_need_the_processor_that_stamps_the_feature(use, monkeypatch):
    monkeypatch.setattr(
        tracing_findings, "_active_instrumentors", lambda: iter(["openinference.instrumentation.openai"])
    )
    use(exporting())
    name = "openinference.instrumentation.openai"
    assert wrong(doctor.diagnose()) == [("other instrumentations", f"{name}: their spans name no feature")]

    use(exporting(), FeatureSpanProcessor())
    assert told(doctor.diagnose(), "other instrumentations") == [("ok", name)]


_INSTRUMENTOR = """
class OpenAIInstrumentor:
    _instance = None
    is_instrumented_by_opentelemetry = False
    def instrument(self):
        type(self)._instance, self.is_instrumented_by_opentelemetry = self, True
"""


def test_instrumentations_of_model_calls_are_found_once_they_are_switched_on(monkeypatch, tmp_path):
    (tmp_path / "made_instrumentation.py").write_text(_INSTRUMENTOR)
    (tmp_path / "made_instrumentation-1.dist-info").mkdir()
    for name, text in {
        "METADATA": "Metadata-Version: 2.1\nName: made-instrumentation\nVersion: 1\n",
        "entry_points.txt": "[opentelemetry_instrumentor]\nmade = made_instrumentation:OpenAIInstrumentor\n",
    }.items():
        (tmp_path / "made_instrumentation-1.dist-info" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert list(ACTIVE_INSTRUMENTORS()) == []
    assert "made_instrumentation" not in sys.modules

    import made_instrumentation

    assert list(ACTIVE_INSTRUMENTORS()) == []
    made_instrumentation.OpenAIInstrumentor().instrument()
    assert list(ACTIVE_INSTRUMENTORS()) == ["made_instrumentation"]
    monkeypatch.delitem(sys.modules, "made_instrumentation")


def test_switched_off_is_said(use):
    use(exporting())
    with set_on(False):
        assert [topic for topic, _ in wrong(doctor.diagnose())] == ["switch"]


def test_losses_are_told_with_their_counts(use):
    use(exporting())
    count_loss("metrics_dropped", count=3)

    assert wrong(doctor.diagnose()) == [("losses", "metrics_dropped: 3 since the process began")]


def test_metrics_that_cannot_be_kept_are_wrong_and_none_are_a_hint(use, monkeypatch):
    use(exporting())
    assert [level for level, _ in told(doctor.diagnose(), "metrics")] == ["hint"]
    forget_choice()
    monkeypatch.setenv("AI_FINOPS_METRICS", "cloudwtach")
    assert wrong(doctor.diagnose()) == [("metrics", "AI_FINOPS_METRICS=cloudwtach cannot be used: none are kept")]
    configure_metrics("emf")
    assert told(doctor.diagnose(), "metrics") == [("ok", "EmbeddedMetricSink")]


def test_a_key_is_never_told_and_a_short_one_is_wrong(use, monkeypatch):
    use(exporting())
    assert KEY not in doctor.report(doctor.diagnose())
    monkeypatch.setenv("AI_FINOPS_QUERY_KEY", "short secret")
    found = doctor.diagnose()
    assert wrong(found) == [("queries", "AI_FINOPS_QUERY_KEY has fewer than 16 bytes and is not used")]
    assert "short secret" not in doctor.report(found)
    monkeypatch.delenv("AI_FINOPS_QUERY_KEY")
    assert [level for level, _ in told(doctor.diagnose(), "queries")] == ["hint"]


def test_embedders_that_cannot_work_are_wrong(use, monkeypatch, tmp_path):
    use(exporting())
    monkeypatch.setenv("AI_FINOPS_QUERY_EMBEDDER", "bundled")
    assert doctor.diagnose().is_well
    monkeypatch.setattr(diagnosis, "can_embed", lambda: False)
    assert wrong(doctor.diagnose()) == [("queries", "AI_FINOPS_QUERY_EMBEDDER=bundled needs extra embed")]
    monkeypatch.setattr(diagnosis, "can_embed", lambda: True)
    monkeypatch.setenv("AI_FINOPS_QUERY_EMBEDDER", str(tmp_path))
    assert [topic for topic, _ in wrong(doctor.diagnose())] == ["queries"]


def test_many_decorated_functions_are_counted(use, monkeypatch):
    use(exporting())
    many = [("track_llm_cost", f"pipeline_{number:02}", None) for number in range(21)]
    monkeypatch.setattr(diagnosis, "decorated", lambda: many)
    found = told(doctor.diagnose(), "decorated")

    assert (found[0], len(found), found[-1]) == (("ok", "pipeline_00: that of whoever asks"), 21, ("ok", "and 1 more"))


@pytest.fixture
def collector():
    with collecting() as collector:
        yield collector


def test_probe_is_taken_by_the_exporter_that_is_set(monkeypatch, collector):
    provider = provider_to(collector)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    found = doctor.send_probe()
    provider.shutdown()

    assert (found.level, found.what) == ("ok", f"{collector.endpoint}/v1/traces has taken a span")
    assert sent(collector.bodies) == ["finops.probe"]


def test_probe_of_an_endpoint_of_the_environment_that_refuses(monkeypatch, collector):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    collector.status = 401
    found = doctor.send_probe()

    assert found.level == "wrong"
    assert found.what.startswith(f"{collector.endpoint}/v1/traces has not taken a span: ")
    assert "401" in found.what


@pytest.mark.parametrize(
    "silence",
    [
        {"disabled": True},
        {"level": logging.CRITICAL},
        {"propagate": False},
    ],
    ids=str,
)
def test_probe_says_why_where_the_exporters_log_is_silenced(monkeypatch, collector, silence):
    import opentelemetry.exporter.otlp.proto.http.trace_exporter as exporter

    log = logging.getLogger(exporter.__name__)
    for name, value in silence.items():
        monkeypatch.setattr(log, name, value)
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    collector.status = 401

    assert "401" in doctor.send_probe().what
    assert {name: getattr(log, name) for name in silence} == silence
    assert logging.root.manager.disable == logging.CRITICAL


_SERVICE = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from ai_finops.instrument import track_llm_cost

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces")))
trace.set_tracer_provider(provider)

@track_llm_cost(feature="support_answer", pipeline="rag_answer")
def answer(): ...
"""


def _run(folder, *arguments: str) -> subprocess.CompletedProcess:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AI_FINOPS_", "OTEL_"))}
    asked = [sys.executable, "-m", "ai_finops.instrument.doctor", *arguments]
    return subprocess.run(asked, cwd=folder, env=env, capture_output=True, text=True, timeout=60)


def test_a_service_is_imported_and_looked_at(tmp_path):
    (tmp_path / "my_service.py").write_text(_SERVICE)
    done = _run(tmp_path, "--import", "my_service", "--json")

    assert done.returncode == 0, done.stdout
    told = json.loads(done.stdout)
    assert told["is_well"] is True
    assert {"level": "ok", "topic": "decorated", "what": "rag_answer: support_answer", "advice": ""} in told["findings"]


def test_without_the_service_the_exit_code_says_that_something_is_wrong(tmp_path):
    done = _run(tmp_path)

    assert done.returncode == 1
    assert done.stdout.endswith("1 wrong\n")


def test_a_service_that_cannot_be_imported_is_one_sentence(tmp_path):
    (tmp_path / "my_service.py").write_text("raise ValueError('no settings')")
    done = _run(tmp_path, "--import", "my_service")

    assert done.returncode == 2
    assert done.stderr == "ai-finops: my_service cannot be imported (ValueError: no settings)\n"


def test_keys_in_the_address_of_a_collector_are_not_told(use):
    exporter = OTLPSpanExporter(endpoint="http://user:PLANTED@127.0.0.1:9/v1/traces?api_key=PLANTED", timeout=1)
    use(BatchSpanProcessor(exporter))
    probe = doctor.send_probe()
    assert "http://127.0.0.1:9/v1/traces has not taken a span" in probe.what
    told = doctor.report(doctor.diagnose()) + str(probe)
    assert "OTLPSpanExporter to http://127.0.0.1:9/v1/traces" in told
    assert "PLANTED" not in told


def test_keys_in_why_a_service_cannot_be_imported_are_not_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "broken_service.py").write_text("raise ValueError('no answer of https://user:PLANTED@db.test/x')")
    monkeypatch.syspath_prepend(tmp_path)
    assert doctor.examine(modules=["broken_service"]) == 2
    told = capsys.readouterr().err
    assert "ValueError: no answer of https://db.test/x" in told
    assert "PLANTED" not in told
