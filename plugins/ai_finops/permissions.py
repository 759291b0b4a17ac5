"""The IAM policy of a deployment: what its role may call and on what, with its own settings filled in, and nothing else.

Each part of the pipeline names its calls as `PERMISSIONS`; here they are put together for what is switched on. A name in braces
in a resource of the lake or of finance's files is a part of their address. `docs/security.md` has those of sources and alarms
with the settings left open (`extract/permissions.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ai_finops.config import Settings
from ai_finops.extract.permissions import resource

MOST_CHARACTERS = 6_144
"""Of a managed policy, blanks not counted (IAM and STS quotas)."""
INVOKE = "bedrock:InvokeModel"
"""Also what Converse needs (API reference, Converse)."""
_ACCOUNT = re.compile(r"(?<=:)\*(?=:(?:alarm:|log-group:|inference-profile/))")


@dataclass(frozen=True, slots=True)
class Grant:
    """One action on one resource."""

    part: str
    """Whose call it is; becomes the statement's Sid."""
    action: str
    resource: str
    condition: tuple[str, str, str] | None = None
    """Operator, key and value that the request must fit."""


def pipeline_grants(settings: Settings) -> list[Grant]:
    """Return what the role of the pipeline needs, with these settings."""
    grants = [*_of_sources(settings), *_of_lake(settings), *_of_finance(settings), *_of_models(settings)]
    return [*grants, *(_of_alarms(settings) if settings.alarms == "cloudwatch" else ())]


def product_grants() -> list[Grant]:
    """Return what a product's service needs to tell of its calls as metrics; its models are its own business."""
    from ai_finops.instrument.metrics.names import NAMESPACE

    return [_in_namespace("metrics", NAMESPACE)]


def policy_of(grants: Iterable[Grant], *, aws_region: str, account: str | None = None) -> dict:
    """Return grants as a policy document: a statement for each part, resource and condition.

    Args:
        aws_region: Says which partition of AWS its ARNs are of.
        account: What stands in place of `*` where a resource names an account.
    """
    actions: dict[tuple, list[str]] = {}
    for grant in grants:
        actions.setdefault((grant.part, grant.resource, grant.condition), []).append(grant.action)
    statements, counts = [], {}
    for (part, arn, condition), allowed in actions.items():
        counts[part] = counts.get(part, 0) + 1
        sid = "".join(word.capitalize() for word in part.split("_")) + str(counts[part])
        arn = arn.replace("arn:aws:", f"arn:{_partition(aws_region)}:", 1)
        arn = _ACCOUNT.sub(account, arn) if account else arn
        statement = {"Sid": sid, "Effect": "Allow", "Action": sorted(set(allowed)), "Resource": arn}
        if condition:
            operator, key, value = condition
            statement["Condition"] = {operator: {key: value}}
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


def size_of(policy: Mapping) -> int:
    """Return how many characters of the most that IAM takes a policy has."""
    return len(re.sub(r"\s", "", json.dumps(policy)))


def _of_sources(settings: Settings) -> Iterable[Grant]:
    from ai_finops.extract import SOURCES

    for source in settings.sources:
        for action, pattern in SOURCES[source].PERMISSIONS:
            yield Grant(source, action, resource(source, pattern, settings=settings))


def _of_lake(settings: Settings) -> Iterable[Grant]:
    from ai_finops.lake_bucket import PERMISSIONS

    return _below("lake", settings.lake_at, PERMISSIONS) if settings.lake_at.startswith("s3://") else ()


def _of_finance(settings: Settings) -> Iterable[Grant]:
    from ai_finops.finance.to_s3 import PERMISSIONS

    return _below("finance", settings.finance_s3, PERMISSIONS) if settings.finance_s3 else ()


def _below(part: str, address: str, permissions: Iterable[tuple[str, str]]) -> Iterable[Grant]:
    place = urlsplit(address)
    for action, pattern in permissions:
        filled = pattern.format(bucket=place.netloc, prefix=place.path.strip("/"))
        yield Grant(part, action, re.sub("/{2,}", "/", filled))


def _of_alarms(settings: Settings) -> Iterable[Grant]:
    from ai_finops.alarms.cloudwatch import PERMISSIONS

    for action, pattern in PERMISSIONS:
        if action == "cloudwatch:PutMetricData":
            yield _in_namespace("alarms", settings.alarms_namespace)
        else:
            yield Grant("alarms", action, pattern.format(aws_region=settings.aws_region))


def _in_namespace(part: str, namespace: str) -> Grant:
    """CloudWatch knows no resource for it, and one condition key."""
    condition = ("StringEquals", "cloudwatch:namespace", namespace)
    return Grant(part, "cloudwatch:PutMetricData", "*", condition)


def _of_models(settings: Settings) -> Iterable[Grant]:
    """Models of Bedrock that embed queries, judge tasks, or are tried in place of others."""
    from ai_finops.build.routing_inputs import targets

    prefix, asked = "bedrock:", {"embedder": settings.embedder, "judge": settings.task_judge}
    models = [(part, name.removeprefix(prefix)) for part, name in asked.items() if name.startswith(prefix)]
    if settings.routing_trial_usd:
        models += [("trial", each) for each in sorted({each for some in targets(settings).values() for each in some})]
    for part, model_id in models:
        yield from _of_model(part, model_id, aws_region=settings.aws_region)


def _of_model(part: str, model_id: str, *, aws_region: str) -> Iterable[Grant]:
    """Behind an inference profile the model itself needs it too, in each region of the profile, and by way of it alone."""
    from ai_finops.extract.bedrock_profiles import GEOGRAPHIES

    geography, _, name = model_id.partition(".")
    if model_id.startswith("arn:"):
        yield Grant(part, INVOKE, model_id)
        if "inference-profile/" in model_id:
            by_way_of = ("StringEquals", "bedrock:InferenceProfileArn", model_id)
            yield Grant(part, INVOKE, "arn:aws:bedrock:*::foundation-model/*", by_way_of)
    elif geography in GEOGRAPHIES:
        yield Grant(part, INVOKE, f"arn:aws:bedrock:{aws_region}:*:inference-profile/{model_id}")
        yield Grant(part, INVOKE, f"arn:aws:bedrock:*::foundation-model/{name}")
    else:
        yield Grant(part, INVOKE, f"arn:aws:bedrock:{aws_region}::foundation-model/{model_id}")


def _partition(aws_region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(aws_region.rpartition("-")[0].rpartition("-")[0], "aws")
