"""The policy is made of what the modules ask for, and the page says what the policy says."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from ai_finops import extract
from ai_finops.config import REPOSITORY
from ai_finops.extract import permissions

PAGE = REPOSITORY / "docs" / "security.md"
RENEW = (
    ".venv/bin/python -c 'from pathlib import Path; from ai_finops import extract; from ai_finops.extract import permissions; "
    'permissions.write_section(Path("docs/security.md"), extract.SOURCES)\''
)


def test_the_page_says_what_the_code_says():
    text = PAGE.read_text(encoding="utf-8")
    assert permissions.section(extract.SOURCES) in text, (
        f"docs/security.md is not what the code says; renew it: {RENEW}"
    )
    assert text.count(permissions.BEGIN) == text.count(permissions.END) == 1


def test_every_source_says_what_it_needs():
    for name, module in extract.SOURCES.items():
        assert all(len(each) == 2 for each in module.PERMISSIONS), name
        services = {action.partition(":")[0] for action, _ in module.PERMISSIONS}
        assert services <= set(module.CLIENTS), name
        assert len(set(module.PERMISSIONS)) == len(module.PERMISSIONS), name
        assert not [action for action, _ in module.PERMISSIONS if "*" in action], name


def test_nothing_but_reading_is_allowed():
    statements = permissions.policy(extract.SOURCES)["Statement"]
    verbs = {action.partition(":")[2][:3] for each in statements for action in each["Action"]}
    assert verbs <= {"Get", "Lis", "Des", "Fil"}
    assert {each["Effect"] for each in statements} == {"Allow"}


ONE = SimpleNamespace(
    PERMISSIONS=(
        ("s3:ListBucket", "arn:aws:s3:::{bucket}"),
        ("s3:GetObject", "arn:aws:s3:::{bucket}/{prefix}/*"),
        ("logs:FilterLogEvents", "arn:aws:logs:{aws_region}:*:log-group:{spans_log_group}:*"),
        ("ce:GetTags", "*"),
        ("ce:GetCostAndUsage", "*"),
    )
)


def test_settings_are_filled_in_by_source(settings):
    settings = replace(settings, traces_bucket="b", traces_prefix="/otlp/", aws_region="eu-west-1")
    assert permissions.policy({"traces": ONE}, settings=settings) == {
        "Version": "2012-10-17",
        "Statement": [
            {"Sid": "Traces1", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::b"},
            {"Sid": "Traces2", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::b/otlp/*"},
            {
                "Sid": "Traces3",
                "Effect": "Allow",
                "Action": ["logs:FilterLogEvents"],
                "Resource": "arn:aws:logs:eu-west-1:*:log-group:aws/spans:*",
            },
            {"Sid": "Traces4", "Effect": "Allow", "Action": ["ce:GetCostAndUsage", "ce:GetTags"], "Resource": "*"},
        ],
    }


def test_an_empty_prefix_leaves_no_empty_part(settings):
    settings = replace(settings, traces_bucket="b", traces_prefix="")
    assert permissions.resource("traces", "arn:aws:s3:::{bucket}/{prefix}/*", settings=settings) == "arn:aws:s3:::b/*"


@pytest.mark.parametrize(
    ("source", "pattern", "said"),
    [
        ("traces", "{bucket}", "${AI_FINOPS_TRACES_BUCKET}"),
        ("bedrock_logs", "{bucket}", "${AI_FINOPS_BEDROCK_LOGS_BUCKET}"),
        ("xray_spans", "{spans_log_group}", "${AI_FINOPS_SPANS_LOG_GROUP}"),
        ("xray_spans", "{aws_region}", "${AWS_REGION}"),
    ],
)
def test_without_settings_a_resource_names_their_variables(source, pattern, said):
    assert permissions.resource(source, pattern) == said


def test_the_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path):
    page = tmp_path / "security.md"
    permissions.write_section(page, {"traces": ONE})
    permissions.write_section(page, {"nothing": SimpleNamespace(PERMISSIONS=())})
    assert page.read_text().startswith("# Security\n\n<!-- permissions")
    assert "| `nothing` | – | asks no AWS service |" in page.read_text() and "traces" not in page.read_text()
    page.write_text("# Security\n\nBefore.\n\n" + permissions.section({"traces": ONE}) + "\n\n## After\n")
    permissions.write_section(page, {"billing": SimpleNamespace(PERMISSIONS=())})
    text = page.read_text()
    assert text.startswith("# Security\n\nBefore.\n\n<!--") and text.endswith("<!-- permissions: end -->\n\n## After\n")
    assert "`billing`" in text and "traces" not in text
