"""`instrument_llm` into CloudWatch over HTTP: what a product function's calls come out as."""

import pytest

from ai_finops.instrument import configure_metrics, flush_metrics, instrument_llm

ANSWER = {"model": "gpt-4o-mini-2024-07-18", "usage": {"prompt_tokens": 1_000, "completion_tokens": 500}}


def test_calls_of_a_function_arrive_as_they_were(rules):
    configure_metrics("cloudwatch", interval_s=3_600)

    @instrument_llm(feature="search", provider="openai")
    def ask(fails: bool = False):
        if fails:
            raise TimeoutError
        return ANSWER

    assert ask() is ANSWER
    with pytest.raises(TimeoutError):
        ask(fails=True)
    assert flush_metrics(20)
    # A failed call that names no model is under another model: two sets of latency, one of all else.
    assert [count for count, *_ in rules.values("LatencyMs", "search")] == [1, 1]
    assert rules.values("InputTokens", "search") == [(1, 1_000, 1_000, 1_000)]
    assert rules.values("OutputTokens", "search") == [(1, 500, 500, 500)]
    ((count, cost_usd, least, most),) = rules.values("EstimatedCostUSD", "search")
    assert count == 1 and least == cost_usd == most
    # $0.15 and $0.60 a million tokens: 0.00015 + 0.0003.
    assert cost_usd == pytest.approx(0.00045)
