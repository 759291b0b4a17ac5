"""The recording of one call, from before the function begins until its answer, or the stream that it returned, has ended.

Nothing here may change what the caller sees: every step is guarded, and what a step cannot do is counted as a loss.
"""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter_ns, time_ns

from ai_finops.instrument.attribution import NOBODY, Attribution, asked_by, carry_along
from ai_finops.instrument.call import NO_READING, Call
from ai_finops.instrument.collecting import is_collecting
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.options import Options
from ai_finops.instrument.price import estimate_cost_usd
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.streams import StreamReading, follow
from ai_finops.instrument.switch import switch
from ai_finops.instrument.telling import tell_later
from ai_finops.instrument.told import LONGEST_MODEL, error_name, model_name, why_unread
from ai_finops.instrument.usage import read

_NS_PER_DAY = 86_400_000_000_000
_DEEPEST = 200
"""Calls inside of calls that are looked through."""
_MOST_INNER_READINGS = 64
"""Of the calls inside one function, that its own answer is held against."""

_current: ContextVar[Run | None] = ContextVar("ai_finops_run", default=None)
carry_along(_current)


_LEFT = GeneratorExit()
"""A generator was left before its end, or a coroutine, and nobody waits for it."""


class Run:
    """One call being recorded; `_opened`, `enter`, `leave` and `_closed` are what kinds of recording differ in."""

    # Defaults on the class, so that a call without anything inside sets four attributes and not eleven.
    _is_ended = _is_followed = False
    _inner_count = 0
    _inner_result: object = None
    _inner_readings: list[Reading] | None = None
    _inner_sum: tuple[int, int] = (0, 0)
    _stream: StreamReading | None = None
    _outside: Run | None = None
    """What was running where this one was entered."""

    def __init__(self, options: Options, model: object = None) -> None:
        self.options = options
        around = _current.get()
        self.call = call = Call()
        asked = asked_by()
        if around is None and asked is NOBODY:
            self.parent: Run | None = None
            call.feature_id = options.own_feature_id
            call.pipeline_id = options.pipeline_id
            if options.journey_id is not None:
                call.journey_id = options.journey_id
        else:
            # A task that was begun in a call may outlive it. Who asked stays; the call that has ended is not held on to.
            self.parent = None if around is None or around._is_ended else around
            _say_who_asked(call, asked, options, None if around is None else around.call)
        for name, value in options.said:
            setattr(call, name, value)
        if options.model is not None:
            call.request_model = options.model
        elif model is not None:
            call.request_model = model if type(model) is str and 0 < len(model) <= LONGEST_MODEL else model_name(model)
        call.started_at_ns = time_ns()
        self._started = perf_counter_ns()
        self._opened()
        self.enter()

    def enter(self) -> None:
        """Make this the call that is running here. Generators do it for each of their steps."""
        self._outside = _current.get()
        _current.set(self)

    def leave(self) -> None:
        """Undo `enter`, in the same step. What is left in another context than it was entered in is not current there."""
        if _current.get() is self:
            _current.set(self._outside)
        else:
            above = self.entered_inside()
            if above is not None:  # blocks of two generators that take turns end in any order
                above._outside = self._outside

    def entered_inside(self) -> Run | None:
        """What was entered inside of this one, and is not left yet; None where this one is current, or not here at all."""
        above = _current.get()
        for _ in range(_DEEPEST):  # a generator that works inside of a task that it began makes a circle
            if above is None or above._outside is self:
                return above
            above = above._outside
        return None

    def event(self, item: object) -> None:
        """Take one item of a stream."""
        try:
            call = self.call
            if call.first_token_ns is None:
                call.first_token_ns = perf_counter_ns() - self._started
                call.is_stream = True
            if self._stream is None:
                self._stream = StreamReading()
            self._stream.add(item)
        except Exception as error:  # noqa: BLE001  see the module's first lines
            count_loss("stream_event_unread", detail=type(error).__name__)

    def finish(self, result: object) -> None:
        """The function returned `result`; what is still to come of it, where that is a stream, is followed."""
        try:
            call = self.call
            call.duration_ns = perf_counter_ns() - self._started
            if self._is_followed:
                return
            if call.reading is NO_READING:
                # Most calls have nothing inside, and an answer that can be read.
                reading = self._reading_of(result) if self._inner_readings or result is None else read(result)
                if reading is not None:
                    call.reading = reading
                else:
                    self._read_stream()
                if call.reading is NO_READING:
                    if self.follows(result):
                        return
                    call.usage_gap = why_unread(result)
            self._end(result)
        except Exception as error:  # noqa: BLE001
            count_loss("call_unrecorded", detail=type(error).__name__)
            self._end_anyhow()

    def follows(self, result: object) -> bool:
        """Whether `result` is a stream that can be followed: then this call ends when the stream does."""
        if (
            self._stream is None
            and result is not None
            and follow(result, on_event=self.event, on_end=self._stream_ended)
        ):
            self._is_followed = self.call.is_stream = True
        return self._is_followed

    def fail(self, error: BaseException) -> None:
        """The function, or its stream, raised; what is known of its usage by then counts."""
        try:
            self.call.duration_ns = perf_counter_ns() - self._started
            if not isinstance(error, GeneratorExit):
                self.call.error_type = error_name(error)
            elif is_collecting():
                # The thread may hold a lock that whoever is told of this call would wait for.
                tell_later(lambda: self.fail(_LEFT))
                return
            self._read_stream()
            if not self.call.reading.has_usage:
                self.call.usage_gap = "stream_not_finished" if isinstance(error, GeneratorExit) else "failed"
            self._end(None)
        except Exception as fault:  # noqa: BLE001
            count_loss("call_unrecorded", detail=type(fault).__name__)
            self._end_anyhow()

    def exhausted(self) -> None:
        """A followed generator gave its last item."""
        try:
            self.call.duration_ns = perf_counter_ns() - self._started
            self.call.is_stream = True
            self._read_stream()
            if not self.call.reading.has_usage:
                self.call.usage_gap = "not_read"
            self._end(None)
        except Exception as error:  # noqa: BLE001
            count_loss("call_unrecorded", detail=type(error).__name__)
            self._end_anyhow()

    def _stream_ended(self, error: BaseException | None) -> None:
        if error is None:
            self.exhausted()
        else:
            self.fail(error)

    def _reading_of(self, result: object) -> Reading | None:
        if self._inner_readings and self._inner_result is result:
            return self._inner_readings[-1]
        return None if result is None else read(result)

    def _read_stream(self) -> None:
        if self.call.reading is NO_READING and self._stream is not None:
            self.call.reading = self._stream.reading() or NO_READING
        if self.call.reading is NO_READING and self.options.is_stacked and self._inner_readings:
            self.call.reading = self._inner_readings[-1]  # what the function said to its other decorator

    def _end(self, result: object) -> None:
        if self._is_ended:
            return
        self._is_ended = True
        call = self.call
        reading = call.reading
        if call.provider_name is not None and call.provider_name != reading.provider_name:
            # The caller knows whom it asks; OpenAI's client, say, is used for many hosts.
            call.reading = reading = reading._replace(provider_name=call.provider_name)
        model = call.request_model or reading.request_model
        if reading.response_model is not None and (
            # Of Bedrock the one asked: only its id says the region scope that is priced. An ARN may hide the model.
            model is None or reading.provider_name != "aws.bedrock" or model.startswith("arn:")
        ):
            model = reading.response_model
        call.model = model
        if self._inner_count and self._repeats_inner():
            call.holds_calls = True
        else:
            if reading.output_tokens is None and call.usage_gap is None and not reading.has_usage:
                call.usage_gap = "not_read"
            usd, gap = estimate_cost_usd(reading, model=model, day_number=call.started_at_ns // _NS_PER_DAY)
            if usd is None:
                call.cost_gap = gap
            else:
                call.estimated_cost_usd = usd
        if self.parent is not None:
            self._tell_parents(result)
        # A task that was begun in here may hold this run for long, and nothing of it.
        if self._inner_result is not None:
            self._inner_result = None
        self._closed()
        if switch.captures and self._is_captured():
            for sink in switch.captures:
                sink.add(call)
        self.parent = self._outside = None

    def _end_anyhow(self) -> None:
        """After a fault of our own: whatever was opened is closed, as it is."""
        self._is_ended = True
        try:
            self._abandoned()
        except Exception as error:  # noqa: BLE001
            count_loss("call_unrecorded", detail=type(error).__name__)

    def _repeats_inner(self) -> bool:
        """Whether the answer is that of a call inside, or their sum, or says nothing: then it is not counted again.

        Two ids, or two models, are two calls however alike their counts are.
        """
        reading = self.call.reading
        if not reading.has_usage:
            return True
        inner_readings = self._inner_readings or ()
        if any(reading is inner for inner in inner_readings):
            return True
        if reading.response_id is not None and any(inner.response_id is not None for inner in inner_readings):
            return any(reading.response_id == inner.response_id for inner in inner_readings)
        models = {inner.response_model for inner in inner_readings}
        if reading.response_model is not None and None not in models and reading.response_model not in models:
            return False
        tokens = (reading.input_tokens, reading.output_tokens)
        return (reading.input_tokens or 0, reading.output_tokens or 0) == self._inner_sum or any(
            tokens == (inner.input_tokens, inner.output_tokens) for inner in inner_readings
        )

    def _tell_parents(self, result: object) -> None:
        parent = self.parent
        if parent is None or parent._is_ended:
            return
        reading = self.call.reading
        if parent.options.is_stacked or type(parent) is type(self):
            parent._inner_result = result
            parent._keep(reading)
        while parent is not None and type(parent) is not type(self):
            parent = parent.parent
        if parent is not None:
            parent._inner_count += 1
            if parent is not self.parent:
                parent._inner_result = result
                parent._keep(reading)
            if not self.call.holds_calls:
                before = parent._inner_sum
                parent._inner_sum = (
                    before[0] + (reading.input_tokens or 0),
                    before[1] + (reading.output_tokens or 0),
                )

    def _keep(self, reading: Reading) -> None:
        readings = self._inner_readings
        if readings is None:
            readings = self._inner_readings = []
        elif len(readings) >= _MOST_INNER_READINGS:
            del readings[0]
        readings.append(reading)

    def _is_captured(self) -> bool:
        return True

    def _opened(self) -> None:
        """Begin to record."""

    def _closed(self) -> None:
        """Hand on what was recorded."""

    def _abandoned(self) -> None:
        """Close what `_opened` opened, when handing on went wrong."""


def _say_who_asked(call: Call, asked: Attribution, options: Options, above: Call | None) -> None:
    """Fill in feature, journey and pipeline: of the context, else of the call around this one, else of its own decorator."""
    above = Call() if above is None else above
    call.feature_id = asked.feature_id or above.feature_id or options.own_feature_id
    call.journey_id = asked.journey_id or above.journey_id or options.journey_id
    call.journey_name = asked.journey_name or above.journey_name
    call.user_id = asked.user_id or above.user_id
    call.pipeline_id = options.pipeline_id or above.pipeline_id


def running() -> Run | None:
    """What is being recorded here."""
    return _current.get()
