"""The providers of genai-prices, by the names that spans carry. Importable by a service that has genai-prices and no more."""

from __future__ import annotations

from genai_prices import types
from genai_prices.data_snapshot import get_snapshot

SPAN_NAMES = {
    "aws": ("aws.bedrock",),
    "azure": ("azure.ai.openai", "azure.ai.inference"),
    "google": ("gcp.gemini", "gcp.vertex_ai", "gcp.gen_ai"),
    "mistral": ("mistral_ai",),
    "moonshotai": ("moonshot_ai",),
    "x-ai": ("x_ai",),
}
"""OpenTelemetry's `gen_ai.provider.name` by the catalog's id, where they differ; one provider may be sold under several."""
_CATALOG_IDS = {name: catalog_id for catalog_id, names in SPAN_NAMES.items() for name in names}


def span_names(catalog_id: str) -> tuple[str, ...]:
    """Return the names that spans carry for a provider of the catalog."""
    return SPAN_NAMES.get(catalog_id, (catalog_id,))


def catalog_provider(provider_name: str) -> types.Provider:
    """Return the catalog's provider for the name that a span carries, or for the catalog's own id.

    Raises:
        LookupError: The catalog has no such provider; says which.
    """
    catalog_id = _CATALOG_IDS.get(provider_name, provider_name)
    for provider in get_snapshot().providers:
        if provider.id == catalog_id:
            return provider
    raise LookupError(f"genai-prices has no provider {provider_name!r}")


def models_sold(provider: types.Provider) -> list[tuple[str, types.ModelInfo]]:
    """Return what genai-prices looks a name up in, in its order, with its id at `provider`.

    The provider's own models, then those of others that it sells. An id that one of its own rules reads is its own model, under
    its own id and at its own price, so an id may be there again; the first is the provider's own.
    """
    by_id = {each.id: each for each in get_snapshot().providers}
    sold = [(model.id, model) for model in provider.models]
    for other in provider.fallback_model_providers or ():
        for model in by_id[other].models:
            own = provider.find_model(model.id)
            sold.append((own.id if own else model.id, model))
    return sold


def split_scope(catalog_id: str, provider_id: str) -> tuple[str, str]:
    """Return canonical model id and region scope of a catalog id; only Bedrock's ids carry a scope."""
    scope, _, rest = catalog_id.partition(".")
    if provider_id == "aws" and scope in ("regional", "global"):
        return rest, scope
    return catalog_id, "any"
