"""What a decorator says of the calls that it records."""

from __future__ import annotations

from dataclasses import dataclass

from ai_finops.instrument.attribution import service_feature
from ai_finops.instrument.names import name_or_none


@dataclass(frozen=True, slots=True)
class Options:
    """What a decorator says, cleaned once."""

    pipeline_id: str | None = None
    journey_id: str | None = None
    model: str | None = None
    said: tuple[tuple[str, str], ...] = ()
    """Names and values of what else of a call it says: `model_tier`, `task_type`, …"""
    own_feature_id: str | None = None
    """What counts when nobody else says a feature: the decorator's, else the service's."""
    is_stacked: bool = False
    """The decorated function carries another decorator of this package."""


def make_options(
    *,
    feature: object = None,
    pipeline: object = None,
    journey: object = None,
    model_tier: object = None,
    task_type: object = None,
    prompt_version: object = None,
    model: object = None,
    provider: object = None,
    operation: object = None,
) -> Options:
    """Clean what was said. A value may be anything; a word that is none of these is a TypeError, as of any function."""
    said = {
        "model_tier": model_tier,
        "task_type": task_type,
        "prompt_version": prompt_version,
        "provider_name": provider,
        "operation_name": operation,
    }
    cleaned = ((name, name_or_none(value)) for name, value in said.items())
    return Options(
        own_feature_id=name_or_none(feature) or service_feature(),
        pipeline_id=name_or_none(pipeline),
        journey_id=name_or_none(journey),
        model=name_or_none(model),
        said=tuple((name, value) for name, value in cleaned if value is not None),
    )
