"""The policy of a deployment is what it calls, and nothing else."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import date

import pytest
from moto.iam.policy_validation import IAMPolicyDocumentValidator

from ai_finops import aws, cli, permissions
from ai_finops.analyse.more_embedders import open_embedder
from ai_finops.analyse.task_judge import open_judge
from ai_finops.config import KNOWN_SOURCES, Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.errors import SourceError
from ai_finops.lake import Lake
from ai_finops.lake_bucket import PERMISSIONS as OF_LAKE
from tests.deployment_permission_guard import deployment_guard
from tests.extract.stand_in import stand_in, use_endpoint
from tests.lakes import BUCKET, DAY, lake_on_s3, span_tables

ALL = {
    "AI_FINOPS_SOURCES": ",".join(KNOWN_SOURCES),
    "AI_FINOPS_LAKE": "s3://company-lake/ai/lake",
    "AI_FINOPS_FINANCE_S3": "s3://finance-files",
    "AI_FINOPS_ALARMS": "cloudwatch",
    "AI_FINOPS_EMBEDDER": "bedrock:amazon.titan-embed-text-v2:0",
    "AI_FINOPS_TASK_JUDGE": "bedrock:eu.amazon.nova-lite-v1:0",
    "AI_FINOPS_ROUTING_TRIAL_USD": "0.5",
    "AWS_REGION": "eu-west-1",
}
RESOURCE = re.compile(r"\*|arn:aws(-[a-z-]+)?:[a-z0-9]+:[a-z0-9*-]*:(\*|[0-9]{12})?:[^{}$]+")


def policy(env: dict[str, str], **more) -> dict:
    settings = Settings.from_env(env)
    return permissions.policy_of(permissions.pipeline_grants(settings), aws_region=settings.aws_region, **more)


def granted(document: dict) -> set[tuple[str, str]]:
    return {(action, each["Resource"]) for each in document["Statement"] for action in each["Action"]}


@pytest.mark.parametrize("env", [{}, ALL])
def test_iam_takes_it_and_nothing_in_it_is_wide(env):
    document = policy(env)
    IAMPolicyDocumentValidator(json.dumps(document)).validate()
    statements = document["Statement"]
    sids = [each["Sid"] for each in statements]
    assert len(sids) == len(set(sids)) and all(re.fullmatch("[A-Za-z0-9]+", sid) for sid in sids)
    assert all(RESOURCE.fullmatch(each["Resource"]) for each in statements)
    assert not [action for action, _ in granted(document) if "*" in action]
    # IAM knows no resources for these (Service Authorization Reference).
    assert {action for action, arn in granted(document) if arn == "*"} <= {
        *("bedrock:ListInferenceProfiles", "ce:GetCostAndUsage", "cloudwatch:DescribeAlarms"),
        *("cloudwatch:GetMetricData", "cloudwatch:ListMetrics", "cloudwatch:PutMetricData"),
    }
    assert permissions.size_of(document) <= permissions.MOST_CHARACTERS


def test_a_part_that_is_off_needs_nothing():
    assert {each["Sid"][:-1] for each in policy({"AI_FINOPS_SOURCES": "traces"})["Statement"]} == {"Traces"}
    assert {each["Sid"].rstrip("12345") for each in policy(ALL)["Statement"]} == {
        *("Traces", "BedrockLogs", "XraySpans", "Billing", "Focus", "CostExplorer", "Cloudwatch"),
        *("Lake", "Finance", "Embedder", "Judge", "Trial", "Alarms"),
    }


def test_what_is_written_lies_below_its_prefix():
    writing = {each for each in granted(policy(ALL)) if re.match("s3:(Put|Delete|Abort)", each[0])}
    assert writing == {
        *((f"s3:{verb}", "arn:aws:s3:::company-lake/ai/lake/*") for verb in ("PutObject", "DeleteObject")),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::company-lake/ai/lake/*"),
        ("s3:PutObject", "arn:aws:s3:::finance-files/*"),
    }


def test_values_are_put_to_one_namespace():
    (statement,) = (each for each in policy(ALL)["Statement"] if "cloudwatch:PutMetricData" in each["Action"])
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "AIFinOps"}}
    assert statement["Action"] == ["cloudwatch:PutMetricData"]


@pytest.mark.parametrize(
    ("model", "arns"),
    [
        ("amazon.nova-lite-v1:0", {"arn:aws:bedrock:eu-west-1::foundation-model/amazon.nova-lite-v1:0"}),
        (
            "eu.amazon.nova-lite-v1:0",
            {
                "arn:aws:bedrock:eu-west-1:*:inference-profile/eu.amazon.nova-lite-v1:0",
                "arn:aws:bedrock:*::foundation-model/amazon.nova-lite-v1:0",
            },
        ),
        (
            "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc",
            {
                "arn:aws:bedrock:eu-west-1:111122223333:application-inference-profile/abc",
                "arn:aws:bedrock:*::foundation-model/*",
            },
        ),
        (
            "arn:aws:bedrock:eu-west-1:111122223333:provisioned-model/abc",
            {"arn:aws:bedrock:eu-west-1:111122223333:provisioned-model/abc"},
        ),
    ],
)
def test_a_model_is_named_with_what_lies_behind_it(model, arns):
    env = {"AI_FINOPS_SOURCES": "openai", "AI_FINOPS_TASK_JUDGE": f"bedrock:{model}", "AWS_REGION": "eu-west-1"}
    document = policy(env)
    assert granted(document) == {("bedrock:InvokeModel", arn) for arn in arns}
    for each in document["Statement"]:
        is_any = each["Resource"].endswith("foundation-model/*")
        by_way_of = {"StringEquals": {"bedrock:InferenceProfileArn": model}}
        assert each.get("Condition") == (by_way_of if is_any else None)


def test_the_models_of_a_trial_are_those_of_the_seed():
    document = policy({"AI_FINOPS_SOURCES": "openai", "AI_FINOPS_ROUTING_TRIAL_USD": "1"})
    models = {arn.rpartition("/")[2] for _, arn in granted(document)}
    assert models == {"amazon.nova-lite-v1:0", "anthropic.claude-3-5-haiku-20241022-v1:0"}


@pytest.mark.parametrize(
    ("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov"), ("us-east-1", "aws")]
)
def test_arns_are_of_the_regions_partition(region, partition):
    arns = {arn for _, arn in granted(policy(ALL | {"AWS_REGION": region})) if arn != "*"}
    assert {arn.split(":")[1] for arn in arns} == {partition}


def test_an_account_stands_where_a_resource_names_one():
    arns = {arn for _, arn in granted(policy(ALL, account="111122223333")) if arn.split(":")[4:5] == ["111122223333"]}
    assert {arn.split(":")[2] for arn in arns} == {"logs", "cloudwatch", "bedrock"}
    assert not [arn for _, arn in granted(policy(ALL, account="111122223333")) if ":*:" in arn and "::" not in arn]


def test_the_shell_prints_it_as_json(capsys, monkeypatch):
    for name, value in ALL.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["permissions"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == policy(ALL) and printed.err == ""
    assert cli.main(["permissions", "--for", "product"]) == 0
    (statement,) = json.loads(capsys.readouterr().out)["Statement"]
    assert (statement["Action"], statement["Condition"]) == (
        ["cloudwatch:PutMetricData"],
        {"StringEquals": {"cloudwatch:namespace": "AI/FinOps"}},
    )
    with pytest.raises(SystemExit):
        cli.main(["permissions", "--account", "12"])
    assert "not an AWS account id" in capsys.readouterr().err


@pytest.mark.parametrize(("spare", "is_told"), [(0, False), (-1, True)])
def test_a_policy_that_is_too_long_is_told_of(capsys, monkeypatch, spare, is_told):
    monkeypatch.setattr(permissions, "MOST_CHARACTERS", permissions.size_of(policy({})) + spare)
    assert cli.main(["permissions"]) == 0
    assert ("attach its statements as two policies" in capsys.readouterr().err) == is_told


def test_blanks_do_not_count_as_for_iam():
    assert permissions.size_of({"a b": [1, 2]}) == len('{"ab":[1,2]}')


@pytest.fixture(scope="module")
def aws_server():
    with local_aws() as running:
        yield running


def test_the_lake_calls_all_that_it_is_allowed_and_no_more(request, tmp_path, monkeypatch, aws_server):
    monkeypatch.setattr("ai_finops.lake_bucket._IN_PARTS.multipart_threshold", 1)
    with deployment_guard(monkeypatch) as guard:
        lake = lake_on_s3(request, tmp_path, endpoint=aws_server.endpoint, monkeypatch=monkeypatch)
        for span_id in ("a", "b"):
            lake.write_partition("traces", DAY, tables=span_tables(span_id))
        assert lake.remove_old_versions("traces", DAY) == 1
        assert lake.outcome("traces", date(2025, 6, 2)) is None
        lake.prices.replace("a.json", b"{}")
        assert lake.prices.read("a.json") == b"{}"
        lake.remove_partition("traces", DAY)
    # A part is only taken back when an upload fails in the middle.
    assert guard.allowed == {action for action, _ in OF_LAKE} - {"s3:AbortMultipartUpload"}


def test_models_of_bedrock_are_asked_as_allowed(monkeypatch):
    settings = Settings.from_env({key: ALL[key] for key in ("AI_FINOPS_EMBEDDER", "AWS_REGION")})
    settings = replace(settings, task_judge="bedrock:amazon.nova-lite-v1:0")
    with stand_in() as running, deployment_guard(monkeypatch) as guard:
        use_endpoint(monkeypatch, running.endpoint)
        for ask in (
            lambda: open_embedder(settings).embed(["a"]),
            lambda: open_judge(settings).ask("a", system=None, max_tokens=1),
        ):
            with pytest.raises(SourceError, match="answered with"):
                ask()
    assert guard.allowed == {"bedrock:InvokeModel"}


def test_the_guard_refuses_what_no_statement_names(request, tmp_path, monkeypatch, aws_server):
    monkeypatch.setattr("ai_finops.lake_bucket.PERMISSIONS", OF_LAKE[:2])
    with deployment_guard(monkeypatch) as guard:
        lake = lake_on_s3(request, tmp_path, endpoint=aws_server.endpoint, monkeypatch=monkeypatch)
        with pytest.raises(AssertionError, match=rf"s3:PutObject on arn:aws:s3:::{BUCKET}/.*needs s3:PutObject"):
            lake.write_partition("traces", DAY, tables=span_tables("a"))
        guard.refused.clear()
        other = Lake(replace(lake.root, prefix="another"))
        aws.client("s3", settings=lake.root).put_object(Bucket=BUCKET, Key="another/prices/a.json", Body=b"1")
        assert other.prices.read("a.json") == b"1"
