"""Converse through botocore's own checks (Stubber) and through real boto3 over HTTP to a small stand-in."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.stub import Stubber

from ai_finops.errors import PolicyError
from ai_finops.router.adapters.bedrock import BedrockClient, converse_arguments
from ai_finops.router.confidence import of_self_assessment
from ai_finops.router.decision import Message, Request
from ai_finops.router.engine import Router
from tests.router.stand_ins import BY_ASSESSMENT, BY_TASK_TYPE, HAIKU, LITE, SONNET, converse, policy_of

CLASSIFY = Request("spam?", task_type="classification")
MODEL = policy_of().models[0]


def client(**more):
    return boto3.client(
        "bedrock-runtime", region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s", **more
    )


def body_of(response: dict) -> dict:
    return {key: value for key, value in response.items() if key != "ResponseMetadata"}


def test_the_least_a_request_says():
    assert converse_arguments(Request("hi"), model=MODEL) == {
        "modelId": LITE,
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
    }


def test_all_a_request_says_and_options_win():
    request = Request(
        [Message("user", "a"), Message("assistant", "b"), Message("user", "c")],
        system="be brief",
        max_output_tokens=50,
        temperature=0.0,
        options={"aws.bedrock": {"requestMetadata": {"team": "x"}}, "openai": {"seed": 1}},
    )
    assert converse_arguments(request, model=MODEL) == {
        "modelId": LITE,
        "messages": [
            {"role": role, "content": [{"text": text}]}
            for role, text in zip(("user", "assistant", "user"), "abc", strict=True)
        ],
        "system": [{"text": "be brief"}],
        "inferenceConfig": {"maxTokens": 50, "temperature": 0.0},
        "requestMetadata": {"team": "x"},
    }
    own = Request("hi", max_output_tokens=50, options={"aws.bedrock": {"inferenceConfig": {"topP": 0.5}}})
    assert converse_arguments(own, model=MODEL)["inferenceConfig"] == {"maxTokens": 50, "topP": 0.5}
    own = Request("hi", max_output_tokens=50, options={"aws.bedrock": {"inferenceConfig": {"maxTokens": 9}}})
    assert converse_arguments(own, model=MODEL)["inferenceConfig"] == {"maxTokens": 9}
    own = Request("hi", options={"aws.bedrock": {"inferenceConfig": {"topP": 0.5}}})
    assert converse_arguments(own, model=MODEL)["inferenceConfig"] == {"topP": 0.5}


def test_a_policy_that_wants_log_probabilities_is_refused_whatever_the_provider_is_called():
    by_logprobs = {"strategy": "confidence", "source": "logprobs", "threshold": 0.8}
    with pytest.raises(PolicyError, match="the client of lite gives none"):
        Router(policy_of(by_logprobs, provider="my_gateway"), clients=BedrockClient(client()))


def test_botocore_takes_the_arguments_and_the_answer_is_read():
    bedrock = client()
    request = Request("spam?", system="s", max_output_tokens=5, temperature=0.5)
    with Stubber(bedrock) as stubber:
        stubber.add_response("converse", body_of(converse("spam")), converse_arguments(request, model=MODEL))
        answer = BedrockClient(bedrock).complete(request, model=MODEL)
    assert (answer.text, answer.finish_reason, answer.token_logprobs) == ("spam", "end_turn", None)
    assert answer.raw["usage"]["inputTokens"] == 1000


def test_a_tools_input_is_structured_output():
    response = body_of(converse())
    response["output"]["message"]["content"] = [
        {"text": "I use "},
        {"toolUse": {"toolUseId": "t", "name": "label", "input": {"label": "spam", "confidence": 0.4}}},
        {"text": "a tool"},
    ]
    bedrock = client()
    with Stubber(bedrock) as stubber:
        stubber.add_response("converse", response)
        answer = BedrockClient(bedrock).complete(CLASSIFY, model=MODEL)
    assert answer.text == "I use a tool"
    assert answer.structured == {"label": "spam", "confidence": 0.4}
    assert of_self_assessment(answer, answer_field="confidence") == 0.4


@pytest.mark.parametrize("response", [{}, {"output": {}}, {"output": {"message": {"role": "assistant"}}}])
def test_an_answer_without_content_is_empty(response):
    class Bare:
        def converse(self, **arguments):
            return response

    answer = BedrockClient(Bare()).complete(CLASSIFY, model=MODEL)
    assert (answer.text, answer.structured, answer.raw) == ("", None, response)


def test_the_stubbed_errors_of_aws_go_their_ways():
    bedrock = client()
    router = Router(policy_of(BY_TASK_TYPE), clients={"aws.bedrock": BedrockClient(bedrock)})
    with Stubber(bedrock) as stubber:
        stubber.add_client_error("converse", "ThrottlingException", http_status_code=429)
        stubber.add_response("converse", body_of(converse("spam")))
        assert router.complete(CLASSIFY).reason == "task type classification; then throttled"
        stubber.add_client_error("converse", "ValidationException", http_status_code=400)
        with pytest.raises(ClientError) as caught:
            router.complete(CLASSIFY)
        stubber.assert_no_pending_responses()
    assert caught.value.response["Error"]["Code"] == "ValidationException"


class StandIn(BaseHTTPRequestHandler):
    """Answers `POST /model/<id>/converse` as the test says for the model: a body, or (status, error type)."""

    said: dict
    seen: list
    hang: threading.Event

    def do_POST(self) -> None:
        model = unquote(self.path.split("/")[2])
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((model, sent))
        said = self.said[model]
        if said == "hang":
            self.hang.wait(10)
            return
        status, error = said if isinstance(said, tuple) else (200, None)
        content = json.dumps({"message": "no"} if error else said).encode()
        self.send_response(status)
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # fifty connect at once


@pytest.fixture
def bedrock():
    handler = type("Handler", (StandIn,), {"said": {}, "seen": [], "hang": threading.Event()})
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    for name, seconds in (("client", 30), ("hasty", 0.3)):
        config = Config(retries={"total_max_attempts": 1}, read_timeout=seconds, max_pool_connections=64)
        setattr(handler, name, client(endpoint_url=f"http://127.0.0.1:{server.server_port}", config=config))
    yield handler
    handler.hang.set()
    server.shutdown()
    server.server_close()


def test_over_http_an_answer_that_is_not_sure_goes_up(bedrock, spans):
    bedrock.said = {
        LITE: body_of(converse('{"confidence": 0.2}')),
        HAIKU: body_of(converse('{"confidence": 0.9}', input_tokens=1200)),
    }
    routed = Router(policy_of(BY_ASSESSMENT), clients=BedrockClient(bedrock.client)).complete(CLASSIFY)
    assert [model for model, _ in bedrock.seen] == [LITE, HAIKU]
    assert bedrock.seen[0][1] == {"messages": [{"role": "user", "content": [{"text": "spam?"}]}]}
    assert (routed.is_escalated, routed.confidence) == (True, 0.9)
    # 1,000 and 100 at $1 and $2; 1,200 and 100 at $2 and $4
    assert spans.facts()["finops.routing.estimated_cost_usd"] == pytest.approx(0.0012 + 0.0028)
    first = spans.all[0].attributes
    assert (first["gen_ai.provider.name"], first["gen_ai.usage.output_tokens"]) == ("aws.bedrock", 100)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ((503, "ServiceUnavailableException"), "server error"),
        ((429, "ThrottlingException"), "throttled"),
        ((403, "AccessDeniedException"), "not available"),
        ("hang", "timeout"),
    ],
)
def test_over_http_a_model_that_fails_gives_way(bedrock, said, reason):
    bedrock.said = {LITE: said, SONNET: body_of(converse("spam"))}
    of_provider = BedrockClient(bedrock.hasty if said == "hang" else bedrock.client)
    routed = asyncio.run(Router(policy_of(BY_TASK_TYPE), clients=of_provider).acomplete(CLASSIFY))
    assert routed.reason == f"task type classification; then {reason}"
    assert routed.model.model_id == SONNET


def test_over_http_what_botocore_raises_last_is_raised(bedrock):
    bedrock.said = {LITE: "hang", SONNET: "hang"}
    router = Router(policy_of(BY_TASK_TYPE, fallback={"max_attempts": 2}), clients=BedrockClient(bedrock.hasty))
    with pytest.raises(ReadTimeoutError) as caught:
        router.complete(CLASSIFY)
    assert caught.value.__notes__ == ["ai_finops.router asked lite (timeout), sonnet (timeout) by policy test"]


def test_over_http_fifty_tasks_at_once(bedrock):
    bedrock.said = {LITE: body_of(converse("spam"))}
    router = Router(policy_of(BY_TASK_TYPE), clients=BedrockClient(bedrock.client))

    async def everyone():
        return await asyncio.gather(*(router.acomplete(CLASSIFY) for _ in range(50)))

    assert [routed.answer.text for routed in asyncio.run(everyone())] == ["spam"] * 50
    assert len(bedrock.seen) == 50
