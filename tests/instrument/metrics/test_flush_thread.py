"""The thread: started once, asked, stopped, and with an answer for everybody who waits."""

import threading
import time

import pytest

from ai_finops.instrument.metrics.flush_thread import NAME, FlushThread

NEVER_S = 3_600.0


def test_it_is_a_daemon_and_there_is_one():
    flusher = FlushThread(lambda is_last: True, interval_s=NEVER_S)
    assert not flusher.is_running
    for _ in range(3):
        flusher.start()
    (thread,) = (each for each in threading.enumerate() if each.name == NAME and each is flusher._thread)
    assert thread.daemon
    flusher.stop(10)


@pytest.mark.parametrize("answer", [True, False])
def test_who_asks_waits_for_the_answer(answer):
    flusher = FlushThread(lambda is_last: answer, interval_s=NEVER_S)
    assert not flusher.flush(0.01)  # it does not run
    flusher.start()
    assert flusher.flush(10) is answer
    assert flusher.stop(10) is answer


def test_a_stop_right_after_the_start_is_answered():
    for _ in range(200):
        worked = []
        flusher = FlushThread(lambda is_last, worked=worked: worked.append(is_last) or True, interval_s=NEVER_S)
        flusher.start()
        assert flusher.stop(10)
        assert worked == [True]


def test_the_last_time_is_told():
    worked = []
    flusher = FlushThread(lambda is_last: worked.append(is_last) or True, interval_s=NEVER_S)
    flusher.start()
    flusher.flush(10)
    flusher.stop(10)
    flusher._thread.join(10)
    assert worked == [False, True]
    assert not flusher.is_running
    flusher.start()
    assert not flusher.is_running


def test_who_asks_during_the_last_time_is_answered():
    begun, go_on = threading.Event(), threading.Event()

    def work(is_last):
        begun.set()
        return go_on.wait(10)

    flusher = FlushThread(work, interval_s=NEVER_S)
    flusher.start()
    answers = []
    stops = threading.Thread(target=lambda: answers.append(flusher.stop(10)))
    stops.start()
    begun.wait(10)
    asks = threading.Thread(target=lambda: answers.append(flusher.flush(5)))
    asks.start()
    while flusher._asked_count < 2:
        time.sleep(0.001)
    go_on.set()
    for thread in (stops, asks):
        thread.join()
    assert answers == [True, True]


def test_after_a_failure_it_waits_for_the_pause():
    worked, came = [], threading.Event()

    def work(is_last):
        worked.append(is_last)
        if len(worked) == 3:
            came.set()
        return False

    flusher = FlushThread(work, interval_s=NEVER_S, pause_s=lambda: 0.001)
    flusher.start()
    flusher.flush(10)
    assert came.wait(10)
    flusher.stop(10)


def test_many_ask_at_once():
    flusher = FlushThread(lambda is_last: True, interval_s=NEVER_S)
    flusher.start()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(flusher.flush(10))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 20
    flusher.stop(10)


def test_a_thread_that_died_is_followed_by_another():
    class Ends(BaseException):
        pass

    died = []

    def work(is_last):
        if not died:
            died.append(1)
            raise Ends
        return True

    flusher = FlushThread(work, interval_s=NEVER_S)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(threading, "excepthook", lambda _: None)
        flusher.start()
        assert not flusher.flush(0.2)
        flusher._thread.join(10)
    flusher.start()
    assert flusher.flush(10) and flusher.stop(10)
