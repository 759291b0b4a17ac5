"""The thread that tells ends: in order, bounded, past faults, after a fork and at exit, and out of a collector's run."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ai_finops.instrument import telling
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.telling import finish_telling, tell_later

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 10.0
"""For what happens at once; only a failing test waits for it."""


@pytest.fixture(autouse=True)
def no_losses():
    assert finish_telling(WAIT_S)
    forget_losses()
    yield
    assert finish_telling(WAIT_S)
    forget_losses()


def test_actions_are_done_in_order_on_one_other_thread():
    done = []
    for number in range(100):
        tell_later(lambda number=number: done.append((number, threading.get_ident())))
    assert finish_telling(WAIT_S)
    assert [number for number, _ in done] == list(range(100))
    assert len({ident for _, ident in done} | {threading.get_ident()}) == 2


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(1), KeyboardInterrupt()])
def test_an_action_that_raises_is_counted_and_the_next_is_done(error):
    done = []

    def fail():
        raise error

    tell_later(fail)
    tell_later(lambda: done.append(1))
    assert finish_telling(WAIT_S)
    assert (done, losses()) == ([1], {"end_untold": 1})


def test_what_does_not_fit_is_counted_by_the_teller(monkeypatch):
    monkeypatch.setattr(telling, "MOST_WAITING", 3)
    is_in, may_go_on, done = threading.Event(), threading.Event(), []
    tell_later(lambda: (is_in.set(), may_go_on.wait(WAIT_S)))
    assert is_in.wait(WAIT_S)
    for number in range(5):  # three wait, two are too many
        tell_later(lambda number=number: done.append(number))
    assert losses() == {}  # not counted here: the collector may have called
    may_go_on.set()
    assert finish_telling(WAIT_S)
    assert (done, losses()) == ([0, 1, 2], {"end_untold": 2})


def test_an_action_may_tell_and_may_not_wait_for_itself():
    done = []
    tell_later(lambda: (tell_later(lambda: done.append("later")), done.append(finish_telling(WAIT_S))))
    assert finish_telling(WAIT_S) and finish_telling(WAIT_S)
    assert done == [False, "later"]


def test_an_action_is_let_go_of_when_it_is_done():
    class Held:
        def __call__(self):
            pass

        def __del__(self):
            freed.set()

    freed = threading.Event()
    tell_later(Held())
    assert freed.wait(WAIT_S)


def test_an_action_told_by_the_collector_does_not_meet_the_locks_of_its_thread():
    lock, done = threading.Lock(), threading.Event()

    class Cycle:
        def __del__(self):
            tell_later(under_lock)

    def under_lock():
        with lock:
            done.set()

    cycle = Cycle()
    cycle.itself = cycle
    del cycle
    with lock:
        gc.collect()
        assert not done.is_set()
    assert done.wait(WAIT_S)


def test_a_child_tells_its_own_and_not_its_parent_s():
    is_in, may_go_on, told = threading.Event(), threading.Event(), []
    tell_later(lambda: (is_in.set(), may_go_on.wait(WAIT_S)))
    assert is_in.wait(WAIT_S)
    tell_later(lambda: told.append("parent"))
    child = os.fork()
    if child == 0:
        tell_later(lambda: told.append("child"))
        os._exit(0 if finish_telling(WAIT_S) and told == ["child"] else 1)
    assert os.waitpid(child, 0)[1] == 0
    may_go_on.set()
    assert finish_telling(WAIT_S)
    assert told == ["parent"]


_AT_EXIT = """
import atexit, sys, threading
from ai_finops.instrument.losses import losses
from ai_finops.instrument.telling import tell_later
def after():
    tell_later(lambda: print("too late"))
    print(losses())
atexit.register(after)
class Last:
    def __del__(self):
        tell_later(lambda: print("in the ruins"))
sys.modules["last"] = Last()
for number in range(3):
    tell_later(lambda number=number: print("told", number, flush=True))
"""


def run(code: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)


def test_what_waits_is_told_at_exit_and_what_comes_later_is_counted():
    ended = run(_AT_EXIT)
    assert (ended.returncode, ended.stdout.splitlines()) == (0, ["told 0", "told 1", "told 2", "{'end_untold': 1}"])
    assert "Traceback" not in ended.stderr


_HANGS = """
import threading
from ai_finops.instrument import telling
telling.EXIT_TIMEOUT_S = 0.05
is_in = threading.Event()
telling.tell_later(lambda: (is_in.set(), threading.Event().wait()))
is_in.wait()
telling.tell_later(lambda: print("told at exit", threading.current_thread() is threading.main_thread()))
"""


def test_an_action_that_hangs_holds_up_no_exit():
    ended = run(_HANGS)
    assert (ended.returncode, ended.stdout) == (0, "told at exit True\n")


def test_without_a_thread_to_be_had_the_next_call_or_the_exit_tells():
    code = """
import _thread
from ai_finops.instrument.telling import finish_telling, tell_later
start = _thread.start_new_thread
def refuse(*_):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = refuse
tell_later(lambda: print("first", flush=True))
_thread.start_new_thread = start
tell_later(lambda: print("second", flush=True))
print(finish_telling(10), flush=True)
"""
    assert run(code).stdout.splitlines() == ["first", "second", "True"]
    never = code.replace("_thread.start_new_thread = start\n", "").replace("print(finish_telling(10), flush=True)", "")
    assert run(never).stdout.splitlines() == ["first", "second"]
