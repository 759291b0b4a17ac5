"""`ai-finops routing analyze` from published marts and kept texts to the lake, and what a build makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ai_finops import cli
from ai_finops.build.routing_analysis import analyze
from ai_finops.config import Settings
from ai_finops.errors import PublishError, RoutingError, SourceForbidden
from ai_finops.lake import Lake
from ai_finops.lake_schemas import SPAN_CONTENTS
from ai_finops.publish import publish
from tests.analyse.converse import bedrock_that_says
from tests.extract.api_server import json_answer
from tests.publish.test_swap import pass_audit
from tests.quality.tiny_marts import change, make_build

SONNET, NOVA = "anthropic.claude-sonnet-4-20250514-v1:0", "amazon.nova-lite-v1:0"
UNTAGGED = (
    "update marts.fct_llm_calls set task_type = 'unknown', model_tier = 'expensive', model_id = '{}' "
    "where feature_id = 'chat'"
)


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.setenv("AI_FINOPS_HOME", str(tmp_path / "var"))
    return Settings.from_env()


def publish_marts(settings: Settings, *statements: str) -> None:
    """Publish nine days of which feature chat's two calls a day, 1,000 tokens in and 50 out, say no task type."""
    build = make_build(settings)
    change(build, "update marts.fct_llm_calls set operation_name = 'chat'", UNTAGGED.format(SONNET), *statements)
    pass_audit(build)
    publish(settings=settings, build=build)


def keep_texts(
    settings: Settings, *, answer: str, day: date = date(2025, 6, 10), numbers: Sequence[int] = (1, 2)
) -> None:
    """Keep question and answer of calls of a day, on the 10th of t101-s1 and t102-s2."""
    rows = [
        {
            "trace_id": f"t{day:%d}{number}",
            "span_id": f"s{number}",
            "attribute_name": name,
            "content_kind": kind,
            "content": content,
            "landing_date": day,
        }
        for number in numbers
        for name, kind, content in (("input.value", "prompt", "Which kind is it?"), ("output.value", "answer", answer))
    ]
    table = pa.Table.from_pylist(rows, schema=SPAN_CONTENTS)
    Lake(settings.lake).write_partition("trace_contents", str(day), tables={"span_contents": table})


def found_in_lake(settings: Settings, table: str) -> list[dict]:
    return [
        row
        for file in Lake(settings.lake).files("routing_findings", table)
        for row in pq.read_table(file, partitioning=None).to_pylist()
    ]


def test_calls_without_texts_are_taken_for_what_their_lengths_say(settings, capsys):
    publish_marts(settings)
    assert cli.main(["routing", "analyze"]) == 0
    assert capsys.readouterr().out == (
        "untagged generating calls before 2025-06-11: 18 of 18 looked at, no texts are kept: by lengths alone\n"
        "  chat / answer / chat (18 calls): extraction: 18 of 18, unsure, confidence low (little_out_of_a_long_input)\n"
        "the next build reads what was found (ai-finops run)\n"
    )
    (row,) = found_in_lake(settings, "task_types")
    assert row == {
        "feature_id": "chat",
        "pipeline_id": "answer",
        "operation_name": "chat",
        "task_type": "extraction",
        "status": "unsure",
        "confidence": "low",
        "how": "little_out_of_a_long_input",
        "call_count": 18,
        "sample_count": 18,
        "agreeing_count": 18,
        "found_date": date(2025, 6, 11),
    }


def test_an_answer_that_is_kept_goes_before_lengths(settings):
    publish_marts(settings)
    keep_texts(settings, answer="billing")
    kept = replace(settings, keep_content=True)
    # Two of eighteen say `classification`, sixteen by their lengths `extraction`: 88.9 %.
    (finding,) = analyze(settings=kept).findings
    assert (finding.task_type, finding.agreeing_count, finding.status) == ("extraction", 16, "unsure")
    # The last day alone: both have a text.
    done = analyze(settings=kept, day_count=1)
    assert (done.text_count, done.findings[0].task_type, done.findings[0].confidence) == (2, "classification", "high")


def test_texts_are_read_only_where_they_may_be_and_within_their_retention(settings):
    publish_marts(settings)
    keep_texts(settings, answer="billing")
    assert analyze(settings=settings, day_count=1).text_count == 0
    kept = replace(settings, keep_content=True)
    # As of 11 June the 10th is kept for a day.
    assert analyze(settings=replace(kept, content_retention_days=1), day_count=1).text_count == 2
    keep_texts(settings, answer="billing", day=date(2025, 6, 9))
    assert analyze(settings=replace(kept, content_retention_days=1)).text_count == 2
    assert analyze(settings=replace(kept, content_retention_days=2)).text_count == 4


def test_a_judge_is_asked_as_often_as_it_may_be(settings, monkeypatch):
    publish_marts(settings)
    keep_texts(settings, answer="billing")
    judged = replace(settings, keep_content=True, task_judge=f"bedrock:{NOVA}")
    with bedrock_that_says(monkeypatch, lambda *_: "chat") as server:
        (finding,) = analyze(settings=judged, day_count=1).findings
        assert (finding.task_type, finding.how, len(server.requests)) == ("chat", f"judge {NOVA}", 2)
        (finding,) = analyze(settings=judged, day_count=1, most_judged_count=1).findings
        assert (finding.status, len(server.requests)) == ("mixed", 3)


def test_cheaper_models_are_asked_within_the_dollars_and_never_twice(settings, monkeypatch, capsys):
    publish_marts(settings)
    keep_texts(settings, answer="billing")
    monkeypatch.setenv("AI_FINOPS_KEEP_CONTENT", "true")
    monkeypatch.setenv("AI_FINOPS_ROUTING_TRIAL_USD", "0.01")
    with bedrock_that_says(monkeypatch, lambda *_: "Billing") as server:
        assert cli.main(["routing", "analyze", "--days", "1"]) == 0
        # Nova Lite: 100 tokens in at $0.06, 5 out at $0.24 per million: $0.0000072 each.
        assert "cheaper models: no worse in 2 of 2 new comparisons, $0.0000 of $0.01\n" in capsys.readouterr().out
        assert cli.main(["routing", "analyze", "--days", "1"]) == 0
        assert "no worse in 0 of 0 new comparisons" in capsys.readouterr().out
        assert len(server.requests) == 2
    compared = found_in_lake(settings, "comparisons")
    assert [(row["trace_id"], row["span_id"]) for row in compared] == [("t101", "s1"), ("t102", "s2")]
    first = compared[0] | {"cost_usd": round(compared[0]["cost_usd"], 9)}
    assert first == {
        "trace_id": "t101",
        "span_id": "s1",
        "task_type": "classification",
        "baseline_model_id": SONNET,
        "candidate_model_id": NOVA,
        "how": "same_label",
        "baseline_input_tokens": 1000,
        "baseline_output_tokens": 50,
        "candidate_input_tokens": 100,
        "candidate_output_tokens": 5,
        "is_no_worse": True,
        "cost_usd": 0.0000072,
        "made_date": date(2025, 6, 10),
    }


def test_what_was_compared_stays_when_a_model_no_longer_answers(settings, monkeypatch):
    publish_marts(settings)
    keep_texts(settings, answer="billing")
    trying = replace(settings, keep_content=True, routing_trial_usd=0.01)
    refused = json_answer({"message": "no"}, 403, **{"x-amzn-ErrorType": "AccessDeniedException"})
    with bedrock_that_says(monkeypatch, lambda *_: "billing") as server:
        server.first += [None, refused]
        with pytest.raises(SourceForbidden, match=f"cannot ask the model {NOVA}"):
            analyze(settings=trying, day_count=1)
    assert len(found_in_lake(settings, "comparisons")) == len(found_in_lake(settings, "task_types")) == 1


def test_a_group_that_is_not_sure_is_tried_on_nobody(settings, monkeypatch):
    # One call has a label for an answer, of the other nothing is known but that it was long for its question.
    publish_marts(
        settings, "update marts.fct_llm_calls set input_tokens = 100, output_tokens = 60 where span_id = 's2'"
    )
    keep_texts(settings, answer="billing", numbers=[1])
    trying = replace(settings, keep_content=True, routing_trial_usd=0.01)
    with bedrock_that_says(monkeypatch, lambda *_: "billing") as server:
        (finding,) = analyze(settings=trying, day_count=1).findings
    assert (finding.task_type, finding.agreeing_count, finding.status) == ("classification", 1, "mixed")
    assert server.requests == []


def test_errors_are_one_sentence_each(settings, monkeypatch):
    with pytest.raises(PublishError, match=r"nothing is published in .* yet; run ai-finops run"):
        analyze(settings=settings)
    publish_marts(settings)
    for changes, name in (
        ({"task_judge": f"bedrock:{NOVA}"}, "TASK_JUDGE"),
        ({"routing_trial_usd": 1.0}, "ROUTING_TRIAL_USD"),
    ):
        with pytest.raises(RoutingError, match=f"AI_FINOPS_{name} is set and needs texts, which are not kept"):
            analyze(settings=replace(settings, **changes))
        with pytest.raises(
            RoutingError, match=rf"AI_FINOPS_{name} is set.*of none of the sampled calls an answer is kept"
        ):
            analyze(settings=replace(settings, keep_content=True, **changes))
    assert found_in_lake(settings, "task_types") == []


def test_calls_that_all_say_their_task_type_are_nothing_to_analyse(settings):
    publish_marts(settings, "update marts.fct_llm_calls set task_type = 'chat'")
    with pytest.raises(RoutingError, match="every generating call of the 28 days before 2025-06-11 has a task type"):
        analyze(settings=settings)


@pytest.mark.parametrize("text", ["0", "many", "100001"])
def test_counts_are_numbers(text, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["routing", "analyze", "--sample", text])
    assert ended.value.code == 2
    assert f"'{text}' is not a number from 1 to 100000" in capsys.readouterr().err
