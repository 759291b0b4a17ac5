"""`instrument_llm`: metrics of each call, for CloudWatch or Prometheus; never a network call on the request path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from ai_finops.instrument.metrics import metric_sink
from ai_finops.instrument.options import make_options
from ai_finops.instrument.recorder import Recorder
from ai_finops.instrument.run import Run
from ai_finops.instrument.switch import switch

F = TypeVar("F", bound=Callable[..., Any])


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


@overload
def instrument_llm(function: F, /) -> F: ...
@overload
def instrument_llm(
    *,
    feature: str | None = None,
    model_tier: str | None = None,
    pipeline: str | None = None,
    task_type: str | None = None,
    prompt_version: str | None = None,
    journey: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    operation: str | None = None,
) -> Recorder: ...
def instrument_llm(function: Any = None, /, **said: Any) -> Any:
    """Count each call of a function, or one block, by feature and model.

    Metrics `InputTokens`, `OutputTokens`, `LatencyMs` and `EstimatedCostUSD`. Takes what `track_llm_cost` takes, alone or
    together with it on one function; feature, model and usage are found the same way. Where the metrics go is said once, by
    `AI_FINOPS_METRICS` or `configure_metrics`.
    """
    recorder = Recorder("instrument_llm", kind=MeterRun, options=make_options(**said))
    return recorder if function is None else recorder(function)
