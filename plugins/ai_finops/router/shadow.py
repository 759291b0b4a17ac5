"""Shadow runs: a share of the requests is asked of a cheaper model too, beside the product's path, and the answers are compared.

The product's request is over by then, and nothing here can change, delay or break it. What is not compared, and why, is counted
(`ai_finops.instrument.losses`, kinds `shadow_…`). The candidate's call is on the bill, so it is recorded like any other:
`track_llm_cost`, under the feature that asked, with its task type, and pipeline `shadow`.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import random
import time
import weakref
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach, get_current

from ai_finops.instrument.attribution import with_attribution
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.run import current_call, error_name
from ai_finops.instrument.switch import is_on
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.router import shadow_span
from ai_finops.router.comparing import Embed, Judge, Verdict, by_embedding, by_exact_match, by_judge, can_compare
from ai_finops.router.daily_dollars import SECONDS_PER_DAY, DailyDollars, Reservation
from ai_finops.router.decision import Message, Request
from ai_finops.router.policy import Model
from ai_finops.router.shadow_costs import CostOf, cost_usd, most_usage
from ai_finops.router.shadow_policy import ShadowPolicy
from ai_finops.router.side_worker import SideWorker

PIPELINE = "shadow"
LONGEST_REQUEST = 100_000
"""Characters of a request, and of its answer, that may wait in the queue; longer ones are not compared."""
_LIMITS = ("max_tokens", "max_completion_tokens", "maxTokens", "inferenceConfig", "n")
"""Options of a client that would let the candidate answer more than was reserved for it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the candidate said, and what it used."""

    text: str
    reading: Reading


Ask = Callable[[Request, Model], "Answer | Awaitable[Answer]"]
"""Asks a model once, without retries of a router; sync, or async for requests that are offered from a running loop."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A request that was answered, and everything that its comparison needs."""

    request: Request
    task_type: str
    baseline: Model
    answer_text: str
    reading: Reading
    context: Context
    span_context: trace.SpanContext
    loop: asyncio.AbstractEventLoop | None


class Shadow:
    """Sends a share of answered requests to the candidate and compares. One for a router, used from any thread or task.

    Args:
        policy: Share, dollars and method.
        candidate: The policy's model of that name.
        ask: How the candidate is asked.
        judge: For `compare: judge`; sync or async.
        embed: For `compare: embedding`; sync or async.
        clock: Seconds since 1970; its UTC day is the one whose dollars are spent.
        draw: A number from 0 up to 1, for requests without an id.
        cost_of: What a usage costs on a model, USD.
        tracer: Of the comparisons; OpenTelemetry's global one when left out.
    Raises:
        ValueError: The method needs a judge or an embedder, and there is none.
    """

    def __init__(
        self,
        policy: ShadowPolicy,
        *,
        candidate: Model,
        ask: Ask,
        judge: Judge | None = None,
        embed: Embed | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
        cost_of: CostOf = cost_usd,
        tracer: trace.Tracer | None = None,
    ) -> None:
        for method, tool in (("judge", judge), ("embedding", embed)):
            if policy.compare == method and tool is None:
                raise ValueError(f"shadow runs of a policy that compares by {method} need a callable for it; pass one")
        self.policy = policy
        self.candidate = candidate
        self.dollars = DailyDollars(policy.daily_usd, clock=clock)
        self._ask, self._judge, self._embed = ask, judge, embed
        self._clock, self._draw, self._cost_of = clock, draw, cost_of
        self._tracer = tracer or trace.get_tracer(shadow_span.SCOPE)
        self._keeps_content = shadow_span.keeps_content()
        self._worker = SideWorker("shadow", most_queued=policy.max_queued, hanging_after_s=2 * policy.timeout_s)
        _shadows.add(self)

    def offer(
        self, request: Request, *, answer_text: str, model: Model, reading: Reading, request_id: str | None = None
    ) -> bool:
        """Take an answered request for a comparison, if it is in the share; return whether it was. Never raises.

        Args:
            answer_text: What the model in use said.
            model: That model.
            reading: What it used.
            request_id: The same id is in the share or not on every attempt and in every process; None: by chance.
        """
        try:
            if not self._is_in_share(request_id) or model.name == self.candidate.name or not is_on():
                return False
            refused = self._refusal(request, answer_text, model)
            if refused is not None:
                count_loss(f"shadow_{refused}")
                return False
            pair = self._pair(request, answer_text, model, reading)
            return self._worker.offer(partial(self._compare_pair, pair))
        except Exception as error:  # noqa: BLE001 - the product has its answer, and gets it
            count_loss("shadow_not_offered", detail=type(error).__name__)
            return False

    def wait(self, timeout_s: float) -> bool:
        """Wait until what was taken is compared, for jobs, Lambda and tests; return whether it is."""
        return self._worker.wait(timeout_s)

    def close(self, timeout_s: float = 0.0) -> bool:
        """Wait so long, then take nothing more; what still waits is dropped and counted. Nobody has to call it."""
        return self._worker.close(timeout_s)

    def _is_in_share(self, request_id: str | None) -> bool:
        if request_id is None:
            return self._draw() < self.policy.share
        digest = hashlib.blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64 < self.policy.share

    def _refusal(self, request: Request, answer_text: str, model: Model) -> str | None:
        """Why a request of the share is not compared, for reasons that are known before anything is paid."""
        if request.task_type is None:
            return "without_task_type"
        if self.policy.task_types is not None and request.task_type not in self.policy.task_types:
            return "other_task_type"
        if model.capability <= self.candidate.capability:
            return "not_cheaper"
        if len(request.text) + len(request.system or "") > LONGEST_REQUEST or len(answer_text) > LONGEST_REQUEST:
            return "too_long"
        return None if can_compare(self.policy.compare, answer_text) else "not_comparable"

    def _pair(self, request: Request, answer_text: str, model: Model, reading: Reading) -> _Pair:
        """Everything as it is now: the caller may go on to change its lists, and its context ends."""
        above = current_call().call
        context = with_attribution(
            get_current(), feature=above.feature_id, journey=above.journey_id, journey_name=above.journey_name
        )
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = None
        return _Pair(
            self._request_of(request), request.task_type or "", model, answer_text, reading,
            trace.set_span_in_context(trace.INVALID_SPAN, context), trace.get_current_span().get_span_context(), loop,
        )  # fmt: skip

    def _request_of(self, request: Request) -> Request:
        prompt = request.prompt
        limit = self.policy.max_output_tokens
        options = request.options.get(self.candidate.provider_name, {})
        return replace(
            request,
            prompt=prompt if isinstance(prompt, str) else tuple(Message(each.role, each.text) for each in prompt),
            max_output_tokens=min(limit, request.max_output_tokens or limit),
            options={
                self.candidate.provider_name: {
                    name: deepcopy(value) for name, value in options.items() if name not in _LIMITS
                }
            },
        )

    def _compare_pair(self, pair: _Pair) -> None:
        """In the worker: everything from the reservation to the span."""
        token = attach(pair.context)
        try:
            day = int(self._clock() // SECONDS_PER_DAY)
            reservation = self._reserved(pair, day)
            if reservation is None:
                return
            span = shadow_span.start_span(
                self._tracer, pair.context, of=pair.span_context, task_type=pair.task_type, baseline=pair.baseline,
                candidate=self.candidate,
            )  # fmt: skip
            with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
                if not span.is_recording():  # sampled away, or no SDK: nobody would see what is paid for
                    count_loss("shadow_not_recorded")
                    self.dollars.settle(reservation, usd=0.0)
                    return
                # A call that failed may be on the bill all the same: it counts at the most it can have cost.
                answer = self._asked(pair, span)
                if answer is not None:
                    cost = self._cost_of(self.candidate, answer.reading, day)
                    self.dollars.settle(reservation, usd=None if cost is None else cost + self.policy.comparison_usd)
                    self._tell(pair, answer, span)
        finally:
            detach(token)

    def _reserved(self, pair: _Pair, day: int) -> Reservation | None:
        """Set aside the most that the comparison can cost; None, and counted why, where it cannot be."""
        most = self._cost_of(self.candidate, most_usage(pair.request, baseline=pair.reading), day)
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

    def _is_cheaper(self, pair: _Pair, day: int) -> bool:
        """Whether the candidate costs less for what the model in use did; true where that one's cost is not known."""
        costs = [self._cost_of(model, pair.reading, day) for model in (self.candidate, pair.baseline)]
        return None in costs or costs[0] < costs[1]

    def _asked(self, pair: _Pair, span: trace.Span) -> Answer | None:
        """Ask the candidate, recorded as a call; None when it failed."""
        try:
            with track_llm_cost(
                pipeline=PIPELINE,
                task_type=pair.task_type,
                model_tier=self.candidate.tier,
                model=self.candidate.model_id,
                provider=self.candidate.provider_name,
            ) as call:
                answer = self._waited(self._ask(pair.request, self.candidate), pair.loop)
                call.set_usage(**{name: value for name, value in answer.reading._asdict().items() if value is not None})
        except BaseException as error:  # noqa: BLE001 - cancelled calls too
            count_loss("shadow_candidate_failed", detail=type(error).__name__)
            span.set_attribute("error.type", error_name(error))
            return None
        return answer

    def _tell(self, pair: _Pair, answer: Answer, span: trace.Span) -> None:
        shadow_span.add_usage(span, baseline=pair.reading, candidate=answer.reading)
        if self._keeps_content:
            texts = {"prompt": pair.request.text, "baseline_answer": pair.answer_text, "candidate_answer": answer.text}
            shadow_span.add_content(span, texts)
        try:
            verdict = self._verdict(pair, answer.text)
        except BaseException as error:  # noqa: BLE001 - of a judge or an embedder
            count_loss("shadow_comparison_failed", detail=type(error).__name__)
            span.set_attribute("error.type", error_name(error))
            return
        shadow_span.add_verdict(span, verdict)

    def _verdict(self, pair: _Pair, candidate_text: str) -> Verdict:
        baseline_text, least = pair.answer_text, self.policy.least_score
        if self._judge is not None and self.policy.compare == "judge":
            said = self._waited(self._judge(pair.request.text, baseline_text, candidate_text), pair.loop)
            return by_judge(said, least_score=least)
        if self._embed is not None and self.policy.compare == "embedding":
            if not candidate_text.strip():
                return Verdict(True, False, "embedding", 0.0)  # nothing has no direction, and is no answer
            vectors = self._waited(self._embed([baseline_text, candidate_text]), pair.loop)
            return by_embedding(vectors, least_score=least)
        return by_exact_match(baseline_text, candidate_text)

    def _waited(self, said: Any, loop: asyncio.AbstractEventLoop | None) -> Any:
        """Return a value, or wait for it on the loop that the request ran on: async clients belong to one."""
        if not inspect.isawaitable(said):
            return said
        timed = _within(said, self.policy.timeout_s)
        if loop is None:
            return asyncio.run(timed)
        try:
            future = asyncio.run_coroutine_threadsafe(timed, loop)
        except RuntimeError:  # the loop is closed
            timed.close()
            if inspect.iscoroutine(said):
                said.close()
            raise
        try:
            return future.result(self.policy.timeout_s + 1)
        except TimeoutError:
            future.cancel()
            raise


async def _within(said: Awaitable[Any], timeout_s: float) -> Any:
    return await asyncio.wait_for(said, timeout_s)


_shadows: weakref.WeakSet[Shadow] = weakref.WeakSet()


def _new_locks_in_child() -> None:
    for shadow in list(_shadows):
        shadow.dollars.new_lock_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_locks_in_child)
