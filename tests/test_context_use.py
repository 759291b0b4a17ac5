"""The estimate of what an answer draws on: worked by hand, on both sides of its boundary, and its bounds whatever the texts."""

import subprocess
import sys
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_finops import context_use
from ai_finops.context_use import estimate_tokens, estimate_uses, is_used

TEXTS = st.text(alphabet="abcdefgh 12.,?\n水返é", max_size=80)


def unscaled(score: float) -> float:
    """The value before it was stretched so that 0.36 became 0.5."""
    return score * 2 * 0.36 if score < 0.5 else 0.36 + (score - 0.5) * 2 * 0.64


def test_by_hand():
    # `refund` weighs 1, `45` 2, and `shoes`, which was asked for, 0.2 of 1.
    (score,) = estimate_uses("refund shoes 45", documents=["a refund within 45 days"], question="shoes?")
    share, surely = 3 / 3.2, 3 / 5
    assert unscaled(score) == pytest.approx(sqrt(share * surely))


def test_a_word_in_two_documents_counts_for_each_less_and_the_worse_one_is_worth_less():
    better, worse = estimate_uses("gold copper", documents=["gold copper", "gold iron"])
    both, one = 1 / sqrt(2) + 1, 1 / sqrt(2)
    assert unscaled(better) == pytest.approx(sqrt(both / 2 * both / (both + 2)))
    assert unscaled(worse) == pytest.approx(sqrt(one / 2 * one / (one + 2)) * one / both)
    assert (is_used(better), is_used(worse)) == (True, False)


def test_the_best_sentence_speaks_for_a_document():
    alone = estimate_uses("gold copper 17.", documents=["gold copper 17"])
    among = estimate_uses("Other things first. gold copper 17. And so on.", documents=["gold copper 17"])
    assert among == alone


def test_used_from_the_boundary_on():
    assert not is_used(0.499999)
    assert is_used(0.5)
    # One sentence of n words of which two are found: sqrt(2/n * 2/4), 0.41 for 6 and 0.35 for 8.
    words = ["gold", "copper", "silver", "bronze", "nickel", "cobalt", "helium", "carbon"]
    (six,), (eight,) = (estimate_uses(" ".join(words[:n]), documents=["gold copper"]) for n in (6, 8))
    assert (round(unscaled(six), 2), round(unscaled(eight), 2)) == (0.41, 0.35)
    assert (is_used(six), is_used(eight)) == (True, False)


@pytest.mark.parametrize("answer", ["", "  ", "...", "🙂"])
def test_an_answer_without_words_draws_on_nothing(answer):
    assert estimate_uses(answer, documents=["gold", ""], question="gold?") == [0.0, 0.0]


def test_no_documents_no_estimates():
    assert estimate_uses("gold", documents=[]) == []


def test_what_an_answer_repeats_of_the_question_hardly_counts():
    question = "Which support is in the premium plan?"
    answer = "It is not known which support is in the premium plan."
    documents = ["Our premium plan", "Support by country"]
    assert not any(map(is_used, estimate_uses(answer, documents=documents, question=question)))
    assert any(map(is_used, estimate_uses(answer, documents=documents)))  # without the question it cannot be told


def test_a_refusal_in_words_of_its_own_draws_on_nothing():
    answer = "Sorry, the documents say nothing about it."
    assert not any(map(is_used, estimate_uses(answer, documents=["Rails for 12 mm glass", "Say it with flowers"])))


def test_two_documents_that_say_the_same_are_both_used():
    scores = estimate_uses("Every 90 days", documents=["every 90 days", "every 90 days", "at noon"])
    assert [is_used(score) for score in scores] == [True, True, False]
    assert scores[0] == scores[1]


def test_only_the_beginning_of_a_long_text_is_read():
    long = "z " * context_use.MAX_CHARACTERS
    assert estimate_uses("gold copper 17", documents=[long + "gold copper 17"]) == [0.0]
    assert estimate_uses("x. " * context_use.MAX_SENTENCES + "gold copper 17", documents=["gold copper 17"]) == [0.0]


@given(TEXTS, st.lists(TEXTS, max_size=4), TEXTS)
def test_estimates_are_shares_one_for_each_document_and_the_same_again(answer, documents, question):
    scores = estimate_uses(answer, documents=documents, question=question)
    assert len(scores) == len(documents)
    assert all(0 <= score <= 1 for score in scores)
    assert scores == estimate_uses(answer, documents=documents, question=question)


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
def test_text_that_shares_nothing_with_the_answer_raises_nothing(answer, documents, question):
    before = estimate_uses(answer, documents=documents, question=question)
    longer = [f"{documents[0]} zzzz 777 ЖЖЖЖ", *documents[1:]]
    assert estimate_uses(answer, documents=longer, question=question) == before
    assert estimate_uses(answer, documents=[*documents, "zzzz 777 ЖЖЖЖ"], question=question) == [*before, 0.0]


@given(TEXTS, st.permutations(["ab cd 12", "gh 1.5 ef", "水返", "ab cd"]))
def test_the_order_of_documents_does_not_matter(answer, documents):
    ordered = dict(zip(sorted(documents), estimate_uses(answer, documents=sorted(documents)), strict=True))
    assert estimate_uses(answer, documents=documents) == [ordered[document] for document in documents]


def test_an_application_can_use_it_without_the_pipeline():
    code = (
        "import sys, ai_finops.context_use; print(sorted({m.split('.')[0] for m in sys.modules} & set(sys.argv[1:])))"
    )
    heavy = ["airflow", "dbt", "duckdb", "pandas", "numpy", "pyarrow", "pydantic"]
    run = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize(("text", "count"), [("", 0), ("abcd", 1), ("abcde", 2), ("返品期限", 3), ("\ud800", 1)])
def test_tokens_are_a_quarter_of_the_bytes_rounded_up(text, count):
    assert estimate_tokens(text) == count
