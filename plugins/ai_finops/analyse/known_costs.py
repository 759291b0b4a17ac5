"""Whether a cost is known well enough to reason about: few enough of its calls have neither a bill nor a price.

A call without a price on a day without a bill costs nobody knows what, and what is added up beside it is a part of the
cost and not a small cost. A few such calls are borne: up to a ratio that seed `reporting_bounds` sets, of calls and of
tokens. `is_cost_known` in the dbt project is the same rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class CallCounts:
    """Calls and tokens, and of them those of unknown cost."""

    call_count: int = 0
    token_count: int = 0
    unknown_call_count: int = 0
    unknown_token_count: int = 0

    def add_row(self, row: Mapping[str, Any]) -> None:
        """Add a row of `fct_daily_allocated_costs` or `fct_daily_feature_costs`."""
        self.call_count += row["request_count"] or 0
        self.token_count += (row["input_tokens"] or 0) + (row["output_tokens"] or 0)
        self.unknown_call_count += row["unknown_cost_call_count"] or 0
        self.unknown_token_count += row["unknown_cost_tokens"] or 0

    def add(self, other: CallCounts) -> None:
        """Add `other` to this."""
        self.call_count += other.call_count
        self.token_count += other.token_count
        self.unknown_call_count += other.unknown_call_count
        self.unknown_token_count += other.unknown_token_count

    def is_cost_known(self, *, largest_unknown_ratio: float) -> bool:
        """Whether neither the calls nor the tokens of unknown cost are more than the ratio allows."""
        return (
            self.unknown_call_count <= largest_unknown_ratio * self.call_count
            and self.unknown_token_count <= largest_unknown_ratio * self.token_count
        )
