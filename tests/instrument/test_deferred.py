"""Work off the request path: the span ends with the end that it had, whatever becomes of the work."""

import os
import subprocess
import sys
import threading

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ai_finops.instrument import deferred
from ai_finops.instrument.deferred import add_later, end_later, flush_deferred
from ai_finops.instrument.losses import forget_losses, losses


@pytest.fixture
def exporter():
    return InMemorySpanExporter()


@pytest.fixture
def tracer(exporter):
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    forget_losses()
    return provider.get_tracer("test")


@pytest.fixture
def held():
    """Keep the thread busy until the test lets it go on."""
    go_on, is_held = threading.Event(), threading.Event()

    def hold():
        is_held.set()
        go_on.wait(20)
        return {}

    yield lambda span: (end_later(span, hold), is_held.wait(20)), go_on
    go_on.set()
    assert flush_deferred(20)


def test_span_ends_with_the_end_it_had_and_what_was_computed(tracer, exporter, held, monkeypatch):
    hold, go_on = held
    hold(tracer.start_span("first"))
    monkeypatch.setattr(deferred.time, "time_ns", lambda: 5_000)
    end_later(tracer.start_span("second", start_time=4_000), lambda: {"answer": 42})
    assert exporter.get_finished_spans() == ()

    go_on.set()
    assert flush_deferred(20)

    span = exporter.get_finished_spans()[1]
    assert (span.name, span.end_time, dict(span.attributes)) == ("second", 5_000, {"answer": 42})


def test_failing_work_ends_its_span_and_the_next_is_done(tracer, exporter):
    def fail():
        raise ValueError("a prompt's text")

    end_later(tracer.start_span("fails"), fail)
    end_later(tracer.start_span("works"), lambda: {"answer": 42})
    assert flush_deferred(20)

    assert [(span.name, dict(span.attributes)) for span in exporter.get_finished_spans()] == [
        ("fails", {}),
        ("works", {"answer": 42}),
    ]
    assert losses() == {"deferred_failed": 1}


def test_a_full_queue_ends_the_span_at_once_without_the_work(tracer, exporter, held, monkeypatch):
    monkeypatch.setattr(deferred, "MAX_WAITING_COUNT", 2)
    hold, go_on = held
    hold(tracer.start_span("held"))
    for name in ("waits", "waits too", "does not fit"):
        end_later(tracer.start_span(name), lambda: {"answer": 42})
    assert [(span.name, dict(span.attributes)) for span in exporter.get_finished_spans()] == [("does not fit", {})]
    assert losses() == {"deferred_full": 1}

    go_on.set()
    assert flush_deferred(20)
    assert [dict(span.attributes) for span in exporter.get_finished_spans()[1:]] == [{}, {"answer": 42}, {"answer": 42}]


@pytest.mark.parametrize(("byte_count", "lost"), [(50, {}), (51, {"deferred_full": 1})])
def test_what_waits_is_bounded_in_bytes(tracer, held, monkeypatch, byte_count, lost):
    monkeypatch.setattr(deferred, "MAX_WAITING_BYTES", 100)
    hold, _ = held
    hold(tracer.start_span("held"))
    end_later(tracer.start_span("waits"), dict, byte_count=50)
    end_later(tracer.start_span("waits too"), dict, byte_count=byte_count)

    assert losses() == lost


def test_a_single_piece_may_be_larger_than_the_bound(tracer, exporter, monkeypatch):
    """Else what is just too long would never be computed, though nothing else is held."""
    monkeypatch.setattr(deferred, "MAX_WAITING_BYTES", 100)
    end_later(tracer.start_span("large"), lambda: {"answer": 42}, byte_count=101)
    assert flush_deferred(20)

    assert dict(exporter.get_finished_spans()[0].attributes) == {"answer": 42}


def test_adding_to_a_span_that_somebody_else_ends(tracer, exporter, held):
    hold, go_on = held
    hold(tracer.start_span("held"))
    early, late = tracer.start_span("early"), tracer.start_span("late")
    add_later(early, lambda: {"answer": 42})
    add_later(late, lambda: {"answer": 42})
    late.end()
    go_on.set()
    assert flush_deferred(20)
    early.end()

    assert {span.name: dict(span.attributes) for span in exporter.get_finished_spans()} == {
        "held": {},
        "early": {"answer": 42},
        "late": {},
    }
    assert losses() == {"deferred_late": 1}


def test_a_span_that_records_nothing_costs_no_work(tracer):
    from opentelemetry.trace import INVALID_SPAN

    ran = []
    end_later(INVALID_SPAN, lambda: ran.append(1) or {})
    add_later(INVALID_SPAN, lambda: ran.append(1) or {})

    assert flush_deferred(20)
    assert ran == []


def test_flush_says_when_time_was_up(tracer, held):
    hold, _ = held
    hold(tracer.start_span("held"))

    assert not flush_deferred(0.01)


def test_where_no_thread_can_start_the_span_ends_at_once(tracer, exporter, monkeypatch):
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(deferred, "_worker", deferred._Worker())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    end_later(tracer.start_span("late"), lambda: {"answer": 42})

    assert [span.name for span in exporter.get_finished_spans()] == ["late"]
    assert losses() == {"deferred_full": 1}
    assert flush_deferred(0)


_PROGRAM = """
import os, sys, time
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from ai_finops.instrument.deferred import end_later, flush_deferred

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(
    formatter=lambda span: f"{span.name} {dict(span.attributes)}\\n", out=sys.stdout)))
tracer = provider.get_tracer("test")
end_later(tracer.start_span("parent"), lambda: time.sleep(0.2) or {"answer": 1})
"""


def _run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return sorted(done.stdout.splitlines())


def test_at_exit_what_waits_is_done_before_the_sdk_exports_for_the_last_time():
    assert _run(_PROGRAM) == ["parent {'answer': 1}"]


def test_a_forked_child_does_its_own_work_and_not_its_parents():
    program = f"""{_PROGRAM}
child = os.fork()
if child == 0:
    end_later(tracer.start_span("child"), lambda: {{"answer": 2}})
else:
    os.waitpid(child, 0)
"""
    assert _run(program) == ["child {'answer': 2}", "parent {'answer': 1}"]
