"""Whose model a name is, and whose provider a word is, in the names that spans carry (`gen_ai.provider.name`)."""

from __future__ import annotations

import re

from genai_prices import types
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

from ai_finops.pricing.providers import SPAN_NAMES, catalog_provider

LONGEST_NAME = 500
"""Characters; a longer name is nobody's model."""
_MOST_NAMES = 4096
_BEDROCK = re.compile(
    r"arn:aws[^:]*:bedrock:"
    r"|((us|us-gov|eu|apac|au|jp|ca|sa|in|global)\.)?"
    r"(ai21|amazon|anthropic|cohere|deepseek|luma|meta|mistral|moonshot|openai|qwen|stability|twelvelabs|writer)\.[a-z]"
)
"""Bedrock's model ids name the vendor first, perhaps after a geography."""
_WORDS = {
    "azure": "azure.ai.openai",
    "azure_ai": "azure.ai.inference",
    "azure_openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock_converse": "aws.bedrock",
    "amazon_bedrock": "aws.bedrock",
    "anthropic_bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "google_genai": "gcp.gemini",
    "google_vertexai": "gcp.vertex_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertex_ai_beta": "gcp.vertex_ai",
    "mistralai": "mistral_ai",
    "cohere_chat": "cohere",
    "text-completion-openai": "openai",
    "xai": "x_ai",
}
"""What libraries call a provider, where it is neither the span's word nor the catalog's."""

_vendors: dict[str, str | None] = {}
_providers: dict[str, str | None] = {}


def provider_of_model(model: str | None) -> str | None:
    """Return the provider that a model's name gives away, else None; a guess for want of the provider's own word."""
    if model is None:
        return None
    try:
        return _vendors[model]
    except KeyError:
        return _remembered(_vendors, model, _find_vendor(model))


def provider_named(word: object) -> str | None:
    """Return the span's name of a provider that a library calls `word`, None where nobody is called so."""
    if type(word) is not str:
        return None
    try:
        return _providers[word]
    except KeyError:
        return _remembered(_providers, word, _find_provider(word))


def catalog_provider_of(provider_name: str | None, model: str) -> types.Provider | None:
    """Return who sells the model, for its price: the named provider, else the one that the model's name gives away."""
    if provider_name is None:
        before, slash, _ = model.partition("/")
        named = provider_named(before) if slash else None
        provider_name = named or provider_of_model(model)
        if provider_name is None:
            return None
    try:
        return catalog_provider(provider_name)
    except LookupError:
        return find_provider_by_id(get_snapshot().providers, provider_name)


def _remembered(memory: dict[str, str | None], name: str, found: str | None) -> str | None:
    if len(name) <= LONGEST_NAME:
        if len(memory) >= _MOST_NAMES:
            memory.clear()
        memory[name] = found
    return found


def _find_vendor(model: str) -> str | None:
    if len(model) > LONGEST_NAME:
        return None
    if _BEDROCK.match(model.lower()):
        return "aws.bedrock"
    if model.startswith("text-embedding-"):
        return "openai"
    try:
        return _span_name(get_snapshot().find_provider(model.lower(), None, None).id)
    except LookupError:
        return None


def _find_provider(word: str) -> str | None:
    if len(word) > LONGEST_NAME:
        return None
    lower = word.lower().strip()
    if lower in _WORDS:
        return _WORDS[lower]
    if any(lower in names for names in SPAN_NAMES.values()):
        return lower
    provider = find_provider_by_id(get_snapshot().providers, lower)
    return _span_name(provider.id) if provider else None


def _span_name(catalog_id: str) -> str:
    return SPAN_NAMES.get(catalog_id, (catalog_id,))[0]
