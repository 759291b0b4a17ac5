"""Shadow runs when things go wrong around them: dollars, dead models, ended loops, forks, exits. The product sees nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import date

import pytest

from ai_finops.instrument.attribution import feature as asking
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.tracking import track_llm_cost
from ai_finops.router import spans as routing_spans
from ai_finops.router.answer import Answer
from ai_finops.router.decision import Request
from ai_finops.router.engine import Router
from ai_finops.router.policy import ConfidenceStrategy, Model, ModelPrice, Policy, Tier
from ai_finops.router.said import Said, said_by
from ai_finops.router.shadow_policy import ShadowPolicy
from ai_finops.router.waiting import NotSent, _within, waited
from tests.router.shadow_made import LARGE, READING, REQUEST, SMALL, Client, converse, offer, recorded, shadow_of


@pytest.fixture
def spans():
    forget_losses()
    with recorded() as spans:
        yield spans


class AsyncClient:
    """Answers in a coroutine, on the loop where it was first used, as real async clients do."""

    def __init__(self, wait=None) -> None:
        self.wait, self.loops = wait, set()

    async def acomplete(self, request: Request, *, model: Model) -> Answer:
        self.loops.add(asyncio.get_running_loop())
        if self.wait is not None:
            await self.wait()
        return Answer("Oslo", converse("Oslo"))


class Hanging:
    """A client that does not come back until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def complete(self, request: Request, *, model: Model) -> Answer:
        self.begun.set()
        assert self.let_go.wait(60)
        return Answer("Oslo", converse("Oslo"))


ALWAYS_LARGE = Policy(
    "made", "0123456789ab", (SMALL, LARGE), {each.tier: Tier(each.tier, (each,)) for each in (SMALL, LARGE)}, (), "expensive",
)  # fmt: skip

# The most that REQUEST can cost on the small model: 256 tokens around it, and twice the 100 that the model in use counted, more
# than its 11 bytes, at $1 a million; 1,024 out at $4. Used are 110 in and 10 out.
MOST_USD = (256 + 200) * 1e-6 + 1024 * 4e-6
USED_USD = 110 * 1e-6 + 10 * 4e-6


def test_a_day_ends_when_its_dollars_would_not_do_for_the_next(spans):
    client = Client()
    shadow = shadow_of(spans, client, daily_usd=MOST_USD + 2 * USED_USD)
    for _ in range(5):
        offer(shadow)
        assert shadow.wait(30)
    # After three the rest is less than the most that a fourth can cost.
    assert (len(client.asked), losses()) == (3, {"shadow_no_dollars": 2})
    assert shadow.dollars.spent_usd() == pytest.approx(3 * USED_USD)


def test_exactly_the_dollars_of_one_request_are_enough_and_a_micro_dollar_less_is_not(spans):
    for daily, count in ((round(MOST_USD, 6), 1), (round(MOST_USD, 6) - 1e-6, 0)):
        client = Client()
        shadow = shadow_of(spans, client, daily_usd=daily)
        offer(shadow)
        assert shadow.wait(30)
        assert len(client.asked) == count


def test_a_long_text_is_reserved_at_a_token_a_byte(spans):
    shadow = shadow_of(spans, Client(error=OSError()))
    offer(shadow, Request("ä" * 1000, system="x" * 10, task_type="extraction"))
    assert shadow.wait(30)
    # 58 bytes of JSON are around the two texts.
    assert shadow.dollars.spent_usd() == pytest.approx((256 + 2010 + 58) * 1e-6 + 1024 * 4e-6)


def test_a_call_that_failed_or_says_no_usage_counts_at_the_most_it_can_have_cost(spans):
    failed, silent = shadow_of(spans, Client(error=TimeoutError())), shadow_of(spans, SaysNoUsage())
    for shadow in (failed, silent):
        offer(shadow)
        assert shadow.wait(30)
        assert shadow.dollars.spent_usd() == pytest.approx(MOST_USD, abs=1e-6)
    assert len(spans.comparisons()) == 1


class SaysNoUsage:
    def complete(self, request: Request, *, model: Model) -> Answer:
        return Answer("Oslo")


def test_a_comparison_by_a_judge_is_paid_from_the_same_dollars(spans):
    shadow = shadow_of(spans, compare="judge", comparison_usd=0.25, tools={"judge": lambda *_: True})
    offer(shadow)
    assert shadow.wait(30)
    assert shadow.dollars.spent_usd() == pytest.approx(USED_USD + 0.25)
    for _ in range(4):
        offer(shadow)
    assert shadow.wait(30)
    # Three fit into a dollar beside what they use, a fourth does not.
    assert losses() == {"shadow_no_dollars": 2}


def test_a_model_without_a_price_is_not_asked(spans):
    client = Client()
    shadow = shadow_of(spans, client, tools={"cost_of": lambda *_, **__: None})
    offer(shadow)
    assert shadow.wait(30)
    assert (client.asked, losses()) == ([], {"shadow_no_price": 1})


@pytest.mark.parametrize(("usd", "is_asked"), [(1, False), (1.01, True)])
def test_a_model_that_is_not_cheaper_is_not_asked(spans, usd, is_asked):
    client = Client()
    as_dear = Model("large", "aws.bedrock", "large-1", "expensive", 2, ModelPrice("made", usd, 4))
    shadow = shadow_of(spans, client)
    offer(shadow, model=as_dear)
    assert shadow.wait(30)
    assert (bool(client.asked), losses()) == (is_asked, {} if is_asked else {"shadow_not_cheaper": 1})


def test_a_hundred_tasks_with_a_dead_candidate_get_their_answers_and_the_queue_stays_bounded(spans):
    dead = Hanging()
    shadow = shadow_of(spans, dead, max_queued=10)
    answers = [Answer(f"answer {number}", converse("Oslo")) for number in range(100)]

    class Product:
        async def acomplete(self, request: Request, *, model: Model) -> Answer:
            await asyncio.sleep(0)
            return answers[int(request.prompt)]

    router = Router(ALWAYS_LARGE, clients=Product(), observer=shadow.observe)

    async def ask_all():
        # The candidate hangs from the first request on.
        first = await router.acomplete(Request("0", task_type="extraction"))
        assert await asyncio.to_thread(dead.begun.wait, 30)
        rest = [router.acomplete(Request(str(number), task_type="extraction")) for number in range(1, 100)]
        return [first, *await asyncio.gather(*rest)]

    routed = asyncio.run(ask_all())
    assert all(each.answer is answer for each, answer in zip(routed, answers, strict=True))
    assert shadow._worker.queued_count() == 10
    assert losses() == {"shadow_queue_full": 89}
    dead.let_go.set()
    assert shadow.wait(30)


def test_a_hundred_tasks_with_a_candidate_that_refuses(spans):
    shadow = shadow_of(spans, Client(error=ConnectionError("refused")), max_queued=1000)

    async def ask_all():
        return [offer(shadow) for _ in range(100)]

    assert asyncio.run(ask_all()) == [True] * 100
    assert shadow.wait(30)
    assert losses() == {"shadow_candidate_failed": 100}
    assert spans.comparisons() == []


def test_an_async_client_is_asked_on_the_loop_of_the_request(spans):
    client = AsyncClient()
    shadow = shadow_of(spans, client)

    async def ask():
        assert offer(shadow)
        assert await asyncio.to_thread(shadow.wait, 30)
        return asyncio.get_running_loop()

    assert client.loops == {asyncio.run(ask())}
    assert (len(spans.comparisons()), losses()) == (1, {})


def test_a_client_of_both_kinds_is_asked_in_a_coroutine_only_where_the_request_ran_in_a_loop(spans):
    class Both(Client, AsyncClient):
        def __init__(self) -> None:
            Client.__init__(self)
            AsyncClient.__init__(self)

    client = Both()
    shadow = shadow_of(spans, client)
    offer(shadow)
    assert shadow.wait(30)
    assert (len(client.asked), client.loops) == (1, set())

    async def ask():
        offer(shadow)
        assert await asyncio.to_thread(shadow.wait, 30)

    asyncio.run(ask())
    assert (len(client.asked), len(client.loops)) == (1, 1)


def test_an_async_client_outside_of_a_loop_gets_one(spans):
    shadow = shadow_of(spans, AsyncClient())
    offer(shadow)
    assert shadow.wait(30)
    assert (len(spans.comparisons()), losses()) == (1, {})


def test_an_async_judge_and_embedder_are_waited_for(spans):
    async def judge(*_):
        await asyncio.sleep(0)
        return True

    async def embed(texts):
        await asyncio.sleep(0)
        return [(1.0, 0.0) for _ in texts]

    for tools in ({"judge": judge}, {"embed": embed}):
        shadow = shadow_of(spans, compare="judge" if "judge" in tools else "embedding", tools=tools)
        offer(shadow)
        assert shadow.wait(30)
    assert [said["finops.shadow.candidate_correct"] for said in spans.comparisons()] == [True, True]


def test_an_async_candidate_that_does_not_answer_in_time_is_cancelled(spans):
    cancelled = []

    async def wait():
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    shadow = shadow_of(spans, AsyncClient(wait), timeout_s=0.01)

    async def ask():
        offer(shadow)
        assert await asyncio.to_thread(shadow.wait, 30)

    asyncio.run(ask())
    assert (cancelled, losses()) == ([1], {"shadow_candidate_failed": 1})


@pytest.mark.filterwarnings("error")
def test_a_loop_that_ends_before_the_candidate_was_asked(spans):
    """As in a script whose `asyncio.run` is over: the request is long answered."""
    gate = Hanging()
    shadow = shadow_of(spans, AsyncClient())
    shadow._worker.offer(lambda: gate.complete(REQUEST, model=SMALL) and None)

    async def ask():
        assert offer(shadow)

    asyncio.run(ask())
    gate.let_go.set()
    assert shadow.wait(30)
    # It was never sent, so it costs nothing.
    assert (losses(), shadow.dollars.spent_usd()) == ({"shadow_candidate_failed": 1}, 0.0)


def test_a_loop_that_stands_still_does_not_begin_what_is_given_up():
    loop = asyncio.new_event_loop()
    asked = []

    async def ask():
        asked.append(1)

    with pytest.raises(NotSent, match="did not begin"):
        waited(ask(), loop=loop, timeout_s=-1)
    for _ in range(3):
        loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert asked == []


def test_a_coroutine_that_was_given_up_does_not_begin_after_all():
    said = asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(_within(said, 1, []))
    said.close()


def test_threads_spend_no_more_than_the_day_has(spans):
    client = Client()
    shadow = shadow_of(spans, client, daily_usd=MOST_USD + 10 * USED_USD, max_queued=1000)
    threads = [threading.Thread(target=lambda: [offer(shadow) for _ in range(20)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shadow.wait(30)
    assert shadow.dollars.spent_usd() <= MOST_USD + 10 * USED_USD
    assert len(client.asked) == 11
    assert losses() == {"shadow_no_dollars": 149}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_goes_on_with_what_was_spent_before(spans):
    shadow = shadow_of(spans)
    offer(shadow)
    assert shadow.wait(30)
    with shadow.dollars._lock:  # held at the fork, as by another thread
        pid = os.fork()
        if pid == 0:
            offer(shadow)
            is_good = shadow.wait(10) and abs(shadow.dollars.spent_usd() - 2 * USED_USD) < 2e-6
            os._exit(0 if is_good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert shadow.dollars.spent_usd() == pytest.approx(USED_USD)


EXITING = """
from tests.router.shadow_made import Recorded, offer, shadow_of
from tests.router.test_shadow_faults import Hanging
hanging = Hanging()
shadow = shadow_of(Recorded(), hanging)
assert offer(shadow) and hanging.begun.wait(30)
assert offer(shadow)
print("the product is done")
"""


def test_a_process_exits_while_a_candidate_hangs():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    done = subprocess.run(
        [sys.executable, "-c", EXITING], cwd=root, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "the product is done\n", "")


def test_a_router_that_is_observed_returns_what_it_would_have(spans):
    client = Client('{"city": "Oslo", "n": 1}')
    shadow = shadow_of(spans, Client('{"n": 1.0, "city": "Oslo"}'))
    router = Router(ALWAYS_LARGE, clients=client, observer=shadow.observe)
    routed = router.complete(REQUEST)
    assert (routed.model, routed.answer.text) == (LARGE, client.text)
    assert shadow.wait(30)
    (said,) = spans.comparisons()
    assert said["finops.shadow.candidate_correct"] is True
    assert said["finops.shadow.baseline_input_tokens"] == 110


def test_a_candidate_that_was_asked_before_an_escalation_is_not_asked_again(spans):
    unsure = ConfidenceStrategy("verifier", 0.7, "cheap", {"cheap": "expensive"})
    policy = replace(ALWAYS_LARGE, strategies=(unsure,))
    client, candidate = Client(), Client()
    shadow = shadow_of(spans, candidate)
    router = Router(policy, clients=client, observer=shadow.observe, verifier=lambda *_: 0.5)
    routed = router.complete(REQUEST)
    assert shadow.wait(30)
    assert (routed.model, len(client.asked), candidate.asked, losses()) == (LARGE, 2, [], {})


def test_an_answer_by_a_tools_input_is_compared_as_data(spans):
    class ByTool(Client):
        def complete(self, request, *, model):
            return Answer("", converse(""), structured={"city": "Oslo", "n": 1})

    shadow = shadow_of(spans, ByTool())
    shadow.offer(REQUEST, answer_text='{"n": 1, "city": "Oslo"}', model=LARGE, reading=READING)
    assert shadow.wait(30)
    assert [said["finops.shadow.candidate_correct"] for said in spans.comparisons()] == [True]


def test_the_candidates_call_is_charged_to_who_asked_the_router_and_linked_to_its_decision(spans):
    undo = routing_spans._use_tracer(spans.tracer)

    class Both(Client):
        async def acomplete(self, request: Request, *, model: Model) -> Answer:
            return self.complete(request, model=model)

    try:
        shadow = shadow_of(spans)
        router = Router(ALWAYS_LARGE, clients=Both(), observer=shadow.observe, feature="inbox")
        router.complete(REQUEST)
        with asking("caller", journey="j-1"):
            router.complete(REQUEST)
        asyncio.run(router.acomplete(REQUEST))
        assert shadow.wait(30)
    finally:
        undo()
    calls = [span.attributes for span in spans.calls() if span.attributes.get("finops.pipeline") == "shadow"]
    said = [tuple(call.get(f"finops.{name}") for name in ("feature", "journey", "task_type")) for call in calls]
    assert said == [("inbox", None, "extraction"), ("caller", "j-1", "extraction"), ("inbox", None, "extraction")]
    decided = [span.context.span_id for span in spans.named("finops.routing")]
    linked = [link.context.span_id for span in spans.named("finops.shadow") for link in span.links]
    assert sorted(linked) == sorted(decided) and len(linked) == 3


def test_the_routers_own_feature_comes_after_a_recorded_calls(spans):
    shadow = shadow_of(spans)
    router = Router(ALWAYS_LARGE, clients=Client(), observer=shadow.observe, feature="inbox")

    @track_llm_cost(feature="of_decorator", journey="j-2")
    def around():
        router.complete(REQUEST)

    around()
    assert shadow.wait(30)
    (call,) = [span.attributes for span in spans.calls() if span.attributes.get("finops.pipeline") == "shadow"]
    assert (call["finops.feature"], call["finops.journey"]) == ("of_decorator", "j-2")


def test_a_policy_that_asks_for_shadow_runs_and_gets_none_is_told_of_once(caplog):
    asks = replace(ALWAYS_LARGE, policy_id="unobserved", shadow=ShadowPolicy(0.1, "small", 1.0))
    Router(asks, clients=Client(), observer=lambda *_: None)
    Router(ALWAYS_LARGE, clients=Client())
    assert caplog.records == []
    for _ in range(2):
        Router(asks, clients=Client())
    (said,) = caplog.messages
    assert said.startswith(
        "policy unobserved has a block shadow and its router no observer, so nothing is compared; give"
    )


def with_calls(*calls: tuple[str, dict], text: str = "Sure.") -> Answer:
    """Return an answer of Converse that says a few words and calls tools."""
    raw = converse(text)
    raw["output"]["message"]["content"] += [{"toolUse": {"name": name, "input": given}} for name, given in calls]
    return Answer(text, raw, structured=calls[0][1] if calls else None, finish_reason="tool_use")


class Says:
    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def complete(self, request: Request, *, model: Model) -> Answer:
        return self.answer


OSLO, BERGEN = ("find", {"city": "Oslo"}), ("find", {"city": "Bergen"})


@pytest.mark.parametrize(
    ("baseline", "candidate", "is_correct"),
    [
        ((OSLO,), (OSLO,), True),
        ((OSLO,), (BERGEN,), False),  # the words beside them are the same
        ((OSLO,), (), False),
        ((), (OSLO,), False),
        ((OSLO,), (("forget", {"city": "Oslo"}),), False),
        ((OSLO, BERGEN), (OSLO, BERGEN), True),
        ((OSLO, BERGEN), (OSLO,), False),
        ((OSLO,), (OSLO, BERGEN), False),
        ((OSLO, BERGEN), (OSLO, OSLO), False),
    ],
)
def test_calls_of_tools_are_compared_and_not_the_words_beside_them(spans, baseline, candidate, is_correct):
    shadow = shadow_of(spans, Says(with_calls(*candidate)))
    words = "Sure." if baseline else "yes"
    router = Router(ALWAYS_LARGE, clients=Says(with_calls(*baseline, text=words)), observer=shadow.observe)
    router.complete(REQUEST)
    assert shadow.wait(30)
    assert [said["finops.shadow.candidate_correct"] for said in spans.comparisons()] == [is_correct]


def test_what_json_cannot_hold_is_not_comparable_and_paid_for_as_it_was_used(spans):
    dated = replace(with_calls(), structured={"on": date(2026, 1, 1)})
    shadow = shadow_of(spans, Says(dated))
    offer(shadow)
    assert shadow.wait(30)
    assert (losses(), spans.comparisons()) == ({"shadow_not_comparable": 1}, [])
    assert shadow.dollars.spent_usd() == pytest.approx(USED_USD, abs=1e-6)
    client = Client()
    router = Router(ALWAYS_LARGE, clients=Says(dated), observer=shadow_of(spans, client).observe)
    router.complete(REQUEST)
    assert (losses(), client.asked) == ({"shadow_not_comparable": 2}, [])


def test_calls_in_answers_of_other_providers():
    def function(arguments):
        return {"function": {"name": "find", "arguments": arguments}}

    for raw in (
        {"choices": [{"message": {"tool_calls": [function('{"city": "Oslo"}'), function("broken")]}}]},
        {"content": [{"type": "text", "text": "x"}, *({"type": "tool_use", "name": "find", "input": given}
                                                     for given in ({"city": "Oslo"}, "broken"))]},
    ):  # fmt: skip
        assert said_by(Answer("x", raw)) == Said(
            '[{"name": "find", "input": {"city": "Oslo"}}, {"name": "find", "input": "broken"}]', ("find", "find")
        )
    assert said_by(Answer("x", object())) == Said("x")
    assert said_by(Answer("x", None, structured={"a": 1})) == Said('{"a": 1}')


def test_what_cannot_be_observed_is_counted_and_not_raised(spans):
    shadow_of(spans).observe(REQUEST, None)
    assert losses() == {"shadow_not_offered": 1}
