"""Metrics as lines of a log: CloudWatch's Embedded Metric Format, one line a call, no network at all.

Source: CloudWatch user guide, "Specification: Embedded metric format".
"""

from __future__ import annotations

import sys
import threading
from json.encoder import encode_basestring_ascii as quoted
from typing import TextIO

from ai_finops.instrument.call import Call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.metrics import lifetimes
from ai_finops.instrument.metrics.names import (
    ESTIMATED_COST_USD,
    FEATURE,
    INPUT_TOKENS,
    LATENCY_MS,
    MAX_DIMENSION_VALUE_CHARS,
    MAX_PAIRS,
    MODEL,
    NAMESPACE,
    NS_PER_MS,
    OUTPUT_TOKENS,
    Metric,
)
from ai_finops.instrument.metrics.pairs import Pairs
from ai_finops.instrument.metrics.values import Values, values_of


class EmbeddedMetricSink:
    """Writes each call as one line to a stream, where CloudWatch's agent or Lambda picks it up."""

    def __init__(self, stream: TextIO | None = None, *, max_pairs: int = MAX_PAIRS) -> None:
        """Prepare.

        Args:
            stream: Where lines go; default is what `sys.stdout` is at the time of each call.
            max_pairs: Pairs of feature and model, `other` included.
        """
        self._stream = stream
        self._pairs: Pairs[str] = Pairs(_dimensions, limit=max_pairs)
        self._lock = threading.RLock()
        lifetimes.keep(self)

    def add(self, call: Call) -> None:
        """Write one ended call. Never raises; waits for as long as the stream takes to write."""
        try:
            line = self._line(call)
            # Python before 3.12.4 loses text that two threads write to one stream at once.
            with self._lock:
                (self._stream or sys.stdout).write(line)
        except Exception as error:  # noqa: BLE001 telemetry must not break the call
            count_loss("metric_line_not_written", detail=type(error).__name__)

    def flush(self, timeout_s: float = 0.0) -> bool:
        """Hand over what the stream holds back; return whether that went well."""
        try:
            (self._stream or sys.stdout).flush()
        except Exception as error:  # noqa: BLE001 as above
            count_loss("metric_line_not_written", detail=type(error).__name__)
            return False
        return True

    def close(self, timeout_s: float = 0.0) -> bool:
        """Flush; the stream stays open."""
        return self.flush(timeout_s)

    def after_fork(self) -> None:
        """Begin anew in a child process, where another thread's lock would never be released."""
        self._lock = threading.RLock()

    def _line(self, call: Call) -> str:
        values = values_of(call)
        at_ms = call.ended_at_ns // NS_PER_MS
        dimensions = self._pairs.of(call.feature_id, call.model)
        return f'{{"_aws":{{"Timestamp":{at_ms},{_directive(values)}}},{dimensions}{_members(values)}{_facts(call)}}}\n'


def _dimensions(feature: str, model: str) -> str:
    return f"{quoted(FEATURE)}:{quoted(feature)},{quoted(MODEL)}:{quoted(model)}"


def _directives() -> tuple[str, ...]:
    """Return what says which members are metrics, for each way in which some of them are not known."""
    return tuple(
        _directive_of([metric for bit, metric in enumerate(_OPTIONAL) if known & 1 << bit]) for known in range(8)
    )


def _directive_of(optional: list[Metric]) -> str:
    metrics = ",".join(f'{{"Name":"{name}","Unit":"{unit}"}}' for name, unit in (LATENCY_MS, *optional))
    dimensions = f'[["{FEATURE}","{MODEL}"]]'
    return f'"CloudWatchMetrics":[{{"Namespace":"{NAMESPACE}","Dimensions":{dimensions},"Metrics":[{metrics}]}}]'


_OPTIONAL = (INPUT_TOKENS, OUTPUT_TOKENS, ESTIMATED_COST_USD)
_DIRECTIVES = _directives()


def _directive(values: Values) -> str:
    _, input_tokens, output_tokens, cost_usd = values
    return _DIRECTIVES[(input_tokens is not None) + 2 * (output_tokens is not None) + 4 * (cost_usd is not None)]


def _members(values: Values) -> str:
    latency_ns, tokens_in, tokens_out, usd = values
    latency = f',"LatencyMs":{latency_ns / NS_PER_MS}'
    if tokens_in is not None and tokens_out is not None and usd is not None:
        return f'{latency},"InputTokens":{tokens_in},"OutputTokens":{tokens_out},"EstimatedCostUSD":{usd}'
    known = (("InputTokens", tokens_in), ("OutputTokens", tokens_out), ("EstimatedCostUSD", usd))
    return latency + "".join(f',"{name}":{value}' for name, value in known if value is not None)


def _facts(call: Call) -> str:
    """Return the members that can be searched for in the log and make no metric. Written out, as a loop takes twice as long."""
    text = ""
    if call.pipeline_id is not None:
        text += f',"Pipeline":{_quoted(call.pipeline_id)}'
    if call.journey_id is not None:
        text += f',"Journey":{_quoted(call.journey_id)}'
    if call.task_type is not None:
        text += f',"TaskType":{_quoted(call.task_type)}'
    if call.model_tier is not None:
        text += f',"ModelTier":{_quoted(call.model_tier)}'
    if call.prompt_version is not None:
        text += f',"PromptVersion":{_quoted(call.prompt_version)}'
    if call.error_type is not None:
        text += f',"ErrorType":{_quoted(call.error_type)}'
    if call.cost_gap is not None:
        text += f',"CostGap":{_quoted(call.cost_gap)}'
    if call.usage_gap is not None:
        text += f',"UsageGap":{_quoted(call.usage_gap)}'
    if call.first_token_ns is not None:
        text += f',"TimeToFirstTokenMs":{call.first_token_ns / NS_PER_MS}'
    return text


def _quoted(text: str) -> str:
    return quoted(text[:MAX_DIMENSION_VALUE_CHARS])
