"""What a policy says of shadow runs: block `shadow` of its file, read and checked.

```yaml
shadow:
  share: 0.02             # of the requests that a more capable model than the candidate answered
  candidate: small        # the model of the policy that is asked too
  daily_usd: 2.00         # of each process and UTC day
  compare: exact          # exact, judge or embedding
```
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from ai_finops.router.comparing import METHODS
from ai_finops.router.policy import Model
from ai_finops.router.policy_fields import Fields, as_list, as_text
from ai_finops.router.policy_values import Value

_LOG = logging.getLogger(__name__)
_warned: set[str] = set()
Method = Literal["exact", "judge", "embedding"]


@dataclass(frozen=True, slots=True)
class ShadowPolicy:
    """Which requests are sent to the candidate too, for how many dollars, and how its answers are compared."""

    share: float
    """Of requests, 0 to 1; by the hash of a request's id where it has one, else by chance."""
    candidate: str
    """Name of a model of the policy, and not its most capable one."""
    daily_usd: float
    """Dollars of each process and UTC day, comparisons included; several processes may spend as much each."""
    compare: Method = "exact"
    least_score: float = 0.9
    """A judge's score or a similarity from which on answers agree; `exact` has none."""
    comparison_usd: float = 0.0
    """The most that the judge or the embedder can cost for one comparison; counted as spent for each."""
    max_output_tokens: int = 1024
    """The candidate's limit, where the request has no lower one."""
    timeout_s: float = 30.0
    """After which a candidate's answer is no longer waited for."""
    max_queued: int = 100
    """Requests that may wait; one more is dropped and counted."""
    task_types: frozenset[str] | None = None
    """Only these; None: all that have one."""


_KEYS = (
    "share", "candidate", "daily_usd", "compare", "least_score", "comparison_usd", "max_output_tokens", "timeout_s",
    "max_queued", "task_types",
)  # fmt: skip


def read_shadow_policy(value: Value, *, models: Sequence[Model]) -> ShadowPolicy:
    """Read and check block `shadow`.

    Args:
        models: Of the policy; one of them is the most capable.
    Raises:
        PolicyError: It says what cannot be followed; the message names line and key.
    """
    fields = Fields(value, allowed=_KEYS, required=_KEYS[:3])
    standard = ShadowPolicy(0, "", 0)
    method = cast(Method, fields.choice("compare", METHODS, default=standard.compare))
    if method == "exact":
        for key in ("least_score", "comparison_usd"):
            if key in fields:
                fields[key].refuse("is nothing to an exact match; leave it out, or compare by judge or embedding")
    return ShadowPolicy(
        share=fields.number("share", low=0, high=1),
        candidate=_candidate(fields, models),
        daily_usd=fields.number("daily_usd", low=0, high=1_000_000),
        compare=method,
        least_score=fields.number("least_score", low=-1, high=1, default=standard.least_score),
        comparison_usd=fields.number("comparison_usd", low=0, high=100, default=standard.comparison_usd),
        max_output_tokens=fields.whole("max_output_tokens", low=1, high=1_000_000, default=standard.max_output_tokens),
        timeout_s=fields.number("timeout_s", low=0.1, high=3600, default=standard.timeout_s),
        max_queued=fields.whole("max_queued", low=1, high=10_000, default=standard.max_queued),
        task_types=_task_types(fields["task_types"]) if "task_types" in fields else None,
    )


def warn_of_no_observer(policy_id: str) -> None:
    """Say, once for a policy, that it asks for shadow runs and the router that follows it was given none."""
    if policy_id not in _warned:
        _warned.add(policy_id)
        _LOG.warning(
            "policy %s has a block shadow and its router no observer, so nothing is compared; give "
            "Router(observer=Shadow(…).observe), or leave the block out",
            policy_id,
        )


def _candidate(fields: Fields, models: Sequence[Model]) -> str:
    name = fields.choice("candidate", [model.name for model in models])
    if name == max(models, key=lambda model: model.capability).name:
        fields["candidate"].refuse("is the most capable model; name a cheaper one, which is what shadow runs try")
    return name


def _task_types(value: Value) -> frozenset[str]:
    listed = as_list(value, what="a list of task types")
    if not listed:
        value.refuse("names no task type, so nothing would be compared; leave it out for all")
    return frozenset(map(as_text, listed))
