"""The router: it asks the model that the policy chooses, and what follows when that fails or is not sure.

router = Router(read_policy("routes.yaml"), clients=BedrockClient(boto3.client("bedrock-runtime")))
routed = router.complete(Request("Which plan has single sign-on?", task_type="classification"))
routed.answer.text
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any

from ai_finops.errors import PolicyError
from ai_finops.instrument.attribution import feature as asking
from ai_finops.instrument.handle import CallHandle, current_call
from ai_finops.instrument.losses import count_loss
from ai_finops.instrument.reading import Reading
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.instrument.usage import read
from ai_finops.router.answer import Answer, AsyncModelClient, ModelClient, UnreadableAnswer
from ai_finops.router.attempt import AttemptTimeout, note, outcome, within
from ai_finops.router.breaker import Breakers
from ai_finops.router.confidence import AsyncVerifier, Verifier, of_answer, of_verdict
from ai_finops.router.course import Course, Routed
from ai_finops.router.decision import Decision, Request, decide
from ai_finops.router.faults import Fault, fault_of
from ai_finops.router.policy import Model, Policy
from ai_finops.router.shadow_policy import warn_of_no_observer
from ai_finops.router.spans import routing_span

Client = ModelClient | AsyncModelClient
Observer = Callable[[Request, Routed], None]


class Router:
    """Routes requests by a policy. Threads and tasks may share one; breakers are its only state.

    Args:
        policy: What `read_policy` returned.
        clients: One client for all models, or clients by the model's name in the policy or by provider name; a model's own
            comes first.
        verifier: Says how good an answer is, from 0 to 1 or True and False; for confidence of source `verifier`. May be a
            coroutine function, then `acomplete` is the only way to ask.
        feature: The product capability that pays where nobody has said another.
        pipeline: Name of the code that asks; by default that of the recorded function around it.
        observer: Told of each answer that was given, such as a shadow run; what it raises is counted and not raised.
        classify_error: Whose fault an exception is; `faults.fault_of` by default.
        clock: Monotonic seconds, for the breakers.
        max_threads: How many calls of clients without `acomplete` run side by side in coroutines.
    Raises:
        PolicyError: A model of the policy has no client, or it wants a verifier or log-probabilities and there are none.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        clients: Client | Mapping[str, Client],
        verifier: Verifier | AsyncVerifier | None = None,
        feature: str | None = None,
        pipeline: str | None = None,
        observer: Observer | None = None,
        classify_error: Callable[[Exception], Fault] = fault_of,
        clock: Callable[[], float] = time.monotonic,
        max_threads: int = 64,
    ) -> None:
        self.policy = policy
        self.breakers = Breakers((model.name for model in policy.models), policy.breaker, clock=clock)
        self._clients = {model.name: _client_of(model, clients, policy) for model in policy.models}
        self._verifier = verifier
        self._feature, self._pipeline = feature, pipeline
        self._observer = observer
        self._classify_error = classify_error
        self._max_threads = max_threads
        self._pool: tuple[int, ThreadPoolExecutor] | None = None
        if observer is None and policy.shadow is not None:
            warn_of_no_observer(policy.policy_id)
        check = policy.confidence
        if check is not None and check.source == "verifier" and verifier is None:
            raise PolicyError(f"policy {policy.policy_id} takes confidence from a verifier; give Router(verifier=…)")
        self._refuse_without_logprobs()

    def _refuse_without_logprobs(self) -> None:
        check = self.policy.confidence
        if check is None or check.source != "logprobs":
            return
        for model in self.policy.models:
            if model.tier in check.escalate and getattr(self._clients[model.name], "gives_logprobs", True) is False:
                raise PolicyError(
                    f"policy {self.policy.policy_id} takes confidence from log-probabilities, and the client of {model.name} "
                    f"gives none; give one that does (OpenAIStyleClient(…, with_logprobs=True)), or use another source"
                )

    def decide(self, request: Request) -> Decision:
        """Return what would be asked first now, and why, without asking it."""
        return decide(request, self.policy, unhealthy=self.breakers.unhealthy())

    def complete(self, request: Request | str) -> Routed:
        """Return an answer.

        Raises:
            Exception: The last model's, the same object, when no model answered; its notes say which were asked. Also the
                first one that is the request's own fault.
        """
        request = _as_request(request)
        with routing_span(request, feature=self._feature, pipeline=self._pipeline) as decided:
            course = decided.course = Course(request, self.policy, self.breakers)
            while (model := course.next_model) is not None:
                try:
                    answer, reading = self._ask(request, model)
                except Exception as error:
                    if not self._goes_on(course, error):
                        raise
                    continue
                except BaseException:
                    course.abandoned()
                    raise
                course.came(answer, reading=reading)
                course.weighed(self._confidence(course, request, answer))
            routed = course.routed()
            self._observe(request, routed)
        return routed

    async def acomplete(self, request: Request | str) -> Routed:
        """Return an answer, as `complete` does; a cancellation is passed on at once."""
        request = _as_request(request)
        with routing_span(request, feature=self._feature, pipeline=self._pipeline) as decided:
            course = decided.course = Course(request, self.policy, self.breakers)
            while (model := course.next_model) is not None:
                try:
                    answer, reading = await self._ask_async(request, model)
                except Exception as error:
                    if not self._goes_on(course, error):
                        raise
                    continue
                except BaseException:
                    course.abandoned()
                    raise
                course.came(answer, reading=reading)
                course.weighed(await self._confidence_async(course, request, answer))
            routed = course.routed()
            self._observe(request, routed)
        return routed

    def _ask(self, request: Request, model: Model) -> tuple[Answer, Reading | None]:
        client = self._clients[model.name]
        if not hasattr(client, "complete"):
            raise TypeError(f"the client of {model.name} has only acomplete; use Router.acomplete")
        with self._recorded(request, model) as call:
            answer = client.complete(request, model=model)
            return answer, _read_into(call, answer)

    async def _ask_async(self, request: Request, model: Model) -> tuple[Answer, Reading | None]:
        client = self._clients[model.name]
        with self._recorded(request, model) as call:
            if isinstance(client, AsyncModelClient):
                asked = client.acomplete(request, model=model)
            else:
                asked = self._in_thread(partial(client.complete, request, model=model))
            answer = await within(asked, self.policy.fallback.attempt_timeout_s, model)
            return answer, _read_into(call, answer)

    def _recorded(self, request: Request, model: Model) -> track_llm_cost:
        return track_llm_cost(
            feature=self._feature,
            pipeline=self._pipeline,
            model_tier=model.tier,
            task_type=request.task_type,
            model=model.model_id,
            provider=model.provider_name,
        )

    async def _in_thread(self, call: Callable[[], Answer]) -> Answer:
        pid = os.getpid()
        if self._pool is None or self._pool[0] != pid:  # threads do not live on in a forked child
            self._pool = pid, ThreadPoolExecutor(self._max_threads, thread_name_prefix="ai-finops-router")
        run = copy_context().run
        value, error = await asyncio.get_running_loop().run_in_executor(self._pool[1], run, outcome, call)
        if isinstance(error, StopIteration):  # none leaves a coroutine
            raise RuntimeError("the client raised StopIteration") from error
        if error is not None:
            raise error
        return value

    def _goes_on(self, course: Course, error: Exception) -> bool:
        """Whether another model is asked, or an answer is there; else the error is the end, and is told what was asked."""
        course.failed(self._fault(error))
        if course.next_model is not None or course.taken is not None:
            return True
        tried = ", ".join(f"{attempt.model.name} ({attempt.fault})" for attempt in course.attempts)
        note(error, f"{tried} by policy {self.policy.policy_id}")
        return False

    def _fault(self, error: Exception) -> Fault:
        if isinstance(error, AttemptTimeout):
            return Fault("timeout")
        try:
            fault = self._classify_error(error)
            if isinstance(fault, Fault):
                return fault
            count_loss("classify_error_failed", detail=f"it returned {type(fault).__name__}")
        except Exception as broken:  # noqa: BLE001  what the model raised goes on
            count_loss("classify_error_failed", detail=type(broken).__name__)
        return Fault("error")

    def _confidence(self, course: Course, request: Request, answer: Answer) -> float | None:
        check = course.decision.check
        if check is None or not course.is_checked:
            return None
        if check.source != "verifier":
            return of_answer(answer, check)
        try:
            verdict: Any = self._verifier(request, answer)  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001  the answer is there; whether it is good is not known
            return _no_verdict(error)
        if inspect.isawaitable(verdict):
            _close(verdict)
            return _no_verdict(TypeError("a coroutine"))
        return _judged(verdict)

    async def _confidence_async(self, course: Course, request: Request, answer: Answer) -> float | None:
        check = course.decision.check
        if check is None or check.source != "verifier" or not course.is_checked:
            return self._confidence(course, request, answer)
        try:
            verdict: Any = self._verifier(request, answer)  # type: ignore[misc]
            return _judged(await verdict if inspect.isawaitable(verdict) else verdict)
        except Exception as error:  # noqa: BLE001  the answer is there; whether it is good is not known
            return _no_verdict(error)

    def _observe(self, request: Request, routed: Routed) -> None:
        """Inside of the decision's span, and with who asked in the context: what is observed belongs to both."""
        if self._observer is None:
            return
        around = current_call().call
        try:
            with asking(
                around.feature_id or self._feature, journey=around.journey_id, journey_name=around.journey_name
            ):
                self._observer(request, routed)
        except Exception as error:  # noqa: BLE001  the answer is there and is returned
            count_loss("router_observer_failed", detail=type(error).__name__)


def _as_request(request: Request | str) -> Request:
    return Request(request) if isinstance(request, str) else request


def _client_of(model: Model, clients: Client | Mapping[str, Client], policy: Policy) -> Any:
    if not isinstance(clients, Mapping):
        return clients
    client = clients.get(model.name)
    if client is None:
        client = clients.get(model.provider_name)
    if client is None:
        raise PolicyError(
            f"policy {policy.policy_id}: there is no client for {model.name}; give one as clients[{model.name!r}] or "
            f"clients[{model.provider_name!r}]"
        )
    return client


def _read_into(call: CallHandle, answer: Answer) -> Reading | None:
    """Read what the answer used, once for the call's own span and for the decision's."""
    if not (hasattr(answer, "text") and hasattr(answer, "raw")):
        raise UnreadableAnswer(f"the client returned a {type(answer).__name__} and no Answer")
    reading = read(answer.raw)
    if reading is not None:
        call.call.reading = reading
    return reading


def _judged(verdict: object) -> float | None:
    """Return a verdict as a confidence; one that is said and is no number from 0 to 1 is counted."""
    confidence = of_verdict(verdict)
    if confidence is None and verdict is not None:
        count_loss("verifier_failed", detail="no number from 0 to 1")
    return confidence


def _no_verdict(error: Exception) -> None:
    count_loss("verifier_failed", detail=type(error).__name__)


def _close(awaitable: Awaitable[Any]) -> None:
    if hasattr(awaitable, "close"):
        awaitable.close()
