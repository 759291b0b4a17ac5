"""What callers name, and which model that is."""

import pytest

from ai_finops import aws
from ai_finops.errors import SourceForbidden, SourceUnavailable
from ai_finops.extract.bedrock_profiles import Model, Profile, Profiles, list_profiles, region_to_ask
from tests.extract.json_aws import CutOff, Refused, json_aws
from tests.extract.profile_rules import ProfileRules
from tests.extract.stand_in import use_endpoint

ACCOUNT = "111122223333"
SONNET = "anthropic.claude-sonnet-4-6"


def model_arn(model: str, region: str = "us-east-1") -> str:
    return f"arn:aws:bedrock:{region}::foundation-model/{model}"


def system_arn(profile_id: str, account: str = ACCOUNT, region: str = "us-east-1") -> str:
    return f"arn:aws:bedrock:{region}:{account}:inference-profile/{profile_id}"


def application_arn(name: str, account: str = ACCOUNT, region: str = "us-east-1") -> str:
    return f"arn:aws:bedrock:{region}:{account}:application-inference-profile/{name}"


US = Profile(system_arn(f"us.{SONNET}"), f"us.{SONNET}", True, (model_arn(SONNET), model_arn(SONNET, "us-west-2")))
GLOBAL = Profile(system_arn(f"global.{SONNET}"), f"global.{SONNET}", True, (model_arn(SONNET), model_arn(SONNET, "")))
SEARCH = Profile(application_arn("abc123"), "abc123", False, (model_arn(SONNET), model_arn(SONNET, "us-west-2")))
WORLD = Profile(application_arn("def456"), "def456", False, (model_arn(SONNET), model_arn(SONNET, "")))
MIXED = Profile(application_arn("two"), "two", False, (model_arn(SONNET), model_arn("amazon.nova-lite-v1:0")))
ODD = Profile(application_arn("odd"), "odd", False, ("arn:aws:bedrock:us-east-1:1:custom-model/x",))
KNOWN = Profiles({"us-east-1": [US, GLOBAL, SEARCH, WORLD, MIXED, ODD]})


OTHERS = system_arn(f"global.{SONNET}", account="444455556666")


@pytest.mark.parametrize(
    ("said", "model"),
    [
        (SONNET, Model(SONNET, "regional")),
        ("openai.gpt-oss-2.5b", Model("openai.gpt-oss-2.5b", "regional")),
        (model_arn(SONNET), Model(SONNET, "regional")),
        (model_arn(SONNET, ""), Model(SONNET, "global")),
        (f"us.{SONNET}", Model(SONNET, "regional", US.arn)),
        (f"global.{SONNET}", Model(SONNET, "global", GLOBAL.arn)),
        (US.arn, Model(SONNET, "regional", US.arn)),
        (OTHERS, Model(SONNET, "global", OTHERS)),
        (SEARCH.arn, Model(SONNET, "regional", SEARCH.arn)),
        (WORLD.arn, Model(SONNET, "global", WORLD.arn)),
        # Not known, so no model: the name is not read as one.
        (f"eu.{SONNET}", Model()),
        (system_arn(f"eu.{SONNET}"), Model(profile_arn=system_arn(f"eu.{SONNET}"))),
        (
            system_arn(f"us.{SONNET}", region="us-west-2"),
            Model(profile_arn=system_arn(f"us.{SONNET}", region="us-west-2")),
        ),
        (application_arn("gone"), Model(profile_arn=application_arn("gone"))),
        (
            application_arn("abc123", account="444455556666"),
            Model(profile_arn=application_arn("abc123", "444455556666")),
        ),
        (MIXED.arn, Model(profile_arn=MIXED.arn)),
        (ODD.arn, Model(profile_arn=ODD.arn)),
        ("arn:aws:bedrock:us-east-1:111122223333:provisioned-model/p1", Model()),
        ("arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1", Model()),
        ("arn:aws:bedrock:us-east-1:111122223333:imported-model/i1", Model()),
    ],
)
def test_what_a_name_stands_for(said, model):
    assert KNOWN.resolve(said, account=ACCOUNT, region="us-east-1") == model


def test_a_system_profile_has_an_arn_of_its_own_in_each_account():
    assert KNOWN.resolve(f"us.{SONNET}", account="444455556666", region="us-east-1") == Model(SONNET, "regional")
    assert KNOWN.resolve(f"us.{SONNET}", account=ACCOUNT, region="us-west-2") == Model()


@pytest.mark.parametrize(
    ("said", "region"),
    [
        (SONNET, None),
        (model_arn(SONNET), None),
        ("arn:aws:bedrock:eu-west-1:1:provisioned-model/p", None),
        (f"us.{SONNET}", "us-east-1"),
        ("openai.gpt-oss-2.5b", "us-east-1"),
        (system_arn(f"eu.{SONNET}", region="eu-west-1"), "eu-west-1"),
        (application_arn("a", region="eu-west-1"), "eu-west-1"),
    ],
)
def test_profiles_are_asked_for_where_they_lie_and_only_when_needed(said, region):
    assert region_to_ask(said, region="us-east-1") == region


@pytest.fixture
def bedrock(monkeypatch, settings):
    with json_aws(ProfileRules()) as running:
        use_endpoint(monkeypatch, running.endpoint)
        running.client = aws.client("bedrock", settings=settings, max_attempts=2)
        yield running


def test_both_kinds_are_listed_in_pages(bedrock):
    bedrock.rules.most_per_page = 2
    for number in range(5):
        bedrock.rules.add(application_arn(f"a{number}"), model_arn(SONNET))
    for number in range(3):
        bedrock.rules.add(system_arn(f"us.s{number}"), model_arn(SONNET), profile_type="SYSTEM_DEFINED")
    found = list_profiles(bedrock.client)
    assert [each.profile_id for each in found] == ["us.s0", "us.s1", "us.s2", "a0", "a1", "a2", "a3", "a4"]
    assert [each.is_system for each in found] == [True] * 3 + [False] * 5
    assert found[0] == Profile(system_arn("us.s0"), "us.s0", True, (model_arn(SONNET),))
    assert len(bedrock.asked) == 2 + 3
    assert {params["maxResults"] for _, params in bedrock.asked} == {"1000"}


def test_nothing_to_list_is_nothing(bedrock):
    assert list_profiles(bedrock.client) == []


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (Refused("AccessDeniedException", status=403), SourceForbidden, "us-east-1: .*bedrock:ListInferenceProfiles"),
        (Refused("ExpiredTokenException", status=403), SourceForbidden, "renew the credentials"),
        (Refused("ThrottlingException", status=429), SourceUnavailable, "ThrottlingException to every attempt"),
        (Refused("InternalServerException", status=500), SourceUnavailable, "InternalServerException"),
        (CutOff(), SourceUnavailable, "did not answer"),
    ],
)
def test_refusals_and_faults_are_named(bedrock, fault, error, said):
    bedrock.rules.add(SEARCH.arn, model_arn(SONNET))
    bedrock.faults = [fault] * 2
    with pytest.raises(error, match=said):
        list_profiles(bedrock.client)


def test_a_fault_is_tried_again(bedrock):
    bedrock.rules.add(SEARCH.arn, model_arn(SONNET))
    bedrock.faults = [None, Refused("ThrottlingException", status=429)]
    assert [each.arn for each in list_profiles(bedrock.client)] == [SEARCH.arn]
