"""The score and its parts, worked by hand, in several scripts and languages."""

from __future__ import annotations

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.router.complexity import PARTS, Complexity, Scale, measure_complexity, sample_of
from ai_finops.router.languages import read_writing


def parts(text: str, **more) -> dict[str, float]:
    """The parts, each as it was before it was weighed."""
    scale, found = Scale(), measure_complexity(text, **more)
    return {name: pytest.approx(getattr(found, name) / getattr(scale, name)) for name in PARTS}


def test_nothing_is_not_complex():
    assert measure_complexity("") == Complexity(0.0)


def test_length_is_a_logarithm_of_estimated_tokens():
    # 1,024 characters are 256 tokens: log2(1 + 256 / 64) of log2(1 + 8192 / 64)
    assert parts("a " * 512)["length"] == log2(5) / log2(129)


@pytest.mark.parametrize(("tokens", "expected"), [(0, 0), (64, 1 / log2(129)), (8192, 1), (10**9, 1), (-3, 0)])
def test_a_known_length_counts_instead(tokens, expected):
    assert parts("any text", input_tokens=tokens)["length"] == expected


def test_other_scripts_have_more_tokens_to_a_character():
    latin, cyrillic, han = (parts(text * 300)["length"] for text in ("abcdefgh", "абвгдежз", "世界世界世界世界"))
    assert latin.expected < cyrillic.expected < han.expected
    assert han == log2(1 + 2400 * 0.8 / 64) / log2(129)


def test_entities_are_distinct_names_and_numbers_among_forty_words_or_more():
    text = "we met Ada and Grace and Ada in 1952 and talked for long"  # Ada, Grace, 1952 of 13 words, taken as 40
    assert parts(text)["entities"] == 3 / 40 / 0.25
    longer = " ".join(["w"] * 77 + ["Ada", "Grace", "1952"])  # of 80
    assert parts(longer)["entities"] == 3 / 80 / 0.25


def test_ten_names_in_forty_words_are_all_there_is_to_have():
    ten, nine = (" ".join([f"N{each}" for each in range(count)] + ["word"] * (40 - count)) for count in (10, 9))
    assert parts(ten)["entities"] == 1
    assert parts(nine)["entities"] == 0.9


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("the contract says nothing", 0),
        ("Liability, and the CLAUSE: a warranty.", 3),
        ("clause clause clause", 1),
        ("Welche Haftung? Vergleiche die Klausel!", 3),
        ("契約の条項を分析してください", 2),
        ("请分析这份合同，合同", 2),
        ("Сравните договор", 2),
        ("statute breach covenant audit proof", 4),  # of which 4 are enough
    ],
)
def test_domain_words_in_any_form_and_script(text, count):
    assert parts(text)["domain"] == count / 4


def test_a_policys_own_domain_words_count():
    scale = Scale(domain_words=frozenset({"chargeback"}), unspaced_domain_words=("返金",))
    assert measure_complexity("A Chargeback!", scale=scale).domain == pytest.approx(0.2 / 4)
    assert measure_complexity("返金", scale=scale).domain == pytest.approx(0.2 / 4)
    assert measure_complexity("liability", scale=scale).domain == 0


def test_code_is_the_share_of_its_signs_among_200_characters_or_more():
    assert parts("f(x); ")["code"] == 3 / 200 / 0.08
    assert parts("f(x); " + "a" * 194)["code"] == 3 / 200 / 0.08
    assert parts("f(x); " + "a" * 294)["code"] == 3 / 300 / 0.08
    assert parts("{}" * 8 + "a" * 184)["code"] == 1  # 16 of 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the cat is on the mat and it was for the dog", 0),
        ("zxcv qwer", 0),
        ("der Hund ist nicht auf dem Sofa und die Katze ist das auch nicht", 0.5),
        ("le chat est dans une maison avec les enfants pour le jour", 0.5),
        ("собака и кошка живут вместе в доме", 0.5),
        ("犬と猫は東京に住んでいます" * 9, 0.5),
        ("القط في البيت مع الكلب", 0.5),
        ("Translate for the customer and this is it: der Hund ist nicht auf dem Sofa und die Katze", 1),
        ("what is the meaning of this: собака и кошка живут вместе", 1),
        ("Überraschung café naïve", 0),  # Latin letters, and no small words to tell by
    ],
)
def test_languages_are_told_by_script_and_small_words(text, expected):
    assert parts(text)["languages"] == expected


@pytest.mark.parametrize(("foreign", "expected"), [(5, 0), (6, 0), (11, 1)])
def test_a_script_is_a_language_from_a_tenth_of_the_letters(foreign, expected):
    # 5 of 100 characters are not looked at; 6 are, and are too few; 11 of 100 are enough
    text = ("я" * foreign + "w" * (100 - foreign)) * 3
    assert parts(text)["languages"] == expected
    # Where scripts are looked at, Cyrillic letters count as more than a quarter of a token.
    assert (read_writing(text, words=set()).tokens_per_character > 0.25) is (foreign > 5)


def test_a_few_foreign_letters_are_no_language():
    assert parts("the angle is α and that is for this " * 3)["languages"] == 0


def test_a_long_text_is_read_at_its_head_middle_and_tail():
    text = "a" * 128 + "x" * 1000 + "m" * 128 + "y" * 1000 + "z" * 128
    assert sample_of(text) == "\n".join(("a" * 128, "m" * 128, "z" * 128))
    assert sample_of("b" * 384) == "b" * 384
    assert len(sample_of("b" * 385)) == 386


def test_what_stands_between_the_pieces_is_not_seen():
    plain = "word " * 2000
    hidden = plain[:1000] + "{{{{{liability}}}}}" + plain[1019:]
    assert measure_complexity(hidden) == measure_complexity(plain)


@settings(deadline=None, max_examples=150)
@given(st.text(st.characters(codec=None), max_size=2000), st.none() | st.integers(-5, 10**7))
def test_any_text_has_one_score_from_0_to_1_that_its_parts_add_up_to(text, tokens):
    found = measure_complexity(text, input_tokens=tokens)
    assert found == measure_complexity(text, input_tokens=tokens)
    assert 0 <= found.score <= 1
    assert found.score == pytest.approx(sum(found[1:]))
    assert all(part >= 0 for part in found[1:])
    assert found.largest_part in PARTS
