"""Whether anything is recorded, and who listens: one place for the environment's switch and for tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ai_finops.instrument.call import CallSink

_OFF = {"off", "0", "false", "no"}


class Switch:
    """Read on every call: plain attributes and no lock."""

    is_on: bool = os.environ.get("AI_FINOPS_INSTRUMENT", "on").strip().lower() not in _OFF
    captures: tuple[CallSink, ...] = ()
    """Sinks of tests. While there is one, no metric sink is given anything."""


switch = Switch()


def is_on() -> bool:
    """Whether decorated functions record anything; `AI_FINOPS_INSTRUMENT=off` says no."""
    return switch.is_on


@contextmanager
def set_on(is_on: bool) -> Iterator[None]:
    """Switch recording on or off for the whole process while the block runs."""
    before, switch.is_on = switch.is_on, is_on
    try:
        yield
    finally:
        switch.is_on = before


@contextmanager
def capture_sinks(*sinks: CallSink) -> Iterator[None]:
    """Give every ended call of the process to `sinks` while the block runs, and to no metric sink."""
    switch.captures += sinks
    try:
        yield
    finally:
        switch.captures = tuple(sink for sink in switch.captures if all(sink is not each for each in sinks))
