"""What a task reads and writes, told to OpenLineage where a deployment has switched it on (docs/operations.md).

OpenLineage's provider cannot see into Python tasks; what a task adds to Airflow's hook lineage collector becomes the inputs and
outputs of its events. Making that collector imports every provider's handlers, so with OpenLineage off nothing is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ai_finops.config import Settings
from ai_finops.lake_place import LakeOnS3


def tell_lineage(context: object, *, reads: Iterable[str] = (), writes: Iterable[str] = ()) -> None:
    """Add URIs to the lineage of the running task; nothing where OpenLineage is off or not installed."""
    if not is_switched_on():
        return
    from airflow.sdk.lineage import get_hook_lineage_collector

    collector = get_hook_lineage_collector()
    for uri in reads:
        collector.add_input_asset(context=context, uri=uri)
    for uri in writes:
        collector.add_output_asset(context=context, uri=uri)


def is_switched_on() -> bool:
    """Return whether OpenLineage has somewhere to send events to."""
    try:
        from airflow.providers.openlineage import conf
    except ImportError:
        return False
    return not conf.is_disabled()


def source_uris(settings: Settings, source: str) -> list[str]:
    """Return where a source's objects lie; none for what is asked of an API."""
    places = {
        "traces": (settings.traces_bucket, settings.traces_prefix),
        "bedrock_logs": (settings.bedrock_logs_bucket, settings.bedrock_logs_prefix or "AWSLogs"),
        "billing": (settings.billing_bucket, settings.billing_prefix),
        "focus": (settings.focus_bucket, settings.focus_prefix),
    }
    return [f"s3://{bucket}/{prefix}" for bucket, prefix in [places[source]]] if source in places else []


def lake_uris(settings: Settings, sources: Iterable[str]) -> list[str]:
    """Return where the lake has each source; names stay the same from day to day, as lineage wants them."""
    from ai_finops.lake import Lake

    places = [Lake(settings.lake).store.address(f"data/{source}") for source in sources]
    return places if isinstance(settings.lake, LakeOnS3) else [_uri(Path(place)) for place in places]


def builds_uri(settings: Settings) -> str:
    """Return where candidate builds lie."""
    return _uri(settings.builds)


def marts_uri(settings: Settings) -> str:
    """Return where readers find the marts."""
    return _uri(settings.published / "current" / "marts.duckdb")


def _uri(path: Path) -> str:
    return f"file://{path}"
