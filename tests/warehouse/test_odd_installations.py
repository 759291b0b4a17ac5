"""Installations that lack what others have pass their audit without a warning: no traces, no bill, no yesterday."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest

from ai_finops.config import Settings
from ai_finops.quality import audit
from tests.warehouse.test_other_bills import GPT, openai_cost
from tests.warehouse.tiny_lake import HAIKU, SONNET, line, outcome, span
from tests.warehouse.whole_builds import make_whole_build


def days(first: str, count: int) -> list[str]:
    """Return so many days from one on."""
    return [str(date.fromisoformat(first) + timedelta(days=number)) for number in range(count)]


def calls(on: list[str], **changes) -> list[dict]:
    """Return five calls a day, $0.30 each."""
    return [
        span(f"call-{day}-{number}", f"{day} 10:00", SONNET, uncached_input_tokens=100_000, output_tokens=0, **changes)
        for day in on
        for number in range(5)
    ]


def routed(on: list[str]) -> list[dict]:
    """Return a routed call a day below a plain span that names the feature: the call inherits it, the decision does not."""
    details = {
        "policy": "p",
        "strategy": "confidence",
        "confidence": 0.4,
        "tier": "capable",
        "model": SONNET,
        "is_escalated": True,
    }
    rows = []
    for day in on:
        trace = {"trace_id": f"routed-{day}"}
        plain = trace | {"provider_name": None, "task_type": None, "pipeline_id": None, "user_id": None}
        rows += [
            span(f"step-{day}", f"{day} 11:00", SONNET, **plain | {"operation_name": "invoke_workflow"}),
            span(
                f"decision-{day}",
                f"{day} 11:00",
                SONNET,
                **plain | {"operation_name": "routing", "feature_id": None, "details_json": json.dumps(details)},
                parent_span_id=f"step-{day}",
            ),
            span(
                f"routed-{day}",
                f"{day} 11:01",
                SONNET,
                **trace | {"feature_id": None, "parent_span_id": f"decision-{day}"},
                uncached_input_tokens=100_000,
                output_tokens=0,
            ),
        ]
    return rows


def bill(on: list[str]) -> list[dict]:
    """Return $3 a day for tokens of one model."""
    resource = f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{HAIKU}"
    return [line(day, "USE1-any-input-tokens", "1M tokens", 3.75, 3, line_item_resource_id=resource) for day in on]


TWO_WEEKS, DAY = days("2025-06-02", 14), ["2025-06-02"]
INSTALLATIONS = {
    "traces alone, with decisions that name no feature": (
        "2025-06-16",
        {"spans": calls(TWO_WEEKS) + routed(TWO_WEEKS), "outcomes": [outcome("traces", day) for day in TWO_WEEKS]},
    ),
    "a bill alone": (
        "2025-06-16",
        {"lines": bill(TWO_WEEKS), "outcomes": [outcome("billing", day) for day in TWO_WEEKS]},
    ),
    "one day": (
        "2025-06-03",
        {
            "spans": calls(DAY),
            "lines": bill(DAY),
            "outcomes": [outcome(source, DAY[0]) for source in ("traces", "billing")],
        },
    ),
    "the first of a month": (
        "2025-07-01",
        {
            "spans": calls(days("2025-06-16", 15)),
            "lines": bill(days("2025-06-16", 15)),
            "outcomes": [outcome(source, day) for source in ("traces", "billing") for day in days("2025-06-16", 15)],
        },
    ),
    "another provider's bill alone": (
        "2025-06-16",
        {
            "more": {
                "openai_cost_buckets": [
                    openai_cost(
                        f"{GPT}, input",
                        "10",
                        "4000",
                        project_id="proj_docs",
                        api_key_id="key_other",
                        usage_date=date.fromisoformat(day),
                        landing_date=date.fromisoformat(day),
                    )
                    for day in TWO_WEEKS
                ]
            },
            "outcomes": [outcome("openai", day) for day in TWO_WEEKS],
        },
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_an_odd_installation_passes_without_a_warning(tmp_path, installation):
    as_of_date, raw = INSTALLATIONS[installation]
    settings = Settings.from_env({"AI_FINOPS_HOME": str(tmp_path / "home")})
    build = make_whole_build(settings, as_of_date=as_of_date, **raw)
    assert audit(settings=settings, build=build)["warnings"] == []
