"""Which model a Bedrock call used, from what the caller named: a model, an inference profile, or something that hides both.

A profile's models are what `ListInferenceProfiles` says. A profile that it does not know has no model here: a name is never
read as a model because it looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ai_finops import aws

PROFILE_TYPES = ("SYSTEM_DEFINED", "APPLICATION")
"""Both are asked for by name: an answer without a filter holds the first kind only."""
PROFILES_PER_PAGE = 1000
"""The most that ListInferenceProfiles takes."""
GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "au", "jp", "ca", "sa", "global")
"""First words of system profiles (Bedrock user guide, "Supported Regions and models for inference profiles")."""
_ARN = re.compile(r"arn:aws[^:]*:bedrock:(?P<region>[^:]*):(?P<account>[^:]*):(?P<kind>[^/]+)/(?P<name>.+)")


@dataclass(frozen=True, slots=True)
class Profile:
    """An inference profile: which model it calls, and where."""

    arn: str
    profile_id: str
    is_system: bool
    model_arns: tuple[str, ...]

    @property
    def model_id(self) -> str | None:
        """The one model that it calls; None when it names none, or several."""
        models = {_named(arn)["name"] for arn in self.model_arns if _named(arn).get("kind") == "foundation-model"}
        return models.pop() if len(models) == 1 else None

    @property
    def region_scope(self) -> str:
        """`global` when calls may go anywhere: a system profile's name says so, or a copy's ARN without a region."""
        if self.is_system:
            return "global" if self.profile_id.startswith("global.") else "regional"
        return "global" if any(_named(arn).get("region") == "" for arn in self.model_arns) else "regional"


@dataclass(frozen=True, slots=True)
class Model:
    """What a caller's model name stands for; None is not known."""

    model_id: str | None = None
    region_scope: str | None = None
    """`global` or `regional`"""
    profile_arn: str | None = None


class Profiles:
    """The profiles of some regions, by the names that callers use for them."""

    def __init__(self, by_region: Mapping[str, Iterable[Profile]]) -> None:
        self._by_arn: dict[str, Profile] = {}
        self._system: dict[tuple[str, str], Profile] = {}
        for region, profiles in by_region.items():
            for each in profiles:
                self._by_arn[each.arn] = each
                if each.is_system:
                    self._system[region, each.profile_id] = each

    def resolve(self, said: str, *, account: str | None, region: str | None) -> Model:
        """Return what `said` stands for in a call of `account` in `region`."""
        arn = _named(said)
        if not arn:
            return self._resolve_id(said, account=account, region=region or "")
        if arn["kind"] == "foundation-model":
            return Model(arn["name"], "regional" if arn["region"] else "global")
        if arn["kind"] == "application-inference-profile":
            return _model_of(self._by_arn.get(said), arn=said)
        if arn["kind"] == "inference-profile":  # the same in every account
            return _model_of(self._system.get((arn["region"], arn["name"])), arn=said)
        return Model()  # a provisioned, custom or imported model, or a router: the name says no model

    def _resolve_id(self, said: str, *, account: str | None, region: str) -> Model:
        profile = self._system.get((region, said))
        if profile is not None:
            is_own = _named(profile.arn).get("account") == account
            return _model_of(profile, arn=profile.arn if is_own else None)
        return Model() if said.split(".")[0] in GEOGRAPHIES else Model(said, "regional")


def region_to_ask(said: str, *, region: str | None) -> str | None:
    """Return the region whose profiles tell what `said` stands for; None when no profile is needed."""
    arn = _named(said)
    if arn:
        return arn["region"] if arn["kind"].endswith("inference-profile") else None
    # geography.provider.model; a model's own name may have a second dot too, which costs a look and nothing else
    return region if said.count(".") > 1 else None


def list_profiles(bedrock: Any) -> list[Profile]:
    """Return the inference profiles of the client's account and region, system-defined ones first.

    Raises:
        SourceForbidden, SourceUnavailable: Bedrock refuses, or does not answer.
    """
    region = bedrock.meta.region_name
    with aws.errors_named(f"the inference profiles of {region}", permission="bedrock:ListInferenceProfiles"):
        return [
            Profile(
                arn=each["inferenceProfileArn"],
                profile_id=each["inferenceProfileId"],
                is_system=profile_type == "SYSTEM_DEFINED",
                model_arns=tuple(model["modelArn"] for model in each["models"]),
            )
            for profile_type in PROFILE_TYPES
            for page in bedrock.get_paginator("list_inference_profiles").paginate(
                typeEquals=profile_type, PaginationConfig={"PageSize": PROFILES_PER_PAGE}
            )
            for each in page["inferenceProfileSummaries"]
        ]


def _model_of(profile: Profile | None, *, arn: str | None) -> Model:
    if profile is None or profile.model_id is None:
        return Model(profile_arn=arn)
    return Model(profile.model_id, profile.region_scope, arn)


def _named(text: str) -> dict[str, str]:
    """Return the parts of a Bedrock ARN; none of another text."""
    match = _ARN.fullmatch(text)
    return match.groupdict() if match else {}
