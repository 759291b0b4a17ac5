"""Which reader an object's class has: by the package that it comes from and its name, without importing the package."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ai_finops.instrument.model_names import provider_named, provider_of_model
from ai_finops.instrument.readers import anthropic, cohere, google, langchain, openai
from ai_finops.instrument.readers.bodies import read_dict, read_usage
from ai_finops.instrument.readers.parts import NOTHING, fields_of, text
from ai_finops.instrument.reading import Reading

Reader = Callable[[Any], Reading | None]


def read_openai_chat(answer: Any) -> Reading:
    """Read the OpenAI SDK's `ChatCompletion` or `Completion`; other providers are called through that SDK too."""
    fields = fields_of(answer)
    usage = fields.get("usage")
    usage = NOTHING if usage is None else fields_of(usage)
    reading = openai.read_chat(fields, usage, provider_name=openai.azure_name(fields))
    return reading if reading.provider_name is not None else reading._replace(provider_name="openai")


def read_openai_embeddings(answer: Any) -> Reading:
    """Read the OpenAI SDK's `CreateEmbeddingResponse`."""
    fields = fields_of(answer)
    return openai.read_embeddings(fields, _usage(fields), provider_name=_through_openai(fields))


def read_openai_response(answer: Any) -> Reading:
    """Read the OpenAI SDK's `Response`."""
    fields = fields_of(answer)
    return openai.read_responses(fields, _usage(fields), provider_name=_through_openai(fields))


def read_anthropic_message(answer: Any) -> Reading:
    """Read the Anthropic SDK's `Message`; others sell models of their own in its shape."""
    fields = fields_of(answer)
    reading = anthropic.read_message(fields, _usage(fields))
    return reading if reading.provider_name is not None else reading._replace(provider_name="anthropic")


def read_litellm(answer: Any) -> Reading | None:
    """Read an answer of LiteLLM, which has OpenAI's shape for all providers and says which one it called."""
    fields = fields_of(answer)
    hidden = fields_of(getattr(answer, "_hidden_params", None))
    usage = _usage(fields) or fields_of(hidden.get("usage"))
    provider = provider_named(hidden.get("custom_llm_provider"))
    if "input_tokens" in usage:
        return openai.read_responses(fields, usage, provider_name=provider)
    if fields.get("object") == "list":
        return openai.read_embeddings(fields, usage, provider_name=provider)
    return openai.read_chat(fields, usage, provider_name=provider)


def read_litellm_rerank(answer: Any) -> Reading:
    """Read LiteLLM's `RerankResponse`."""
    fields = fields_of(answer)
    provider = provider_named(fields_of(getattr(answer, "_hidden_params", None)).get("custom_llm_provider"))
    reading = cohere.read_cohere(fields, fields_of(fields.get("meta"))) or Reading()
    return reading._replace(provider_name=provider, operation_name="rerank")


def read_raw_response(answer: Any) -> Reading | None:
    """Read `with_raw_response` by the bytes that are there already; a stream is left to the caller."""
    response = answer.http_response
    if not hasattr(response, "_content") or "json" not in response.headers.get("content-type", ""):
        return None
    body = json.loads(response.content)
    reading = read_dict(body) if type(body) is dict else None
    if reading is None:
        return None
    retries = getattr(answer, "retries_taken", None)
    request_id = response.headers.get("x-request-id") or response.headers.get("request-id")
    return reading._replace(request_id=request_id, retry_count=retries if type(retries) is int else None)


def read_any_object(answer: Any) -> Reading | None:
    """Read an object of any other package (Cohere, Mistral, Groq, Google, …) that has a known usage in a known place."""
    fields = fields_of(answer)
    for name in ("usage", "usage_metadata", "meta"):
        part = fields_of(fields.get(name))
        if not part:
            continue
        if name == "usage_metadata":
            return google.read_gemini(fields, part) if "prompt_token_count" in part else None
        return read_usage(fields, part) if name == "usage" else cohere.read_cohere(fields, part)
    return None


_READERS: dict[tuple[str, str], Reader] = {
    ("openai", "ChatCompletion"): read_openai_chat,
    ("openai", "Completion"): read_openai_chat,
    ("openai", "CreateEmbeddingResponse"): read_openai_embeddings,
    ("openai", "Response"): read_openai_response,
    ("openai", "LegacyAPIResponse"): read_raw_response,
    ("openai", "BaseAPIResponse"): read_raw_response,
    ("anthropic", "Message"): read_anthropic_message,
    ("anthropic", "BetaMessage"): read_anthropic_message,
    ("anthropic", "LegacyAPIResponse"): read_raw_response,
    ("anthropic", "BaseAPIResponse"): read_raw_response,
    ("litellm", "ModelResponse"): read_litellm,
    ("litellm", "ModelResponseStream"): read_litellm,
    ("litellm", "TextCompletionResponse"): read_litellm,
    ("litellm", "EmbeddingResponse"): read_litellm,
    ("litellm", "ResponsesAPIResponse"): read_litellm,
    ("litellm", "RerankResponse"): read_litellm_rerank,
    ("langchain_core", "AIMessage"): langchain.read_message,
    ("langchain_core", "LLMResult"): langchain.read_result,
    ("langchain_core", "ChatResult"): langchain.read_result,
}
_NEVER = (str, bytes, bytearray, int, float, list, tuple, set, frozenset, type(None))


def reader_of(cls: type) -> Reader | None:
    """Return the reader of a class, by it or the nearest of its bases that is known; None where nothing can be read."""
    for base in cls.__mro__:
        reader = _READERS.get((base.__module__.partition(".")[0], base.__name__))
        if reader is not None:
            return reader
    if issubclass(cls, dict):
        return read_dict
    if issubclass(cls, _NEVER):
        return None
    return read_any_object if hasattr(cls, "model_fields") or hasattr(cls, "__dataclass_fields__") else None


def _usage(fields: dict[str, Any]) -> dict[str, Any]:
    usage = fields.get("usage")
    return NOTHING if usage is None else fields_of(usage)


def _through_openai(fields: dict[str, Any]) -> str:
    """Return whose answer it is that came through the OpenAI SDK: Azure's by its filter, else by the model's name."""
    return openai.azure_name(fields) or provider_of_model(text(fields.get("model"))) or "openai"
