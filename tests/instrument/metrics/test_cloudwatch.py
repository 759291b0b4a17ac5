"""The CloudWatch sink with boto3 over HTTP: what arrives, and what never reaches the caller."""

import threading
import time

import pytest

from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics import CloudWatchSink
from ai_finops.instrument.metrics.cloudwatch import COUNTED_AT
from ai_finops.instrument.metrics.cloudwatch_client import make_client
from ai_finops.instrument.metrics.delivery import Delivery
from tests.instrument.metrics.made import MINUTE, call
from tests.instrument.metrics.put_rules import (
    BROKEN,
    FORBIDDEN,
    LOST_ANSWER,
    RESET,
    THROTTLED,
    Fault,
    dimensions,
)

NEVER_S = 3_600.0


@pytest.fixture
def sink(rules):
    """A sink that sends when it is asked to."""
    made = CloudWatchSink(interval_s=NEVER_S)
    yield made
    rules.faults.clear()
    made.close()


def now_call(feature: str | None = "search", **others):
    return call(feature, at_s=time.time(), **others)


def test_three_calls_arrive_as_four_sets(sink, rules):
    at_s = time.time() // 60 * 60
    for input_tokens, output_tokens, cost_usd, latency_ms in (
        (100, 20, 0.25, 1_500),
        (300, 0, 0.5, 500),
        (200, 40, 0.125, 2_500),
    ):
        sink.add(
            call(
                input_tokens=input_tokens,
                output_tokens=output_tokens,
                cost_usd=cost_usd,
                latency_ms=latency_ms,
                at_s=at_s,
            )
        )
    assert sink.flush()
    assert rules.values("InputTokens", "search") == [(3, 600, 100, 300)]
    assert rules.values("OutputTokens", "search") == [(3, 60, 0, 40)]
    assert rules.values("LatencyMs", "search") == [(3, 4_500, 500, 2_500)]
    assert rules.values("EstimatedCostUSD", "search") == [(3, 0.875, 0.125, 0.5)]
    assert {each["Unit"] for each in rules.taken} == {"Count", "Milliseconds", "None"}
    assert {each["Timestamp"] for each in rules.taken} == {at_s}
    assert dimensions(rules.taken[0]) == {"Feature": "search", "Model": "claude-sonnet-4"}
    assert rules.request_sizes == [4]


def test_features_models_and_minutes_are_told_apart(sink, rules):
    at_s = time.time() // 60 * 60 - 60
    sink.add(call("a", "m", at_s=at_s))
    sink.add(call("a", "m", at_s=at_s + 59.9))
    sink.add(call("a", "m", at_s=at_s + 60))
    sink.add(call("a", "n", at_s=at_s))
    sink.add(call("b", "m", at_s=at_s))
    sink.flush()
    assert sorted(
        (*dimensions(each).values(), each["Timestamp"] - at_s, each["StatisticValues"]["SampleCount"])
        for each in rules.taken
        if each["MetricName"] == "LatencyMs"
    ) == [("a", "m", 0, 2), ("a", "m", 60, 1), ("a", "n", 0, 1), ("b", "m", 0, 1)]


def test_names_of_every_kind_are_taken(sink, rules):
    names = ["with spaces", "Übersicht", "検索" * 100, "x" * 10_240, "ä" * 10_240, ":colon", None, "", "\n", "50%"]
    for name in names:
        sink.add(now_call(name))
        sink.add(now_call(name))
    held = list(sink._minutes)
    assert sink.flush()
    # Nobody holds on to ten kilobytes a name.
    assert max(len(feature or "") for feature, _, _ in held) <= 1_024
    # Three of them say nothing and are one feature.
    assert len({dimensions(each)["Feature"] for each in rules.taken}) == len(names) - 2
    assert rules.count("LatencyMs") == 2 * len(names)
    assert losses() == {}


def test_names_past_the_limit_are_other_and_counted(rules):
    sink = CloudWatchSink(interval_s=NEVER_S, max_pairs=3)
    for number in range(5):
        sink.add(now_call(f"user {number}"))
    sink.close()
    assert sorted({dimensions(each)["Feature"] for each in rules.taken}) == ["other", "user 0", "user 1"]
    assert rules.values("InputTokens", "other") == [(3, 300, 100, 100)]
    assert losses() == {"metric_pairs_over_limit": 3}


def test_a_full_process_is_one_request_compressed(sink, rules):
    for number in range(300):
        sink.add(call(f"feature {number}", at_s=time.time() // 60 * 60))
    assert sink.flush()
    # 249 features and other, four metrics each.
    assert rules.request_sizes == [1_000]
    assert rules.encodings == ["gzip"]
    assert losses() == {"metric_pairs_over_limit": 51}


def test_long_names_make_more_requests_and_none_is_too_large(sink, rules):
    for number in range(249):
        sink.add(call(f"{number}" + "\\" * 10_000, "m" * 2_000, at_s=time.time() // 60 * 60))
    assert sink.flush()
    assert sum(rules.request_sizes) == 4 * 249
    assert len(rules.request_sizes) > 1
    assert max(rules.body_bytes) <= 1_000_000
    assert losses() == {}


def test_a_small_request_is_not_compressed(rules):
    sink = CloudWatchSink(interval_s=NEVER_S)
    sink.add(now_call(input_tokens=None, output_tokens=None, cost_usd=None))
    sink.close()
    assert rules.encodings == [None]


def test_who_switches_compression_off_gets_none(rules, monkeypatch):
    monkeypatch.setenv("AWS_DISABLE_REQUEST_COMPRESSION", "true")
    sink = CloudWatchSink(interval_s=NEVER_S)
    for number in range(10):
        sink.add(now_call(f"f{number}"))
    sink.close()
    assert rules.encodings == [None]


@pytest.mark.parametrize("fault", [THROTTLED, BROKEN, FORBIDDEN, RESET], ids=["throttled", "5xx", "forbidden", "reset"])
def test_a_failure_keeps_what_waits(sink, rules, fault):
    rules.faults, rules.is_fault_kept = [fault], True
    sink.add(now_call())
    assert not sink.flush()
    assert sink.last_error
    asked_count = len(rules.request_sizes)
    assert 1 <= asked_count <= 2
    # It backs off: nothing is asked, and the answer is still no.
    assert not sink.flush()
    assert len(rules.request_sizes) == asked_count
    rules.faults = []
    assert sink.close()
    assert rules.values("LatencyMs", "search") == [(1, 1_500, 1_500, 1_500)]
    assert losses() == {}


def test_one_bad_datum_costs_no_other(sink, rules):
    rules.refused_feature = "bad"
    for name in ("a", "bad", "b", "c"):
        sink.add(now_call(name))
    assert sink.flush()
    assert {dimensions(each)["Feature"] for each in rules.taken} == {"a", "b", "c"}
    assert len(rules.taken) == 12
    assert losses() == {"metrics_refused": 4}


def test_an_answer_that_is_lost_may_count_twice(sink, rules):
    rules.faults = [LOST_ANSWER]
    sink.add(now_call())
    assert sink.flush()
    assert rules.values("LatencyMs", "search") == 2 * [(1, 1_500, 1_500, 1_500)]


def test_a_call_of_a_clock_far_ahead_or_behind_hurts_no_other(sink, rules):
    sink.add(now_call("now"))
    sink.add(call("ahead", at_s=time.time() + 10 * 86_400))
    sink.add(call("behind", at_s=0))
    assert sink.flush()
    assert {dimensions(each)["Feature"] for each in rules.taken} == {"now", "ahead"}
    assert losses() == {"metrics_too_old": 4}


def test_a_flush_that_hangs_is_given_up(rules):
    sink = CloudWatchSink(interval_s=NEVER_S)
    rules.faults = [Fault(hangs_s=0.3)]
    sink.add(now_call())
    assert not sink.flush(timeout_s=0.05)
    # Whoever adds meanwhile is not held up by it.
    sink.add(now_call())
    assert sink.close(timeout_s=20)


def test_nothing_happens_before_the_first_call(rules):
    before = threading.active_count()
    sink = CloudWatchSink(make_client=lambda: pytest.fail("made"), interval_s=0.01)
    assert threading.active_count() == before
    assert sink.flush()
    assert sink.close()


def test_the_interval_sends_without_being_asked(rules):
    sink = CloudWatchSink(interval_s=0.01)
    sink.add(now_call())
    for _ in range(2_000):
        if rules.taken:
            break
        time.sleep(0.01)
    assert rules.values("InputTokens", "search") == [(1, 100, 100, 100)]
    sink.close()


def test_a_client_can_be_given(rules):
    client = make_client()
    sink = CloudWatchSink(client=client, interval_s=NEVER_S)
    sink.add(now_call())
    assert sink.close()
    assert rules.count("LatencyMs") == 1


def test_the_client_can_be_made_early(rules):
    made = []
    sink = CloudWatchSink(make_client=lambda: made.append(1) or make_client(), interval_s=NEVER_S)
    assert sink.connect()
    sink.add(now_call())
    assert sink.close()
    assert made == [1]


def test_what_comes_to_a_closed_sink_is_counted_and_not_held(rules):
    sink = CloudWatchSink(interval_s=NEVER_S)
    sink.add(now_call())
    assert sink.close()
    sink.add(now_call())  # four values, of a pair and minute that it had
    sink.add(now_call("answers", cost_usd=None, output_tokens=None))  # two
    assert losses() == {"metrics_after_close": 6}
    assert len(sink._minutes) == 0
    assert sink.flush(timeout_s=0.1) and sink.close()
    assert rules.count("LatencyMs") == 1


def test_a_child_of_a_process_with_a_closed_sink_may_add(rules):
    sink = CloudWatchSink(interval_s=NEVER_S)
    sink.add(now_call())
    assert sink.close()
    sink.after_fork()
    sink.add(now_call())
    assert sink.close()
    assert (rules.count("LatencyMs"), losses()) == (2, {})


def test_what_cannot_be_sent_at_the_end_is_counted(rules):
    rules.faults, rules.is_fault_kept = [FORBIDDEN], True
    sink = CloudWatchSink(interval_s=NEVER_S)
    sink.add(now_call())
    assert not sink.close()
    assert losses() == {"metrics_unsent_at_exit": 4}


def test_a_thread_that_does_not_come_leaves_memory_bounded():
    stuck = threading.Event()
    sink = CloudWatchSink(make_client=stuck.wait, interval_s=NEVER_S, max_minutes=10)
    for number in range(25):
        sink.add(call(at_s=(MINUTE + number) * 60))
    sink._count_waiting()
    assert len(sink._minutes) == 10
    # The first 15 minutes, of four values each.
    assert losses() == {"metrics_dropped": 60}
    stuck.set()
    sink.close()


def test_a_system_without_room_for_a_thread_loses_nothing(rules, monkeypatch):
    def refuse(*_):
        raise RuntimeError("can't start new thread")

    sink = CloudWatchSink(interval_s=NEVER_S)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        sink.add(now_call())
        assert not sink.flush(0.1)
    assert losses() == {"metrics_thread_not_started": 2}
    assert sink.close()
    assert rules.count("LatencyMs") == 1


@pytest.mark.parametrize("broken", [None, "a call", object()])
def test_what_is_no_call_is_a_loss(sink, broken):
    sink.add(broken)
    assert losses() == {"metric_not_counted": 1}


def test_a_round_that_breaks_does_not_end_the_thread(rules):
    class Breaks(Delivery):
        is_broken = True

        def deliver(self, **options):
            if self.is_broken:
                self.is_broken = False
                raise ZeroDivisionError
            return super().deliver(**options)

    sink = CloudWatchSink(interval_s=NEVER_S, delivery=Breaks(make_client))
    sink.add(now_call())
    assert not sink.flush()
    assert losses() == {"metrics_flush_failed": 1}
    assert sink.flush()
    assert rules.count("LatencyMs") == 1
    sink.close()


def test_a_call_that_ends_in_the_middle_of_an_add_does_not_wait_for_it(sink, rules):
    # As when the garbage collector ends an abandoned stream: here, where the sink looks for the feature.
    class Interrupts(str):
        __slots__ = ()

        def __hash__(self):
            if not inner:
                inner.append(1)
                sink.add(now_call("inner"))
            return str.__hash__(self)

    inner = []
    adds = threading.Thread(target=lambda: sink.add(now_call(Interrupts("outer"))), daemon=True)
    adds.start()
    adds.join(10)
    assert not adds.is_alive()
    assert sink.flush()
    assert {dimensions(each)["Feature"] for each in rules.taken} == {"inner", "outer"}


def test_many_threads_lose_nothing(sink, rules):
    def work():
        for number in range(500):
            sink.add(now_call(f"f{number % 7}"))
            if number % 100 == 0:
                sink.flush()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sink.flush(20)
    assert rules.count("LatencyMs") == rules.count("InputTokens") == 4_000
    assert losses() == {}


def test_calls_wait_to_be_counted_a_bounded_number_of_them(rules):
    sink = CloudWatchSink(interval_s=NEVER_S)
    for number in range(3 * COUNTED_AT + 10):
        sink.add(now_call())
        assert len(sink._waiting) < COUNTED_AT, number
    assert sink._waiting
    assert sink.flush()
    assert not sink._waiting
    assert rules.count("InputTokens") == 3 * COUNTED_AT + 10
    for _ in range(5):
        sink.add(now_call())
    assert sink.close()
    assert rules.count("InputTokens") == 3 * COUNTED_AT + 15
