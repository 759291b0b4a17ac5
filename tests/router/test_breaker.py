"""When a model is left alone, and who tries it again."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ai_finops.router.breaker import Breaker, Breakers, State
from ai_finops.router.policy import BreakerLimits
from tests.router.stand_ins import Clock

LIMITS = BreakerLimits(failure_count=3, failure_ratio=0.5, window_s=60, open_s=30)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return Breaker(LIMITS, clock=clock)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(breaker.acquire())


def succeed(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.succeeded(breaker.acquire())


def test_it_opens_at_the_count_and_not_below_it(breaker):
    fail(breaker, 2)
    assert breaker.state is State.CLOSED
    fail(breaker)
    assert breaker.state is State.OPEN
    assert not breaker.acquire()
    assert not breaker.is_passable


@pytest.mark.parametrize(("successes", "state"), [(3, State.OPEN), (4, State.CLOSED)])
def test_it_opens_at_the_ratio_and_not_below_it(breaker, successes, state):
    succeed(breaker, successes)
    fail(breaker, 3)  # 3 of 6 is half; 3 of 7 is less
    assert breaker.state is state


@pytest.mark.parametrize(("seconds", "state"), [(53.9, State.OPEN), (66, State.CLOSED)])
def test_failures_older_than_the_window_do_not_count(breaker, clock, seconds, state):
    clock.now = 1002.0  # begins a bucket of 6 s: the window ends a bucket or less before 60 s
    fail(breaker, 2)
    clock.now += seconds
    fail(breaker)
    assert breaker.state is state


@pytest.mark.parametrize(("seconds", "state"), [(29.99, State.OPEN), (30.0, State.HALF_OPEN)])
def test_it_is_half_open_when_the_time_is_over(breaker, clock, seconds, state):
    fail(breaker, 3)
    clock.now += seconds
    assert breaker.state is state
    assert breaker.is_passable is (state is State.HALF_OPEN)


def test_half_open_lets_one_probe_through(breaker, clock):
    fail(breaker, 3)
    clock.now += 30
    assert breaker.acquire()
    assert not breaker.acquire()
    assert not breaker.is_passable


def test_a_probe_that_succeeds_closes_it_and_forgets(breaker, clock):
    fail(breaker, 3)
    clock.now += 30
    succeed(breaker)
    assert breaker.state is State.CLOSED
    fail(breaker, 2)
    assert breaker.state is State.CLOSED  # as if nothing had failed before


def test_a_probe_that_fails_opens_it_for_as_long_again(breaker, clock):
    fail(breaker, 3)
    clock.now += 30
    fail(breaker)
    clock.now += 29.99
    assert breaker.state is State.OPEN
    clock.now += 0.01
    assert breaker.acquire()


def test_a_cancelled_probe_leaves_the_place_to_the_next(breaker, clock):
    fail(breaker, 3)
    clock.now += 30
    breaker.abandoned(breaker.acquire())
    assert breaker.acquire()


def test_a_probe_that_never_ends_holds_the_place_for_a_while_only(breaker, clock):
    fail(breaker, 3)
    clock.now += 30
    assert breaker.acquire()
    clock.now += 29.99
    assert not breaker.acquire()
    clock.now += 0.01
    assert breaker.acquire()


@pytest.mark.parametrize("end", [Breaker.failed, Breaker.succeeded, Breaker.abandoned])
def test_ends_of_calls_from_before_it_opened_move_nothing(breaker, clock, end):
    early = breaker.acquire()
    fail(breaker, 3)
    clock.now += 10
    end(breaker, early)
    assert breaker.state is State.OPEN
    clock.now += 20
    assert breaker.state is State.HALF_OPEN  # counted from when it opened
    assert breaker.acquire()


@pytest.mark.parametrize("end", [Breaker.failed, Breaker.succeeded, Breaker.abandoned])
def test_ends_of_calls_from_before_it_opened_do_not_speak_for_the_probe(breaker, clock, end):
    early = breaker.acquire()
    fail(breaker, 3)
    clock.now += 30
    probe = breaker.acquire()
    end(breaker, early)
    assert breaker.state is State.HALF_OPEN
    assert not breaker.acquire()  # the probe is out still
    breaker.succeeded(probe)
    assert breaker.state is State.CLOSED


def test_ends_of_calls_from_before_it_opened_are_not_counted_after_it_closed(breaker, clock):
    early = [breaker.acquire() for _ in range(3)]
    fail(breaker, 3)
    clock.now += 30
    succeed(breaker)
    for each in early:
        breaker.failed(each)
    assert breaker.state is State.CLOSED


def test_the_first_of_two_probes_may_still_close_it_and_not_free_the_place(breaker, clock):
    fail(breaker, 3)
    clock.now += 30
    slow = breaker.acquire()
    clock.now += 30
    second = breaker.acquire()
    breaker.abandoned(slow)
    assert not breaker.acquire()  # the second is out still
    breaker.succeeded(slow)  # slow, and an answer
    assert breaker.state is State.CLOSED
    breaker.failed(second)  # of the time before: not counted
    fail(breaker, 2)
    assert breaker.state is State.CLOSED


def test_a_call_that_says_nothing_of_the_model_is_not_counted(breaker):
    for _ in range(4):
        breaker.abandoned(breaker.acquire())
    fail(breaker, 3)  # 3 of 3; were they calls that succeeded it would be 3 of 7
    assert breaker.state is State.OPEN


def test_a_forced_call_that_is_answered_closes_it_and_one_that_fails_moves_nothing(breaker, clock):
    fail(breaker, 3)
    clock.now += 10
    forced = breaker.force()
    breaker.failed(forced)
    clock.now += 20
    assert breaker.state is State.HALF_OPEN  # counted from when it opened
    assert breaker.acquire()
    breaker.abandoned(breaker.force())
    assert not breaker.acquire()  # the probe is out still
    breaker.succeeded(breaker.force())
    assert breaker.state is State.CLOSED


def test_a_forced_call_of_a_closed_one_is_as_any_other(breaker):
    for _ in range(3):
        breaker.failed(breaker.force())
    assert breaker.state is State.OPEN


def test_a_clock_that_stands_still_or_goes_back_breaks_nothing(breaker, clock):
    fail(breaker, 2)
    clock.now -= 500
    fail(breaker)
    assert breaker.state is State.CLOSED  # the others are not in this window
    fail(breaker, 2)
    assert breaker.state is State.OPEN


def test_memory_does_not_grow_with_calls(breaker, clock):
    for second in range(5000):
        clock.now += second / 7
        succeed(breaker)
    assert len(breaker._buckets) == 10


def test_many_threads_get_one_probe(breaker, clock):
    fail(breaker, 3)
    clock.now += 30
    got, start = [], threading.Barrier(20)

    def ask() -> None:
        start.wait()
        if breaker.acquire():
            got.append(1)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_the_unhealthy_are_those_that_would_not_be_let_through(clock):
    breakers = Breakers(["a", "b"], LIMITS, clock=clock)
    assert breakers.unhealthy() == frozenset()
    fail(breakers["a"], 3)
    assert breakers.unhealthy() == {"a"}
    clock.now += 30
    assert breakers.unhealthy() == frozenset()
    assert breakers["a"].acquire()
    assert breakers.unhealthy() == {"a"}  # its probe is out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_is_not_held_up_by_a_lock_of_its_parent(breaker):
    with breaker._lock:
        pid = os.fork()
        if pid == 0:
            signal.alarm(5)  # ends a child that waits for the lock
            os._exit(0 if breaker.acquire() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
