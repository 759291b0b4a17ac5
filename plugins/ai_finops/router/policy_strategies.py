"""Read the strategies of a policy: which tier, by what, and how far up an answer that is not confident goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast, get_args

from ai_finops.instrument.model_names import provider_named
from ai_finops.router.complexity import PARTS, Scale
from ai_finops.router.domain_words import DOMAIN_WORDS, UNSPACED_DOMAIN_WORDS
from ai_finops.router.policy import (
    ComplexityStep,
    ComplexityStrategy,
    ConfidenceStrategy,
    Source,
    Statistic,
    Strategy,
    TaskTypeStrategy,
    Tier,
)
from ai_finops.router.policy_fields import Fields, as_choice, as_list, as_mapping, as_text
from ai_finops.router.policy_values import Value

WITHOUT_LOGPROBS = {"aws.bedrock": "Bedrock", "anthropic": "Anthropic's API"}
"""Providers whose answers carry no log-probabilities of tokens, by the names that spans carry."""
MOST_WORDS = 1000
MOST_UNSPACED_WORDS = 100
"""All of them are tried at each place of a text."""
_FIRST_UNSPACED = "\u0900"
"""From here on scripts do not put words apart, or not by what `\\w` takes for their ends."""
_WORD = re.compile(r"\w+\Z")
Tiers = Mapping[str, Tier]


def read_strategies(value: Value, *, tiers: Tiers) -> tuple[Strategy, ...]:
    """Read the chain: at most one of each kind, and confidence last, because it decides whatever comes to it."""
    strategies: list[Strategy] = []
    seen: set[str] = set()
    for each in as_list(value, what="a list of strategies"):
        what = "a mapping that begins with `strategy: task_type`, complexity or confidence"
        kind_value = as_mapping(each, what=what).get("strategy")
        if kind_value is None:
            each.refuse("`strategy` is missing; allowed: " + ", ".join(_READERS))
        kind = as_choice(kind_value, _READERS)
        if kind in seen:
            each.refuse(f"a second strategy {kind}; one of each kind is allowed")
        if "confidence" in seen:
            each.refuse(f"{kind} is never asked, because confidence before it decides everything; put confidence last")
        seen.add(kind)
        strategies.append(_READERS[kind](each, tiers))
    return tuple(strategies)


def _task_type(value: Value, tiers: Tiers) -> TaskTypeStrategy:
    fields = Fields(value, allowed=("strategy", "tiers"), required=("tiers",))
    table = as_mapping(fields["tiers"], what="a mapping of task types to tiers")
    if not table:
        fields["tiers"].refuse("has no task type; name one, or leave the strategy out")
    return TaskTypeStrategy({task_type: as_choice(tier, tiers) for task_type, tier in table.items()})


def _complexity(value: Value, tiers: Tiers) -> ComplexityStrategy:
    allowed = ("strategy", "steps", "otherwise", "weights", "domain_words", "only_own_domain_words")
    fields = Fields(value, allowed=allowed, required=("steps",))
    steps: list[ComplexityStep] = []
    for each in as_list(fields["steps"], what="a list of `below` and `tier`"):
        step = Fields(each, allowed=("below", "tier"), required=("below", "tier"))
        below = step.number("below", low=0, high=1)
        if below <= (steps[-1].below if steps else 0):
            before = f"than the {steps[-1].below:g} before it" if steps else "than 0, or it is never met"
            step["below"].refuse(f"has to be more {before} and is {below:g}")
        steps.append(ComplexityStep(below, step.choice("tier", tiers)))
    if not steps:
        fields["steps"].refuse("has no step; name one, or leave the strategy out")
    otherwise = fields.choice("otherwise", tiers) if "otherwise" in fields else None
    return ComplexityStrategy(tuple(steps), otherwise, _scale(fields))


def _scale(fields: Fields) -> Scale:
    weights: dict[str, float] = {}
    if "weights" in fields:
        read = Fields(fields["weights"], allowed=PARTS, required=PARTS)
        weights = {part: read.number(part, low=0, high=1) for part in PARTS}
        if abs(sum(weights.values()) - 1) > 1e-9:
            fields["weights"].refuse(f"have to add up to 1 and add up to {sum(weights.values()):g}")
    own = [each.casefold() for each in _words(fields["domain_words"])] if "domain_words" in fields else []
    is_own_only = fields.boolean("only_own_domain_words", default=False)
    spaced = frozenset(word for word in own if word[0] < _FIRST_UNSPACED)
    unspaced = tuple(dict.fromkeys(word for word in own if word[0] >= _FIRST_UNSPACED))
    if len(unspaced) > MOST_UNSPACED_WORDS:
        fields["domain_words"].refuse(f"more than {MOST_UNSPACED_WORDS} words of scripts without spaces take too long")
    return Scale(
        domain_words=spaced if is_own_only else DOMAIN_WORDS | spaced,
        unspaced_domain_words=unspaced if is_own_only else (*UNSPACED_DOMAIN_WORDS, *unspaced),
        **weights,
    )


def _words(value: Value) -> list[str]:
    values = as_list(value, what="a list of words")
    if len(values) > MOST_WORDS:
        value.refuse(f"more than {MOST_WORDS} words")
    for each in values:
        word = as_text(each)
        if not (_WORD.match(word) or (word[0] >= _FIRST_UNSPACED and not any(map(str.isspace, word)))):
            each.refuse(f"has to be a single word without marks and is {word[:60]!r}")
    return [each.content for each in values]


def _confidence(value: Value, tiers: Tiers) -> ConfidenceStrategy:
    fields = Fields(
        value,
        allowed=(
            "strategy", "source", "threshold", "first_tier", "escalate", "statistic", "answer_field", "accept_missing", "checks"
        ),
        required=("source", "threshold"),
    )  # fmt: skip
    source = fields.choice("source", get_args(Source))
    for key, only in (("statistic", "logprobs"), ("answer_field", "self_assessment")):
        if key in fields and source != only:
            fields[key].refuse(f"is only for source {only}, and the source is {source}")
    first_tier = fields.choice("first_tier", tiers, default=next(iter(tiers)))
    escalate = _escalate(fields["escalate"], tiers) if "escalate" in fields else _one_tier_up(tiers)
    if first_tier not in escalate:
        words = f"answers of the first tier {first_tier} go nowhere when they are not confident; escalate from it"
        fields["escalate" if "escalate" in fields else "strategy"].refuse(words)
    if source == "logprobs":
        _refuse_logprobs(fields["source"], [tiers[name] for name in escalate])
    checks = fields.choice("checks", ("every_answer", "own_answers"), default="every_answer")
    return ConfidenceStrategy(
        source=cast(Source, source),
        threshold=fields.number("threshold", low=0, high=1),
        first_tier=first_tier,
        escalate=escalate,
        statistic=cast(Statistic, fields.choice("statistic", get_args(Statistic), default="mean")),
        answer_field=fields.text("answer_field", default="confidence"),
        is_missing_enough=fields.boolean("accept_missing", default=False),
        checks_every_answer=checks == "every_answer",
    )


def _one_tier_up(tiers: Tiers) -> dict[str, str]:
    return dict(pairwise(tiers))


def _escalate(value: Value, tiers: Tiers) -> dict[str, str]:
    """Read what follows which tier: no circle, and never to a tier that is not more capable."""
    table = as_mapping(value, what="a mapping of tiers to the tier that is asked next")
    for name, following in table.items():
        if name not in tiers:
            following.refuse(f"there is no tier {name}; allowed: {', '.join(tiers)}")
    escalate = {name: as_choice(following, tiers) for name, following in table.items()}
    for name in escalate:
        _refuse_circle(name, escalate, table)
    for name, following in escalate.items():
        if tiers[following].capability <= tiers[name].capability:
            table[name].refuse(f"{following} is not more capable than {name}; escalate to a more capable tier")
    return escalate


def _refuse_circle(start: str, escalate: Mapping[str, str], table: Mapping[str, Value]) -> None:
    way = [start]
    while (following := escalate.get(way[-1])) is not None:
        way.append(following)
        if following == start:
            table[start].refuse(f"goes in a circle: {' → '.join(way)}")
        if way.count(following) > 1:
            return  # a circle further up, told from where it begins


def _refuse_logprobs(value: Value, checked: list[Tier]) -> None:
    for model in (model for tier in checked for model in tier.models):
        provider = _without_logprobs(model.provider_name)
        if provider is not None:
            value.refuse(
                f"{provider} gives no log-probabilities, so the confidence of {model.name} "
                f"({model.model_id}) cannot come from them; use source self_assessment (a number in the structured answer) or "
                f"verifier (a callable)"
            )


def _without_logprobs(provider_name: str) -> str | None:
    """Return how such a provider is called, by whichever of its names: `aws.bedrock`, `AWS.Bedrock`, `bedrock`, `aws`."""
    if "bedrock" in provider_name.lower():
        return WITHOUT_LOGPROBS["aws.bedrock"]
    return WITHOUT_LOGPROBS.get(provider_named(provider_name) or "")


_READERS: dict[str, Any] = {"task_type": _task_type, "complexity": _complexity, "confidence": _confidence}
