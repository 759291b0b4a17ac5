"""A judge over HTTP: what it is sent, and what is made of what it says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ai_finops.analyse.task_judge import MAX_CHARACTERS, cut, judge_task_type, open_judge
from ai_finops.analyse.task_rules import Guess
from ai_finops.config import Settings
from ai_finops.errors import SettingsError, SourceError, SourceForbidden, SourceUnavailable
from tests.analyse.converse import bedrock_that_says
from tests.extract.api_server import json_answer

MODEL = "amazon.nova-lite-v1:0"
KINDS = {"classification": "Classification", "chat": "Chat"}


@pytest.fixture
def settings():
    return replace(Settings.from_env({}), task_judge=f"bedrock:{MODEL}")


@pytest.fixture
def bedrock(monkeypatch):
    with bedrock_that_says(monkeypatch, lambda *_: "classification") as server:
        yield server


def judge(settings, **texts):
    return judge_task_type(open_judge(settings), **{"prompt": "Which?", "answer": "billing"} | texts, task_types=KINDS)


def test_a_judge_is_told_the_kinds_and_sent_both_texts(bedrock, settings):
    assert judge(settings) == Guess("classification", "high", f"judge {MODEL}")
    (request,) = bedrock.requests
    body = json.loads(request.body)
    assert "- chat: Chat\n- classification: Classification" in body["system"][0]["text"]
    assert body["messages"][0]["content"][0]["text"] == "<asked>\nWhich?\n</asked>\n<answered>\nbilling\n</answered>"
    assert body["inferenceConfig"]["maxTokens"] == 20


@pytest.mark.parametrize(
    ("said", "task_type"),
    [(" `Classification`.", "classification"), ("chat", "chat"), ("none", None), ("It is chat", None), ("", None)],
)
def test_only_a_known_name_is_a_task_type(monkeypatch, settings, said, task_type):
    with bedrock_that_says(monkeypatch, lambda *_: said):
        assert judge(settings) == Guess(task_type, "high" if task_type else None, f"judge {MODEL}")


def test_a_long_text_is_sent_by_its_ends(bedrock, settings):
    judge(settings, prompt="a" * MAX_CHARACTERS + "z")
    sent = json.loads(bedrock.requests[0].body)["messages"][0]["content"][0]["text"]
    assert "a\n…\na" in sent and "z\n</asked>" in sent and sent.count("a") < MAX_CHARACTERS + 20
    assert cut("x" * MAX_CHARACTERS) == "x" * MAX_CHARACTERS
    assert cut("abcdef", most=4) == "ab\n…\nef"


def test_a_refusal_names_the_permission(bedrock, settings):
    bedrock.first.append(json_answer({"message": "no"}, 403, **{"x-amzn-ErrorType": "AccessDeniedException"}))
    with pytest.raises(SourceForbidden, match=rf"cannot ask the model {MODEL}.*allow bedrock:InvokeModel on {MODEL}"):
        judge(settings)


def test_an_answer_without_a_text_is_an_error(bedrock, settings):
    bedrock.first.append(json_answer({"usage": {"inputTokens": 1, "outputTokens": 1}}))
    with pytest.raises(SourceError, match=f"{MODEL} answered with no text"):
        judge(settings)


def test_a_judge_that_cannot_be_reached_is_one_sentence(monkeypatch, settings):
    with bedrock_that_says(monkeypatch, lambda *_: "chat"):
        pass
    monkeypatch.setattr("ai_finops.aws.MAX_ATTEMPTS", 1)
    with pytest.raises(SourceUnavailable, match=f"cannot ask the model {MODEL}: AWS did not answer"):
        judge(settings)


def test_no_judge_is_opened_where_none_is_named():
    assert open_judge(Settings.from_env({})) is None
    with pytest.raises(SettingsError, match="AI_FINOPS_TASK_JUDGE is 'nova'; write bedrock:<model id>"):
        Settings.from_env({"AI_FINOPS_TASK_JUDGE": "nova"})


@pytest.mark.parametrize("text", ["-1", "1e3", "10000.5", "$5"])
def test_dollars_of_a_trial_are_a_number(text):
    assert Settings.from_env({"AI_FINOPS_ROUTING_TRIAL_USD": "0.50"}).routing_trial_usd == 0.5
    with pytest.raises(SettingsError, match="AI_FINOPS_ROUTING_TRIAL_USD"):
        Settings.from_env({"AI_FINOPS_ROUTING_TRIAL_USD": text})
