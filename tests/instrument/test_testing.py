"""The test switch of users: everything that was recorded, from threads and tasks too, and nothing that goes anywhere."""

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from ai_finops.instrument import feature, instrument_llm, track_llm_cost
from ai_finops.instrument.losses import losses
from ai_finops.instrument.switch import is_on, switch
from ai_finops.instrument.testing import RecordedCalls, recorded_calls, switched_off

ANSWER = {"model": "gpt-4o-mini", "usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}}


@track_llm_cost(feature="support_answer")
def answer():
    return ANSWER


@track_llm_cost(feature="support_answer")
async def answer_later():
    await asyncio.sleep(0)
    return ANSWER


def test_what_was_recorded_is_there_with_who_asked_and_what_was_used():
    with recorded_calls() as calls:
        answer()
        with feature("ticket_triage"):
            answer()

    assert [(call.feature_id, call.reading.input_tokens, call.model) for call in calls] == [
        ("support_answer", 12, "gpt-4o-mini"),
        ("ticket_triage", 12, "gpt-4o-mini"),
    ]
    assert calls.features == {"support_answer", "ticket_triage"}
    assert calls.of("ticket_triage") == [calls[1]]
    assert calls[:1] == calls.of("support_answer")
    assert calls.gaps == []


def test_one_is_the_only_call():
    with recorded_calls() as calls:
        answer()
        assert calls.one() is calls[0]
        answer()
    with pytest.raises(AssertionError, match=r"there are 2: \[\n  .*support_answer.*\n  .*support_answer.*\n\]"):
        calls.one()
    with pytest.raises(AssertionError, match=r"there are 0: \[\]"):
        RecordedCalls().one()


def test_gaps_say_what_is_not_known():
    with recorded_calls() as calls:
        track_llm_cost(feature="support_answer")(lambda: "only a text")()

    assert "not_read" in calls.gaps


def test_steps_that_only_hold_calls_are_kept_apart():
    @track_llm_cost(feature="support_answer", pipeline="outer")
    def outer():
        return answer()

    with recorded_calls() as calls:
        outer()

    assert len(calls) == 1
    assert [step.pipeline_id for step in calls.steps] == ["outer"]


def test_calls_of_threads_and_tasks_are_all_there():
    async def gather():
        await asyncio.gather(*(answer_later() for _ in range(100)))

    with recorded_calls() as calls:
        threads = [threading.Thread(target=lambda: [answer() for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        asyncio.run(gather())
        for thread in threads:
            thread.join()

    assert len(calls) == 300


def test_after_the_block_nothing_is_collected_and_nested_blocks_get_all():
    with recorded_calls() as outer:
        with recorded_calls() as inner:
            answer()
        answer()
    answer()

    assert (len(outer), len(inner)) == (2, 1)
    assert switch.captures == ()


def test_a_function_with_both_decorators_is_one_call():
    both = instrument_llm(feature="support_answer")(track_llm_cost(feature="support_answer")(lambda: ANSWER))
    with recorded_calls() as calls:
        both()

    assert len(calls) == 1


def test_switched_off_records_nothing_and_comes_back():
    with recorded_calls() as calls:
        with switched_off():
            assert answer() is ANSWER
            assert not is_on()
        assert is_on()

    assert len(calls) == 0


_PROGRAM = """
import threading
from ai_finops.instrument import track_llm_cost
from ai_finops.instrument.switch import is_on
from ai_finops.instrument.testing import recorded_calls

@track_llm_cost(feature="support_answer")
def answer():
    return {"model": "gpt-4o-mini", "usage": {"prompt_tokens": 12, "completion_tokens": 4}}

with recorded_calls() as calls:
    answer()
print(is_on(), len(calls), threading.active_count())
"""


@pytest.mark.parametrize(("said", "on"), [("off", "False"), ("0", "False"), ("on", "True"), ("", "True")])
def test_environment_switches_off_and_a_test_may_still_record(said, on):
    env = os.environ | {"AI_FINOPS_INSTRUMENT": said, "AI_FINOPS_METRICS": "cloudwatch"}
    done = subprocess.run([sys.executable, "-c", _PROGRAM], env=env, capture_output=True, text=True, timeout=60)

    assert done.stdout.split() == [on, "1", "1"], done.stderr  # one thread: neither metrics nor anything else has begun


def test_recording_in_tests_loses_nothing():
    before = losses()
    with recorded_calls():
        answer()

    assert losses() == before
