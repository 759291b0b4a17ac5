"""The Prometheus sink with the real client: what a scrape shows, and that nothing is declared twice."""

import gc
import importlib
import math
import threading

import pytest

prometheus_client = pytest.importorskip("prometheus_client", reason="prometheus-client is in the services' environment")

from ai_finops.instrument.call import Call  # noqa: E402 only where the client is
from ai_finops.instrument.losses import forget_losses, losses  # noqa: E402
from ai_finops.instrument.metrics import (  # noqa: E402
    PrometheusSink,
    configure_metrics,
    metric_sink,
    prometheus,
    prometheus_instruments,
)
from ai_finops.instrument.metrics.choice import forget_choice  # noqa: E402
from ai_finops.instrument.reading import Reading  # noqa: E402

LABELS = {"feature": "search", "model": "nova"}


@pytest.fixture(autouse=True)
def no_losses():
    forget_losses()
    yield
    forget_choice()
    forget_losses()


@pytest.fixture
def registry():
    return prometheus_client.CollectorRegistry()


def call(feature="search", *, input_tokens=100, output_tokens=20, cost_usd=0.25, latency_ms=1_500, **others) -> Call:
    made = Call()
    made.feature_id, made.model = feature, "nova"
    made.reading = Reading(input_tokens=input_tokens, output_tokens=output_tokens)
    made.estimated_cost_usd, made.duration_ns = cost_usd, int(latency_ms * 1_000_000)
    for name, value in others.items():
        setattr(made, name, value)
    return made


def values(registry) -> dict[str, float]:
    """What a scrape shows of the one feature, without buckets and times of creation, zeros left out."""
    samples = [sample for family in registry.collect() for sample in family.samples]
    assert all(sample.labels.items() >= LABELS.items() for sample in samples)
    return {
        sample.name.removeprefix("ai_finops_"): sample.value
        for sample in samples
        if sample.value and not sample.name.endswith(("_bucket", "_created"))
    }


def test_two_calls_by_hand(registry):
    sink = PrometheusSink(registry)
    sink.add(call(input_tokens=100, output_tokens=20, cost_usd=0.25, latency_ms=1_500, first_token_ns=500_000_000))
    sink.add(call(input_tokens=300, output_tokens=0, cost_usd=0.5, latency_ms=500))
    assert values(registry) == {
        "input_tokens_total": 400,
        "output_tokens_total": 20,
        "estimated_cost_usd_total": 0.75,
        "call_duration_seconds_count": 2,
        "call_duration_seconds_sum": 2.0,
        "time_to_first_token_seconds_count": 1,
        "time_to_first_token_seconds_sum": 0.5,
    }


def test_what_is_not_known_is_counted_as_that_and_as_no_zero(registry):
    sink = PrometheusSink(registry)
    sink.add(call(input_tokens=None, output_tokens=None, cost_usd=None, error_type="TimeoutError"))
    sink.add(call(input_tokens=7, output_tokens=None, cost_usd=None))
    assert values(registry) == {
        "input_tokens_total": 7,
        "calls_without_usage_total": 1,
        "calls_without_cost_total": 2,
        "failed_calls_total": 1,
        "call_duration_seconds_count": 2,
        "call_duration_seconds_sum": 3.0,
    }


def test_the_buckets_hold_the_calls(registry):
    sink = PrometheusSink(registry)
    for latency_ms in (10, 10.1, 81_920, 81_921):
        sink.add(call(latency_ms=latency_ms))
    name = "ai_finops_call_duration_seconds_bucket"
    held = {
        bound: registry.get_sample_value(name, LABELS | {"le": bound}) for bound in ("0.01", "0.02", "81.92", "+Inf")
    }
    assert held == {"0.01": 1, "0.02": 2, "81.92": 3, "+Inf": 4}


def test_each_name_says_its_unit(registry):
    PrometheusSink(registry).add(call())
    text = prometheus_client.generate_latest(registry).decode()
    for line in (
        "# TYPE ai_finops_input_tokens_total counter",
        "# TYPE ai_finops_output_tokens_total counter",
        "# TYPE ai_finops_estimated_cost_usd_total counter",
        "# TYPE ai_finops_call_duration_seconds histogram",
        'ai_finops_input_tokens_total{feature="search",model="nova"} 100.0',
    ):
        assert line in text


def test_two_sinks_count_on_the_same(registry):
    for _ in range(2):
        PrometheusSink(registry).add(call())
    assert registry.get_sample_value("ai_finops_input_tokens_total", LABELS) == 200


def test_a_module_that_is_loaded_twice_declares_nothing_twice(registry):
    PrometheusSink(registry).add(call())
    reloaded = importlib.reload(prometheus_instruments)
    again = reloaded.instruments_on(registry)
    again.input_tokens.labels("search", "nova").inc(1)
    again.duration_s.labels("search", "nova").observe(1)
    assert registry.get_sample_value("ai_finops_input_tokens_total", LABELS) == 101
    assert registry.get_sample_value("ai_finops_call_duration_seconds_count", LABELS) == 2


def test_many_threads_declare_once_and_count_all(registry):
    def work():
        sink = PrometheusSink(registry)
        for _ in range(200):
            sink.add(call())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.get_sample_value("ai_finops_input_tokens_total", LABELS) == 8 * 200 * 100
    assert losses() == {}


@pytest.mark.parametrize("labels", [(), ("feature",), ("model", "feature")])
def test_a_name_that_somebody_else_has_is_an_error_that_configure_turns_into_a_warning(registry, caplog, labels):
    prometheus_client.Counter("ai_finops_output_tokens", "Not ours.", labels, registry=registry)
    with pytest.raises(ValueError, match="ai_finops_output_tokens"):
        PrometheusSink(registry)
    assert configure_metrics("prometheus", registry=registry) is None
    assert "metrics cannot go to prometheus (" in caplog.text


def test_labels_are_bounded(registry):
    sink = PrometheusSink(registry, max_pairs=3)
    for number in range(5):
        sink.add(call(f"user {number}"))
    labels = {sample.labels["feature"] for family in registry.collect() for sample in family.samples}
    assert labels == {"user 0", "user 1", "other"}
    assert losses() == {"metric_pairs_over_limit": 3}


@pytest.mark.parametrize("name", ["with spaces", "Übersicht", 'quote"s', "x" * 10_240, "\n", None])
def test_names_of_every_kind_can_be_scraped(registry, name):
    PrometheusSink(registry).add(call(name))
    text = prometheus_client.generate_latest(registry).decode()
    from prometheus_client.parser import text_string_to_metric_families

    families = {family.name: family for family in text_string_to_metric_families(text)}
    (feature,) = {sample.labels["feature"] for sample in families["ai_finops_input_tokens"].samples}
    assert 1 <= len(feature) <= 1_024 and feature.isascii()


@pytest.mark.parametrize("wrong", [-1, math.nan, "12"])
def test_what_is_no_number_is_a_loss_and_no_exception(registry, wrong):
    PrometheusSink(registry).add(call(input_tokens=wrong))
    assert "input_tokens_total" not in values(registry)
    assert values(registry)["output_tokens_total"] == 20
    assert losses() == {"metric_value_refused": 1}


def test_what_is_no_call_is_a_loss(registry):
    PrometheusSink(registry).add(None)
    assert losses() == {"metric_not_counted": 1}


def test_the_environment_chooses_the_clients_own_registry(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_METRICS", "prometheus")
    sink = metric_sink()
    assert isinstance(sink, PrometheusSink)
    before = prometheus_client.REGISTRY.get_sample_value("ai_finops_input_tokens_total", LABELS) or 0
    sink.add(call())
    assert prometheus_client.REGISTRY.get_sample_value("ai_finops_input_tokens_total", LABELS) == before + 100
    assert sink.flush() and sink.close()


# The client's locks are not re-entrant, and the collector runs under them: it may end an abandoned call there.


class Abandoned:
    """What only the collector frees; freed, it ends calls."""

    def __init__(self, *ends) -> None:
        self.itself, self.ends = self, ends

    def __del__(self) -> None:
        for end in self.ends:
            end()


@pytest.fixture
def collect_under_lock(monkeypatch):
    """Have the collector run when the client makes its first set of labels, under its lock."""
    from prometheus_client import values

    init, collected = values.MutexValue.__init__, []

    def collect_first(self, *arguments, **options):
        if not collected:
            collected.append(gc.collect())
        init(self, *arguments, **options)

    monkeypatch.setattr(values.MutexValue, "__init__", collect_first)


def in_time(action) -> None:
    """Do it on a thread that may be left behind: a deadlock is a failure and no hanging run."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "deadlock"


def test_a_call_that_ends_under_the_client_s_lock_is_counted_after_it(registry, collect_under_lock):
    sink = PrometheusSink(registry)
    Abandoned(lambda: sink.add(call(input_tokens=7)))
    in_time(lambda: sink.add(call(input_tokens=100)))
    assert values(registry)["input_tokens_total"] == 107
    assert losses() == {}


def test_more_calls_than_are_held_are_counted_as_losses(registry, collect_under_lock, monkeypatch):
    monkeypatch.setattr(prometheus, "MOST_HELD", 2)
    sink = PrometheusSink(registry)
    Abandoned(*[lambda: sink.add(call(input_tokens=7))] * 5)
    in_time(lambda: sink.add(call(input_tokens=100)))
    assert values(registry)["input_tokens_total"] == 114
    assert losses() == {"metric_not_counted": 3}


def test_a_call_of_another_sink_of_the_registry_is_counted_when_that_is_flushed(registry, collect_under_lock):
    sink, other = PrometheusSink(registry), PrometheusSink(registry)
    Abandoned(lambda: other.add(call(input_tokens=7)))
    in_time(lambda: sink.add(call(input_tokens=100)))
    assert values(registry)["input_tokens_total"] == 100
    assert other.flush()
    assert values(registry)["input_tokens_total"] == 107
