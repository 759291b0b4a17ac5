"""What it takes to build, in dollars and weeks: 5 days at $100 are $500; $50 a week, 217.26 a month, give it back in 10."""

import pytest

from ai_finops.analyse.levers.opportunity import WEEKS_PER_MONTH, Opportunity
from ai_finops.analyse.levers.payback import too_late, with_work
from ai_finops.errors import BuildError
from tests.analyse.levers.seeds import assumptions, efforts


def found(usd_a_week=50.0, *, lever="semantic_cache", **changes):
    saving = usd_a_week * WEEKS_PER_MONTH
    return Opportunity(
        lever=lever,
        feature_id="docs",
        about=(),
        current_usd=1000.0,
        target_usd=1000.0 - saving,
        saving_usd=saving,
        low_saving_usd=saving,
        high_saving_usd=saving,
        evidence="evidence",
        effort="small",
        **changes,
    )


def judged(one, *, limit=26, **person_days):
    known = assumptions(engineer_usd_per_person_day=100, max_break_even_weeks=limit)
    (result,) = with_work([one], efforts=efforts(**person_days), assumptions=known)
    return result


def test_work_is_what_has_to_be_paid_once():
    one = judged(found())
    assert (one.upfront_cost_usd, one.break_even_weeks, one.reason) == (500, pytest.approx(10), None)


def test_the_days_are_those_of_the_lever():
    assert judged(found(lever="verbose_output"), verbose_output=2, semantic_cache=7).upfront_cost_usd == 200


@pytest.mark.parametrize(("limit", "is_open"), [(11, True), (9.99, False)])
def test_what_comes_back_too_late_is_rejected(limit, is_open):
    reason = None if is_open else "what it takes to build comes back after 10.0 weeks, 9.99 is the limit"
    assert judged(found(), limit=limit).reason == reason


def test_at_the_limit_it_is_in_time():
    known = assumptions(max_break_even_weeks=26)
    assert too_late(26.0, feature="docs", assumptions=known) is None
    assert too_late(26.1, feature="docs", assumptions=known) is not None
    assert too_late(None, feature="docs", assumptions=known) is None


def test_an_upfront_cost_of_its_own_stays_and_is_judged():
    one = judged(found(upfront_cost_usd=2000.0))
    assert (one.upfront_cost_usd, one.reason) == (
        2000,
        "what it takes to build comes back after 40.0 weeks, 26 is the limit",
    )


def test_what_is_rejected_already_keeps_its_reason_and_tells_its_cost():
    one = judged(found(reason="it is useful"), limit=1)
    assert (one.reason, one.upfront_cost_usd) == ("it is useful", 500)


def test_without_a_saving_nothing_ever_comes_back_and_the_lever_says_so_itself():
    assert (judged(found(0.0)).break_even_weeks, judged(found(0.0)).reason) == (None, None)


def test_a_lever_without_work_pays_nothing():
    one = judged(found(), semantic_cache=0)
    assert (one.upfront_cost_usd, one.break_even_weeks, one.reason) == (0, None, None)


def test_a_missing_price_of_work_is_named():
    with pytest.raises(BuildError, match="lever_assumptions has no engineer_usd_per_person_day"):
        with_work([found()], efforts=efforts(), assumptions=assumptions(max_break_even_weeks=26))
