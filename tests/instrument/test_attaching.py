"""Blocks left elsewhere, twice or out of order: nothing is charged wrongly, nothing is logged but the count."""

from __future__ import annotations

import asyncio
import contextvars
import logging

import pytest
from opentelemetry.context import attach, get_current, set_value

from ai_finops.instrument import feature, from_headers, record_retrieval
from ai_finops.instrument.attaching import _MOST_NESTED, attach_context, detach_quietly
from ai_finops.instrument.attribution import NOBODY, asked_by
from ai_finops.instrument.losses import forget_losses, losses

SECRET = "the text of a prompt"


@pytest.fixture(autouse=True)
def own_context():
    """Each test counts from zero."""
    forget_losses()
    yield
    forget_losses()


def alone(function):
    """Run in a context of its own, as a new thread does."""
    return contextvars.Context().run(function)


def test_what_was_current_is_current_again():
    before = get_current()
    outer, inner = set_value("a", 1), set_value("b", 2)
    first = attach_context(outer)
    second = attach_context(inner)
    assert get_current() is inner
    detach_quietly(second)
    assert get_current() is outer
    detach_quietly(first)
    assert get_current() is before
    assert losses() == {}


@pytest.mark.parametrize("kind", [lambda: feature("f"), lambda: from_headers({}), lambda: record_retrieval(top_k=1)])
def test_a_block_left_in_another_context_logs_no_text_of_what_was_raised(caplog, kind):
    block = kind()
    contextvars.copy_context().run(block.__enter__)
    with caplog.at_level(logging.DEBUG), pytest.raises(ValueError, match=SECRET):
        try:
            raise ValueError(SECRET)
        except ValueError as error:
            block.__exit__(type(error), error, error.__traceback__)
            raise
    assert losses() == {"context_not_restored": 1}
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text
    assert [record.name for record in caplog.records] == ["ai_finops.instrument"]


def test_a_block_left_in_a_copy_of_its_context_counts_and_changes_nothing():
    def check():
        attached = attach_context(set_value("a", 1))
        inside = get_current()
        contextvars.copy_context().run(detach_quietly, attached)
        assert losses() == {"context_not_restored": 1}
        assert get_current() is inside
        detach_quietly(attached)  # and here it is left as ever
        assert get_current() is not inside

    alone(check)
    assert losses() == {"context_not_restored": 1}


def test_two_generators_that_are_closed_in_the_order_of_their_start_leave_nobody_behind():
    def steps(name):
        with feature(name, override=True):
            yield asked_by().feature_id

    def check():
        first, second = steps("a"), steps("b")
        assert [next(first), next(second)] == ["a", "b"]
        first.close()
        assert asked_by() == NOBODY
        second.close()
        assert asked_by() == NOBODY

    alone(check)
    assert losses() == {"context_not_restored": 1}


def test_a_block_restores_what_was_before_it_also_when_others_left_their_context_behind():
    def check():
        with feature("f"):
            attach(set_value("theirs", 1))
        assert asked_by() == NOBODY

    alone(check)
    assert losses() == {}


def test_a_generator_that_another_task_closes(caplog):
    async def stream():
        with feature("f"):
            yield 1

    async def main():
        items = stream()
        await asyncio.create_task(anext(items))
        await items.aclose()
        assert asked_by() == NOBODY

    asyncio.run(main())
    assert losses() == {"context_not_restored": 1}
    assert "Traceback" not in caplog.text


def test_blocks_that_are_never_left_do_not_pile_up():
    def check():
        deepest = 0
        for _ in range(_MOST_NESTED + 5):
            deepest = max(deepest, attach_context(get_current()).depth)
        return deepest

    assert alone(check) == _MOST_NESTED - 1


def test_another_runtime_context_undoes_by_its_own_means(monkeypatch):
    from ai_finops.instrument import attaching

    undone = []
    monkeypatch.setattr(attaching, "attach", lambda context: "their token")
    monkeypatch.setattr(attaching, "detach", undone.append)
    detach_quietly(attach_context(get_current()))
    assert undone == ["their token"]
