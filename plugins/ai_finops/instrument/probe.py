"""One span to where this process would send its spans, and whether it was taken."""

from __future__ import annotations

import logging
from typing import Any

from opentelemetry import trace

from ai_finops.instrument.addresses import shown_address, without_secrets
from ai_finops.instrument.findings import Finding, ok, wrong
from ai_finops.instrument.tracing_findings import exporter_of, processors_of

SPAN = "finops.probe"
TIMEOUT_S = 5.0
_TOPIC = "probe"
_EXPORTERS = "opentelemetry.exporter"


def send_probe() -> Finding:
    """Send a span named `finops.probe`; it says only that, and is counted nowhere."""
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SpanExportResult
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ModuleNotFoundError as error:
        return wrong(_TOPIC, f"cannot be sent: {error.name} is not installed", "pip install 'ai-finops[otel]'")
    exporter, is_own = _exporter()
    if exporter is None:
        return wrong(_TOPIC, "cannot be sent: there is no OTLP exporter", "pip install 'ai-finops[otel]'")
    provider = TracerProvider(
        sampler=ALWAYS_ON, resource=Resource.create({"service.name": "ai-finops-doctor"}), shutdown_on_exit=False
    )
    span = provider.get_tracer("ai_finops.instrument").start_span(SPAN)
    span.end()
    said = _Said()
    said.start()
    try:
        is_taken = exporter.export([span]) is SpanExportResult.SUCCESS  # type: ignore[list-item]
    finally:
        said.stop()
        if is_own:
            exporter.shutdown()
    where = shown_address(getattr(exporter, "_endpoint", type(exporter).__name__))
    if is_taken:
        return ok(_TOPIC, f"{where} has taken a span")
    why = " ".join(said.said[:1] + said.said[-1:] if len(said.said) > 1 else said.said) or "no reason was given"
    return wrong(
        _TOPIC, f"{where} has not taken a span: {why}", "see OTEL_EXPORTER_OTLP_ENDPOINT, and that the collector runs"
    )


def _exporter() -> tuple[Any, bool]:
    """The exporter of the provider that is set; without one, one as the environment has it."""
    for processor in processors_of(trace.get_tracer_provider()):
        exporter = exporter_of(processor)
        if hasattr(exporter, "_endpoint"):
            return exporter, False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ModuleNotFoundError:
        return None, False
    return OTLPSpanExporter(timeout=TIMEOUT_S), True


class _Said(logging.Handler):
    """The exporter tells why only in its log; it is kept for the finding instead of being printed.

    Also where a service has silenced that log: its loggers are opened meanwhile.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []
        self._top = logging.getLogger(_EXPORTERS)
        below = [
            logging.getLogger(name) for name in logging.root.manager.loggerDict if name.startswith(f"{_EXPORTERS}.")
        ]
        self._before = [(each, each.disabled, each.level, each.propagate) for each in (self._top, *below)]
        self._least_level = logging.root.manager.disable

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the line, once."""
        line = without_secrets(" ".join(record.getMessage().split()))[:300]
        if line not in self.said:
            self.said.append(line)

    def start(self) -> None:
        """Begin to listen."""
        logging.disable(logging.NOTSET)
        for logger, *_ in self._before:
            logger.disabled, logger.propagate = False, logger is not self._top
            logger.setLevel(logging.WARNING)
        self._top.addHandler(self)

    def stop(self) -> None:
        """Put everything back."""
        self._top.removeHandler(self)
        for logger, was_disabled, level, propagates in self._before:
            logger.disabled, logger.propagate = was_disabled, propagates
            logger.setLevel(level)
        logging.disable(self._least_level)
