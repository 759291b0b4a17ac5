"""Block `shadow` of a policy: what it says, its defaults, and every way to say it wrong."""

from __future__ import annotations

import pytest

from ai_finops.errors import PolicyError
from ai_finops.router.policy_values import from_yaml
from ai_finops.router.read_policy import read_policy
from ai_finops.router.shadow_policy import ShadowPolicy, read_shadow_policy
from tests.router.shadow_made import LARGE, SMALL

GOOD = "share: 0.02\ncandidate: small\ndaily_usd: 2\n"


def read(text: str) -> ShadowPolicy:
    return read_shadow_policy(from_yaml(text, origin="routes.yaml"), models=(LARGE, SMALL))


def test_three_keys_are_enough():
    assert read(GOOD) == ShadowPolicy(
        share=0.02, candidate="small", daily_usd=2.0, compare="exact", least_score=0.9, comparison_usd=0.0,
        max_output_tokens=1024, timeout_s=30.0, max_queued=100, task_types=None,
    )  # fmt: skip


def test_all_of_it():
    said = read(
        GOOD + "compare: judge\nleast_score: 0.8\ncomparison_usd: 0.01\nmax_output_tokens: 300\ntimeout_s: 10\n"
        "max_queued: 20\ntask_types: [extraction, chat]\n"
    )
    assert said == ShadowPolicy(
        0.02, "small", 2.0, "judge", 0.8, 0.01, 300, 10.0, 20, frozenset({"extraction", "chat"})
    )  # fmt: skip


def test_a_policy_has_it_with_its_line():
    models = {
        model.name: {
            "provider": "aws.bedrock",
            "model": model.model_id,
            "tier": model.tier,
            "capability": model.capability,
        }
        for model in (SMALL, LARGE)
    }
    said = {"policy": "made", "models": models, "default_tier": "expensive"}
    assert read_policy(said).shadow is None
    block = {"share": 0.1, "candidate": "small", "daily_usd": 2}
    assert read_policy(said | {"shadow": block}).shadow == ShadowPolicy(0.1, "small", 2.0)
    with pytest.raises(PolicyError, match=r"shadow\.candidate: is the most capable model"):
        read_policy(said | {"shadow": block | {"candidate": "large"}})


@pytest.mark.parametrize("share", [0, 1])
def test_a_share_may_be_none_or_all(share):
    assert read(GOOD.replace("0.02", str(share))).share == share


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "has to be a mapping of share, candidate, daily_usd"),
        ("share: 0.1\ncandidate: small\n", "`daily_usd` is missing"),
        (GOOD + "shares: 0.1\n", "line 4: shares: is not known here; did you mean `share`?"),
        (GOOD.replace("0.02", "1.01"), "line 1: share: has to be a number from 0 to 1 and is 1.01"),
        (GOOD.replace("0.02", "-0.01"), "line 1: share: has to be a number from 0 to 1"),
        (GOOD.replace("0.02", "true"), "line 1: share: has to be a number from 0 to 1"),
        (GOOD.replace(": 2", ": -1"), "line 3: daily_usd: has to be a number from 0"),
        (GOOD.replace("small", "tiny"), "line 2: candidate: 'tiny' is not known; allowed: large, small"),
        (GOOD.replace("small", "large"), "line 2: candidate: is the most capable model; name a cheaper one"),
        (GOOD + "compare: vibes\n", "line 4: compare: 'vibes' is not known; allowed: exact, judge, embedding"),
        (GOOD + "least_score: 0.9\n", "line 4: least_score: is nothing to an exact match"),
        (GOOD + "comparison_usd: 0.1\n", "line 4: comparison_usd: is nothing to an exact match"),
        (GOOD + "compare: judge\nleast_score: 1.1\n", "line 5: least_score: has to be a number from -1 to 1"),
        (GOOD + "max_output_tokens: 0\n", "line 4: max_output_tokens: has to be a number from 1"),
        (GOOD + "timeout_s: 0\n", "line 4: timeout_s: has to be a number from 0.1"),
        (GOOD + "max_queued: 1.5\n", "line 4: max_queued: has to be a whole number from 1 to 10000"),
        (GOOD + "task_types: []\n", "line 4: task_types: names no task type"),
        (GOOD + "task_types: chat\n", "line 4: task_types: has to be a list of task types"),
        (GOOD + "task_types: [1]\n", "has to be a text"),
    ],
)
def test_what_cannot_be_followed_names_line_and_key(text, words):
    with pytest.raises(PolicyError) as caught:
        read(text)
    assert str(caught.value).startswith("routes.yaml") and words in str(caught.value)
