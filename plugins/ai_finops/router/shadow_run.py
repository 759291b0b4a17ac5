"""One comparison of a shadow run, from the dollars set aside to the span that tells of it; in a thread beside the product's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context

from ai_finops.instrument.attaching import attach_context, detach_quietly
from ai_finops.instrument.call import NO_READING
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.told import error_name
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.instrument.usage import read
from ai_finops.router import shadow_span
from ai_finops.router.answer import Answer, AsyncModelClient, ModelClient
from ai_finops.router.comparing import Embed, Judge, Verdict, by_embedding, by_exact_match, by_judge
from ai_finops.router.daily_dollars import SECONDS_PER_DAY, DailyDollars, Reservation
from ai_finops.router.decision import Request
from ai_finops.router.policy import Model
from ai_finops.router.said import NotComparable, Said, said_by
from ai_finops.router.shadow_bounds import most_usage
from ai_finops.router.shadow_policy import ShadowPolicy
from ai_finops.router.waiting import NotSent, waited

PIPELINE = "shadow"
_CUT_OFF = ("max_tokens", "length")


@dataclass(frozen=True, slots=True)
class Pair:
    """A request that was answered, and everything that its comparison needs, as it was then."""

    request: Request
    """With a limit to its answer."""
    task_type: str
    baseline: Model
    said: Said
    """By the model in use."""
    reading: Reading
    """What the model in use used."""
    context: Context
    """Who asked; without the request's span."""
    span_context: trace.SpanContext
    loop: asyncio.AbstractEventLoop | None
    """That the request ran on."""
    is_limit_lower: bool = False
    """Whether the candidate may say less than the model in use might."""


@dataclass(frozen=True, slots=True)
class Comparer:
    """Asks the candidate and compares. Frozen, and its dollars are safe to use from many threads."""

    policy: ShadowPolicy
    candidate: Model
    client: ModelClient | AsyncModelClient
    dollars: DailyDollars
    clock: Callable[[], float]
    cost_of: Callable[..., float | None]
    tracer: trace.Tracer
    feature: str | None = None
    judge: Judge | None = None
    embed: Embed | None = None
    keeps_content: bool = False

    def compare(self, pair: Pair) -> None:
        """Reserve, ask, settle, compare and tell; what keeps it from one of these is counted."""
        token = attach_context(pair.context)
        try:
            day = int(self.clock() // SECONDS_PER_DAY)
            reservation = self._reserved(pair, day)
            if reservation is not None:
                self._spend(pair, reservation, day)
        finally:
            detach_quietly(token)

    def _reserved(self, pair: Pair, day: int) -> Reservation | None:
        """Set aside the most that the comparison can cost; None, and counted why, where it cannot be."""
        usage = most_usage(pair.request, provider=self.candidate.provider_name, baseline=pair.reading)
        most = self.cost_of(usage, self.candidate, day_number=day)
        if most is None:
            count_loss("shadow_no_price", detail=self.candidate.name)
            return None
        if not self._is_cheaper(pair, day):
            count_loss("shadow_not_cheaper", detail=self.candidate.name)
            return None
        reservation = self.dollars.reserve(most + self.policy.comparison_usd)
        if reservation is None:
            count_loss("shadow_no_dollars")
        return reservation

    def _is_cheaper(self, pair: Pair, day: int) -> bool:
        """Whether the candidate costs less for what the model in use did; true where that one's cost is not known."""
        costs = [self.cost_of(pair.reading, model, day_number=day) for model in (self.candidate, pair.baseline)]
        return None in costs or costs[0] < costs[1]

    def _spend(self, pair: Pair, reservation: Reservation, day: int) -> None:
        span = shadow_span.start_span(
            self.tracer, pair.context, of=pair.span_context, task_type=pair.task_type, baseline=pair.baseline,
            candidate=self.candidate,
        )  # fmt: skip
        with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            if not span.is_recording():  # sampled away, or no SDK: nobody would see what is paid for
                count_loss("shadow_not_recorded")
                self.dollars.settle(reservation, usd=0.0)
                return
            try:
                answered = self._asked(pair, span)
            except NotSent:
                self.dollars.settle(reservation, usd=0.0)
                return
            if answered is None:
                # A call that failed may be on the bill all the same: it counts at the most it can have cost.
                return
            answer, reading = answered
            cost = self.cost_of(reading, self.candidate, day_number=day)
            self.dollars.settle(reservation, usd=None if cost is None else cost + self.policy.comparison_usd)
            shadow_span.add_usage(span, baseline=pair.reading, candidate=reading)
            self._tell(pair, answer, span)

    def _asked(self, pair: Pair, span: trace.Span) -> tuple[Answer, Reading] | None:
        """Ask the candidate, recorded as a call, for its answer and what it used; None when it failed.

        Raises:
            NotSent: It was never asked.
        """
        candidate = self.candidate
        try:
            with track_llm_cost(
                feature=self.feature,
                pipeline=PIPELINE,
                task_type=pair.task_type,
                model_tier=candidate.tier,
                model=candidate.model_id,
                provider=candidate.provider_name,
            ) as call:
                answer = waited(self._complete(pair), loop=pair.loop, timeout_s=self.policy.timeout_s)
                call.read(answer.raw)
            return answer, read(answer.raw) or NO_READING
        except BaseException as error:
            count_loss("shadow_candidate_failed", detail=type(error).__name__)
            span.set_attribute("error.type", error_name(error))
            if isinstance(error, NotSent):
                raise
            return None

    def _complete(self, pair: Pair) -> Any:
        """An answer, or a coroutine of one where the request ran in a loop, or where there is no other way."""
        client: Any = self.client
        is_async = hasattr(client, "acomplete") and (pair.loop is not None or not hasattr(client, "complete"))
        return (client.acomplete if is_async else client.complete)(pair.request, model=self.candidate)

    def _tell(self, pair: Pair, answer: Answer, span: trace.Span) -> None:
        try:
            said = said_by(answer)
        except NotComparable:
            count_loss("shadow_not_comparable")
            return
        if self.keeps_content:
            texts = {"prompt": pair.request.text, "baseline_answer": pair.said.text, "candidate_answer": said.text}
            shadow_span.add_content(span, texts)
        if pair.is_limit_lower and answer.finish_reason in _CUT_OFF:
            count_loss("shadow_cut_off")  # by our own limit: no fault of the candidate's
            return
        try:
            verdict = self._verdict(pair, said)
        except BaseException as error:  # noqa: BLE001 - of a judge or an embedder
            count_loss("shadow_comparison_failed", detail=type(error).__name__)
            span.set_attribute("error.type", error_name(error))
            return
        shadow_span.add_verdict(span, verdict)

    def _verdict(self, pair: Pair, said: Said) -> Verdict:
        least, wait = self.policy.least_score, {"loop": pair.loop, "timeout_s": self.policy.timeout_s}
        if self.policy.compare == "judge" and self.judge is not None:
            judged = waited(self.judge(pair.request.text, pair.said.text, said.text), **wait)
            return by_judge(judged, least_score=least)
        if self.policy.compare == "embedding" and self.embed is not None:
            if not said.text.strip():
                return Verdict(True, False, "embedding", 0.0)  # nothing has no direction, and is no answer
            vectors = waited(self.embed([pair.said.text, said.text]), **wait)
            return by_embedding(vectors, least_score=least)
        if pair.said.tools and said.tools and pair.said.tools != said.tools:
            return Verdict(True, False, "exact", 0.0)  # the same input to another tool does another thing
        return by_exact_match(pair.said.text, said.text)
