"""The decision that the weekly message asks for: the first open opportunity of any lever, in one sentence. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from ai_finops.report.digest import WeeklyDigest
from ai_finops.report.wording import (
    counted,
    day_name_of_week,
    dollars,
    inside_sentence,
    model_name,
    one_line,
    share,
)

_ACTIONS = {
    "routing_by_task_type": "route {calls} to {target}",
    "confidence_cascade": "let {target} answer {calls} first, and {current} where it is not sure",
    "semantic_cache": "put a cache of answers before {feature}",
    "prompt_cache": "mark what the prompts of {feature} share for the prompt cache of {current}",
    "distillation": "distil {calls} into a small model",
    "cache_and_distillation": "cache the most frequent queries of {feature} and distil the next into a small model",
    "batch_or_flex": "move {calls} to a batch or flex tier",
    "unused_context": "retrieve less for {feature}",
    "redundant_reranker": "take the reranker out of {feature}",
    "verbose_output": "ask for shorter answers in {calls}",
}
_RATIOS = {
    "hit_ratio": "{} of queries hit",
    "right_hit_ratio": "{} of queries hit and are answered right",
    "escalation_ratio": "{} of answers escalate",
    "prefix_read_ratio": "{} of what goes through the cache is read",
    "delay_tolerant_call_ratio": "{} of its calls can wait",
}


def recommend(digest: WeeklyDigest) -> Iterator[str]:
    """Yield the sentences of the recommendation, or the one that says that there is none."""
    if digest.recommended_opportunity_id is None:
        yield "No recommendation this week: no open saving is large enough and cleared by its evidence."
        return
    saving = f"est. savings: {dollars(digest.recommended_saving_usd_per_month)}/month"
    yield f"Recommended: {_action(digest)} ({saving}; {'; '.join(_evidence(digest))})."
    yield f"Decision needed by {day_name_of_week(decision_day(digest.week_start_date))}."


def decision_day(week_start_date: date) -> date:
    """Return the Friday of the week in which the message is due: that after the week it is about."""
    return week_start_date + timedelta(days=11)


def _action(digest: WeeklyDigest) -> str:
    lever = one_line(digest.recommended_lever or "")
    # A lever that has no sentence yet is named as it is.
    sentence = _ACTIONS.get(lever, f"{lever.replace('_', ' ')} for {{feature}}")
    return sentence.format(
        calls=_calls(digest),
        feature=_feature(digest),
        target=_model(digest.recommended_target_model_id),
        current=_model(digest.recommended_current_model_id),
    )


def _model(model_id: str | None) -> str:
    return model_name(one_line(model_id)) if model_id else "the model in use"


def _feature(digest: WeeklyDigest) -> str:
    return inside_sentence(one_line(digest.recommended_feature_name))


def _calls(digest: WeeklyDigest) -> str:
    """Name the calls: the feature, and its task type where the feature's name does not say it."""
    feature = _feature(digest)
    task = one_line(digest.recommended_task_type or "").replace("_", " ")
    return feature if task.lower() in feature.lower() else f"the {task} calls of {feature}"


def _evidence(digest: WeeklyDigest) -> Iterator[str]:
    if digest.recommended_lever == "routing_by_task_type":
        yield _comparisons(digest)
        return
    if digest.recommended_ratio is not None:
        name = digest.recommended_ratio_name or "ratio"
        words = _RATIOS.get(name, f"{one_line(name).removesuffix('_ratio').replace('_', ' ')} {{}}")
        yield words.format(share(digest.recommended_ratio)) + _break_even(digest)
    if digest.recommended_break_even_weeks is not None:
        yield f"paid back in {counted(max(1, round(digest.recommended_break_even_weeks)), 'week')}"
    if not digest.recommended_is_measured:
        yield "not yet measured"
    elif digest.recommended_ratio is None:
        yield "measured"


def _break_even(digest: WeeklyDigest) -> str:
    if digest.recommended_break_even_ratio is None:
        return ""
    return f", break-even at {share(digest.recommended_break_even_ratio)}"


def _comparisons(digest: WeeklyDigest) -> str:
    count = digest.recommended_agreement_sample_count
    if not count or digest.recommended_agreement_ratio is None:
        return "quality not yet compared"
    return f"no worse in {share(digest.recommended_agreement_ratio)} of {counted(count, 'comparison')}"
