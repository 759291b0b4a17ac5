"""The fixture works in a project of its own, as docs/instrument.md has it."""

import subprocess
import sys

_TESTS = """
from ai_finops.instrument import track_llm_cost

@track_llm_cost(feature="support_answer")
def answer(text):
    return {"model": "gpt-4o-mini", "usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16}}

def test_charges_the_feature_that_asked(llm_calls):
    answer("Where is my card?")
    assert llm_calls.one().feature_id == "support_answer"
    assert llm_calls.gaps == []

def test_fails_with_what_was_recorded(llm_calls):
    answer("Where is my card?")
    assert llm_calls.features == {"another"}, llm_calls
"""


def test_fixture_collects_and_a_failing_assert_shows_the_calls(tmp_path):
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["ai_finops.instrument.pytest_plugin"]\n')
    (tmp_path / "test_answers.py").write_text(_TESTS)
    asked = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]

    done = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert "1 failed, 1 passed" in done.stdout
    assert "feature_id='support_answer'" in done.stdout
