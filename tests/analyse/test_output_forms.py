"""The form of an answer, by its signs."""

from __future__ import annotations

import pytest

from ai_finops.analyse.output_forms import form_of
from ai_finops.extract.spoken_text import answer_text


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        ("billing", "label"),
        ("  Billing / refund \n", "label"),
        ("positive.", "label"),
        ("42", "label"),
        ("one two three four five six", "label"),
        ("one two three four five six seven", "prose"),
        ("x" * 60, "label"),
        ("x" * 61, "prose"),
        ("It is billing.", "prose"),
        ("Is it?", "prose"),
        ('{"total": 12.5, "currency": "EUR"}', "json"),
        ('[{"a": 1}]', "json"),
        ('```json\n{"a": 1}\n```', "json"),
        ("{not json}", "label"),
        ('"quoted"', "label"),
        ("- one\n- two\n- three", "list"),
        ("Here they are:\n1. one\n2) two", "list"),
        ("- one\n- two", "prose"),
        ("Here:\n- one\nand then\n- two", "prose"),
        ("```python\nprint(1)\n```", "code"),
        ("def f(x):\n    y = x;\n    return y", "code"),
        ("select a\nfrom b\nwhere c", "code"),
        ("The invoice is late.\nPlease pay.\nThank you.", "prose"),
        ("", None),
        (" \n ", None),
    ],
)
def test_form_of_an_answer(answer, form):
    assert form_of(answer) == form


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        ('{"total": 5}', '{"total": 5}'),
        ('[{"role": "assistant", "content": "billing"}]', "billing"),
        ('[{"role": "assistant", "parts": [{"type": "text", "content": "{\\"a\\": 1}"}]}]', '{"a": 1}'),
        ("{broken", "{broken"),
    ],
)
def test_answer_is_taken_out_of_messages_and_left_as_it_is_elsewhere(content, text):
    assert answer_text(content) == text
