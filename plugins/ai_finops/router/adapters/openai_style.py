"""Chat completions of OpenAI and of those that speak as it does, through a given client: `OpenAIStyleClient(OpenAI())`."""

from __future__ import annotations

import json
from typing import Any

from ai_finops.router.answer import Answer, UnreadableAnswer
from ai_finops.router.decision import Request
from ai_finops.router.policy import Model


class _Chat:
    """What the two clients share.

    Args:
        client: `OpenAI()`, `AzureOpenAI()`, or any other with the same method; asked in a thread where coroutines wait.
        with_logprobs: Ask for the log-probabilities of the answer's tokens, for confidence of source `logprobs`; models that
            reason refuse it.
        max_tokens_name: What the provider calls the limit: OpenAI `max_completion_tokens`, many others `max_tokens`.
    """

    def __init__(
        self, client: Any, *, with_logprobs: bool = False, max_tokens_name: str = "max_completion_tokens"
    ) -> None:
        self._client = client
        self._with_logprobs = with_logprobs
        self._max_tokens_name = max_tokens_name

    @property
    def gives_logprobs(self) -> bool:
        """Whether answers carry log-probabilities."""
        return self._with_logprobs

    def _arguments(self, request: Request, model: Model) -> dict[str, Any]:
        prompt = request.prompt
        turns = [("user", prompt)] if isinstance(prompt, str) else [(message.role, message.text) for message in prompt]
        if request.system is not None:
            turns.insert(0, ("system", request.system))
        arguments: dict[str, Any] = {
            "model": model.model_id,
            "messages": [{"role": role, "content": text} for role, text in turns],
        }
        if request.max_output_tokens is not None:
            arguments[self._max_tokens_name] = request.max_output_tokens
        if request.temperature is not None:
            arguments["temperature"] = request.temperature
        if self._with_logprobs:
            arguments["logprobs"] = True
        options = dict(request.options.get(model.provider_name, {}))
        if options.get("stream"):
            raise ValueError("the router asks for no stream; leave `stream` out of the request's options")
        return arguments | options


class OpenAIStyleClient(_Chat):
    """Asks through a client's `chat.completions.create`; `request.options[<provider name>]` goes along (`tools`, …)."""

    def complete(self, request: Request, *, model: Model) -> Answer:
        """Call chat completions and wait for it."""
        return to_answer(self._client.chat.completions.create(**self._arguments(request, model)))


class AsyncOpenAIStyleClient(_Chat):
    """The same through a client whose `chat.completions.create` is a coroutine: `AsyncOpenAI()`."""

    async def acomplete(self, request: Request, *, model: Model) -> Answer:
        """Call chat completions and wait for it."""
        return to_answer(await self._client.chat.completions.create(**self._arguments(request, model)))


def to_answer(completion: Any) -> Answer:
    """Return the first choice of a completion, an object of the SDK or its dict, as an answer.

    Raises:
        UnreadableAnswer: It has no choice.
    """
    choices = _get(completion, "choices")
    if not isinstance(choices, list | tuple) or not choices:
        raise UnreadableAnswer(f"the provider sent a {type(completion).__name__} without choices")
    choice = choices[0]
    message = _get(choice, "message")
    tokens = _get(_get(choice, "logprobs"), "content")
    return Answer(
        text=_get(message, "content") or "",
        raw=completion,
        structured=_tool_input(message),
        token_logprobs=tuple(_get(token, "logprob") for token in tokens) if tokens else None,
        finish_reason=_get(choice, "finish_reason"),
    )


def _tool_input(message: Any) -> dict[str, Any] | None:
    calls = _get(message, "tool_calls") or []
    arguments = _get(_get(calls[0], "function"), "arguments") if calls else None
    try:
        found = json.loads(arguments) if isinstance(arguments, str) else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _get(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)
