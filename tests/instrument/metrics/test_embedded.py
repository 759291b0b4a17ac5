"""Embedded Metric Format: each line by the specification's rules, whatever the call and the stream."""

import io
import json
import sys
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics import EmbeddedMetricSink
from tests.instrument.metrics.made import MINUTE, call

UNITS = {"InputTokens": "Count", "OutputTokens": "Count", "LatencyMs": "Milliseconds", "EstimatedCostUSD": "None"}


def line_of(made, **options) -> dict:
    stream = io.StringIO()
    EmbeddedMetricSink(stream, **options).add(made)
    text = stream.getvalue()
    assert text.endswith("}\n") and text.count("\n") == 1 and text.isascii()
    return checked(json.loads(text))


def checked(line: dict) -> dict:
    """Return a line that keeps the specification: its metadata, and members for all that they name."""
    metadata = line["_aws"]
    assert set(metadata) == {"Timestamp", "CloudWatchMetrics"}
    assert isinstance(metadata["Timestamp"], int)
    (directive,) = metadata["CloudWatchMetrics"]
    assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
    assert 1 <= len(directive["Metrics"]) <= 100
    for dimension in (name for names in directive["Dimensions"] for name in names):
        assert isinstance(line[dimension], str) and 1 <= len(line[dimension]) <= 1_024
    for metric in directive["Metrics"]:
        assert set(metric) == {"Name", "Unit"} and metric["Unit"] == UNITS[metric["Name"]]
        assert isinstance(line[metric["Name"]], int | float)
    return line


def metrics_of(line: dict) -> set[str]:
    return {metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}


def test_a_whole_line_by_hand():
    assert line_of(call("search", "nova", cost_usd=0.25, latency_ms=1_500.5, at_s=MINUTE * 60 + 0.75)) == {
        "_aws": {
            "Timestamp": 1_740_000_000_750,
            "CloudWatchMetrics": [
                {
                    "Namespace": "AI/FinOps",
                    "Dimensions": [["Feature", "Model"]],
                    "Metrics": [
                        {"Name": "LatencyMs", "Unit": "Milliseconds"},
                        {"Name": "InputTokens", "Unit": "Count"},
                        {"Name": "OutputTokens", "Unit": "Count"},
                        {"Name": "EstimatedCostUSD", "Unit": "None"},
                    ],
                }
            ],
        },
        "Feature": "search",
        "Model": "nova",
        "LatencyMs": 1_500.5,
        "InputTokens": 100,
        "OutputTokens": 20,
        "EstimatedCostUSD": 0.25,
    }


@pytest.mark.parametrize("cost_usd", [None, 0.0, 1e-9])
@pytest.mark.parametrize("output_tokens", [None, 0])
@pytest.mark.parametrize("input_tokens", [None, 7])
def test_what_is_not_known_is_no_metric(input_tokens, output_tokens, cost_usd):
    line = line_of(call(input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost_usd))
    said = {"InputTokens": input_tokens, "OutputTokens": output_tokens, "EstimatedCostUSD": cost_usd}
    known = {name: value for name, value in said.items() if value is not None}
    assert metrics_of(line) == {"LatencyMs", *known}
    assert {name: line[name] for name in said if name in line} == known


def test_other_facts_are_members_and_no_dimensions():
    made = call(
        pipeline_id="summarise",
        journey_id='j"1',
        task_type="extraction",
        model_tier="cheap",
        prompt_version="v3",
        error_type="TimeoutError",
        usage_gap="failed",
        cost_gap="no_usage",
        first_token_ns=250_000_000,
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
    )
    line = line_of(made)
    assert {name: line[name] for name in line if name not in ("_aws", "Feature", "Model", "LatencyMs")} == {
        "Pipeline": "summarise",
        "Journey": 'j"1',
        "TaskType": "extraction",
        "ModelTier": "cheap",
        "PromptVersion": "v3",
        "ErrorType": "TimeoutError",
        "UsageGap": "failed",
        "CostGap": "no_usage",
        "TimeToFirstTokenMs": 250.0,
    }
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Feature", "Model"]]


@settings(deadline=None)
@given(st.text() | st.none(), st.text() | st.none(), st.text())
def test_any_text_makes_a_line(feature, model, journey):
    assert line_of(call(feature, model, journey_id=journey))["Journey"] == journey


def test_ten_kilobytes_of_name_make_a_short_line():
    assert len(json.dumps(line_of(call("x" * 10_240, "y" * 10_240, journey_id="z" * 10_240)))) < 4_000


def test_names_past_the_limit_are_other():
    stream = io.StringIO()
    sink = EmbeddedMetricSink(stream, max_pairs=2)
    for name in ("a", "b", "c"):
        sink.add(call(name))
    lines = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert [line["Feature"] for line in lines] == ["a", "other", "other"]
    assert losses() == {"metric_pairs_over_limit": 2}


def test_lines_go_to_what_stdout_is_at_the_time(capsys):
    sink = EmbeddedMetricSink()
    sink.add(call())
    assert checked(json.loads(capsys.readouterr().out))["Feature"] == "search"


class Broken(io.StringIO):
    def write(self, text):
        raise BrokenPipeError

    def flush(self):
        raise BrokenPipeError


@pytest.mark.parametrize("stream", [Broken(), io.BytesIO(), open(sys.executable)], ids=["pipe", "bytes", "read only"])  # noqa: SIM115
def test_a_broken_stream_is_a_loss(stream):
    EmbeddedMetricSink(stream).add(call())
    assert losses() == {"metric_line_not_written": 1}


def test_a_closed_stream_is_a_loss_and_not_flushed(tmp_path):
    stream = open(tmp_path / "log", "w")  # noqa: SIM115
    stream.close()
    sink = EmbeddedMetricSink(stream)
    sink.add(call())
    assert not sink.flush() and not sink.close()
    assert losses() == {"metric_line_not_written": 3}


def test_no_stdout_at_all_is_a_loss(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    EmbeddedMetricSink().add(call())
    assert losses() == {"metric_line_not_written": 1}


def test_two_threads_do_not_write_at_once():
    class Slow(io.StringIO):
        writing_count = most = 0

        def write(self, text):
            self.writing_count += 1
            self.most = max(self.most, self.writing_count)
            time.sleep(0.001)
            self.writing_count -= 1

    stream = Slow()
    sink = EmbeddedMetricSink(stream)
    threads = [threading.Thread(target=lambda: [sink.add(call()) for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stream.most == 1


def test_lines_of_many_threads_are_whole(tmp_path):
    with open(tmp_path / "log", "w") as stream:
        sink = EmbeddedMetricSink(stream)
        threads = [threading.Thread(target=lambda: [sink.add(call("f" * 300)) for _ in range(300)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sink.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert len([checked(json.loads(line)) for line in lines]) == 2_400
