"""Texts become the same words whatever their case, accents, endings, script or way to write a number."""

import pytest

from ai_finops.context_words import sentences, weighted_words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Approved", "approval"),
        ("prices", "price"),
        ("Kündigung", "KÜNDIGUNGEN"),
        ("1,500", "1.500"),
        ("250,000", "250000"),
        ("2,50", "2.5"),
        ("ｶﾞｽ", "ガス"),
        ("café", "cafe\u0301"),
    ],
)
def test_forms_of_a_word_are_the_same(one, other):
    assert weighted_words(one) == weighted_words(other)


@pytest.mark.parametrize(("one", "other"), [("15", "1.5"), ("150", "15"), ("day", "days"), ("B3", "B4"), ("90", "9")])
def test_what_differs_stays_apart(one, other):
    assert weighted_words(one) != weighted_words(other)


def test_short_words_weigh_less_and_figures_more():
    assert weighted_words("a to the plan 7 45 B3") == {
        "a": 0.3, "to": 0.3, "the": 0.6, "plan": 1.0, "7": 1.0, "45": 2.0, "b3": 2.0,
    }  # fmt: skip


def test_scripts_without_spaces_come_in_pairs():
    assert weighted_words("返品期限") == {"返品": 0.5, "品期": 0.5, "期限": 0.5}
    assert weighted_words("水") == {"水": 0.5}
    assert weighted_words("到着後30日以内") == {"到着": 0.5, "着後": 0.5, "30": 2.0, "日以": 0.5, "以内": 0.5}


def test_vowel_signs_do_not_cut_a_word():
    assert len(weighted_words("ऑर्डर")) == 1


@pytest.mark.parametrize("text", ["", " ", "?!…", "_", "🙂"])
def test_a_text_without_words_has_none(text):
    assert weighted_words(text) == {}


def test_a_mark_within_a_number_ends_no_sentence():
    assert sentences("It costs 2.50 euros. See 3.1!\n- Then?  Yes。次です。") == [
        "It costs 2.50 euros.", "See 3.1!", "- Then?", "Yes", "次です",
    ]  # fmt: skip
    assert sentences(" \n ") == []
