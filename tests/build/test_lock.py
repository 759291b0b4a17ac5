"""One writer at a time."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

from ai_finops.build.lock import one_writer
from ai_finops.errors import BuildError

HOLD = """
import sys
from pathlib import Path
from ai_finops.build.lock import one_writer

with one_writer(Path(sys.argv[1]), doing="a build"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the lock until its input is closed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_second_writer_is_told_who_writes(tmp_path, holder):
    with (
        pytest.raises(BuildError, match=f"written by process {holder.pid}, a build; waited 0 s"),
        one_writer(tmp_path, doing="another", wait_seconds=0),
    ):
        pass


def test_second_writer_waits_for_the_first(tmp_path, holder):
    timer = threading.Timer(0.5, holder.stdin.close)
    timer.start()
    with one_writer(tmp_path, doing="another", wait_seconds=60):
        assert holder.wait(60) == 0


def test_lock_of_a_killed_writer_is_free(tmp_path, holder):
    holder.kill()
    holder.wait()
    with one_writer(tmp_path, doing="another", wait_seconds=0):
        assert (tmp_path / ".lock").read_text() == f"process {os.getpid()}, another"


def test_steps_inside_a_locked_build_pass(tmp_path):
    with one_writer(tmp_path, doing="all"), one_writer(tmp_path, doing="a step", wait_seconds=0):
        assert (tmp_path / ".lock").read_text().endswith("all")
    with one_writer(tmp_path, doing="next", wait_seconds=0):
        pass


def test_threads_do_not_share_the_lock(tmp_path):
    caught = []

    def write():
        try:
            with one_writer(tmp_path, doing="a thread", wait_seconds=0):
                pass
        except BuildError as error:
            caught.append(error)

    with one_writer(tmp_path, doing="all"):
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(caught) == 1


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "home").write_text("")
    builds = tmp_path / "home" / "builds"
    with (
        pytest.raises(BuildError, match=f"{builds} cannot be written .*; correct AI_FINOPS_HOME"),
        one_writer(builds, doing="x"),
    ):
        pass


def test_full_disk_keeps_nobody_from_the_lock(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", refuse)
    with one_writer(tmp_path, doing="a build"), pytest.raises(BuildError, match="is being written by another process"):
        _wait_in_another_thread(tmp_path)


def _wait_in_another_thread(folder):
    """A thread has no lock of its own context: it waits as another process would."""
    met = []

    def wait():
        try:
            with one_writer(folder, doing="another build", wait_seconds=0):
                pass
        except BuildError as error:
            met.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    raise met[0]
