"""Bedrock's rules for listing inference profiles, from the API reference of ListInferenceProfiles."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.extract.json_aws import Refused

DEFAULT_PAGE = 100
MOST_PER_PAGE = 1000


@dataclass
class ProfileRules:
    """The profiles of one account and region; `call` lists them."""

    profiles: list[dict] = field(default_factory=list)
    most_per_page: int = MOST_PER_PAGE
    """A service may give fewer than asked for."""
    _tokens: dict[str, tuple[str, int]] = field(default_factory=dict)

    def add(self, arn: str, *models: str, profile_type: str = "APPLICATION") -> str:
        """Add a profile that calls the models of these ARNs; return its ARN."""
        self.profiles.append(
            {
                "inferenceProfileName": "a name",
                "createdAt": "2025-01-01T00:00:00Z",
                "updatedAt": "2025-01-01T00:00:00Z",
                "inferenceProfileArn": arn,
                "models": [{"modelArn": each} for each in models],
                "inferenceProfileId": arn.split("/")[-1],
                "status": "ACTIVE",
                "type": profile_type,
            }
        )
        return arn

    def call(self, operation: str, params: dict) -> dict:
        if operation != "GET /inference-profiles":
            raise Refused("UnknownOperationException", operation, status=404)
        asked = int(params.get("maxResults", DEFAULT_PAGE))
        kind = params.get("type", "SYSTEM_DEFINED")
        if not 1 <= asked <= MOST_PER_PAGE or kind not in ("SYSTEM_DEFINED", "APPLICATION"):
            raise Refused("ValidationException", f"maxResults {asked}, type {kind}")
        start = 0
        if token := params.get("nextToken"):
            of_kind, start = self._tokens.pop(token, (None, 0))
            if of_kind != kind:
                raise Refused("ValidationException", "nextToken")
        found = [each for each in self.profiles if each["type"] == kind]
        end = start + min(asked, self.most_per_page)
        answer: dict = {"inferenceProfileSummaries": found[start:end]}
        if end < len(found):
            answer["nextToken"] = f"{kind}-{end}"
            self._tokens[answer["nextToken"]] = (kind, end)
        return answer
