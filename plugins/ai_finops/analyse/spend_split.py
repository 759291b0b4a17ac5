"""Why one period cost more or less than another: one split for the weekly message and for anomalies, exact.

In this order: what is not known (`cost_not_known`), callers (a feature in a pipeline of a service, and in a journey) that are
new or lost, prompt versions that are new to a caller, then what is left of callers of both periods, by `factors.py`. A new
prompt version has what its calls cost beyond as many calls of its caller before; how many they are is `volume`. Usage without a
traced call is a driver of its own, `untraced_usage`, and so is what can be nobody's for another reason, `unattributed_usage`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ai_finops.analyse import driver_words
from ai_finops.analyse.factors import Usage, round_to_sum, split_exactly
from ai_finops.analyse.known_costs import CallCounts
from ai_finops.analyse.spend import MICROS, Caller, Group, ModelUsage, Part, Spend, Untraced
from ai_finops.analyse.spend_days import OWNED
from ai_finops.errors import BuildError

PromptUsage = dict[str, ModelUsage]


class Driver(NamedTuple):
    """One cause of a change, of a feature."""

    feature_id: str
    driver: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Period:
    """A spend as the split looks at it: callers by prompt version and model, and what has no call."""

    callers: dict[Caller, PromptUsage]
    untraced_micros: dict[Untraced, int | Fraction]
    counts: dict[Part, CallCounts]

    def cost_micros(self, part: Part) -> int | Fraction:
        if isinstance(part, Untraced):
            return self.untraced_micros.get(part, 0)
        return sum(_total(models).cost_micros for models in self.callers.get(part, {}).values())

    def models(self, caller: Caller) -> ModelUsage:
        return _by_model(self.callers[caller].values())


def split(
    before: Spend,
    after: Spend,
    *,
    largest_unknown_ratio: float,
    names: tuple[str, str],
    features_of_pipelines: Mapping[str, Iterable[str]] | None = None,
) -> Iterator[tuple[Driver, int | Fraction]]:
    """Yield each driver with its micro-dollars; they add up to the change of known cost.

    Args:
        before: A period, or the mean of several.
        after: What is compared with it.
        largest_unknown_ratio: Calls of unknown cost that a caller may have in a period (`known_costs.py`).
        names: What the two periods are called, as in `the week before` and `this week`.
        features_of_pipelines: Features that called each pipeline before; default: those of `before`.
    """
    callers = {group.caller for spend in (before, after) for group in spend.usage}
    renamed = _journeys_not_told_apart(callers, before=before, after=after)
    first, second = (_period(spend, renamed=renamed) for spend in (before, after))
    unknown = {part for period in (first, second) for part in _of_unknown_cost(period, largest_unknown_ratio)}
    users = features_by_pipeline([before]) if features_of_pipelines is None else features_of_pipelines
    for part in sorted(unknown):
        detail = driver_words.not_known(part, counts=(first.counts.get(part), second.counts.get(part)), names=names)
        yield Driver(part.feature_id, "cost_not_known", detail), second.cost_micros(part) - first.cost_micros(part)
    for caller in sorted(second.callers.keys() - first.callers.keys() - unknown):
        detail = f"{caller}{driver_words.reuse(caller, users.get(caller.pipeline_id, ()))}"
        yield Driver(caller.feature_id, "new_caller", detail), second.cost_micros(caller)
    for caller in sorted(first.callers.keys() - second.callers.keys() - unknown):
        yield Driver(caller.feature_id, "lost_caller", str(caller)), -first.cost_micros(caller)
    yield from _split_kept(first, second, kept=(first.callers.keys() & second.callers.keys()) - unknown)
    for part in sorted((first.untraced_micros.keys() | second.untraced_micros.keys()) - unknown):
        yield Driver(part.feature_id, part.driver, part.detail), second.cost_micros(part) - first.cost_micros(part)


def in_whole_micros(drivers: Iterable[tuple[Driver, int | Fraction]], *, total: int) -> dict[Driver, int]:
    """Round drivers to whole micro-dollars that add up to `total`; those of zero are left out, but for `cost_not_known`.

    Raises:
        BuildError: They add up to something else before they are rounded.
    """
    exact = dict(drivers)
    if abs(sum(exact.values()) - total) >= 1:
        features = ", ".join(sorted({each.feature_id for each in exact})) or "nobody"
        raise BuildError(
            f"drivers of {features} add up to {float(sum(exact.values())) / MICROS:,.6f} USD and not to {total / MICROS:,.6f}: "
            f"the marts that the analyses read do not agree; build from nothing (ai-finops build --full)"
        )
    rounded = round_to_sum(exact, total=total) if exact else {}
    return {each: micros for each, micros in rounded.items() if micros or each.driver == "cost_not_known"}


def features_by_pipeline(spends: Iterable[Spend]) -> dict[str, set[str]]:
    """Return which features called each pipeline."""
    users: dict[str, set[str]] = defaultdict(set)
    for spend in spends:
        for group, usage in spend.usage.items():
            if usage.call_count:
                users[group.caller.pipeline_id].add(group.caller.feature_id)
    return dict(users)


def _split_kept(first: _Period, second: _Period, *, kept: set[Caller]) -> Iterator[tuple[Driver, int | Fraction]]:
    """Split what callers of both periods changed, feature by feature."""
    for feature in sorted({caller.feature_id for caller in kept}):
        callers = sorted(caller for caller in kept if caller.feature_id == feature)
        with_old_prompts: list[ModelUsage] = []
        for caller in callers:
            old = first.models(caller)
            new = _new_versions(first.callers[caller], second.callers[caller])
            for version, models in second.callers[caller].items():
                if version not in new:
                    with_old_prompts.append(models)
                    continue
                usage, as_before = _total(models), _as_before(old, call_count=_total(models).call_count)
                detail = driver_words.new_prompt(caller, version, before=_total(old), after=usage)
                excess = usage.cost_micros - _total(as_before).cost_micros
                yield Driver(feature, "new_prompt_version", detail), excess
                with_old_prompts.append(as_before)
        models_before = _by_model(first.models(caller) for caller in callers)
        models_after = _by_model(with_old_prompts)
        for factor, micros in split_exactly(models_before, models_after).items():
            yield Driver(feature, factor, driver_words.factor(factor, models_before, models_after)), micros


def _new_versions(before: PromptUsage, after: PromptUsage) -> set[str]:
    """Return the prompt versions that are new; where calls began to name theirs, nobody can say which are."""
    if "" in before and "" not in after:
        return set()
    return after.keys() - before.keys() - {""}


def _as_before(models: ModelUsage, *, call_count: int | Fraction) -> ModelUsage:
    """Return what `call_count` calls of a caller are at its models, tokens and prices before."""
    factor = Fraction(call_count) / _total(models).call_count
    return {model: usage.times(factor) for model, usage in models.items()}


def _journeys_not_told_apart(callers: Iterable[Caller], *, before: Spend, after: Spend) -> dict[Caller, Caller]:
    """Rename callers whose calls began or ceased to name their journeys: nobody can say which of those is new or lost."""
    journeys: dict[Caller, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for place, spend in enumerate((before, after)):
        for group, usage in spend.usage.items():
            if usage.call_count:
                journeys[group.caller._replace(journey_name="")][place].add(group.caller.journey_name)
    mixed = {
        caller for caller, (first, second) in journeys.items() if first and second and ("" in first) != ("" in second)
    }
    unnamed = ((caller, caller._replace(journey_name="")) for caller in callers)
    return {caller: without for caller, without in unnamed if without in mixed}


def _period(spend: Spend, *, renamed: Mapping[Caller, Caller]) -> _Period:
    """Gather usage by caller, prompt version and model; what has cost and no call is usage without a caller."""
    summed: dict[Group, Usage] = defaultdict(Usage)
    for group, usage in spend.usage.items():
        summed[group._replace(caller=renamed.get(group.caller, group.caller))].add(usage)
    callers: dict[Caller, PromptUsage] = {}
    untraced = defaultdict(int, spend.untraced_micros)
    for group, usage in summed.items():
        if usage.call_count:
            callers.setdefault(group.caller, {}).setdefault(group.prompt_version, {})[group.model_id] = usage
        else:
            part = Untraced(group.caller.feature_id, "untraced_usage", OWNED["traced"])
            untraced[part] += usage.cost_micros
    counts: dict[Part, CallCounts] = defaultdict(CallCounts)
    for part, of_part in spend.counts.items():
        counts[renamed.get(part, part) if isinstance(part, Caller) else part].add(of_part)
    return _Period(callers, dict(untraced), dict(counts))


def _of_unknown_cost(period: _Period, largest_unknown_ratio: float) -> Iterator[Part]:
    for part, counts in period.counts.items():
        if not counts.is_cost_known(largest_unknown_ratio=largest_unknown_ratio):
            yield part


def _by_model(several: Iterable[ModelUsage]) -> ModelUsage:
    pooled: ModelUsage = defaultdict(Usage)
    for models in several:
        for model, usage in models.items():
            pooled[model].add(usage)
    return dict(pooled)


def _total(models: ModelUsage) -> Usage:
    total = Usage()
    for usage in models.values():
        total.add(usage)
    return total
