"""A small lake whose landings change: what is landed is held here by partition, and written by the lake's own code."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa

from ai_finops.config import Settings
from ai_finops.days import morning_after
from ai_finops.lake import Lake, Outcome
from ai_finops.lake_schemas import EXACT, tables_of
from tests.warehouse.tiny_lake import ACCOUNT, HAIKU, NOVA, SONNET, SONNET_ID, line, span

FIRST = date(2025, 5, 28)
SOURCES = "traces,bedrock_logs,xray_spans,billing"
_FEATURES = ("support_chat", "ticket_triage", "contract_review", None)
_TABLE = {"traces": "spans", "xray_spans": "spans", "bedrock_logs": "invocations"}
PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/abc123"


@dataclass
class ChangingLake:
    """Rows by source and landing day, bill lines by usage day; `land` writes those of a source and day."""

    settings: Settings
    rng: random.Random
    rows: dict[tuple[str, date], list[dict]] = field(default_factory=dict)
    bill: dict[date, list[dict]] = field(default_factory=dict)
    invoiced: set[int] = field(default_factory=set)
    """Months whose lines are on an invoice."""
    number: int = 0

    @property
    def days(self) -> list[date]:
        """Landing days of the traces, in order."""
        return sorted(day for source, day in self.rows if source == "traces")

    def put(self, source: str, landed_on: date, rows: Iterable[dict]) -> None:
        """Add rows to what a source landed on a day, a span once; nothing is written yet."""
        landed = self.rows.setdefault((source, landed_on), [])
        known = {(row.get("trace_id"), row.get("span_id"), row.get("request_id")) for row in landed}
        landed += [
            row | {"landing_date": landed_on}
            for row in rows
            if (row.get("trace_id"), row.get("span_id"), row.get("request_id")) not in known
        ]

    def land(self, source: str, day: date) -> None:
        """Write the partition of a source and landing day as it is now."""
        rows = self.rows[source, day]
        self._write(source, day, key=str(day), table=_TABLE[source], rows=rows)

    def land_bill(self, day: date, *, month: int | None = None) -> None:
        """Write the bill of a month, by default that of `day`, landed on that day."""
        month = month or day.month
        invoice = {"bill_invoice_id": "inv-1" if month in self.invoiced else None}
        days = [used_on for used_on in sorted(self.bill) if used_on.month == month]
        lines = [each | invoice for used_on in days for each in self.bill[used_on]]
        totals = [each | {"is_landed": True, "line_count": 1} for each in lines]
        self._write("billing", day, key=f"2025-{month:02d}", table="line_items", rows=lines, invoice_totals=totals)

    def _write(self, source: str, day: date, *, key: str, table: str, rows: list[dict], **more: list[dict]) -> None:
        schemas = tables_of(source)
        counts = {"read_count": len(rows), "loaded_count": len(rows)}
        landed = {"source": source, "landing_date": day, "object_key": "one", **counts}
        contents = {table: rows, "objects": [landed] if rows else [], **more}
        tables = {name: _table(contents.get(name, ()), schema) for name, schema in schemas.items()}
        lake, as_of = Lake(self.settings.lake), morning_after(day)
        lake.write_partition(source, key, tables=tables)
        lake.record_outcome(
            Outcome(
                source=source,
                landing_date=day,
                status="loaded" if rows else "empty",
                as_of_date=as_of,
                extracted_at=datetime(as_of.year, as_of.month, as_of.day, 6, tzinfo=UTC),
                partitions=(key,),
                **counts,
            )
        )

    # What may be in a day. Each puts the spans of one kind of trace where they land.

    def name(self, kind: str) -> str:
        """Return a name that nothing had before; long enough to be a provider's id."""
        self.number += 1
        return f"{kind}-{self.number:016d}"

    def _usage(self) -> dict[str, int]:
        tokens = {"uncached_input_tokens": self.rng.randrange(1, 90) * 1000, "output_tokens": self.rng.randrange(900)}
        return tokens | {"cache_read_input_tokens": 0}

    def _call(self, day: date, at: str, **changes) -> dict:
        name = self.name("s")
        told = {"feature_id": self.rng.choice(_FEATURES), "user_id": f"user-{self.rng.randrange(5)}"} | self._usage()
        return span(
            name, f"{day} {at}", self.rng.choice((SONNET, HAIKU, NOVA, "us.acme.mystery-1-v1:0")), **told | changes
        )

    def plain(self, day: date) -> None:
        """A call, maybe of a journey, maybe of no known usage, maybe by an application inference profile."""
        changes = {"journey_id": f"journey-{self.rng.randrange(6)}" if self.rng.random() < 0.5 else None}
        if self.rng.random() < 0.3:
            changes |= {
                "uncached_input_tokens": None,
                "output_tokens": None,
                "has_usage": False,
                "usage_figure_count": 0,
            }
        if self.rng.random() < 0.3:
            changes["request_model"] = PROFILE
        self.put("traces", day, [self._call(day, "10:00", **changes)])

    def told_twice(self, day: date) -> None:
        """A framework's span around the call of the provider's library."""
        usage, trace_id = self._usage() | {"task_type": "extraction"}, self.name("t")
        outer = self._call(day, "11:00", trace_id=trace_id, scope_name="framework", request_model=HAIKU, **usage)
        inner = self._call(day, "11:00", trace_id=trace_id, scope_name="sdk", request_model=HAIKU, **usage)
        found = {
            "operation_name": "retrieval",
            "has_usage": False,
            "details_json": '{"documents": [{"id": "d1", "score": 0.5}]}',
        }
        retrieval = self._call(day, "10:59", trace_id=trace_id, **found)
        self.put("traces", day, [outer, inner | {"parent_span_id": outer["span_id"], "feature_id": None}, retrieval])

    def over_midnight(self, day: date) -> None:
        """A trace of two days, landed on both; the first names the feature, and a later span says more of one call."""
        trace_id, tomorrow = self.name("t"), morning_after(day)
        root = self._call(day, "23:59", trace_id=trace_id, operation_name="other", has_usage=False)
        later = self._call(tomorrow, "00:00", trace_id=trace_id, parent_span_id=root["span_id"], feature_id=None)
        shared = {"trace_id": trace_id, "response_id": self.name("msg"), "request_model": SONNET}
        early = self._call(day, "23:59", **shared, has_usage=False, usage_figure_count=0, uncached_input_tokens=None)
        whole = self._call(day, "23:59", **shared) | {"started_at": early["started_at"] + timedelta(seconds=61)}
        whole["ended_at"] = whole["started_at"] + timedelta(seconds=2)
        early["ended_at"] = whole["ended_at"]
        self.put("traces", day, [root, early])
        self.put("traces", tomorrow, [later, whole])

    def lost_context(self, day: date) -> None:
        """One response in two traces, one of them delivered by another source, maybe two days later."""
        shared = {"response_id": self.name("msg"), "request_model": SONNET}
        one = self._call(day, "12:00", **shared)
        other = self._call(day, "12:00", **shared) | {"ended_at": one["ended_at"], "started_at": one["started_at"]}
        self.put("traces", day, [one])
        self.put("xray_spans", day + timedelta(days=self.rng.choice((0, 2))), [other])

    def logged(self, day: date) -> None:
        """A span without usage, of which the invocation log tells a day later; the log may also say what a profile is."""
        request_id = self.name("req")
        silent = {"uncached_input_tokens": None, "output_tokens": None, "has_usage": False, "usage_figure_count": 0}
        self.put("traces", day, [self._call(day, "13:00", request_id=request_id, request_model=PROFILE, **silent)])
        record = {
            "request_id": request_id,
            "account_id": ACCOUNT,
            "region_id": "us-east-1",
            "operation": "Converse",
            "model_id": PROFILE,
            "resolved_model_id": SONNET_ID,
            "inference_profile_arn": PROFILE,
            "region_scope": "regional",
            "uncached_input_tokens": self.rng.randrange(100, 900),
            "output_tokens": self.rng.randrange(100),
            "usage_figure_count": 2,
            "latency_ms": 900,
            "invoked_at": datetime(day.year, day.month, day.day, 13, tzinfo=UTC),
            "object_key": "log.json.gz",
            "object_line": 1,
        }
        self.put("bedrock_logs", morning_after(day), [record])

    def framed(self, day: date) -> None:
        """An agent that says usage and holds no call; a span of a library of calls that says nothing; a clock that is ahead."""
        self.framed_today(day)
        self.put("traces", day, [self._call(day + timedelta(days=self.rng.choice((1, 2))), "00:01")])

    def framed_today(self, day: date) -> None:
        """The same with the clock right."""
        agent = self._call(day, "14:00", operation_name="invoke_agent", has_usage=False)
        silent = self._call(day, "14:01", operation_name="other", attribute_count=0, has_usage=False)
        self.put("traces", day, [agent, silent])

    def routed(self, day: date) -> None:
        """A decision that escalated, of today; and one just before midnight, whose call begins and lands on the next day."""
        self.routed_today(day)
        trace_id, tomorrow = self.name("t"), morning_after(day)
        decision = self._decision(day, "23:59", trace_id=trace_id, first_model=HAIKU, model=HAIKU, is_escalated=False)
        self.put("traces", day, [decision])
        call = {"trace_id": trace_id, "parent_span_id": decision["span_id"], "request_model": HAIKU}
        self.put("traces", tomorrow, [self._call(tomorrow, "00:00", **call)])

    def routed_today(self, day: date) -> None:
        """The former alone."""
        trace_id = self.name("t")
        decision = self._decision(day, "16:00", trace_id=trace_id, first_model=HAIKU, model=PROFILE, is_escalated=True)
        below = {"trace_id": trace_id, "parent_span_id": decision["span_id"]}
        calls = [self._call(day, "16:00", request_model=model, **below) for model in (HAIKU, PROFILE)]
        self.put("traces", day, [decision, *calls])

    def _decision(self, day: date, at: str, *, trace_id: str, **said: object) -> dict:
        details = json.dumps({"strategy": "confidence", "reason": "as said", "estimated_cost_usd": 0.01} | said)
        nothing = dict.fromkeys(("request_model", "provider_name", "uncached_input_tokens", "output_tokens"))
        named = {"operation_name": "routing", "has_usage": False, "details_json": details, "trace_id": trace_id}
        return self._call(day, at, **nothing | named)

    def mystery(self, day: date) -> None:
        """A call of a model that nobody has a price for."""
        self.put("traces", day, [self._call(day, "15:00", request_model="us.acme.mystery-1-v1:0")])

    def in_batch(self, day: date) -> None:
        """A job of some hundred thousand tokens, which the bill may have on its day, on the next or on both."""
        self.put("traces", day, [self._call(day, "20:00", request_model=SONNET, processing="batch")])

    def delivered_again(self, day: date, *, landed_on: date) -> None:
        """A span of an earlier day once more, with more to say."""
        spans = [row for row in self.rows.get(("traces", day), ()) if row["has_usage"]]
        if spans:
            again = self.rng.choice(spans)
            more = {"object_key": "again.json", "usage_figure_count": 9, "feature_id": "support_chat", **self._usage()}
            self.put("traces", landed_on, [again | more])

    def charge(self, day: date) -> None:
        """Bill a day: input tokens of each model at some price, a part of it tagged."""
        usd = Decimal(self.rng.randrange(1, 900)) / 100
        self.bill[day] = [
            line(
                str(day), "USE1-any-input-tokens", "1M tokens", Decimal("0.4"), usd / count, resource_tags=tags,
                line_item_resource_id=f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{model}",
            )
            for count, model in enumerate((SONNET, HAIKU, NOVA), 1)
            for tags in ({}, {"user_feature": "contract_review"})
        ]  # fmt: skip
        batch_mtok = Decimal(self.rng.randrange(0, 120)) / 1000
        if batch_mtok:
            self.bill[day].append(
                line(str(day), "USE1-any-input-tokens-batch", "1M tokens", batch_mtok, usd / 7,
                     line_item_resource_id=f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{SONNET}")
            )  # fmt: skip


KINDS: tuple[Callable[[ChangingLake, date], None], ...] = (
    ChangingLake.plain,
    ChangingLake.plain,
    ChangingLake.told_twice,
    ChangingLake.over_midnight,
    ChangingLake.lost_context,
    ChangingLake.logged,
    ChangingLake.framed,
    ChangingLake.in_batch,
    ChangingLake.routed,
)


def _table(rows: Iterable[dict], schema: pa.Schema) -> pa.Table:
    amounts = {each.name for each in schema if each.type == EXACT}
    exact = [
        {name: _exact(row.get(name)) if name in amounts else row.get(name) for name in schema.names} for row in rows
    ]
    return pa.Table.from_pylist(exact, schema=schema)


def _exact(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("1e-12"))
