"""The code in docs/instrument.md runs as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from ai_finops.instrument import deferred, record_spans, tracking
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.testing import recorded_calls
from tests.instrument.exported import collecting, extracted, provider_to, sent

GUIDE = (Path(__file__).parents[2] / "docs" / "instrument.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def block(words: str) -> str:
    """The one block with these words."""
    (found,) = (each for each in BLOCKS if words in each)
    return found


@pytest.fixture
def collector():
    with collecting() as collector:
        yield collector


@pytest.fixture
def provider(collector, monkeypatch):
    provider = provider_to(collector)
    tracer = provider.get_tracer(tracking.SCOPE)
    monkeypatch.setattr(record_spans, "_tracer", tracer)
    undo = tracking._use_tracer(tracer)
    yield provider
    undo()
    provider.shutdown()


def test_the_service_of_the_first_steps_charges_two_features(collector, tmp_path):
    (tmp_path / "app.py").write_text(block("def summarise("))
    env = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
    subprocess.run([sys.executable, "app.py"], cwd=tmp_path, env=env, check=True, timeout=60)

    assert sent(collector.bodies) == ["chat gpt-4o-mini", "chat gpt-4o-mini"]
    body = b"".join(collector.bodies)
    assert b"document_summarization" in body
    assert b"support_chat" in body


def test_reading_by_a_function_of_ones_own_or_in_a_block():
    from ai_finops.instrument import Reading, register_reader, track_llm_cost
    from ai_finops.instrument.usage import unregister_readers

    class OurAnswer:
        tokens_in, tokens_out = 12, 4

    given = {
        "Reading": Reading,
        "register_reader": register_reader,
        "track_llm_cost": track_llm_cost,
        "OurAnswer": OurAnswer,
        "client": SimpleNamespace(ask=lambda question: OurAnswer()),
        "question": "Where is my card?",
    }
    try:
        with recorded_calls() as calls:
            exec(block("register_reader("), given)
    finally:
        unregister_readers()

    assert (calls.one().feature_id, calls.one().model, calls.one().reading.output_tokens) == (
        "support_chat",
        "our-model",
        4,
    )


def test_what_answers_a_question_is_recorded(provider, collector, monkeypatch, tmp_path):
    monkeypatch.setenv("AI_FINOPS_QUERY_KEY", "sixteen bytes or")
    forget_losses()
    documents = [SimpleNamespace(id=f"d{number}", score=1 / number, text="A SECRET text.") for number in (1, 2)]
    given = {
        "question": "Where is my SECRET card?",
        "index": SimpleNamespace(search=lambda question: documents),
        "reranker": SimpleNamespace(rerank=lambda question, found: found[::-1]),
        "summarise": lambda question, best: SimpleNamespace(text="A SECRET answer."),
    }
    exec(block("with query_span(question)"), given)
    assert deferred.flush_deferred(20)
    provider.force_flush()
    spans, (query,) = extracted(tmp_path, collector.bodies)

    assert set(spans) == {"finops.query", "retrieval", "rerank cohere.rerank-v3-5:0", "finops.context_use"}
    assert {span["parent_span_id"] for span in spans.values()} == {None, query["span_id"]}
    assert b"SECRET" not in b"".join(collector.bodies)
    assert losses() == {}


def test_a_test_of_users():
    from ai_finops.instrument import track_llm_cost

    @track_llm_cost(feature="support_chat")
    def answer_ticket(text):
        return {"model": "gpt-4o-mini", "usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}}

    given = {"answer_ticket": answer_ticket}
    exec(block("def test_a_ticket_is_charged_to_support"), given)
    given["test_a_ticket_is_charged_to_support"]()
