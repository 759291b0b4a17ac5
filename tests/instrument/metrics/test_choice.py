"""Which sink is chosen: by code, by the environment, or none; and that a wrong word is a warning."""

import io
import threading

import pytest

from ai_finops.instrument.metrics import (
    CloudWatchSink,
    EmbeddedMetricSink,
    configure_metrics,
    flush_metrics,
    metric_sink,
)
from ai_finops.instrument.metrics.choice import forget_choice
from tests.instrument.metrics.made import call


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.delenv("AI_FINOPS_METRICS", raising=False)
    monkeypatch.delenv("AI_FINOPS_METRICS_INTERVAL_S", raising=False)
    forget_choice()


class Own:
    """A sink of somebody's own."""

    def __init__(self):
        self.calls, self.closed_count = [], 0

    def add(self, call):
        self.calls.append(call)

    def close(self):
        self.closed_count += 1


@pytest.mark.parametrize("word", [None, "", " ", "none", "OFF"])
def test_without_a_word_there_are_no_metrics(monkeypatch, caplog, word):
    if word is not None:
        monkeypatch.setenv("AI_FINOPS_METRICS", word)
    assert metric_sink() is None
    assert flush_metrics()
    assert caplog.records == []


@pytest.mark.parametrize(
    ("word", "kind"), [("cloudwatch", CloudWatchSink), (" EMF ", EmbeddedMetricSink), ("CloudWatch", CloudWatchSink)]
)
def test_the_environment_says_which(monkeypatch, word, kind):
    monkeypatch.setenv("AI_FINOPS_METRICS", word)
    assert isinstance(metric_sink(), kind)
    assert metric_sink() is metric_sink()


def test_a_wrong_word_is_one_warning_that_names_the_right_ones(monkeypatch, caplog):
    monkeypatch.setenv("AI_FINOPS_METRICS", "clodwatch")
    assert [metric_sink() for _ in range(3)] == [None] * 3
    (record,) = caplog.records
    assert record.getMessage() == (
        "AI_FINOPS_METRICS is 'clodwatch': no metrics are kept; set it to cloudwatch, emf, prometheus, or none"
    )


def test_without_the_client_of_prometheus_it_is_a_warning(monkeypatch, caplog):
    monkeypatch.setattr("ai_finops.instrument.metrics.choice.find_spec", lambda name: None)
    assert configure_metrics("prometheus") is None
    (record,) = caplog.records
    assert "needs prometheus_client" in record.getMessage() and "ai-finops[prometheus]" in record.getMessage()


def test_wrong_options_are_a_warning(caplog):
    assert configure_metrics("emf", colour="blue") is None
    assert "metrics cannot go to emf (TypeError" in caplog.text


def test_code_is_stronger_than_the_environment(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_METRICS", "cloudwatch")
    own = Own()
    assert configure_metrics(sink=own) is own is metric_sink()
    assert configure_metrics("none") is None is metric_sink()
    assert isinstance(configure_metrics(), CloudWatchSink)


def test_options_reach_the_sink():
    stream = io.StringIO()
    configure_metrics("emf", stream=stream)
    metric_sink().add(call())
    assert '"Feature":"search"' in stream.getvalue()
    assert flush_metrics()


@pytest.mark.parametrize(
    ("said", "interval_s", "warns"),
    [
        (None, 60, False),
        ("", 60, False),
        ("30", 30, False),
        ("1", 1, False),
        ("3600", 3600, False),
        ("0.9", 60, True),
        ("3600.1", 60, True),
        ("nan", 60, True),
        ("a minute", 60, True),
    ],
)
def test_the_interval_is_in_seconds(monkeypatch, caplog, said, interval_s, warns):
    if said is not None:
        monkeypatch.setenv("AI_FINOPS_METRICS_INTERVAL_S", said)
    sink = configure_metrics("cloudwatch")
    assert sink._interval_s == interval_s
    assert ("set it to seconds from 1 to 3600" in caplog.text) is warns


def test_an_interval_in_code_is_stronger(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_METRICS_INTERVAL_S", "30")
    assert configure_metrics("cloudwatch", interval_s=5)._interval_s == 5


def test_what_was_chosen_before_is_closed_once():
    first, second = Own(), Own()
    configure_metrics(sink=first)
    configure_metrics(sink=first)
    assert first.closed_count == 0
    configure_metrics(sink=second)
    assert (first.closed_count, second.closed_count) == (1, 0)


def test_a_sink_without_flush_has_nothing_to_flush():
    configure_metrics(sink=Own())
    assert flush_metrics()


def test_a_sink_that_cannot_flush_or_close_is_a_warning(caplog):
    class Bad(Own):
        def flush(self, timeout_s):
            raise OSError("no room")

        close = flush

    configure_metrics(sink=Bad())
    assert not flush_metrics()
    configure_metrics("none")
    assert caplog.text.count("the metric sink Bad cannot") == 2


def test_many_threads_get_one_sink(monkeypatch):
    monkeypatch.setenv("AI_FINOPS_METRICS", "cloudwatch")
    found = []
    threads = [threading.Thread(target=lambda: found.append(metric_sink())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
