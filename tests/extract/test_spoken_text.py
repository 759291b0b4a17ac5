"""An answer's text is found in every layout that spans carry it in."""

import json

import pytest

from ai_finops.extract.spoken_text import spoken_text
from tests.extract.made import attributes

PARTS = [{"role": "assistant", "parts": [{"type": "text", "content": "It is 45."}, {"type": "tool_call", "name": "t"}]}]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("It is 45.", "It is 45."),
        ("  ", "  "),
        (json.dumps(PARTS), "It is 45."),
        (json.dumps({"values": [{"kvlistValue": {"values": attributes(PARTS[0])}}]}), "It is 45."),
        (
            json.dumps(
                {"choices": [{"message": {"role": "assistant", "content": "a"}}, {"message": {"content": "b"}}]}
            ),
            "a\nb",
        ),
        (json.dumps([{"role": "user", "content": "asked"}, {"role": "Assistant", "content": "said"}]), "said"),
        (json.dumps([{"role": "assistant", "content": [{"type": "thinking", "text": "no"}, {"text": "yes"}]}]), "yes"),
        (json.dumps({"answer": "It is", "days": 45, "is_sure": True, "sources": ["a"], "more": None}), "It is\n45\na"),
        ("{not json", "{not json"),
        ("[1] says so", "[1] says so"),
        ("[]", ""),
        ('{"values": []}', ""),
    ],
)
def test_what_is_said(content, said):
    assert spoken_text(content) == said


def test_what_is_nested_without_end_is_no_error():
    assert spoken_text("[" * 100_000) == "[" * 100_000
    deep = json.dumps({"role": "assistant", "content": "said"})
    for _ in range(60):
        deep = f"[{deep}]"
    assert spoken_text(deep) == ""
