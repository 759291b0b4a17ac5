"""What real libraries exported, against what the providers said they counted (tests/fixtures/otlp_replay)."""

import csv
import json
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pytest

from tests.extract.loading import load
from tests.extract.made import protobuf_bytes

FOLDER = Path(__file__).parents[1] / "fixtures" / "otlp_replay"
AS_OF = date(2026, 12, 1)  # after the replay
CALLS = {"chat", "embeddings", "text_completion", "generate_content", "rerank"}
CLASSES = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_write_5m_input_tokens",
    "cache_write_1h_input_tokens",
    "output_tokens",
)


def truths(dialect: str) -> dict[str, tuple]:
    """The five classes by trace, from the provider's usage object."""
    with (FOLDER / f"{dialect}.truth.csv").open() as file:
        return {row["trace_id"]: _classes(row["kind"], json.loads(row["usage"])) for row in csv.DictReader(file)}


def _classes(kind: str, usage: dict) -> tuple:
    if kind.startswith("bedrock"):
        return usage["inputTokens"], usage.get("cacheReadInputTokens", 0), 0, 0, usage["outputTokens"]
    if kind.startswith("anthropic"):  # input without cached tokens
        written = usage.get("cache_creation") or {}
        five, hour = (written.get(f"ephemeral_{life}_input_tokens", 0) for life in ("5m", "1h"))
        assert five + hour == (usage.get("cache_creation_input_tokens") or 0)
        return usage["input_tokens"], usage.get("cache_read_input_tokens") or 0, five, hour, usage["output_tokens"]
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0  # part of the prompt tokens
    return usage["prompt_tokens"] - cached, cached, 0, 0, usage.get("completion_tokens", 0)


@pytest.fixture(params=["semconv", "openllmetry", "openinference"])
def recorded(request, tmp_path):
    loaded = load(tmp_path, (FOLDER / f"{request.param}.otlp.json").read_bytes(), as_of=AS_OF)
    assert loaded.quarantine == []
    by_trace = defaultdict(list)
    for row in loaded.spans:
        if row["operation_name"] in CALLS:
            by_trace[row["trace_id"]].append(row)
    return request.param, loaded, by_trace


GAPS = {"semconv": Counter(), "openllmetry": Counter({"bedrock": 3}), "openinference": Counter()}
"""Calls of which no span carries usage, by the last word of the library's name."""
DIFFERENT = {"semconv": [((1149, 0, 0, 0, 261), (125, 1024, 0, 0, 261))], "openllmetry": [], "openinference": []}
"""Usage as read and as counted, where a library does not say what was cached."""


def test_every_call_is_read_as_the_provider_counted_it(recorded):
    dialect, _, by_trace = recorded
    gaps, different = Counter(), []
    for trace_id, truth in truths(dialect).items():
        spans = by_trace[trace_id]
        assert spans, trace_id
        said = {tuple(row[name] for name in CLASSES) for row in spans if row["has_usage"]}
        if not said:
            gaps.update(row["scope_name"].rsplit(".", 1)[1] for row in spans)
        elif said != {truth}:
            different += [(each, truth) for each in said]
    assert gaps == GAPS[dialect]
    assert different == DIFFERENT[dialect]


def test_dialects_and_doubles(recorded):
    dialect, _, by_trace = recorded
    assert len(by_trace) == 38
    own = [row for spans in by_trace.values() for row in spans if row["scope_name"] != "com.anthropic.sdk.python"]
    assert {row["dialect"] for row in own} == {dialect}
    doubles = [spans for spans in by_trace.values() if len(spans) == 2]
    assert len(doubles) == (0 if dialect == "semconv" else 6)
    assert all("com.anthropic.sdk.python" in {row["scope_name"] for row in spans} for spans in doubles)


def test_what_is_no_call_is_kept_as_what_it_is(recorded):
    _, loaded, by_trace = recorded
    others = [row for row in loaded.spans if row["operation_name"] not in CALLS]
    assert {row["scope_name"] for row in others} == {"replay"}
    assert len(others) == 38 and len(others) + sum(map(len, by_trace.values())) == len(loaded.spans)


def test_as_protobuf_they_read_the_same(recorded, tmp_path):
    dialect, loaded, _ = recorded
    plain = json.loads((FOLDER / f"{dialect}.otlp.json").read_text())
    again = load(tmp_path, ("protobuf", protobuf_bytes(plain)), as_of=AS_OF)
    assert again.spans == loaded.spans
    assert again.unmapped == loaded.unmapped


def test_no_recorded_text_is_kept(recorded):
    _, loaded, _ = recorded
    kept = json.dumps([row["details_json"] for row in loaded.spans])
    assert "content" not in kept and "[cut]" not in json.dumps(loaded.spans, default=str)
