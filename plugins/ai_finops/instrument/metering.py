"""`instrument_llm`: metrics of each call, for CloudWatch or Prometheus; never a network call on the request path."""

from __future__ import annotations

from ai_finops.instrument.metrics import metric_sink
from ai_finops.instrument.recorder import Recorder
from ai_finops.instrument.run import Run
from ai_finops.instrument.switch import switch


class MeterRun(Run):
    """A call as metrics."""

    def _closed(self) -> None:
        if not self.call.holds_calls and not switch.captures:
            sink = metric_sink()
            if sink is not None:
                sink.add(self.call)

    def _is_captured(self) -> bool:
        """A function that is also tracked is captured once, by its span."""
        parent = self.parent
        return not self.options.is_stacked and not (
            parent is not None and parent.options.is_stacked and type(parent) is not MeterRun
        )


class instrument_llm(Recorder):
    """Count each call of a function, or one block, by feature and model.

    Metrics `InputTokens`, `OutputTokens`, `LatencyMs` and `EstimatedCostUSD`. Takes what `track_llm_cost` takes, alone or
    together with it on one function; feature, model and usage are found the same way. Where the metrics go is said once, by
    `AI_FINOPS_METRICS` or `configure_metrics`.
    """

    kind = MeterRun
