"""Bedrock's Converse API, through a boto3 client that is given: `BedrockClient(boto3.client("bedrock-runtime"))`."""

from __future__ import annotations

from typing import Any

from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.policy import Model

PROVIDER = "aws.bedrock"


class BedrockClient:
    """Asks models on Bedrock. Converse gives no log-probabilities, so answers carry none.

    For many requests at once, give the boto3 client as many connections: `Config(max_pool_connections=64)`.
    """

    gives_logprobs = False

    def __init__(self, client: Any) -> None:
        self._client = client

    def complete(self, request: Request, *, model: Model) -> Answer:
        """Call Converse. `request.options["aws.bedrock"]` is passed on as further arguments (`toolConfig`, …)."""
        response = self._client.converse(**converse_arguments(request, model=model))
        blocks = ((response.get("output") or {}).get("message") or {}).get("content") or []
        tools = [block["toolUse"].get("input") for block in blocks if "toolUse" in block]
        return Answer(
            text="".join(block["text"] for block in blocks if "text" in block),
            raw=response,
            structured=tools[0] if tools and isinstance(tools[0], dict) else None,
            finish_reason=response.get("stopReason"),
        )


def converse_arguments(request: Request, *, model: Model) -> dict[str, Any]:
    """Return the arguments of Converse for a request; the request's own options win over what it says in general."""
    prompt = request.prompt
    turns = [("user", prompt)] if isinstance(prompt, str) else [(message.role, message.text) for message in prompt]
    arguments: dict[str, Any] = {
        "modelId": model.model_id,
        "messages": [{"role": role, "content": [{"text": text}]} for role, text in turns],
    }
    if request.system is not None:
        arguments["system"] = [{"text": request.system}]
    limits = {"maxTokens": request.max_output_tokens, "temperature": request.temperature}
    inference = {name: value for name, value in limits.items() if value is not None}
    options = dict(request.options.get(PROVIDER, {}))
    inference |= options.pop("inferenceConfig", None) or {}
    if inference:
        arguments["inferenceConfig"] = inference
    return arguments | options
