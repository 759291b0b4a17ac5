"""The most that a request can use, and the options that leave no bound: both sides."""

from __future__ import annotations

import threading

import pytest

from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.reading import Reading
from ai_finops.router.decision import Message, Request
from ai_finops.router.shadow import MOST_QUEUED_BYTES
from ai_finops.router.shadow_bounds import LONGEST_OPTIONS, TooLong, Unbounded, bounded_options, most_usage
from ai_finops.router.side_worker import SideWorker
from tests.router.shadow_made import Client, offer, recorded, shadow_of

NOTHING_COUNTED = Reading(provider_name="aws.bedrock")


@pytest.fixture
def spans():
    forget_losses()
    with recorded() as spans:
        yield spans


def used(request: Request, baseline: Reading = NOTHING_COUNTED) -> int | None:
    return most_usage(request, provider="aws.bedrock", baseline=baseline).input_tokens


def test_everything_that_is_sent_counts_by_its_bytes():
    # {"messages": [{"role": "user", "text": "é"}], "system": null} has 62 bytes, 256 are around it.
    assert used(Request("é")) == 256 + 62
    assert (
        used(Request((Message("user", "é"), Message("user", "é"))))
        == 256 + 62 + len(', {"role": "user", "text": "é"}') + 1
    )
    assert used(Request("é", system="be brief")) == 256 + 62 - 4 + 10
    tools = {"aws.bedrock": {"toolConfig": {"tools": ["x" * 1000]}}, "openai": {"user": "x" * 5000}}
    # , "toolConfig": {"tools": ["…"]} has 31 beside the 1,000; those of another provider are not sent.
    assert used(Request("é", options=tools)) == 256 + 1024 + 62 + 1031


def test_twice_what_the_model_in_use_counted_is_the_least():
    assert [used(Request("é"), NOTHING_COUNTED._replace(input_tokens=count)) for count in (31, 32)] == [318, 320]


def test_limits_tiers_and_streams_of_their_own_are_left_out_at_every_depth():
    said = {
        "inferenceConfig": {"maxTokens": 9},
        "additionalModelRequestFields": {"max_tokens": 99_999, "top_k": 5, "max_completion_tokens": 7},
        "extra_body": {"n": 8, "service_tier": "priority", "top_k": 3, "extra_body": {"max_new_tokens": 7, "seed": 1}},
        "performanceConfig": {"latency": "optimized"},
        "serviceTier": {"type": "priority"},
        "stream": True,
        "seed": 1,
    }
    assert bounded_options(said) == {
        "additionalModelRequestFields": {"top_k": 5},
        "extra_body": {"top_k": 3, "extra_body": {"seed": 1}},
        "seed": 1,
    }


def test_names_inside_of_a_tools_schema_are_nothing_but_names():
    tools = [{"type": "function", "function": {"parameters": {"properties": {"max_tokens": {}, "n": {}, "image": {}}}}}]
    assert bounded_options({"tools": tools}) == {"tools": tools}


def test_what_writes_to_a_cache_is_left_out():
    said = {
        "toolConfig": {"tools": [{"toolSpec": {"name": "a"}}, {"cachePoint": {"type": "default"}}]},
        "tools": [{"name": "a", "cache_control": {"type": "ephemeral"}}],
    }
    assert bounded_options(said) == {"toolConfig": {"tools": [{"toolSpec": {"name": "a"}}]}, "tools": [{"name": "a"}]}


@pytest.mark.parametrize(
    "options",
    [
        {"messages": [{"content": [{"image": {}}]}]},
        {"model": "another"},
        {"guardrailConfig": {}},
        {"extra_body": {"web_search_options": {}}},
        {"extra_body": "text"},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"toolConfig": {"tools": [{"systemTool": {"name": "nova_grounding"}}]}},
        {"tools": [{"picture": b"..."}]},
        {"logit_bias": {1: 2}},
        {"tools": object()},
    ],
)
def test_what_has_no_bound_is_refused_and_counted(spans, options):
    with pytest.raises(Unbounded):
        bounded_options(options)
    client = Client()
    shadow = shadow_of(spans, client)
    assert not offer(shadow, Request("q", task_type="t", options={"aws.bedrock": options}))
    assert (client.asked, losses()) == ([], {"shadow_unbounded_options": 1})


@pytest.mark.parametrize(
    "request_",
    [
        Request([Message("user", [{"type": "image"}])], task_type="t"),  # type: ignore[arg-type]
        Request([{"role": "user", "content": [{"type": "image"}]}], task_type="t"),  # type: ignore[list-item]
        Request([Message(None, "x")], task_type="t"),  # type: ignore[arg-type]
        Request("x", system=[{"text": "y"}], task_type="t"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_text_is_not_sent(spans, request_):
    client = Client()
    assert not offer(shadow_of(spans, client), request_)
    assert (client.asked, losses()) == ([], {"shadow_not_text": 1})


def test_options_of_another_provider_are_not_looked_at(spans):
    client = Client()
    shadow = shadow_of(spans, client)
    assert offer(shadow, Request("q", task_type="t", options={"openai": {"model": "another"}}))
    assert shadow.wait(30)
    assert client.asked[0].options == {}


@pytest.mark.parametrize(
    "baseline", [NOTHING_COUNTED, Reading(provider_name="openai", input_tokens=50, output_tokens=5)]
)
def test_long_tools_of_the_candidates_provider_alone_do_not_pass_the_cap(spans, baseline):
    client = Client(input_tokens=20_000, output_tokens=10)
    shadow = shadow_of(spans, client, daily_usd=0.01)
    request = Request(
        "q", task_type="t", max_output_tokens=10, options={"aws.bedrock": {"toolConfig": {"tools": ["x" * 80_000]}}}
    )
    assert offer(shadow, request, reading=baseline)
    assert shadow.wait(30)
    # 80,000 bytes at $1 a million are $0.08.
    assert (client.asked, shadow.dollars.spent_usd(), losses()) == ([], 0.0, {"shadow_no_dollars": 1})


def test_options_of_just_the_longest_length_are_sent(spans):
    # Eight for the value itself.
    assert bounded_options({"user": "x" * (LONGEST_OPTIONS - 8)})
    with pytest.raises(TooLong):
        bounded_options({"user": "x" * (LONGEST_OPTIONS - 7)})
    deep: list = []
    deep.append(deep)
    with pytest.raises((TooLong, RecursionError)):
        bounded_options({"tools": deep})
    shadow = shadow_of(spans)
    assert not offer(shadow, Request("q", task_type="t", options={"aws.bedrock": {"user": "x" * LONGEST_OPTIONS}}))
    assert losses() == {"shadow_too_long": 1}


def test_what_waits_is_bounded_by_its_bytes():
    forget_losses()
    begun, let_go = threading.Event(), threading.Event()
    worker = SideWorker("made", most_queued=100, hanging_after_s=60, most_bytes=10)
    assert worker.offer(lambda: begun.set() or (let_go.wait(30) and None), size_bytes=10)
    assert begun.wait(30)
    # The first is being done and waits no more: 4 and 6 are 10, which is as much as may wait.
    assert [worker.offer(lambda: None, size_bytes=size) for size in (4, 7, 6, 1)] == [True, False, True, False]
    assert losses() == {"made_queue_full": 2}
    let_go.set()
    assert worker.wait(30)
    assert worker.offer(lambda: None, size_bytes=10)


def test_a_shadow_bounds_what_waits(spans):
    assert shadow_of(spans)._worker._most_bytes == MOST_QUEUED_BYTES
