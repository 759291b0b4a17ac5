"""The most that a request can use of a model, before it is sent, and which of a client's options leave such a bound.

What is not known to be bounded is not sent: an option with a price of its own (a search, a guardrail, another model, pictures)
would make the bill larger than what was set aside for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ai_finops.instrument.reading import Reading
from ai_finops.router.decision import Request

FRAME_TOKENS = 256
"""What a provider puts around a request's text: roles, marks of turns."""
TOOL_FRAME_TOKENS = 1024
"""What a provider says to a model that has options such as tools: how these are called."""
LONGEST_OPTIONS = 100_000
"""Characters of a request's options, as they are copied; longer ones are not compared."""
_LEFT_OUT = frozenset(
    {
        # Limits of others than ours, under all their names; several answers; answers in pieces.
        "max_tokens", "max_completion_tokens", "max_output_tokens", "maxTokens", "maxOutputTokens", "max_new_tokens",
        "max_gen_len", "maxTokenCount", "max_tokens_to_sample", "maxLength", "inferenceConfig", "inferenceConfiguration",
        "n", "best_of", "num_generations", "candidate_count", "stream", "stream_options",
        # Tiers and speeds that cost other than the list price.
        "service_tier", "serviceTier", "performanceConfig", "speed", "cache_control", "timeout",
    }
)  # fmt: skip
_SENT = frozenset(
    {
        "tools", "toolConfig", "tool_choice", "parallel_tool_calls", "functions", "function_call", "response_format",
        "outputConfig", "output_config", "temperature", "top_p", "topP", "top_k", "topK", "seed", "stop", "stop_sequences",
        "stopSequences", "frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "top_logprobs", "user", "metadata",
        "requestMetadata", "safety_identifier", "prompt_cache_key", "reasoning_effort", "reasoning_config", "reasoning",
        "thinking", "verbosity", "additionalModelResponseFieldPaths",
    }
)  # fmt: skip
"""Every token that they can make is a byte of theirs, or within the limit of the answer."""
_NESTED = ("additionalModelRequestFields", "extra_body")
_TOOL_TYPES = (None, "function", "custom")
"""Of others the provider runs the tool itself, and bills it apart."""


class Unbounded(ValueError):
    """What these options can cost has no bound that is known; the text is the option's name."""


class TooLong(ValueError):
    """There is more of it than is copied."""


def bounded_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a client's options without limits, tiers and streams of their own.

    Raises:
        Unbounded: An option is not known to be bounded, or is no JSON (pictures, documents).
        TooLong: They are longer than LONGEST_OPTIONS.
    """
    return _bounded(options, [LONGEST_OPTIONS])


def is_all_text(request: Request) -> bool:
    """Whether a request's turns and system are texts: of pictures and documents nobody here knows the tokens."""
    prompt = request.prompt
    if not isinstance(request.system, str | None):
        return False
    if isinstance(prompt, str):
        return True
    said = [(getattr(each, "role", None), getattr(each, "text", None)) for each in prompt]
    return all(isinstance(role, str) and isinstance(text, str) for role, text in said)


def options_bytes(options: Mapping[str, Any]) -> int:
    """Return how long bounded options are as JSON."""
    return len(json.dumps(options)) if options else 0


def most_usage(request: Request, *, provider: str, baseline: Reading) -> Reading:
    """Return the most tokens that a request can use: one for each byte that is sent, no tokenizer makes more, and all that
    it may answer. At least twice what the model in use counted is taken.

    Args:
        request: With a limit to its answer, and `bounded_options`.
        provider: Whose options are sent.
        baseline: What the model in use counted for it.
    """
    prompt = request.prompt
    turns = [("user", prompt)] if isinstance(prompt, str) else [(each.role, each.text) for each in prompt]
    options = dict(request.options.get(provider, {}))
    sent = {"messages": [{"role": role, "text": text} for role, text in turns], "system": request.system, **options}
    said = len(json.dumps(sent, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    frame = FRAME_TOKENS + (TOOL_FRAME_TOKENS if options else 0)
    return Reading(
        input_tokens=frame + max(said, 2 * (baseline.input_tokens or 0)), output_tokens=request.max_output_tokens
    )


def _bounded(options: Mapping[str, Any], left: list[int]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in options.items():
        if name in _LEFT_OUT:
            continue
        if name in _NESTED and isinstance(value, Mapping):
            kept[name] = _bounded(value, left)
        elif name not in _SENT:
            raise Unbounded(str(name))
        else:
            kept[name] = _tools(name, _copied(value, left, name))
    return kept


def _tools(name: str, value: Any) -> Any:
    """Return an option as it is sent: without what writes to a cache, which costs more than a token in."""
    if name == "toolConfig" and isinstance(value, dict) and isinstance(value.get("tools"), list):
        return value | {"tools": _tools("tools", value["tools"])}
    if name != "tools" or not isinstance(value, list):
        return value
    for tool in value:
        if isinstance(tool, dict) and (tool.get("type") not in _TOOL_TYPES or "systemTool" in tool):
            raise Unbounded(name)
    said = [tool for tool in value if not (isinstance(tool, dict) and "cachePoint" in tool)]
    return [{key: each for key, each in tool.items() if key != "cache_control"} if isinstance(tool, dict) else tool
            for tool in said]  # fmt: skip


def _copied(value: Any, left: list[int], name: str) -> Any:
    """Copy what is plain JSON, as long as there is room for it."""
    left[0] -= 8 + (len(value) if isinstance(value, str) else 0)
    if left[0] < 0:
        raise TooLong(name)
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise Unbounded(name)
        return {_copied(key, left, name): _copied(each, left, name) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_copied(each, left, name) for each in value]
    raise Unbounded(name)
