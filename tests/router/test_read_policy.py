"""What a policy may say, and what is said of one that cannot be followed: the file, the line, the key, what is allowed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import UserList
from pathlib import Path

import pytest
import yaml

from ai_finops.errors import PolicyError
from ai_finops.router.complexity import Scale
from ai_finops.router.policy import (
    BreakerLimits,
    ComplexityStep,
    FallbackLimits,
    ModelPrice,
)
from ai_finops.router.read_policy import parse_policy, read_policy
from tests.router.stand_ins import models

EXAMPLE = Path(__file__).with_name("policy.yaml")
LINES = EXAMPLE.read_text().splitlines()


def line_of(words: str) -> int:
    return next(number for number, line in enumerate(LINES, 1) if words in line)


def refused(text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text.encode(), origin="routes.yaml")
    return str(caught.value)


def changed(old: str, new: str) -> str:
    """The example with one thing changed."""
    text = EXAMPLE.read_text()
    assert old in text
    return text.replace(old, new, 1)


def test_the_example_says_what_it_says():
    policy = read_policy(EXAMPLE)
    assert policy.policy_id == "support_answers"
    assert policy.version == hashlib.sha256(EXAMPLE.read_bytes()).hexdigest()[:12]
    assert [model.name for model in policy.models] == ["nova_lite", "haiku", "haiku_45", "sonnet"]
    assert list(policy.tiers) == ["cheap", "mid", "expensive"]
    assert policy.most_capable.price == ModelPrice("enterprise agreement 2026", 2.4, 12.0)
    task_type, complexity, confidence = policy.strategies
    assert task_type.tiers == {"classification": "cheap", "extraction": "cheap", "contract_review": "expensive"}
    assert complexity.steps == (ComplexityStep(0.3, "cheap"), ComplexityStep(0.55, "mid"))
    assert complexity.otherwise == "expensive"
    assert complexity.scale.domain_words == Scale().domain_words | {"chargeback", "refund"}
    assert policy.confidence is confidence
    assert (confidence.source, confidence.threshold, confidence.first_tier) == ("self_assessment", 0.8, "cheap")
    assert confidence.escalate == {"cheap": "mid", "mid": "expensive"}
    assert policy.fallback == FallbackLimits(max_attempts=3, is_request_error_retried=False)
    assert policy.breaker == BreakerLimits(5, 0.5, 60, 30)
    assert policy.default_tier == "expensive"


def test_a_mapping_of_the_same_shape_is_the_same_policy_but_for_its_version():
    content = yaml.safe_load(EXAMPLE.read_text())
    policy, from_file = read_policy(content), read_policy(str(EXAMPLE))
    assert policy.models == from_file.models
    assert policy.strategies == from_file.strategies
    assert policy.version == read_policy(dict(reversed(content.items()))).version
    assert len(policy.version) == 12
    assert policy.version != read_policy(content | {"default_tier": "mid"}).version


def test_the_least_a_policy_has_to_say():
    model = {"provider": "openai", "model": "gpt-4o-mini", "tier": "only", "capability": 1}
    policy = read_policy({"policy": "p", "models": {"m": model}, "default_tier": "only"})
    assert policy.strategies == ()
    assert policy.confidence is None
    assert policy.most_capable.name == "m"
    assert policy.model("m") is policy.models[0]
    with pytest.raises(KeyError):
        policy.model("n")


def test_without_words_of_its_own_confidence_goes_one_tier_up():
    content = {"policy": "p", "models": models(), "default_tier": "mid"}
    strategy = {"strategy": "confidence", "source": "verifier", "threshold": 1}
    (confidence,) = read_policy(content | {"strategies": [strategy]}).strategies
    assert confidence.first_tier == "cheap"
    assert confidence.escalate == {"cheap": "mid", "mid": "expensive"}


@pytest.mark.parametrize(
    ("old", "new", "at", "words"),
    [
        ("default_tier:", "defualt_tier:", "default_tier", "defualt_tier: is not known here; did you mean `default_tier`?"),
        ("breaker:", "zzz:", "breaker:", "zzz: is not known here; allowed: policy, description, models"),
        ("default_tier: expensive", "default_tier: dear", "default_tier", "'dear' is not known; allowed: cheap, mid, exp"),
        ("classification: cheap", "classification: cheep", "classification", "strategies[0].tiers.classification: 'cheep'"),
        ("capability: 4", "capability: 3", "models:", "no most capable model: haiku_45, sonnet have capability 3"),
        ("capability: 4", "capability: 0", "capability: 4", "has to be a number from 1 to 1000 and is 0"),
        ("capability: 4", "capability: 1001", "capability: 4", "has to be a number from 1 to 1000 and is 1001"),
        ("capability: 4", "capability: true", "capability: 4", "has to be a whole number from 1 to 1000 and is True"),
        ("capability: 4", "capability: 4.5", "capability: 4", "has to be a whole number from 1 to 1000 and is 4.5"),
        ("threshold: 0.8", "threshold: 1.01", "threshold", "has to be a number from 0 to 1 and is 1.01"),
        ("threshold: 0.8", "threshold: -0.01", "threshold", "has to be a number from 0 to 1 and is -0.01"),
        ("threshold: 0.8", "threshold: .nan", "threshold", "has to be a number from 0 to 1 and is nan"),
        ("threshold: 0.8", "threshold: high", "threshold", "has to be a number from 0 to 1 and is 'high'"),
        ("threshold: 0.8", "first_tier: cheap", "- strategy: confidence", "`threshold` is missing"),
        ("below: 0.55", "below: 0.30", "below: 0.55", "has to be more than the 0.3 before it and is 0.3"),
        ("below: 0.30", "below: 0", "below: 0.30", "has to be more than 0, or it is never met and is 0"),
        ("below: 0.55", "below: 1.1", "below: 0.55", "has to be a number from 0 to 1 and is 1.1"),
        ("mid: expensive}", "mid: cheap}", "escalate", "goes in a circle: cheap → mid → cheap"),
        ("mid: expensive}", "mid: mid}", "escalate", "goes in a circle: mid → mid"),
        ("{cheap: mid, mid: expensive}", "{cheap: mid, expensive: mid}", "escalate", "mid is not more capable than expensive"),
        ("{cheap: mid, mid: expensive}", "{mid: expensive}", "escalate", "first tier cheap go nowhere"),
        ("{cheap: mid, mid: expensive}", "{cheap: mid, top: mid}", "escalate", "there is no tier top; allowed: cheap, mid"),
        ("source: self_assessment", "source: guess", "source", "allowed: logprobs, self_assessment, verifier"),
        ("source: self_assessment", "source: verifier", "answer_field", "is only for source self_assessment"),
        ("strategy: complexity", "strategy: task_type", "strategy: complexity", "a second strategy task_type"),
        ("strategy: complexity", "strategy: luck", "strategy: complexity", "allowed: task_type, complexity, confidence"),
        ("strategy: complexity", "tiers: {}", "strategy: complexity", "`strategy` is missing"),
        ("domain_words: [chargeback, refund]", "domain_words: [charge back]", "domain_words", "has to be a single word"),
        ("domain_words: [chargeback, refund]", "domain_words: chargeback", "domain_words", "has to be a list of words"),
        ("domain_words: [chargeback, refund]", "domain_words: [7]", "domain_words", "has to be a text and is 7"),
        ("domain_words: [chargeback, refund]", "weights: {length: 1}", "domain_words", "`entities` is missing"),
        ("max_attempts: 3", "max_attempts: 0", "max_attempts", "has to be a number from 1 to 10 and is 0"),
        ("capability: 4", "capability: 1" + "0" * 400, "capability: 4", "has to be a number from 1 to 1000 and is 1000"),
        ("threshold: 0.8", "threshold: 1" + "0" * 400, "threshold", "has to be a number from 0 to 1 and is 1000"),
        ("threshold: 0.8", "threshold: 1" + "0" * 5000, "threshold", "does not read as int"),
        ("capability: 4", "capability: [4]", "capability: 4", "has to be a whole number from 1 to 1000 and is a list"),
        ("max_attempts: 3", "attempt_timeout_s: 0.009", "max_att", "attempt_timeout_s: has to be a number from 0.01 to 3600"),
        ("max_attempts: 3", "attempt_timeout_s: 3601", "max_att", "attempt_timeout_s: has to be a number from 0.01 to 3600"),
        ("max_attempts: 3", "max_attempts: 11", "max_attempts", "has to be a number from 1 to 10 and is 11"),
        ("max_attempts: 3", "retry_request_errors: often", "max_attempts", "has to be true or false and is 'often'"),
        ("failure_ratio: 0.5", "failure_ratio: 0", "failure_ratio", "has to be a number from 0.01 to 1 and is 0"),
        ("window_s: 60", "window_s: 0.5", "window_s", "has to be a number from 1 to 3600 and is 0.5"),
        ("open_s: 30", "open_s: 0", "open_s", "has to be a number from 0.1 to 3600 and is 0"),
        ("input_usd_per_mtok: 2.40", "input_usd_per_mtok: -1", "input_usd", "has to be a number from 0 to 1e+06"),
        ("provider: aws.bedrock", "provider: ''", "provider:", "models.nova_lite.provider: has to be a text and is ''"),
        ("provider: aws.bedrock", "provider:", "provider:", "models.nova_lite.provider: has to be a text and is empty"),
        ("policy: support_answers", "policy: Support Answers", "policy: s", "has to be a name of small letters"),
        ("nova_lite:", "Nova-Lite:", "nova_lite:", "a model's name has to be of small letters"),
        ("  max_attempts: 3", "  - 3", "fallback:", "has to be a mapping of max_attempts, retry_request_"),
    ],
)  # fmt: skip
def test_what_cannot_be_followed_is_told_with_its_line(old, new, at, words):
    message = refused(changed(old, new))
    assert words in message
    assert message.startswith(f"routes.yaml, line {line_of(at)}: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "routes.yaml: is empty"),
        ("- a", "routes.yaml, line 1: has to be a mapping of policy"),
        ("policy: a\npolicy: b\n", "routes.yaml, line 2: policy: is there twice, first on line 1"),
        ("policy: a\nmodels:\n  m: {tier: x, tier: y}", "routes.yaml, line 3: models.m.tier: is there twice"),
        ("policy: &a x\n", "routes.yaml, line 1: anchors and aliases (`a`) are not read"),
        ("policy: a\nmodels: *b\n", "routes.yaml, line 2: anchors and aliases (`b`) are not read"),
        ("a: 1\n---\nb: 2\n", "routes.yaml, line 2: a second document begins"),
        ("policy: [1\nmodels: 2", "routes.yaml, line 2: is no YAML: "),
        ("policy: a\n\tmodels: 2", "routes.yaml, line 2: is no YAML: "),
        ("policy: !!python/object/apply:os.system [echo]", "routes.yaml, line 1: "),
        ("policy: !!python/name:os.system ''", "routes.yaml, line 1: policy: "),
        ("policy: 2026-01-01", "routes.yaml, line 1: policy: '2026-01-01' reads as timestamp; put it in quotes"),
        ("no: 1", "routes.yaml, line 1: a key has to be a text, and `no` reads as bool; put it in quotes"),
        ("[1]: 1", "routes.yaml, line 1: a key has to be a text, and is a list or a mapping"),
        ("policy: !!int x", "routes.yaml, line 1: policy: 'x' does not read as int"),
        ("policy: a\x00b", "routes.yaml, line 1: is no YAML: "),
        ("policy: a\nmodels: \x00", "routes.yaml, line 2: is no YAML: "),
        ("policy: !!int ''", "routes.yaml, line 1: policy: '' does not read as int"),
        ("policy: !!bool maybe", "routes.yaml, line 1: policy: 'maybe' does not read as bool"),
        ("\n".join(["policy: a", "models:", "  " + "[" * 30 + "]" * 30]), "routes.yaml, line 3: more than 20 levels"),
        ("policy: [" + "1," * 30_000 + "1]", "routes.yaml, line 1: more than 20 levels or 20,000 values"),
        ("# " + "x" * 1_000_000, "routes.yaml: more than 1,000,000 characters"),
    ],
)
def test_what_is_no_policy_at_all(text, words):
    assert words in refused(text)


def test_a_bomb_of_aliases_is_refused_before_it_is_built():
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\npolicy: p\n"
    assert refused(bomb) == "routes.yaml, line 1: anchors and aliases (`a`) are not read; write it out"


def test_models_and_strategies_that_say_nothing():
    least = "policy: p\ndefault_tier: t\n"
    assert "there is no most capable model, because there is none" in refused(least + "models: {}")
    model = "models:\n  m: {provider: openai, model: x, tier: t, capability: 1}\n"
    assert "line 5: strategies[0].tiers: has no task type" in refused(
        least + model + "strategies: [{strategy: task_type, tiers: {}}]"
    )
    assert "has no step" in refused(least + model + "strategies: [{strategy: complexity, steps: []}]")
    assert "has to be a list of strategies" in refused(least + model + "strategies: task_type")


def test_one_strategy_of_each_kind_and_confidence_last():
    content = {"policy": "p", "models": models(), "default_tier": "mid"}
    by_task = {"strategy": "task_type", "tiers": {"a": "mid"}}
    sure = {"strategy": "confidence", "source": "verifier", "threshold": 0.5}
    for strategies, words in (
        ([by_task, by_task], r"^policy: strategies\[1\]: a second strategy task_type"),
        ([sure, by_task], r"^policy: strategies\[1\]: task_type is never asked, because confidence before it"),
    ):
        with pytest.raises(PolicyError, match=words):
            read_policy(content | {"strategies": strategies})


@pytest.mark.parametrize(
    "name",
    ["aws.bedrock", "anthropic", "bedrock", "AWS.Bedrock", "aws", "aws_bedrock", "amazon-bedrock", " Anthropic "],
)
def test_log_probabilities_are_refused_where_the_provider_gives_none(name):
    sure = {"strategy": "confidence", "source": "logprobs", "threshold": 0.5, "statistic": "min"}
    content = {"policy": "p", "default_tier": "mid", "strategies": [sure]}
    with pytest.raises(PolicyError, match=r"strategies\[0\]\.source: .* gives no log-prob") as caught:
        read_policy(content | {"models": models(name)})
    assert "the confidence of lite (amazon.nova-lite-v1:0) cannot come from them" in str(caught.value)
    assert "use source self_assessment (a number in the structured answer) or verifier (a callable)" in str(
        caught.value
    )
    (read,) = read_policy(content | {"models": models("openai")}).strategies
    assert read.statistic == "min"


def test_log_probabilities_of_a_tier_that_is_not_checked_are_nobodys_concern():
    mixed = models("openai") | {"sonnet": models()["sonnet"]}
    sure = {"strategy": "confidence", "source": "logprobs", "threshold": 0.5}
    read_policy({"policy": "p", "default_tier": "mid", "strategies": [sure], "models": mixed})


def test_the_error_of_bedrock_names_the_line():
    text = changed("source: self_assessment", "source: logprobs").replace("    answer_field: confidence\n", "")
    assert refused(text).startswith(
        f"routes.yaml, line {line_of('source: self')}: strategies[2].source: Bedrock gives no"
    )


@pytest.mark.parametrize(("length", "is_allowed"), [(0.6, True), (0.61, False), (0.59, False)])
def test_weights_add_up_to_one(length, is_allowed):
    weights = {"length": length, "entities": 0.1, "domain": 0.1, "code": 0.1, "languages": 0.1}
    steps = [{"below": 0.5, "tier": "cheap"}]
    strategy = {"strategy": "complexity", "steps": steps, "weights": weights, "only_own_domain_words": True}
    content = {"policy": "p", "models": models(), "default_tier": "mid", "strategies": [strategy]}
    if is_allowed:
        (read,) = read_policy(content).strategies
        assert read.scale == Scale(0.6, 0.1, 0.1, 0.1, 0.1, frozenset(), ())
    else:
        with pytest.raises(PolicyError, match="have to add up to 1 and add up to"):
            read_policy(content)


def test_words_of_scripts_without_spaces_are_few():
    def content(words: list[str]) -> dict:
        strategy = {"strategy": "complexity", "steps": [{"below": 0.5, "tier": "cheap"}], "domain_words": words}
        return {"policy": "p", "models": models(), "default_tier": "mid", "strategies": [strategy]}

    (read,) = read_policy(content(["返金", "Refund"])).strategies
    assert "返金" in read.scale.unspaced_domain_words
    assert "refund" in read.scale.domain_words
    hundred = [f"返{chr(0x4E00 + place)}" for place in range(100)]
    read_policy(content(hundred))
    with pytest.raises(PolicyError, match="more than 100 words"):
        read_policy(content([*hundred, "返金"]))
    with pytest.raises(PolicyError, match="more than 1000 words"):
        read_policy(content([f"w{place}" for place in range(1001)]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({1: "a"}, "policy: a key has to be a text and is 1"),
        ({10**5000: "a"}, "policy: a key has to be a text"),
        (
            {"description": 10**5000},
            "policy: description: a whole number of more than 64 bits is nothing a policy holds",
        ),
        ({"description": "x", "models": UserList([1])}, "`policy` is missing"),
        ({"policy": b"p"}, "policy: policy: a bytes is nothing a policy holds"),
        ({"policy": object()}, "policy: policy: a object is nothing a policy holds"),
    ],
)
def test_mappings_that_are_no_policy(content, words):
    with pytest.raises(PolicyError, match=words):
        read_policy(content)


def test_lists_of_any_kind_are_lists():
    strategies = [{"strategy": "task_type", "tiers": {"classification": "cheap"}}]
    content = {"policy": "p", "models": models(), "default_tier": "mid"}
    as_list, as_other = (read_policy(content | {"strategies": kind(strategies)}) for kind in (list, UserList))
    assert as_other == as_list
    assert as_other.version == as_list.version


@pytest.mark.parametrize("seconds", [0.01, 3600])
def test_the_limit_of_one_call(seconds):
    content = {"policy": "p", "models": models(), "default_tier": "mid", "fallback": {"attempt_timeout_s": seconds}}
    assert read_policy(content).fallback.attempt_timeout_s == seconds


@pytest.mark.parametrize("source", [None, 7, b"routes.yaml", ["routes.yaml"]])
def test_what_is_neither_a_path_nor_a_mapping(source):
    with pytest.raises(PolicyError, match=r"policy: a .* is no policy; give the path of a file, or a mapping"):
        read_policy(source)


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_a_path_that_is_none(path):
    with pytest.raises(PolicyError, match=r"cannot be read \(.*(null|surrogates)"):
        read_policy(path)


def test_messages_show_no_insides_and_not_all_of_a_long_text():
    for old, new in (
        ("max_attempts: 3", "max_attempts: [1, 2, 3]"),
        ("threshold: 0.8", "threshold: !!int " + "x" * 5000),
    ):
        message = refused(changed(old, new))
        assert "Value(" not in message
        assert len(message) < 300


def test_a_mapping_that_holds_itself():
    content: dict = {"policy": "p"}
    content["models"] = content
    with pytest.raises(PolicyError, match="more than 20 levels"):
        read_policy(content)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(PolicyError, match=r"none\.yaml: cannot be read \(No such file"):
        read_policy(tmp_path / "none.yaml")
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"policy: caf\xe9")
    with pytest.raises(PolicyError, match=r"latin\.yaml: is not in UTF-8 \(byte 11\)"):
        read_policy(tmp_path / "latin.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(PolicyError, match="more than 1,000,000 bytes"):
        read_policy(tmp_path / "large.yaml")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbf" + EXAMPLE.read_bytes())
    assert read_policy(tmp_path / "bom.yaml").policy_id == "support_answers"


def test_without_pyyaml_a_mapping_still_works_and_a_file_says_what_to_install():
    code = f"""
import sys
sys.modules["yaml"] = None
from ai_finops.errors import PolicyError
from ai_finops.router.read_policy import read_policy
model = {{"provider": "openai", "model": "m", "tier": "t", "capability": 1}}
read_policy({{"policy": "p", "models": {{"m": model}}, "default_tier": "t"}})
try:
    read_policy({str(EXAMPLE)!r})
except PolicyError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "policy.yaml: to read YAML, install ai-finops[router], or give the policy as a mapping\n"


ROUTING_PAGE = Path(__file__).parents[2] / "docs" / "routing.md"


def test_the_pages_policy_is_the_example():
    block = ROUTING_PAGE.read_text().partition("\n## The router\n")[2].partition("```yaml\n")[2].partition("```")[0]
    said = yaml.safe_load(EXAMPLE.read_text())
    del said["description"]
    assert yaml.safe_load(block) == said
    assert parse_policy(block.encode(), origin="routing.md").models == read_policy(EXAMPLE).models


@pytest.mark.parametrize(
    ("old", "new"),
    [("classification: cheap", "classification: cheep"), ("source: self_assessment", "source: logprobs")],
)
def test_the_pages_messages_are_what_is_said(old, new):
    text = changed(old, new).replace("    answer_field: confidence\n", "")
    assert refused(text) in ROUTING_PAGE.read_text()
