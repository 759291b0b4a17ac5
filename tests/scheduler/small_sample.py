"""A cut of the sample: every twentieth trace, so that a day's landings and its build take seconds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from ai_finops.demo.sample import Sample, load_sample

KEPT_TRACES = 20
"""One trace of so many is kept, with all its calls."""
MONDAY, SUNDAY = date(2025, 6, 9), date(2025, 6, 15)


def load_small_sample() -> Sample:
    """Return the cut; days, features, dialects, late and repeated spans are the sample's."""
    sample = load_sample()
    calls = sample.calls
    root = pc.coalesce(calls["parent_call_number"], calls["call_number"])
    every = pa.scalar(KEPT_TRACES, root.type)
    rest = pc.subtract(root, pc.multiply(pc.divide(root, every), every))
    return replace(sample, calls=calls.filter(pc.equal(rest, pa.scalar(0, rest.type))))
