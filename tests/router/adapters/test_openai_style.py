"""Chat completions as objects and as dicts; the real SDK is tried in tests/services."""

from __future__ import annotations

import asyncio
from math import log
from types import SimpleNamespace

import pytest

from ai_finops.errors import PolicyError
from ai_finops.router.adapters.openai_style import AsyncOpenAIStyleClient, OpenAIStyleClient, to_answer
from ai_finops.router.answer import UnreadableAnswer
from ai_finops.router.decision import Message, Request
from ai_finops.router.engine import Router
from tests.router.stand_ins import BY_TASK_TYPE, LITE, policy_of

BY_LOGPROBS = {"strategy": "confidence", "source": "logprobs", "threshold": 0.8}
MODEL = policy_of(provider="openai").models[0]


def completion(text: str | None = "yes", *, logprobs: list[float] | None = None, tool: str | None = None) -> dict:
    message = {"role": "assistant", "content": text}
    if tool is not None:
        message["tool_calls"] = [{"id": "t", "type": "function", "function": {"name": "label", "arguments": tool}}]
    tokens = None if logprobs is None else {"content": [{"token": "t", "logprob": each} for each in logprobs]}
    return {
        "id": "c-1",
        "object": "chat.completion",
        "model": LITE,
        "choices": [{"index": 0, "message": message, "logprobs": tokens, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100},
    }


def as_object(value):
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(each) for key, each in value.items()})
    return [as_object(each) for each in value] if isinstance(value, list) else value


class Fake:
    """A client whose `chat.completions.create` answers in turn, and keeps what it was asked."""

    def __init__(self, *said, is_async: bool = False) -> None:
        self.said, self.asked = list(said), []
        create = self._acreate if is_async else self._create
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=create))

    def _create(self, **arguments):
        self.asked.append(arguments)
        now = self.said.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    async def _acreate(self, **arguments):
        await asyncio.sleep(0)
        return self._create(**arguments)


def test_the_least_a_request_says():
    client = Fake(completion())
    answer = OpenAIStyleClient(client).complete(Request("hi"), model=MODEL)
    assert client.asked == [{"model": LITE, "messages": [{"role": "user", "content": "hi"}]}]
    assert (answer.text, answer.finish_reason, answer.token_logprobs) == ("yes", "stop", None)


def test_all_a_request_says_and_options_win():
    client = Fake(completion())
    request = Request(
        [Message("user", "a"), Message("assistant", "b")],
        system="be brief",
        max_output_tokens=50,
        temperature=0.0,
        options={"openai": {"seed": 1, "temperature": 1.0}, "aws.bedrock": {"x": 1}},
    )
    OpenAIStyleClient(client, with_logprobs=True, max_tokens_name="max_tokens").complete(request, model=MODEL)
    assert client.asked == [
        {
            "model": LITE,
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
            ],
            "max_tokens": 50,
            "temperature": 1.0,
            "logprobs": True,
            "seed": 1,
        }
    ]
    client = Fake(completion())
    OpenAIStyleClient(client).complete(Request("hi", max_output_tokens=5), model=MODEL)
    assert client.asked[0]["max_completion_tokens"] == 5


@pytest.mark.parametrize("shape", [dict, as_object])
def test_log_probabilities_and_tools_are_read_from_dicts_and_objects(shape):
    made = completion("a", logprobs=[log(0.9), log(0.5)], tool='{"confidence": 0.4}')
    answer = to_answer(made if shape is dict else as_object(made))
    assert answer.token_logprobs == (log(0.9), log(0.5))
    assert answer.structured == {"confidence": 0.4}


@pytest.mark.parametrize("tool", ["no json", "[1]", ""])
def test_a_tools_input_that_is_no_object_is_left_out(tool):
    assert to_answer(completion(None, tool=tool)).structured is None


@pytest.mark.parametrize("made", [{"choices": [{}]}, completion(None)])
def test_a_completion_without_text_is_empty(made):
    answer = to_answer(made)
    assert (answer.text, answer.token_logprobs, answer.raw) == ("", None, made)


@pytest.mark.parametrize("is_async", [False, True])
def test_confidence_by_log_probabilities(is_async):
    # √(0.9 · 0.5) is 0.67 and below 0.8; 0.8 is enough
    client = Fake(
        completion("cheap", logprobs=[log(0.9), log(0.5)]), completion("mid", logprobs=[log(0.8)]), is_async=is_async
    )
    style = (AsyncOpenAIStyleClient if is_async else OpenAIStyleClient)(client, with_logprobs=True)
    router = Router(policy_of(BY_LOGPROBS, provider="openai"), clients=style)
    routed = asyncio.run(router.acomplete("hi")) if is_async else router.complete("hi")
    assert routed.answer.text == "mid"
    assert [attempt.confidence for attempt in routed.attempts] == [pytest.approx(0.45**0.5), pytest.approx(0.8)]
    assert routed.estimated_cost_usd == pytest.approx(0.0036)


def test_a_sync_client_is_asked_in_a_thread_where_coroutines_wait():
    router = Router(policy_of(BY_TASK_TYPE, provider="openai"), clients=OpenAIStyleClient(Fake(completion("hello"))))
    assert asyncio.run(router.acomplete("hi")).answer.text == "hello"


@pytest.mark.parametrize(
    "made", [{}, {"choices": []}, None, SimpleNamespace(), iter([]), SimpleNamespace(choices=5), "text"]
)
def test_a_completion_without_a_choice_is_no_answer(made):
    with pytest.raises(UnreadableAnswer, match="without choices"):
        to_answer(made)
    client = Fake(made, completion("hello"))
    router = Router(policy_of(BY_TASK_TYPE, provider="openai"), clients=OpenAIStyleClient(client))
    routed = router.complete(Request("x", task_type="classification"))
    assert (routed.answer.text, routed.reason) == ("hello", "task type classification; then unreadable answer")


def test_a_stream_is_refused_before_it_is_asked_for():
    client = Fake(completion("hello"))
    router = Router(policy_of(provider="openai"), clients=OpenAIStyleClient(client))
    with pytest.raises(ValueError, match="the router asks for no stream; leave `stream` out of the request's options"):
        router.complete(Request("x", options={"openai": {"stream": True}}))
    assert client.asked == []
    assert router.complete(Request("x", options={"openai": {"stream": False}})).answer.text == "hello"


@pytest.mark.parametrize("style", [OpenAIStyleClient, AsyncOpenAIStyleClient])
def test_a_policy_by_log_probabilities_needs_a_client_that_asks_for_them(style):
    policy = policy_of(BY_LOGPROBS, provider="openai")
    with pytest.raises(PolicyError, match="the client of lite gives none"):
        Router(policy, clients=style(Fake()))
    Router(policy, clients=style(Fake(), with_logprobs=True))
