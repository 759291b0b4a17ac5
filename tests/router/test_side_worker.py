"""A thread beside the product's: bounded, never in the way, and not held by what hangs."""

from __future__ import annotations

import os
import threading

import pytest

from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.router import side_worker
from ai_finops.router.side_worker import MOST_HANGING, SideWorker


@pytest.fixture(autouse=True)
def _forget():
    forget_losses()


class Gate:
    """Work that says when it is begun, and ends when it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.let_go.wait(30)


def worker_of(*, most_queued=3, hanging_after_s=3600.0) -> SideWorker:
    return SideWorker("shadow", most_queued=most_queued, hanging_after_s=hanging_after_s)


def threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "ai_finops-shadow"]


def test_work_is_done_in_order_by_one_daemon_thread():
    done, names = [], set()
    worker = worker_of(most_queued=10)
    for number in range(10):
        assert worker.offer(lambda number=number: (done.append(number), names.add(threading.current_thread())))
    assert worker.wait(30)
    assert done == list(range(10))
    (thread,) = names
    assert thread.daemon and thread is not threading.current_thread()


def test_what_does_not_fit_is_dropped_and_counted():
    gate, done = Gate(), []
    worker = worker_of()
    worker.offer(gate)
    assert gate.begun.wait(30)
    taken = [worker.offer(lambda: done.append(1)) for _ in range(5)]
    assert (taken, worker.queued_count()) == ([True] * 3 + [False] * 2, 3)
    assert losses() == {"shadow_queue_full": 2}
    gate.let_go.set()
    assert worker.wait(30) and len(done) == 3
    assert worker.offer(lambda: None)


@pytest.mark.parametrize("error", [RuntimeError("x"), SystemExit(1), KeyboardInterrupt()])
def test_work_that_raises_does_not_take_the_thread_with_it(error):
    done = []

    def fails() -> None:
        raise error

    worker = worker_of()
    worker.offer(fails)
    worker.offer(lambda: done.append(1))
    assert worker.wait(30)
    assert (done, losses()) == ([1], {"shadow_failed": 1})


def test_work_that_hangs_is_left_to_itself_and_a_few_of_those_end_it_until_one_comes_back():
    gates = [Gate() for _ in range(MOST_HANGING + 1)]
    worker = worker_of(hanging_after_s=0.0)
    for gate in gates:  # at once each counts as hanging, and another thread takes the next
        assert worker.offer(gate)
        assert gate.begun.wait(30)
    assert not worker.offer(lambda: None)
    assert losses() == {"shadow_hanging": 1}
    gates[0].let_go.set()
    while worker._hanging == MOST_HANGING:
        threading.Event().wait(0.001)
    done = threading.Event()
    assert worker.offer(done.set) and done.wait(30)
    for gate in gates:
        gate.let_go.set()


def test_a_thread_ends_when_it_has_had_nothing_to_do_and_another_begins(monkeypatch):
    monkeypatch.setattr(side_worker, "IDLE_S", 0.0)
    worker, seen = worker_of(), []
    for _ in range(3):
        worker.offer(lambda: seen.append(threading.current_thread()))
        assert worker.wait(30)
        seen[-1].join(30)
        assert not seen[-1].is_alive()
    assert len(set(seen)) == 3


def test_closed_it_takes_nothing_more_and_counts_what_it_drops():
    gate = Gate()
    worker = worker_of()
    worker.offer(gate)
    assert gate.begun.wait(30)
    worker.offer(lambda: None)
    assert not worker.close(0.0)
    assert losses() == {"shadow_closed": 1}
    assert not worker.offer(lambda: None)
    assert losses() == {"shadow_closed": 2}
    gate.let_go.set()


def test_without_a_thread_to_be_had_work_is_dropped(monkeypatch):
    worker = worker_of()

    def refuses(thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuses)
    assert not worker.offer(lambda: None)
    assert (losses(), worker.queued_count()) == ({"shadow_no_thread": 1}, 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_begins_with_an_empty_queue_and_a_thread_of_its_own():
    gate = Gate()
    worker = worker_of()
    worker.offer(gate)
    assert gate.begun.wait(30)
    worker.offer(lambda: None)
    with worker._changed:  # held at the fork, as by another thread
        pid = os.fork()
        if pid == 0:
            done = []
            is_good = worker.queued_count() == 0 and worker.offer(lambda: done.append(1)) and worker.wait(10)
            os._exit(0 if is_good and done == [1] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert worker.queued_count() == 1, "the parent's queue is as it was"
    gate.let_go.set()
    assert worker.wait(30)
