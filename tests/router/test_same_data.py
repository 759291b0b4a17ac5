"""When two answers say the same: data by its content, labels by their words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.router.same_data import canonical_json, is_exactly_comparable, is_same


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        ('{"a": 1, "b": [2, 3]}', '{"b":[2,3],"a":1}'),
        ('{"a": {"x": 1, "y": 2}}', '{"a": {"y": 2, "x": 1}}'),
        ('{"a": 1}', '{"a": 1.0}'),
        ('{"a": 100}', '{"a": 1e2}'),
        ('{"a": 0}', '{"a": -0.00}'),
        ('{"a": 0.10}', '{"a": 1E-1}'),
        ('{"a": "\\u00e9"}', '{"a": "é"}'),
        ('{"a": null}', '```json\n{"a": null}\n```'),
        ("[]", " [ ] "),
        ("Invoice", "invoice."),
        ("not applicable", "  Not  applicable\n"),
        ('{"caf\u00e9": ["caf\u00e9"]}', '{"cafe\u0301": ["cafe\u0301"]}'),
        ("42", "42.0"),
        ("1e3", "1000."),
        ("0", "-0.0"),
        ('"spam"', "Spam"),
        ('"42"', "42.0"),
        ('"say \\"spam\\""', 'say "spam"'),
        ("007", "007."),
        ("1e99999999999999999999", "1E99999999999999999999"),
    ],
)
def test_the_same(baseline, candidate):
    assert is_same(baseline, candidate) and is_same(candidate, baseline)


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        ('{"a": 1}', '{"a": 2}'),
        ('{"a": 1}', '{"a": "1"}'),
        ('{"a": 1}', '{"a": true}'),
        ('{"a": 0}', '{"a": false}'),
        ('{"a": 0}', '{"a": null}'),
        ('{"a": 1}', '{"A": 1}'),
        ('{"a": 1}', '{"a": 1, "b": null}'),
        ("[1, 2]", "[2, 1]"),
        ("[]", "{}"),
        # Both are one float of 64 bits, and two numbers.
        ('{"a": 9007199254740993}', '{"a": 9007199254740992}'),
        ('{"a": 0.1}', '{"a": 0.10000000000000001}'),
        # 40 digits: `Decimal.normalize` would round both to 28.
        (f'{{"a": {"1" * 40}}}', f'{{"a": {"1" * 39}2}}'),
        ('{"a": 1}', 'The answer is {"a": 1}'),
        ('{"a": 1}', '{"a": 1'),
        ("Invoice", "Receipt"),
        ("42", "42.5"),
        ("10", "10%"),
        ("007", "7"),
        ("1.5", "15"),
        ('"spam"', '"ham"'),
        ('"', ""),
        ('"a" or "b"', 'a" or "b'),
        ("1e99999999999999999999", "1e99999999999999999998"),
        ('{"a": " x"}', '{"a": "x"}'),
        ("Invoice", ""),
    ],
)
def test_not_the_same(baseline, candidate):
    assert not is_same(baseline, candidate)


@pytest.mark.parametrize(
    ("answer", "is_comparable"),
    [
        ('{"a": 1}', True),
        ("invoice", True),
        ("one two three four five six", True),
        ("one two three four five six seven", False),
        ("x" * 60, True),
        ("x" * 61, False),
        ("It is.", False),
        ("Yes.", True),
        ("a\nb", False),
        ("", False),
        # Broken JSON is a label where it is short.
        ('{"a": 1', True),
        ('{"a": 1, "b": "and so on, in so many words, and more of them"', False),
        ('{"caf\u00e9": 1, "cafe\u0301": 1, "b": "and so on, in so many words"}', False),
        # A field that is named twice says two things; NaN is no JSON.
        ('{"a": 1, "a": 1, "b": "and so on, in so many words"}', False),
        ('{"a": NaN, "b": "and so on, in so many words, and more of them"}', False),
        ("[" * 100_000, False),
        ('{"a": 1e99999999999999999999, "b": "in so many words, and then some"}', False),
    ],
)
def test_what_can_be_compared_exactly(answer, is_comparable):
    assert is_exactly_comparable(answer) is is_comparable


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def _turned(value):
    """The same data with its fields in the other order."""
    if isinstance(value, dict):
        return {name: _turned(value[name]) for name in reversed(value)}
    return [_turned(each) for each in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(st.dictionaries(st.text(), _JSON, max_size=4))
def test_neither_order_nor_spelling_changes_data(value):
    plain = canonical_json(json.dumps(value))
    assert plain == canonical_json(json.dumps(_turned(value), indent=2, ensure_ascii=False))
    # The one spelling is itself JSON, of the same data.
    assert canonical_json(plain) == plain
