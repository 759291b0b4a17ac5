"""Pairs of weeks, weeks apart from each other, in each of which something is not as a message would like it to be.

A call of `calls` on Sonnet has 100,000 input tokens and costs $0.30: ten a day are $3 a day and $21 a week. Where no bill
is named there is none, and the estimate stands in.

24 February         only a call that failed, without usage, on the last evening; it landed with the next week
3 and 10 March      $3 a day; a second landing of the 5th failed and took nothing away; the traces of the 12th failed, but a
                    call of that day, $0.003, landed on the 13th
24 and 31 March     docs $3 a day; chat on a model without a price: $10 a day on the bill of the first week, and of the second
                    there is none yet
14 and 21 April     chat $3 a day; untraced usage tagged contract_review, $1 a day and then $9
5 and 12 May        docs $3 a day and then nothing; chat $3 a day and then $6. On the 6th 300 shadow comparisons of docs' model,
                    under its ARN, and Haiku; in half of them Haiku alone was wrong
26 May and 2 June   chat 143 small calls a day, $3.003 a week; `big` one small call a day without a price, then three of $3
23 and 30 June      $3 a day, and one routing decision that names no feature and has no call; the build is of Tuesday morning
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.warehouse.tiny_lake import HAIKU, SONNET, line, outcome, span

AS_OF_DATE = "2025-07-01"
MYSTERY = "us.acme.mystery-1-v1:0"
DOCS = {
    "feature_id": "document_summarization",
    "pipeline_id": "summarize",
    "service_name": "docs-api",
    "task_type": "summarization",
}
AGAIN, LATE = date(2025, 3, 5), date(2025, 3, 12)


def week(monday: str) -> list[str]:
    """Return the seven days of a week."""
    return [str(date.fromisoformat(monday) + timedelta(days=number)) for number in range(7)]


def calls(days: list[str], count: int, *, model: str = SONNET, tokens: int = 100_000, **changes: Any) -> Iterator[dict]:
    """Return `count` calls on each of the days; `changes` are columns of the lake."""
    for day in days:
        for number in range(count):
            name = f"{changes.get('feature_id', 'chat')}-{day}-{number}"
            yield span(name, f"{day} 10:00", model, uncached_input_tokens=tokens, output_tokens=0, **changes)


def bill(days: list[str], *, usd: float, mtok: float, model: str = SONNET, **changes: Any) -> Iterator[dict]:
    """Return one line of input tokens on each of the days."""
    resource = f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{model}"
    for day in days:
        yield line(day, "USE1-any-input-tokens", "1M tokens", mtok, usd, line_item_resource_id=resource, **changes)


def comparisons(count: int) -> Iterator[dict]:
    """Return shadow comparisons of Sonnet, under its ARN, and Haiku on summaries; every second one went against Haiku."""
    for number in range(count):
        details = {
            "task_type": "summarization",
            "baseline_model": f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{SONNET}",
            "candidate_model": HAIKU.removeprefix("us."),
            "baseline_correct": True,
            "candidate_correct": number % 2 == 0,
        }
        told = {"operation_name": "shadow", "provider_name": None, "details_json": json.dumps(details)}
        yield span(f"shadow-{number}", "2025-05-06 12:00", SONNET, **told)


SPANS = [
    span("failed", "2025-03-02 23:59", SONNET, error_type="timeout", landing_date=date(2025, 3, 3)),
    *calls([day for day in week("2025-03-03") + week("2025-03-10") if day != str(LATE)], 10),
    span("late", f"{LATE} 23:59", SONNET, uncached_input_tokens=1_000, output_tokens=0, landing_date=date(2025, 3, 13)),
    *calls(week("2025-03-24") + week("2025-03-31"), 10, **DOCS),
    *calls(week("2025-03-24") + week("2025-03-31"), 10, model=MYSTERY),
    *calls(week("2025-04-14") + week("2025-04-21"), 10),
    *calls(week("2025-05-05"), 10, **DOCS),
    *calls(week("2025-05-05"), 10),
    *calls(week("2025-05-12"), 20),
    *comparisons(300),
    *calls(week("2025-05-26") + week("2025-06-02"), 143, tokens=1_000),
    *calls(week("2025-05-26"), 1, model=MYSTERY, tokens=1_000, feature_id="big"),
    *calls(week("2025-06-02"), 3, tokens=1_000_000, feature_id="big"),
    *calls([*week("2025-06-23"), "2025-06-30"], 10),
    span(
        "decision",
        "2025-06-24 11:00",
        SONNET,
        operation_name="routing",
        provider_name=None,
        feature_id=None,
        details_json=json.dumps({"strategy": "confidence", "is_escalated": True}),
    ),
]

LINES = [
    *bill(week("2025-03-24"), usd=3, mtok=1),
    *bill(week("2025-03-24"), usd=10, mtok=1, model=MYSTERY),
    *bill(week("2025-04-14") + week("2025-04-21"), usd=3, mtok=1),
    *bill(week("2025-04-14"), usd=1, mtok=1.25, model=HAIKU, resource_tags={"user_feature": "contract_review"}),
    *bill(week("2025-04-21"), usd=9, mtok=11.25, model=HAIKU, resource_tags={"user_feature": "contract_review"}),
]

_LANDED = {row["landing_date"] for row in SPANS} - {AGAIN, LATE}
OUTCOMES = [
    *(outcome("traces", str(day)) for day in sorted(_LANDED)),
    outcome("traces", str(AGAIN), status="failed", error="refused", partitions=[str(AGAIN)]),
    outcome("traces", str(LATE), status="failed", error="refused", read_count=0, loaded_count=0),
    # What the build of the last morning knows of the bill.
    outcome("billing", "2025-06-30", extracted_at=datetime(2025, 7, 1, 6, tzinfo=UTC)),
]
