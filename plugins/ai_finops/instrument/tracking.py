"""`track_llm_cost`: one OpenTelemetry span for each call of a model, with its feature, its usage and its cost by list price."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from opentelemetry import trace
from opentelemetry.context import Context, attach, get_current

from ai_finops.instrument.attribution import with_attribution
from ai_finops.instrument.options import make_options
from ai_finops.instrument.price import CATALOG_VERSION
from ai_finops.instrument.recorder import Recorder
from ai_finops.instrument.run import Run
from ai_finops.instrument.semconv import Names, select_names

F = TypeVar("F", bound=Callable[..., Any])
SCOPE = "ai_finops.instrument"
_STEP_OPERATION = "invoke_workflow"
_ERROR = trace.Status(trace.StatusCode.ERROR)
_NS_PER_MS = 1_000_000
_NO_CONTEXT = Context()

_tracer = trace.get_tracer(SCOPE)
_names: Names = select_names()


class SpanRun(Run):
    """A call as a span of kind CLIENT, current while the call runs."""

    def _opened(self) -> None:
        call, names = self.call, _names
        attributes: dict[str, Any] = {names.operation: call.operation_name}
        model = self._asked_model = call.request_model
        if model is not None:
            attributes[names.request_model] = model
        if call.provider_name is not None:
            attributes[names.provider] = call.provider_name
        feature_id = call.feature_id
        if feature_id is not None:
            attributes["finops.feature"] = feature_id
        if call.pipeline_id is not None:
            attributes["finops.pipeline"] = call.pipeline_id
        current = get_current()
        self._span = span = _tracer.start_span(
            call.operation_name if model is None else f"{call.operation_name} {model}",
            current,
            trace.SpanKind.CLIENT,
            attributes,
            start_time=call.started_at_ns,
        )
        context = trace.set_span_in_context(span, current)
        # What the function calls in other services was asked for by the same feature.
        self._context: Context = (
            context
            if feature_id is None and call.journey_id is None
            else with_attribution(context, feature=feature_id, journey=call.journey_id, journey_name=call.journey_name)
        )

    def enter(self) -> None:
        """Make the span current as well."""
        self._context_outside = get_current()
        attach(self._context)
        super().enter()

    def leave(self) -> None:
        """Make what was current before current again."""
        # Set back, and not detached by a token: one of another context (a generator closed elsewhere) cannot be.
        if get_current() is self._context:
            attach(self._context_outside)
        else:
            above = self.entered_inside()
            if isinstance(above, SpanRun) and above._context_outside is self._context:
                above._context_outside = self._context_outside
        super().leave()

    def _closed(self) -> None:
        call, span = self.call, self._span
        self._context = self._context_outside = _NO_CONTEXT
        if span.is_recording():
            span.set_attributes(_facts(self))
            if call.error_type is not None:
                span.set_status(_ERROR)
            if call.holds_calls:
                span.update_name(call.pipeline_id or _STEP_OPERATION)
            elif self._asked_model is None and call.model is not None:
                span.update_name(f"{call.reading.operation_name or call.operation_name} {call.model}")
        span.end(call.ended_at_ns)

    def _abandoned(self) -> None:
        self._span.end()


def _facts(run: SpanRun) -> dict[str, Any]:
    call, names = run.call, _names
    facts: dict[str, Any] = {}
    if call.journey_id is not None:
        facts["finops.journey"] = call.journey_id
    if call.journey_name is not None:
        facts["finops.journey.name"] = call.journey_name
    if call.user_id is not None:
        facts["finops.user"] = call.user_id
    if call.task_type is not None:
        facts["finops.task_type"] = call.task_type
    if call.prompt_version is not None:
        facts["finops.prompt_version"] = call.prompt_version
    if call.error_type is not None:
        facts["error.type"] = call.error_type
    if call.holds_calls:
        facts[names.operation] = _STEP_OPERATION
        return facts
    if call.model_tier is not None:
        facts["finops.model_tier"] = call.model_tier
    if call.is_stream:
        facts["finops.is_stream"] = True
    if call.first_token_ns is not None:
        facts["finops.time_to_first_token_ms"] = call.first_token_ns / _NS_PER_MS
    _add_reading(facts, run, names)
    if call.estimated_cost_usd is not None:
        facts["finops.estimated_cost_usd"] = call.estimated_cost_usd
        facts["finops.currency"] = "USD"
        facts["finops.price_catalog_version"] = CATALOG_VERSION
    elif call.cost_gap is not None:
        facts["finops.cost_gap"] = call.cost_gap
    return facts


def _add_reading(facts: dict[str, Any], run: SpanRun, names: Names) -> None:
    call = run.call
    (
        provider_name,
        operation_name,
        request_model,
        response_model,
        response_id,
        request_id,
        processing,
        finish_reason,
        input_tokens,
        cache_read,
        cache_write,
        cache_write_1h,
        output_tokens,
        reasoning,
        search_units,
        retry_count,
    ) = call.reading
    if provider_name is not None:
        facts[names.provider] = provider_name
    if operation_name is not None and operation_name != call.operation_name:
        facts[names.operation] = operation_name
    asked_model = call.request_model or request_model
    if asked_model is not None and asked_model != run._asked_model:
        facts[names.request_model] = asked_model
    if response_model is not None:
        facts[names.response_model] = response_model
    if response_id is not None:
        facts[names.response_id] = response_id
    if request_id is not None:
        facts["aws.request_id" if provider_name == "aws.bedrock" else "finops.request_id"] = request_id
    if processing is not None:
        facts["finops.processing"] = processing
    if finish_reason is not None:
        facts[names.finish_reasons] = (finish_reason,)
    if input_tokens is not None:
        facts[names.input_tokens] = input_tokens
    if output_tokens is not None:
        facts[names.output_tokens] = output_tokens
    if cache_read is not None:
        facts[names.cache_read_input_tokens] = cache_read
    if cache_write is not None:
        facts[names.cache_write_input_tokens] = cache_write
    if cache_write_1h is not None:
        # The conventions have one count of written tokens; Anthropic's own name says which are kept, and paid, for an hour.
        facts["anthropic.usage.cache_creation.ephemeral_1h_input_tokens"] = cache_write_1h
    if reasoning is not None:
        facts[names.reasoning_output_tokens] = reasoning
    if search_units is not None:
        facts["gen_ai.usage.search_units"] = search_units
    if retry_count is not None:
        facts["finops.retry_count"] = retry_count
    if call.usage_gap is not None:
        facts["finops.usage_gap"] = call.usage_gap


@overload
def track_llm_cost(function: F, /) -> F: ...
@overload
def track_llm_cost(
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
def track_llm_cost(function: Any = None, /, **said: Any) -> Any:
    """Record each call of a function, or one block, as an OpenTelemetry span.

    `@track_llm_cost(feature="support_answer", model_tier="cheap")` on a sync or async function, a generator, an async generator
    or a method; `with track_llm_cost(feature=…) as call:` and `async with` for a block, which says `call.read(answer)`.

    The feature is that of whoever asked, by `ai_finops.instrument.attribution`; the one given here counts where nobody said
    another. What the function returns is returned, the same object, and what it raises is raised. Texts are not recorded.

    Args:
        feature: Product capability that pays when no caller has said one.
        model_tier: `cheap`, `mid` or `expensive`, as in seed `model_tiers`, for models that no seed knows.
        pipeline: Name of the code; by default module and name of the function.
        task_type: What the call does, as in seed `task_types`.
        prompt_version: Version of the prompt, so that a change in cost can be told by it.
        journey: Id of one user's task over several calls.
        model: The model asked, where neither an argument `model`, `modelId` or `model_id` nor the answer says it.
        provider: As in `gen_ai.provider.name`, where the answer does not say it.
        operation: As in `gen_ai.operation.name`; `chat` by default, and the answer's own where it tells.
    """
    recorder = Recorder("track_llm_cost", kind=SpanRun, options=make_options(**said))
    return recorder if function is None else recorder(function)


def _use_tracer(tracer: trace.Tracer, *, names: Names | None = None) -> Callable[[], None]:
    """Record with another tracer and other names; returns how to undo it. For tests and benches."""
    global _tracer, _names
    before = _tracer, _names
    _tracer, _names = tracer, names or _names

    def undo() -> None:
        global _tracer, _names
        _tracer, _names = before

    return undo
