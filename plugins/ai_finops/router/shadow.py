"""Shadow runs: a share of the requests is asked of a cheaper model too, off their path, and the answers are compared.

The product's request is over by then, and nothing here can change, delay or break it. What is not compared, and why, is counted
(`ai_finops.instrument.losses`, kinds `shadow_…`). The candidate's call is on the bill, so it is recorded like any other:
`track_llm_cost`, under the feature that asked, with its task type, and pipeline `shadow`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from opentelemetry import trace
from opentelemetry.context import get_current

from ai_finops.instrument.attribution import with_attribution
from ai_finops.instrument.call import NO_READING
from ai_finops.instrument.handle import current_call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.switch import is_on
from ai_finops.instrument.usage import read
from ai_finops.router import shadow_span
from ai_finops.router.answer import AsyncModelClient, ModelClient
from ai_finops.router.comparing import Embed, Judge, can_compare
from ai_finops.router.costs import cost_usd
from ai_finops.router.course import Routed
from ai_finops.router.daily_dollars import DailyDollars
from ai_finops.router.decision import Message, Request
from ai_finops.router.policy import Model
from ai_finops.router.said import NotComparable, Said, said_by
from ai_finops.router.shadow_bounds import TooLong, Unbounded, bounded_options, is_all_text, options_bytes
from ai_finops.router.shadow_policy import ShadowPolicy
from ai_finops.router.shadow_run import Comparer, Pair
from ai_finops.router.side_worker import SideWorker

LONGEST_REQUEST = 100_000
"""Characters of a request, and of its answer, that may wait in the queue; longer ones are not compared."""
MOST_QUEUED_BYTES = 64 * 2**20
"""Of all that waits, roughly: four bytes a character of texts, and options."""


class Shadow:
    """Sends a share of answered requests to the candidate and compares. One for a router, used from any thread or task.

        shadow = Shadow(shadow_policy, candidate=policy.model(shadow_policy.candidate), client=client)
        router = Router(policy, clients=client, observer=shadow.observe)

    Args:
        policy: Share, dollars and method.
        candidate: The policy's model of that name.
        client: How the candidate is asked, once and without the router; it keeps timeouts of its own. A client with
            `acomplete` is asked on the loop that the request ran on.
        feature: The product capability that pays where nobody has said another, as the router's.
        judge: For `compare: judge`; sync or async.
        embed: For `compare: embedding`; sync or async.
        clock: Seconds since 1970; its UTC day is the one whose dollars are spent.
        draw: A number from 0 up to 1, for requests without an id.
        cost_of: What a usage costs on a model, USD, as `costs.cost_usd`.
        tracer: Of the comparisons; OpenTelemetry's global one when left out.
    Raises:
        ValueError: The method needs a judge or an embedder and there is none, or the candidate is not the policy's.
    """

    def __init__(
        self,
        policy: ShadowPolicy,
        *,
        candidate: Model,
        client: ModelClient | AsyncModelClient,
        feature: str | None = None,
        judge: Judge | None = None,
        embed: Embed | None = None,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
        cost_of: Callable[..., float | None] = cost_usd,
        tracer: trace.Tracer | None = None,
    ) -> None:
        for method, tool in (("judge", judge), ("embedding", embed)):
            if policy.compare == method and tool is None:
                raise ValueError(f"shadow runs of a policy that compares by {method} need a callable for it; pass one")
        if candidate.name != policy.candidate:
            raise ValueError(
                f"shadow runs of a policy whose candidate is {policy.candidate} are given {candidate.name}; give "
                "policy.model(policy.shadow.candidate)"
            )
        self.policy = policy
        self.candidate = candidate
        self.dollars = DailyDollars(policy.daily_usd, clock=clock)
        self._draw = draw
        self._comparer = Comparer(
            policy, candidate, client, self.dollars, clock, cost_of, tracer or trace.get_tracer(shadow_span.SCOPE),
            feature, judge, embed, shadow_span.keeps_content(),
        )  # fmt: skip
        self._worker = SideWorker(
            "shadow",
            most_queued=policy.max_queued,
            hanging_after_s=3 * policy.timeout_s,
            most_bytes=MOST_QUEUED_BYTES,
        )
        _shadows.add(self)

    def observe(self, request: Request, routed: Routed) -> None:
        """Take an answer of a router: its `observer`."""
        try:
            if self._takes(request, routed.model, None) and not self._was_asked(routed):
                answer = routed.answer
                self._queue(request, said_by(answer), routed.model, read(answer.raw) or NO_READING)
        except NotComparable:
            count_loss("shadow_not_comparable")
        except Exception as error:  # noqa: BLE001 - the product has its answer, and gets it
            count_loss("shadow_not_offered", detail=type(error).__name__)

    def offer(
        self, request: Request, *, answer_text: str, model: Model, reading: Reading, request_id: str | None = None
    ) -> bool:
        """Take an answered request for a comparison, if it is in the share; return whether it was. Never raises.

        Args:
            answer_text: What the model in use said.
            model: That model; only answers of more capable ones than the candidate are compared.
            reading: What it used.
            request_id: The same id is in the share or not on every attempt and in every process; None: by chance.
        """
        try:
            return self._takes(request, model, request_id) and self._queue(request, Said(answer_text), model, reading)
        except Exception as error:  # noqa: BLE001 - the product has its answer, and gets it
            count_loss("shadow_not_offered", detail=type(error).__name__)
            return False

    def wait(self, timeout_s: float) -> bool:
        """Wait until what was taken is compared, for jobs, Lambda and tests; return whether it is."""
        return self._worker.wait(timeout_s)

    def close(self, timeout_s: float = 0.0) -> bool:
        """Wait so long, then take nothing more; what still waits is dropped and counted. Nobody has to call it."""
        return self._worker.close(timeout_s)

    def _takes(self, request: Request, model: Model, request_id: str | None) -> bool:
        task_types = self.policy.task_types
        return (
            self._is_in_share(request_id)
            and model.capability > self.candidate.capability
            and (task_types is None or request.task_type in task_types)
            and is_on()
        )

    def _was_asked(self, routed: Routed) -> bool:
        """Whether the candidate had its turn, and the answer is of the model after it: that would be paid twice."""
        return any(attempt.model.name == self.candidate.name for attempt in routed.attempts)

    def _queue(self, request: Request, said: Said, model: Model, reading: Reading) -> bool:
        refused = self._refusal(request, said.text)
        if refused is not None:
            count_loss(f"shadow_{refused}")
            return False
        try:
            options = bounded_options(request.options.get(self.candidate.provider_name, {}))
        except (Unbounded, TooLong) as error:
            is_long = isinstance(error, TooLong)
            count_loss("shadow_too_long" if is_long else "shadow_unbounded_options", detail=str(error)[:60])
            return False
        pair = self._pair(request, said, model, reading, options)
        size = 4 * (len(request.text) + len(request.system or "") + len(said.text)) + options_bytes(options)
        return self._worker.offer(partial(self._comparer.compare, pair), size_bytes=size)

    def _is_in_share(self, request_id: str | None) -> bool:
        if request_id is None:
            return self._draw() < self.policy.share
        digest = hashlib.blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64 < self.policy.share

    def _refusal(self, request: Request, answer_text: str) -> str | None:
        """Why a request of the share is not compared, for reasons that are known before anything is paid."""
        if request.task_type is None:
            return "without_task_type"  # the warehouse counts comparisons by task type
        if not is_all_text(request):
            return "not_text"
        if len(request.text) + len(request.system or "") > LONGEST_REQUEST or len(answer_text) > LONGEST_REQUEST:
            return "too_long"
        return None if can_compare(self.policy.compare, answer_text) else "not_comparable"

    def _pair(self, request: Request, said: Said, model: Model, reading: Reading, options: dict[str, Any]) -> Pair:
        """Everything as it is now: the caller may go on to change its lists, and its context ends."""
        above = current_call().call
        context = with_attribution(
            get_current(),
            feature=above.feature_id,
            journey=above.journey_id,
            journey_name=above.journey_name,
            user=above.user_id,
        )
        limit, asked = self.policy.max_output_tokens, request.max_output_tokens
        return Pair(
            request=self._limited(request, limit if asked is None else min(limit, asked), options),
            task_type=request.task_type or "",
            baseline=model,
            said=said,
            reading=reading,
            context=trace.set_span_in_context(trace.INVALID_SPAN, context),
            span_context=trace.get_current_span().get_span_context(),
            loop=_running_loop(),
            is_limit_lower=asked is None or limit < asked,
        )

    def _limited(self, request: Request, limit: int, options: dict[str, Any]) -> Request:
        prompt = request.prompt
        return replace(
            request,
            prompt=prompt if isinstance(prompt, str) else tuple(Message(each.role, each.text) for each in prompt),
            max_output_tokens=limit,
            options={self.candidate.provider_name: options} if options else {},
        )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


_shadows: weakref.WeakSet[Shadow] = weakref.WeakSet()


def _new_locks_in_child() -> None:
    for shadow in list(_shadows):
        shadow.dollars.new_lock_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_locks_in_child)
