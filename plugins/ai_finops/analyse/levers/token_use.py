"""How many tokens the target would use for the same calls: a model that talks more is dearer than its price.

The strongest that is there, each from `routing_min_target_calls` on: shadow comparisons that say the tokens of both models,
which answered the same questions; the target's own calls of the feature and task type in 28 days, which may be other
questions; else the very tokens of the calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pyarrow as pa

from ai_finops.analyse.agreement import Route
from ai_finops.analyse.levers.call_sums import TOKENS, Row, generating, tokens_of
from ai_finops.analyse.price_book import TOKEN_CLASSES


class TokenUse(Protocol):
    """What a target would use."""

    def of(self, row: Row) -> dict[str, float]:
        """Return the target's tokens by class for the calls of a row."""

    def said(self, *, output_tokens_per_call: float) -> str:
        """Say it as evidence does, beside what the calls used."""


@dataclass(frozen=True, slots=True)
class SameTokens:
    """As many as the calls used."""

    def of(self, row: Row) -> dict[str, float]:
        """Return the row's own."""
        return tokens_of(row)

    def said(self, *, output_tokens_per_call: float) -> str:
        """Say so."""
        return "same tokens"


@dataclass(frozen=True, slots=True)
class OwnTokens:
    """The mean of the target's own calls of the feature and task type."""

    sample_count: int
    tokens: Mapping[str, float]
    """Per call, by class."""

    def of(self, row: Row) -> dict[str, float]:
        """Return the mean for each of the row's calls."""
        return {name: mean * row["call_count"] for name, mean in self.tokens.items()}

    def said(self, *, output_tokens_per_call: float) -> str:
        """Say how much it talks."""
        tokens = f"{self.tokens['output']:,.0f} output tokens per answer against {output_tokens_per_call:,.0f}"
        return f"the target's own tokens ({tokens}, {self.sample_count:,} of its calls in 28 days)"


@dataclass(frozen=True, slots=True)
class PairedTokens:
    """Those of the calls, times what the target used of the model in use, question for question."""

    sample_count: int
    input_ratio: float
    output_ratio: float

    def of(self, row: Row) -> dict[str, float]:
        """Return the row's tokens, input and output by their ratio."""
        ratios = dict.fromkeys(TOKEN_CLASSES, self.input_ratio) | {"output": self.output_ratio}
        return {name: tokens * ratios[name] for name, tokens in tokens_of(row).items()}

    def said(self, *, output_tokens_per_call: float) -> str:
        """Say the two ratios."""
        used = f"{self.output_ratio:.2f} of the output and {self.input_ratio:.2f} of the input tokens"
        return f"the target's tokens for the same questions ({used} in {self.sample_count:,} shadow comparisons)"


OwnByModel = Mapping[tuple[str, str | None, str], OwnTokens]
"""By feature, task type and model."""


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What is known of targets' tokens on one date of issue."""

    own: OwnByModel
    paired: Mapping[Route, PairedTokens]

    def find(self, feature_id: str, route: Route, *, smallest_sample: float) -> TokenUse:
        """Return the strongest that was seen often enough."""
        own = self.own.get((feature_id, route.task_type, route.candidate_model_id))
        for known in (self.paired.get(route), own):
            if known is not None and known.sample_count >= smallest_sample:
                return known
        return SameTokens()


def own_tokens(history: Iterable[Row]) -> OwnByModel:
    """Return the mean tokens of calls by feature, task type and the model that they ran on.

    Args:
        history: Sums of 28 days of calls.
    """
    sums: dict[tuple, list[int]] = defaultdict(lambda: [0] * (1 + len(TOKENS)))
    for row in generating(history):
        of_model = sums[row["feature_id"], row["task_type"], row["model_id"]]
        of_model[0] += row["call_count"]
        for place, name in enumerate(TOKENS, 1):
            of_model[place] += row[name] or 0
    return {
        key: OwnTokens(count, {name: tokens / count for name, tokens in zip(TOKEN_CLASSES, of_class, strict=True)})
        for key, (count, *of_class) in sums.items()
    }


def paired_tokens(comparisons: pa.Table, *, before: date) -> dict[Route, PairedTokens]:
    """Return what candidates used of the tokens of the model in use, over the comparisons made before a date that say both.

    Args:
        comparisons: Rows of `int_shadow_comparisons_resolved`; without the columns of tokens none says them.
    """
    sums: dict[Route, list[int]] = defaultdict(lambda: [0] * 5)
    for row in comparisons.to_pylist():
        tokens = [
            row.get(f"{side}_{kind}_tokens") for kind in ("input", "output") for side in ("candidate", "baseline")
        ]
        if row["made_date"] >= before or None in tokens:
            continue
        of_route = sums[Route(*(row[name] for name in Route._fields))]
        for place, count in enumerate((1, *tokens)):
            of_route[place] += count
    return {
        route: PairedTokens(count, candidate_input / baseline_input, candidate_output / baseline_output)
        for route, (count, candidate_input, baseline_input, candidate_output, baseline_output) in sums.items()
        if baseline_input and baseline_output
    }
