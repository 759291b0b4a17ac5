"""Asking cheaper models within a number of dollars, over HTTP to a stand-in; prices of $1 in and $10 out per million tokens."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ai_finops import aws
from ai_finops.analyse.price_book import DatedPrice, PriceBook
from ai_finops.analyse.routing_trials import Candidate, run_trials
from ai_finops.analyse.task_judge import Converser
from ai_finops.config import Settings
from ai_finops.errors import SourceForbidden
from tests.analyse.converse import bedrock_that_says
from tests.extract.api_server import json_answer

CHEAP, JUDGE = "cheap", "judge"
DAY = date(2025, 6, 15)
PRICES = PriceBook(
    {
        ("aws.bedrock", model, name, "any", "on_demand"): (DatedPrice(date(2025, 1, 1), date.max, usd, False),)
        for model in (CHEAP, JUDGE)
        for name, usd in (("uncached_input", 1.0), ("output", 10.0))
    }
)
LABEL = Candidate("t", "s", "classification", "dear", CHEAP, "Which kind is it?", "Billing", 3)
DATA = replace(LABEL, task_type="extraction", answer='{"total": 5, "currency": "EUR"}')
PROSE = replace(LABEL, task_type="summarization", answer="The invoice is late.\nPlease pay it soon.")


@pytest.fixture
def run(monkeypatch):
    """Run trials against models that say what they are told to; returns the trials and how often each was asked."""

    def run(*candidates, says="billing", judged=None, most_usd=1.0, prices=PRICES):
        asked = []

        def say(model_id, body):
            asked.append(model_id)
            return judged if model_id == JUDGE else says

        with bedrock_that_says(monkeypatch, say):
            bedrock = aws.client("bedrock-runtime", settings=Settings.from_env({}))
            trials = run_trials(
                candidates,
                open_model=lambda model_id: Converser(bedrock, model_id=model_id),
                judge=None if judged is None else Converser(bedrock, model_id=JUDGE),
                prices=prices,
                day=DAY,
                most_usd=most_usd,
            )
        return trials, asked

    return run


@pytest.mark.parametrize(
    ("candidate", "says", "is_no_worse", "how"),
    [
        (LABEL, " billing. ", True, "same_label"),
        (LABEL, "refund", False, "same_label"),
        (DATA, '```json\n{"currency": "EUR", "total": 5}\n```', True, "same_data"),
        (DATA, '{"currency": "EUR", "total": 6}', False, "same_data"),
        (DATA, "I cannot.", False, "same_data"),
    ],
)
def test_labels_and_data_are_compared_by_what_they_say(run, candidate, says, is_no_worse, how):
    trials, asked = run(candidate, says=says)
    (comparison,) = trials.comparisons
    assert (comparison.is_no_worse, comparison.how, asked) == (is_no_worse, how, [CHEAP])
    assert (comparison.input_tokens, comparison.output_tokens) == (100, 5)
    # 100 tokens in and 5 out: $0.0001 + $0.00005.
    assert comparison.cost_usd == trials.spent_usd == pytest.approx(0.00015)


@pytest.mark.parametrize(("judged", "is_no_worse"), [("Yes", True), ("no", False), ("perhaps", False)])
def test_prose_is_marked_by_a_judge_whose_cost_counts(run, judged, is_no_worse):
    trials, asked = run(PROSE, says="The invoice is late.", judged=judged)
    (comparison,) = trials.comparisons
    assert (comparison.is_no_worse, comparison.how, asked) == (is_no_worse, "judge judge", [CHEAP, JUDGE])
    assert trials.spent_usd == pytest.approx(0.0003)


def test_prose_without_a_judge_is_not_asked(run):
    trials, asked = run(PROSE, LABEL)
    assert (len(trials.comparisons), trials.skipped, asked) == (1, {"no_judge": 1}, [CHEAP])


def test_dollars_are_reserved_before_and_counted_after(run):
    # 17 characters are at most 9 tokens; out at most 64: $0.000009 + $0.00064 = $0.000649 has to be left for each.
    trials, asked = run(LABEL, most_usd=0.000649)
    assert (len(trials.comparisons), len(asked)) == (1, 1)
    trials, asked = run(LABEL, most_usd=0.000648)
    assert (trials.comparisons, trials.skipped, asked) == ([], {"no_dollars": 1}, [])
    # Each costs $0.00015: with $0.0008 there are two ($0.00015 + $0.000649 fits, $0.0003 + $0.000649 does not).
    trials, _ = run(LABEL, LABEL, LABEL, most_usd=0.0008)
    assert (len(trials.comparisons), trials.skipped["no_dollars"]) == (2, 1)


def test_a_long_answer_reserves_twice_its_tokens(run):
    # 2 * 50 = 100 tokens out: $0.000009 + $0.001.
    trials, _ = run(replace(LABEL, output_tokens=50), most_usd=0.001009)
    assert len(trials.comparisons) == 1
    trials, _ = run(replace(LABEL, output_tokens=50), most_usd=0.001008)
    assert trials.skipped == {"no_dollars": 1}


def test_what_has_no_price_is_not_asked(run):
    trials, asked = run(replace(LABEL, target_model_id="unpriced"))
    assert (trials.comparisons, trials.skipped, asked) == ([], {"no_price": 1}, [])
    only_cheap = PriceBook({key: dated for key, dated in PRICES.prices.items() if key[1] == CHEAP})
    trials, asked = run(PROSE, judged="yes", prices=only_cheap)
    assert (trials.skipped, asked) == ({"no_price": 1}, [])


def test_a_model_that_does_not_answer_ends_it_and_leaves_what_was_compared(run, monkeypatch):
    from tests.analyse import converse

    answers = iter([converse.converse_answer("billing")])
    refused = json_answer({"message": "no"}, 403, **{"x-amzn-ErrorType": "AccessDeniedException"})
    monkeypatch.setattr(converse, "converse_answer", lambda text: next(answers, refused))
    trials, asked = run(LABEL, LABEL, LABEL)
    assert (len(trials.comparisons), len(asked)) == (1, 2)
    assert isinstance(trials.error, SourceForbidden) and "allow bedrock:InvokeModel on cheap" in str(trials.error)
