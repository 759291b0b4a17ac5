"""A week of an account in which every name is hostile: spans, objects, bills and the people in them; and a planted prompt."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ai_finops import aws, extract
from ai_finops.config import Settings
from tests import planted
from tests.extract.exports import Exporter, cur_line, parquet_bytes
from tests.extract.made import CALL, json_bytes, nanoseconds, protobuf_bytes, request, span
from tests.hostile_names import NAMES, NUL

FIRST, AS_OF = date(2025, 6, 2), date(2025, 6, 9)
DAYS = tuple(FIRST + timedelta(days=number) for number in range(7))
MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"
BIGGEST = ("slack channel", "log line", "script", "equals", "math")
"""Whose names the message and its picture show: they spend the most."""


def environment(home: str) -> dict[str, str]:
    return {
        "AI_FINOPS_HOME": home,
        "AI_FINOPS_SOURCES": "traces,billing",
        "AI_FINOPS_TRACES_BUCKET": "hostile-traces",
        "AI_FINOPS_BILLING_BUCKET": "hostile-billing",
        "AI_FINOPS_KEEP_CONTENT": "true",
        "AI_FINOPS_ALARMS": "prometheus",
    }


def deliver(s3: Any, settings: Settings) -> None:
    """Put the week's objects and its bill into the buckets."""
    for bucket in (settings.traces_bucket, settings.billing_bucket):
        s3.create_bucket(Bucket=bucket)
    for day in DAYS:
        place = f"otlp/{day:year=%Y/month=%m/day=%d}/hour=12"
        for number, (kind, name) in enumerate(NAMES.items()):
            # Object keys are names too. S3 takes any text; a line break or a control character in one is a client's own fault.
            key = "".join(character if character.isprintable() else "?" for character in name)[:150]
            is_json = number % 2 == 0
            body = _request(day, number, kind, name)
            s3.put_object(
                Bucket=settings.traces_bucket,
                Key=f"{place}/{key}/{number}.{'json' if is_json else 'binpb'}",
                Body=(json_bytes if is_json else protobuf_bytes)(body),
            )
    for name, body in planted.objects_with_prompts().items():
        s3.put_object(
            Bucket=settings.traces_bucket, Key=f"otlp/{FIRST:year=%Y/month=%m/day=%d}/hour=13/{name}", Body=body
        )
    exporter = Exporter(s3, settings.billing_bucket, root="cur/ai-finops/", name="ai-finops")
    exporter.overwrite(f00001_snappy_parquet=parquet_bytes(_bill()))


def _request(day: date, number: int, kind: str, name: str) -> dict:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC) + timedelta(minutes=number)
    times = {"startTimeUnixNano": nanoseconds(at), "endTimeUnixNano": nanoseconds(at + timedelta(seconds=2))}
    tokens = 400_000 if kind in BIGGEST else 20_000 + 100 * number
    named = {
        "finops.feature": name,
        "finops.pipeline": name,
        "finops.journey.name": name,
        "user.id": name,
        "gen_ai.conversation.id": name,
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": tokens * (2 if day == DAYS[-1] else 1),
        "gen_ai.input.messages": planted.PROMPT,
        name: name,
    }
    trace = f"{day:%d}{number:030x}"
    call = span(1, CALL | named, traceId=trace, spanId=f"{number + 1:016x}", name=name, **times)
    # Calls that have no price: one feature's, so that others have a cost.
    other = CALL | {
        "finops.feature": NAMES["homoglyph"],
        "gen_ai.request.model": name,
        "gen_ai.provider.name": name,
        "tag": NUL,
    }
    strange = span(
        2, other, traceId=trace, spanId=f"{number + 1000:016x}", parentSpanId=f"{number + 1:016x}", name=name, **times
    )
    return request(call, strange, scope=name, resource={"service.name": name, "team": name})


def _bill() -> list[dict]:
    lines = []
    for day in DAYS:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        for number, name in enumerate(NAMES.values()):
            lines.append(
                cur_line(
                    1.5 + number / 100,
                    line_item_usage_start_date=start,
                    line_item_usage_end_date=start + timedelta(days=1),
                    line_item_usage_type="USE1-Claude4Sonnet-input-tokens",
                    line_item_resource_id=f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/{MODEL}",
                    line_item_line_item_description=name,
                    line_item_usage_account_name=name,
                    line_item_usage_amount=0.4,
                    pricing_unit="1M tokens",
                    resource_tags=[("user_feature", name), (f"user_{name}", name)] if number % 3 == 0 else [],
                )
            )
    return lines


def land(settings: Settings) -> dict[str, int]:
    """Land the week as its mornings would; return how many records each source set aside."""
    deliver(aws.client("s3", settings=settings), settings)
    aside = dict.fromkeys(settings.sources, 0)
    for source in settings.sources:
        for day in DAYS:
            as_of = day + timedelta(days=1)
            outcome = extract.land(source, day, settings=settings, as_of=as_of)
            extract.record(source, day, settings=settings, as_of=as_of, outcome=outcome, error=None)
            aside[source] += outcome.quarantined_count
    return aside
