"""A fixture for pytest, `llm_calls`.

`pytest_plugins = ["ai_finops.instrument.pytest_plugin"]` in the top conftest.py brings it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ai_finops.instrument.testing import RecordedCalls, recorded_calls


@pytest.fixture
def llm_calls() -> Iterator[RecordedCalls]:
    """What the decorators record during the test."""
    with recorded_calls() as calls:
        yield calls
