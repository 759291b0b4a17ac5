"""Which sink metrics go to: said in code, else by the environment, else none."""

from __future__ import annotations

import logging
import os
import threading
from importlib.util import find_spec
from typing import Any

from ai_finops.instrument.call import CallSink
from ai_finops.instrument.metrics.cloudwatch import INTERVAL_S, CloudWatchSink
from ai_finops.instrument.metrics.embedded import EmbeddedMetricSink
from ai_finops.instrument.metrics.prometheus import PrometheusSink

_LOG = logging.getLogger("ai_finops.instrument")
KIND_ENV = "AI_FINOPS_METRICS"
INTERVAL_ENV = "AI_FINOPS_METRICS_INTERVAL_S"
KINDS = ("cloudwatch", "emf", "prometheus")
NO_KIND = ("", "none", "off")
LEAST_INTERVAL_S, MOST_INTERVAL_S = 1.0, 3_600.0
_NEEDS = {"cloudwatch": "boto3", "prometheus": "prometheus_client"}

_lock = threading.RLock()  # re-entrant, as the garbage collector may end a call while a sink is made
_is_chosen = False
_sink: CallSink | None = None


def metric_sink() -> CallSink | None:
    """Return where metrics go, None for nowhere. The first call reads `AI_FINOPS_METRICS` unless code has chosen."""
    return _sink if _is_chosen else _choose_by_environment()


def configure_metrics(kind: str | None = None, *, sink: CallSink | None = None, **options: Any) -> CallSink | None:
    """Choose where metrics go from now on; what was chosen before sends a last time.

    A wrong word is one warning and no metrics; never an exception.

    Args:
        kind: `cloudwatch`, `emf`, `prometheus` or `none`; default is what the environment says.
        sink: One that is made already, or one of your own; then `kind` does not count.
        options: For the sink of this kind: `client`, `make_client`, `interval_s` (CloudWatch), `stream` (EMF), `registry`
            (Prometheus), `max_pairs`.
    Returns:
        The sink, None for nowhere.
    """
    global _sink, _is_chosen
    chosen = sink if sink is not None else _made(_kind_in_environment() if kind is None else kind, options)
    with _lock:
        before, _sink, _is_chosen = _sink, chosen, True
    if before is not None and before is not chosen:
        _call(before, "close")
    return chosen


def flush_metrics(timeout_s: float = 5.0) -> bool:
    """Send what waits, at the end of a Lambda invocation; return whether nothing waits any more."""
    sink = metric_sink()
    return True if sink is None else _call(sink, "flush", timeout_s)


def forget_choice() -> None:
    """Be as at the start of the process, for tests."""
    global _sink, _is_chosen
    with _lock:
        before, _sink, _is_chosen = _sink, None, False
    if before is not None:
        _call(before, "close")


def _choose_by_environment() -> CallSink | None:
    global _sink, _is_chosen
    with _lock:
        if not _is_chosen:
            _sink, _is_chosen = _made(_kind_in_environment(), {}), True
        return _sink


def _kind_in_environment() -> str:
    return os.environ.get(KIND_ENV, "")


def _made(kind: str, options: dict[str, Any]) -> CallSink | None:
    word = kind.strip().lower()
    if word in NO_KIND:
        return None
    if word not in KINDS:
        _LOG.warning("%s is %r: no metrics are kept; set it to %s, or none", KIND_ENV, kind[:100], ", ".join(KINDS))
        return None
    if (needed := _NEEDS.get(word)) and find_spec(needed) is None:
        _LOG.warning(
            "%s is %s, which needs %s: no metrics are kept; install ai-finops[%s]", KIND_ENV, word, needed, word
        )
        return None
    try:
        return _sink_of(word, options)
    except Exception as error:  # noqa: BLE001 telemetry must not break the product
        _LOG.warning("metrics cannot go to %s (%s: %s): none are kept", word, type(error).__name__, error)
        return None


def _sink_of(kind: str, options: dict[str, Any]) -> CallSink:
    if kind == "cloudwatch":
        return CloudWatchSink(**{"interval_s": _interval_s()} | options)
    return EmbeddedMetricSink(**options) if kind == "emf" else PrometheusSink(**options)


def _interval_s() -> float:
    said = os.environ.get(INTERVAL_ENV, "")
    try:
        interval_s = float(said) if said.strip() else INTERVAL_S
    except ValueError:
        interval_s = 0.0
    if LEAST_INTERVAL_S <= interval_s <= MOST_INTERVAL_S:
        return interval_s
    _LOG.warning(
        "%s is %r: taken as %g; set it to seconds from %g to %g",
        INTERVAL_ENV, said[:100], INTERVAL_S, LEAST_INTERVAL_S, MOST_INTERVAL_S,
    )  # fmt: skip
    return INTERVAL_S


def _call(sink: Any, verb: str, *arguments: float) -> bool:
    """Flush or close a sink; one of the user's own may have neither, or raise."""
    try:
        action = getattr(sink, verb, None)
        return True if action is None else action(*arguments) is not False
    except Exception as error:  # noqa: BLE001 as above
        _LOG.warning("the metric sink %s cannot %s (%s: %s)", type(sink).__name__, verb, type(error).__name__, error)
        return False


def _new_lock_in_child() -> None:
    global _lock  # held by another thread at the fork, it would never be released in the child
    _lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock_in_child)
