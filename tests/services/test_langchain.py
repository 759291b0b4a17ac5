"""Messages and results of LangChain, made by its own integrations from what providers answer."""

from __future__ import annotations

import json

import boto3
import httpx2
from langchain_aws import ChatBedrockConverse
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, Generation, LLMResult
from langchain_openai import ChatOpenAI

from ai_finops.instrument.usage import read
from tests.services.following import Followed, counts

METADATA = {
    "input_tokens": 350,
    "output_tokens": 240,
    "total_tokens": 590,
    "input_token_details": {"cache_read": 100, "cache_creation": 200},
    "output_token_details": {"reasoning": 200},
}
COUNTS = {
    "input_tokens": 350,
    "cache_read_input_tokens": 100,
    "cache_write_input_tokens": 200,
    "output_tokens": 240,
    "reasoning_output_tokens": 200,
}
CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "priority",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 1_117,
        "completion_tokens": 46,
        "total_tokens": 1_163,
        "prompt_tokens_details": {"cached_tokens": 1_024},
        "completion_tokens_details": {"reasoning_tokens": 20},
    },
}
CHAT_COUNTS = {
    "input_tokens": 1_117,
    "cache_read_input_tokens": 1_024,
    "output_tokens": 46,
    "reasoning_output_tokens": 20,
}


def message(**fields):
    return AIMessage(content="Hi", **{"usage_metadata": METADATA, **fields})


def test_a_message_and_its_dump():
    said = {"model_name": "claude-sonnet-4-5", "model_provider": "anthropic", "stop_reason": "end_turn", "id": "msg_1"}
    answer = message(response_metadata=said, id="run-7")
    for result in (answer, answer.model_dump()):
        reading = read(result)
        assert counts(reading) == COUNTS
        assert (reading.provider_name, reading.response_model) == ("anthropic", "claude-sonnet-4-5")
        assert (reading.response_id, reading.finish_reason) == ("msg_1", "end_turn")


def test_ids_that_langchain_made_up_are_no_ids_of_an_answer():
    assert read(message(id="run-7")).response_id is None
    assert read(message(id="lc_run--7")).response_id is None
    assert read(message(id="chatcmpl-7")).response_id == "chatcmpl-7"


def test_writes_told_by_duration_stand_beside_a_zero():
    details = {
        "cache_read": 100,
        "cache_creation": 0,
        "ephemeral_5m_input_tokens": 50,
        "ephemeral_1h_input_tokens": 150,
    }
    reading = read(message(usage_metadata=METADATA | {"input_token_details": details}))
    assert (reading.cache_write_input_tokens, reading.cache_write_1h_input_tokens) == (200, 150)


def test_without_usage_metadata_the_providers_own_usage_is_read():
    said = {"token_usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}, "model_name": "gpt-4o"}
    assert counts(read(AIMessage(content="Hi", response_metadata=said))) == {"input_tokens": 5, "output_tokens": 7}
    assert read(AIMessage(content="Hi")).has_usage is False


def test_results_of_one_and_of_several_prompts():
    one = ChatGeneration(message=message(response_metadata={"model_name": "gpt-4o"}))
    assert counts(read(ChatResult(generations=[one, one]))) == COUNTS
    assert counts(read(LLMResult(generations=[[one, one]]))) == COUNTS
    both = read(LLMResult(generations=[[one], [one]]))
    assert counts(both) == {name: 2 * count for name, count in COUNTS.items()}
    assert both.response_model == "gpt-4o"
    assert read(LLMResult(generations=[])) is None


def test_a_result_of_texts_says_its_usage_beside_them():
    output = {"token_usage": {"prompt_tokens": 5, "completion_tokens": 7}, "model_name": "gpt-3.5-turbo-instruct"}
    result = LLMResult(generations=[[Generation(text="Hi")]], llm_output=output)
    assert counts(read(result)) == {"input_tokens": 5, "output_tokens": 7}
    assert read(LLMResult(generations=[[Generation(text="Hi")]])) is None


def test_a_dictionary_that_holds_one_message():
    assert counts(read({"raw": message(), "parsed": {"a": 1}, "parsing_error": None})) == COUNTS
    assert counts(read({"messages": [HumanMessage("Hi"), message()]})) == COUNTS


def test_of_a_conversation_nobody_can_say_which_answer_is_of_this_call():
    assert read({"messages": [HumanMessage("Hi"), message(), HumanMessage("And?"), message()]}) is None
    assert read({"one": message(), "other": message()}) is None
    assert read({"messages": [HumanMessage("Hi")]}) is None


def openai_model(answer, **options):
    def handle(request):
        if isinstance(answer, bytes):
            return httpx2.Response(200, content=answer, headers={"content-type": "text/event-stream"})
        return httpx2.Response(200, json=answer)

    client = httpx2.Client(transport=httpx2.MockTransport(handle))
    return ChatOpenAI(model="gpt-4o-mini", api_key="k", http_client=client, max_retries=0, **options)


def test_what_chat_openai_returns():
    reading = read(openai_model(CHAT).invoke("Hi"))
    assert (reading.provider_name, reading.response_model) == ("openai", "gpt-4o-mini-2024-07-18")
    assert (reading.response_id, reading.processing, reading.finish_reason) == ("chatcmpl-1", "priority", "stop")
    assert counts(reading) == CHAT_COUNTS


def test_what_chat_openai_streams():
    part = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini-2024-07-18"}
    parts = [
        part | {"choices": [{"index": 0, "delta": {"role": "assistant", "content": "Hi"}, "finish_reason": None}]},
        part | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        part | {"choices": [], "usage": CHAT["usage"]},
    ]
    body = "".join(f"data: {json.dumps(each)}\n\n" for each in parts) + "data: [DONE]\n\n"
    stream = openai_model(body.encode(), stream_usage=True).stream("Hi")
    followed = Followed(stream)
    assert not followed.is_followed  # a generator: whoever hands it on takes its events
    for event in stream:
        followed._event(event)
    assert counts(followed.reading) == CHAT_COUNTS
    assert (followed.reading.provider_name, followed.reading.finish_reason) == ("openai", "stop")


def test_chunks_add_up():
    followed = Followed(None)
    start = {"input_tokens": 300, "output_tokens": 1, "total_tokens": 301, "input_token_details": {"cache_read": 100}}
    followed._event(
        AIMessageChunk(content="", usage_metadata=start, response_metadata={"model_name": "claude-sonnet-4-5"})
    )
    followed._event(AIMessageChunk(content="Hi"))
    end = {"input_tokens": 0, "output_tokens": 49, "total_tokens": 49}
    last = AIMessageChunk(content="", usage_metadata=end, response_metadata={"stop_reason": "end_turn"})
    followed._event(ChatGenerationChunk(message=last))
    reading = followed.reading
    assert counts(reading) == {"input_tokens": 300, "cache_read_input_tokens": 100, "output_tokens": 50}
    assert (reading.response_model, reading.finish_reason) == ("claude-sonnet-4-5", "end_turn")


def test_what_chat_bedrock_converse_returns():
    client = boto3.client("bedrock-runtime", "us-east-1", aws_access_key_id="k", aws_secret_access_key="s")
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
        "stopReason": "end_turn",
        "usage": {
            "inputTokens": 3,
            "outputTokens": 61,
            "totalTokens": 2_435,
            "cacheReadInputTokens": 2_074,
            "cacheWriteInputTokens": 297,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 200}, {"ttl": "5m", "inputTokens": 97}],
        },
        "metrics": {"latencyMs": 10},
    }

    class Response:
        status_code = 200
        headers = {"x-amzn-requestid": "req-1", "content-type": "application/json"}  # noqa: RUF012
        content = json.dumps(answer).encode()
        text = content.decode()

    client.meta.events.register("before-send.bedrock-runtime.Converse", lambda **_: Response())
    reading = read(
        ChatBedrockConverse(model="us.anthropic.claude-sonnet-4-5-20250929-v1:0", client=client).invoke("Hi")
    )
    assert (reading.provider_name, reading.request_id, reading.retry_count) == ("aws.bedrock", "req-1", 0)
    assert (reading.response_model, reading.finish_reason) == (
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "end_turn",
    )
    assert counts(reading) == {
        "input_tokens": 2_374,
        "cache_read_input_tokens": 2_074,
        "cache_write_input_tokens": 297,
        "cache_write_1h_input_tokens": 200,
        "output_tokens": 61,
    }
