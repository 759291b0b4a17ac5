"""A comparison on its way to the warehouse: the real OTLP encoding, then the extractor."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from ai_finops.extract import vocabulary
from ai_finops.instrument.attribution import feature
from tests.extract.loading import load
from tests.router.shadow_made import LARGE, SMALL, Client, offer, recorded, shadow_of

CONTENT = {
    "finops.shadow.prompt": "prompt",
    "finops.shadow.baseline_answer": "answer",
    "finops.shadow.candidate_answer": "answer",
}


def exported(client: Client) -> bytes:
    """Return the export request of one comparison."""
    with recorded() as spans, feature("contract_review"):
        shadow = shadow_of(spans, client)
        assert offer(shadow) and shadow.wait(30)
        return encode_spans(spans.all).SerializeToString()


def landed(tmp_path, content: bytes):
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    loaded = load(tmp_path, ("protobuf", content), as_of=tomorrow)
    assert loaded.quarantine == []
    return loaded, {row["operation_name"]: row for row in loaded.spans}


def test_it_lands_as_a_comparison_and_a_call(tmp_path):
    loaded, rows = landed(tmp_path, exported(Client("Bergen")))
    assert set(rows) == {"shadow", "chat"}
    shadow, call = rows["shadow"], rows["chat"]
    assert (shadow["task_type"], shadow["dialect"], shadow["provider_name"]) == ("extraction", "finops", "aws.bedrock")
    assert json.loads(shadow["details_json"]) == {
        "task_type": "extraction",
        "baseline_model": LARGE.model_id,
        "candidate_model": SMALL.model_id,
        "baseline_correct": True,
        "candidate_correct": False,
        "baseline_input_tokens": 100,
        "baseline_output_tokens": 20,
        "candidate_input_tokens": 110,
        "candidate_output_tokens": 10,
        "method": "exact",
        "score": 0.0,
    }
    # The call is the candidate's, has usage, and pays; the comparison has none, so nothing is counted twice.
    assert (shadow["has_usage"], call["has_usage"]) == (False, True)
    assert [call[name] for name in ("feature_id", "pipeline_id", "task_type", "model_tier", "request_model")] == [
        "contract_review", "shadow", "extraction", "cheap", SMALL.model_id,
    ]  # fmt: skip
    assert call["parent_span_id"] == shadow["span_id"]
    assert not [name for name, _ in loaded.unmapped if name.startswith("finops.shadow")]


@pytest.mark.parametrize("is_kept", [False, True])
def test_its_texts_are_content_and_in_no_column(tmp_path, monkeypatch, is_kept):
    monkeypatch.setenv("AI_FINOPS_SHADOW_KEEP_CONTENT", "true" if is_kept else "")
    loaded, rows = landed(tmp_path, exported(Client("SECRET")))
    assert "SECRET" not in json.dumps(rows, default=str)
    assert not [name for name, _ in loaded.unmapped if name.startswith("finops.shadow")]
    # Where the pipeline keeps texts, it knows these as such (extract/content_attributes.csv).
    assert CONTENT.items() <= vocabulary.content_kinds().items()
