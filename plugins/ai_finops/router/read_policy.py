"""Read a routing policy from a file or a mapping, and refuse what could not be followed, before a request meets it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from ai_finops.router.policy import BreakerLimits, FallbackLimits, Model, ModelPrice, Policy, Strategy, Tier
from ai_finops.router.policy_fields import Fields, as_mapping
from ai_finops.router.policy_strategies import read_strategies
from ai_finops.router.policy_values import LARGEST_BYTES, Value, from_mapping, from_yaml, plain, refuse
from ai_finops.router.shadow_policy import read_shadow_policy

VERSION_DIGITS = 12
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_HIGHEST_PRICE = 1_000_000.0


def read_policy(source: str | Path | Mapping[str, Any]) -> Policy:
    """Read and check a policy.

    Args:
        source: The path of a YAML file, or a mapping of the same shape.
    Raises:
        PolicyError: The file cannot be read, or says what cannot be followed; the message names line, key and what is allowed.
    """
    if isinstance(source, Mapping):
        value = from_mapping(source)
        canonical = json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return _policy(value, version=_version(canonical.encode("utf-8", "surrogatepass")))
    if not isinstance(source, str | PathLike):
        refuse(f"a {type(source).__name__} is no policy; give the path of a file, or a mapping", origin="policy")
    return parse_policy(_bytes_of(Path(source)), origin=Path(source).name)


def parse_policy(content: bytes, *, origin: str) -> Policy:
    """Read and check the bytes of a policy file; `origin` is its name in messages."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        refuse(f"is not in UTF-8 (byte {error.start})", origin=origin)
    return _policy(from_yaml(text, origin=origin), version=_version(content))


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file has
        refuse(
            f"cannot be read ({getattr(error, 'strerror', None) or error}); name the policy's file", origin=str(path)
        )
    if len(content) > LARGEST_BYTES:
        refuse(f"more than {LARGEST_BYTES:,} bytes are no policy", origin=path.name)
    return content


def _version(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:VERSION_DIGITS]


def _policy(value: Value, *, version: str) -> Policy:
    fields = Fields(
        value,
        allowed=("policy", "description", "models", "strategies", "default_tier", "fallback", "breaker", "shadow"),
        required=("policy", "models", "default_tier"),
    )
    models = _models(fields["models"])
    tiers = _tiers(models)
    strategies: tuple[Strategy, ...] = ()
    if "strategies" in fields:
        strategies = read_strategies(fields["strategies"], tiers=tiers)
    return Policy(
        policy_id=_name(fields["policy"]),
        version=version,
        models=tuple(sorted(models, key=lambda model: model.capability)),
        tiers=tiers,
        strategies=strategies,
        default_tier=fields.choice("default_tier", tiers),
        fallback=_fallback(fields["fallback"]) if "fallback" in fields else FallbackLimits(),
        breaker=_breaker(fields["breaker"]) if "breaker" in fields else BreakerLimits(),
        shadow=read_shadow_policy(fields["shadow"], models=models) if "shadow" in fields else None,
    )


def _name(value: Value) -> str:
    if not isinstance(value.content, str) or not _NAME.match(value.content):
        value.refuse("has to be a name of small letters, digits and _ (at most 64, a letter first)")
    return value.content


def _models(value: Value) -> list[Model]:
    """Read the models, in the order of the file."""
    named = as_mapping(value, what="a mapping of model names to provider, model, tier and capability")
    if not named:
        value.refuse("there is no most capable model, because there is none; name at least one")
    models = [_model(name, each) for name, each in named.items()]
    most = max(model.capability for model in models)
    best = [model.name for model in models if model.capability == most]
    if len(best) > 1:
        value.refuse(f"there is no most capable model: {', '.join(best)} have capability {most}; give one of them more")
    return models


def _model(name: str, value: Value) -> Model:
    if not _NAME.match(name):
        value.refuse("a model's name has to be of small letters, digits and _ (at most 64, a letter first)")
    allowed = ("provider", "model", "tier", "capability", "price")
    fields = Fields(value, allowed=allowed, required=allowed[:4])
    return Model(
        name=name,
        provider_name=fields.text("provider"),
        model_id=fields.text("model"),
        tier=_name(fields["tier"]),
        capability=fields.whole("capability", low=1, high=1000),
        price=_price(fields["price"]) if "price" in fields else None,
    )


def _price(value: Value) -> ModelPrice:
    required = ("name", "input_usd_per_mtok", "output_usd_per_mtok")
    optional = ("cache_read_usd_per_mtok", "cache_write_usd_per_mtok")
    fields = Fields(value, allowed=(*required, *optional), required=required)
    return ModelPrice(
        fields.text("name"),
        *(fields.number(name, low=0, high=_HIGHEST_PRICE) for name in required[1:]),
        *(fields.optional_number(name, low=0, high=_HIGHEST_PRICE) for name in optional),
    )


def _tiers(models: list[Model]) -> dict[str, Tier]:
    """Group models by tier, in the order of the file within one, the least capable tier first."""
    by_name: dict[str, list[Model]] = {}
    for model in models:
        by_name.setdefault(model.tier, []).append(model)
    tiers = [Tier(name, tuple(members)) for name, members in by_name.items()]
    return {tier.name: tier for tier in sorted(tiers, key=lambda tier: (tier.capability, tier.name))}


def _fallback(value: Value) -> FallbackLimits:
    fields = Fields(value, allowed=("max_attempts", "retry_request_errors", "attempt_timeout_s"))
    standard = FallbackLimits()
    return FallbackLimits(
        fields.whole("max_attempts", low=1, high=10, default=standard.max_attempts),
        fields.boolean("retry_request_errors", default=standard.is_request_error_retried),
        fields.optional_number("attempt_timeout_s", low=0.01, high=3600),
    )


def _breaker(value: Value) -> BreakerLimits:
    fields = Fields(value, allowed=("failure_count", "failure_ratio", "window_s", "open_s"))
    standard = BreakerLimits()
    return BreakerLimits(
        fields.whole("failure_count", low=1, high=1000, default=standard.failure_count),
        fields.number("failure_ratio", low=0.01, high=1, default=standard.failure_ratio),
        fields.number("window_s", low=1, high=3600, default=standard.window_s),
        fields.number("open_s", low=0.1, high=3600, default=standard.open_s),
    )
