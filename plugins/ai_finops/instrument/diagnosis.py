"""What is instrumented in this process, where it goes, and what is missing: read, never changed, and no secret is told."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from importlib import metadata, util
from pathlib import Path

from ai_finops.instrument.attribution import service_feature
from ai_finops.instrument.findings import Diagnosis, Finding, hint, ok, wrong
from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics.choice import KIND_ENV, KINDS, NO_KIND, metric_sink
from ai_finops.instrument.price import CATALOG_VERSION
from ai_finops.instrument.query_embedder import BUNDLED, can_embed, embedder_setting
from ai_finops.instrument.query_embedder import SETTING as EMBEDDER_SETTING
from ai_finops.instrument.query_key import MIN_BYTES, query_key
from ai_finops.instrument.query_key import SETTING as KEY_SETTING
from ai_finops.instrument.recorder import decorated
from ai_finops.instrument.semconv import select_names
from ai_finops.instrument.switch import is_on
from ai_finops.instrument.tracing_findings import tracing_findings

EXTRAS = {
    "otel": ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    "cloudwatch": ("boto3",),
    "prometheus": ("prometheus_client",),
    "embed": ("model2vec",),
    "router": ("yaml",),
}
_MOST_LISTED = 20


def diagnose() -> Diagnosis:
    """Look at this process as it is now: call it, or run the doctor, after the service has set everything up."""
    return Diagnosis(
        (
            *_installed(),
            *_switch(),
            *_decorated(),
            *tracing_findings(),
            *_metrics(),
            *_queries(),
            *_losses(),
        )
    )


def _installed() -> Iterator[Finding]:
    try:
        version = metadata.version("ai-finops")
    except metadata.PackageNotFoundError:
        version = "from a folder, not installed"
    found = [extra for extra, modules in EXTRAS.items() if all(map(_is_there, modules))]
    missing = [extra for extra in EXTRAS if extra not in found]
    yield ok("installed", f"ai-finops {version}; extras {', '.join(found) or 'none'}")
    if missing:
        yield hint(
            "installed", f"not there: {', '.join(missing)}", f"pip install 'ai-finops[{missing[0]}]' where it is wanted"
        )
    yield ok("prices", f"genai-prices {CATALOG_VERSION}; attribute names of {select_names().version}")


def _switch() -> Iterator[Finding]:
    if not is_on():
        said = f"AI_FINOPS_INSTRUMENT={os.environ.get('AI_FINOPS_INSTRUMENT', '')}"
        yield wrong("switch", f"{said}: nothing is recorded", "take it out of the environment where it is not a test")
    else:
        yield ok("switch", "on")
    feature = service_feature()
    if feature:
        yield ok("feature", f"{feature} (AI_FINOPS_FEATURE) where nobody says another")


def _decorated() -> Iterator[Finding]:
    found = Counter((pipeline, feature or "that of whoever asks") for _, pipeline, feature in decorated())
    if not found:
        advice = "decorate them, or import the service first: --import its_module"
        yield hint("decorated", "no function so far", advice)
    for pipeline, feature in sorted(found)[:_MOST_LISTED]:
        yield ok("decorated", f"{pipeline}: {feature}")
    if len(found) > _MOST_LISTED:
        yield ok("decorated", f"and {len(found) - _MOST_LISTED} more")


def _metrics() -> Iterator[Finding]:
    said = os.environ.get(KIND_ENV, "").strip().lower()
    sink = metric_sink()
    if sink is not None:
        yield ok("metrics", f"{type(sink).__name__}")
    elif said in NO_KIND:
        yield hint("metrics", "none are kept", f"{KIND_ENV}={'|'.join(KINDS)} where instrument_llm is used")
    else:
        advice = f"set it to {', '.join(KINDS)}, and install that extra; the log says why"
        yield wrong("metrics", f"{KIND_ENV}={said[:50]} cannot be used: none are kept", advice)


def _queries() -> Iterator[Finding]:
    if query_key() is not None:
        yield ok("queries", f"{KEY_SETTING} is set: queries are known by keyed fingerprints")
    elif os.environ.get(KEY_SETTING, "").strip():
        yield wrong(
            "queries",
            f"{KEY_SETTING} has fewer than {MIN_BYTES} bytes and is not used",
            "python -c 'import secrets; print(secrets.token_hex(32))'",
        )
    else:
        yield hint(
            "queries",
            f"no {KEY_SETTING}: queries have no fingerprint",
            "set one key for all services, from your secrets",
        )
    setting = embedder_setting()
    if setting is None:
        return
    if not can_embed():
        yield wrong("queries", f"{EMBEDDER_SETTING}={setting} needs extra embed", "pip install 'ai-finops[embed]'")
    elif setting.lower() != BUNDLED and not (Path(setting) / "model.safetensors").is_file():
        yield wrong(
            "queries", f"{EMBEDDER_SETTING}={setting} is no folder of a model2vec model", f"say {BUNDLED}, or give one"
        )
    else:
        yield ok("queries", f"embeddings by {setting}, off the request path")


def _losses() -> Iterator[Finding]:
    for kind, count in sorted(losses().items()):
        yield wrong("losses", f"{kind}: {count} since the process began", "see docs/instrument.md, What is lost")


def _is_there(module: str) -> bool:
    try:
        return util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is missing
        return False
