"""The decoders under attack. Each takes a batch of inputs, some of them broken, and raises when a promise does not hold.

What must hold whatever comes in: no error but the ones that a decoder documents; each object's records are accounted for; the
good object between the broken ones is read as if it stood alone; and no reason repeats what an input says.
"""

from __future__ import annotations

import atexit
import io
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.errors import SourceBroken
from ai_finops.extract import export_landing, logged_spans
from ai_finops.extract.accounts import Accounts
from ai_finops.extract.bedrock_log_loader import MODELS, InvocationLoader
from ai_finops.extract.cur_export import CUR
from ai_finops.extract.export_delivery import Delivery
from ai_finops.extract.export_format import Export
from ai_finops.extract.export_totals import Totals
from ai_finops.extract.export_writer import LineWriter
from ai_finops.extract.focus import FOCUS
from ai_finops.extract.span_loader import SpanLoader
from ai_finops.extract.spoken_text import answer_text, spoken_text
from tests.extract import invocations
from tests.extract.loading import AS_OF, DAY, users_in
from tests.extract.made import CALL, json_bytes, protobuf_bytes, request, span
from tests.fuzz import seeds

HOME = Path(tempfile.mkdtemp(prefix="fuzz-home-"))
"""Of the deployment whose keys give users their pseudonyms; the same one for all batches."""
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
_GOOD_TRACE = "feedfacefeedfacefeedfacefeedface"
_GOOD = request(span(77, traceId=_GOOD_TRACE))
_GOOD_REQUEST = "the-good-request"
_GOOD_QUESTION = "where is my card"
_SAID_IN = (
    *("gen_ai.input.messages", "reranker.query", "gen_ai.output.messages"),
    *("finops.query_embedding", "finops.prompt_block_fingerprints"),
)
"""Attributes of which each has a reader of its own."""


class Violated(AssertionError):
    """A promise did not hold."""


@dataclass(frozen=True, slots=True)
class Target:
    """A decoder, what its inputs are edited from, and how many of them are read at once."""

    name: str
    seeds: tuple[bytes, ...]
    check: Callable[[Sequence[bytes]], None]
    batch: int


def _held(condition: bool, said: str) -> None:
    if not condition:
        raise Violated(said)


def _spans_of(
    add: Callable[[SpanLoader, int, bytes], None], contents: Sequence[bytes]
) -> tuple[list[dict], Accounts, pa.Table]:
    """Load objects; return the good object's spans without what says where they stood, the accounts and the quarantine."""
    accounts = Accounts("traces", DAY)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, users_in(HOME) as users:
        loader = SpanLoader(Path(folder), accounts=accounts, users=users, as_of=AS_OF)
        try:
            for number, content in enumerate(contents):
                accounts.open(str(number), bytes_read=len(content))
                add(loader, number, content)
            tables = loader.tables()
        finally:
            loader.close()
        spans = pq.read_table(tables["spans"], partitioning=None)
    _held(
        len(spans) == accounts.totals()["loaded_count"], "the file holds another number of spans than are accounted for"
    )
    good = spans.filter(pc.equal(spans["trace_id"], _GOOD_TRACE)).drop_columns(["object_key", "object_line"])
    return good.to_pylist(), accounts, tables["quarantine"]


def _check_accounts(accounts: Accounts, quarantine: pa.Table) -> None:
    for account in accounts.objects:
        parts = account.loaded_count + account.ignored_count + account.quarantined_count + account.duplicate_count
        _held(account.read_count == parts, f"the account does not add up: {account}")
        _held(
            min(parts, account.loaded_count, account.ignored_count, account.duplicate_count) >= 0, f"below 0: {account}"
        )
    set_aside = sum(quarantine["record_count"].to_pylist())
    _held(
        set_aside == accounts.totals()["quarantined_count"], "the quarantine holds another number than is accounted for"
    )
    for reason in quarantine["reason"].to_pylist():
        _held(seeds.SECRET not in reason, f"a reason repeats what the input says: {reason}")


def _check_spans(add: Callable[[SpanLoader, int, bytes], None], good: bytes, inputs: Sequence[bytes]) -> None:
    middle = len(inputs) // 2
    found, accounts, quarantine = _spans_of(add, [*inputs[:middle], good, *inputs[middle:]])
    _check_accounts(accounts, quarantine)
    _held(found == _alone(add, good), f"the good object's spans changed beside others: {found}")


@cache
def _alone(add: Callable[[SpanLoader, int, bytes], None], good: bytes) -> list[dict]:
    found, _, _ = _spans_of(add, [good])
    _held(len(found) == 1, "the good object is not good")
    return found


def check_said_texts(inputs: Sequence[bytes]) -> None:
    """Texts inside of spans: what was asked and answered, embeddings and blocks of prompts; texts are kept."""
    texts = [content.decode(errors="replace") for content in inputs]
    for each in texts:
        spoken_text(each), answer_text(each)
    middle = len(texts) // 2
    found = _queries_of([*texts[:middle], _GOOD_QUESTION, *texts[middle:]])
    _held(found == _question_alone(), f"the good span's query changed beside others: {found}")


def _queries_of(texts: Sequence[str]) -> list[dict]:
    """Load a span for each text, which says it wherever texts are read; return the queries of the one that is good."""
    accounts = Accounts("traces", DAY)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, users_in(HOME) as users:
        loader = SpanLoader(Path(folder), accounts=accounts, users=users, as_of=AS_OF, keeps_content=True)
        try:
            for number, text in enumerate(texts):
                trace_id = _GOOD_TRACE if text is _GOOD_QUESTION else f"{number + 1:032x}"
                one = span(number + 1, CALL | dict.fromkeys(_SAID_IN, text), traceId=trace_id)
                accounts.open(str(number), bytes_read=0)
                loader.add_json(number, io.BytesIO(json_bytes(request(one))))
            tables, kept = loader.tables(), loader.contents()
            queries = loader.queries(texts=kept, open_embedder=_embedder)
        finally:
            loader.close()
        _check_accounts(accounts, tables["quarantine"])
        found = pq.read_table(queries.file, partitioning=None)
    good = found.filter(pc.equal(found["trace_id"], _GOOD_TRACE)).drop_columns(["span_id"])
    return good.to_pylist()


_embedder = cache(StaticEmbedder)


@cache
def _question_alone() -> list[dict]:
    found = _queries_of([_GOOD_QUESTION])
    _held(len(found) == 1, "the good span asks nothing")
    return found


def _add_json(loader: SpanLoader, number: int, content: bytes) -> None:
    loader.add_json(number, io.BytesIO(content))


def _add_protobuf(loader: SpanLoader, number: int, content: bytes) -> None:
    loader.add_protobuf(number, io.BytesIO(content))


def check_otlp_json(inputs: Sequence[bytes]) -> None:
    """Objects of OTLP JSON, plain or compressed."""
    _check_spans(_add_json, json_bytes(_GOOD), inputs)


def check_otlp_protobuf(inputs: Sequence[bytes]) -> None:
    """Objects of OTLP protobuf, plain or compressed."""
    _check_spans(_add_protobuf, protobuf_bytes(_GOOD), inputs)


def check_logged_spans(inputs: Sequence[bytes]) -> None:
    """Events of X-Ray's log group: what becomes of them is OTLP JSON."""
    requests = []
    for content in inputs:
        try:
            requests.append(logged_spans.request_of(content.decode(errors="replace"), account_id="111122223333"))
        except ValueError as error:
            _held(seeds.SECRET not in str(error), f"a reason repeats what the event says: {error}")
    _held(not any(b"\n" in each for each in requests), "an event became more than one line")
    _check_spans(_add_json, json_bytes(_GOOD), requests)


def check_invocation_logs(inputs: Sequence[bytes]) -> None:
    """Objects of Bedrock's invocation log."""
    good = invocations.lines(invocations.record(7, requestId=_GOOD_REQUEST))
    middle = len(inputs) // 2
    found, accounts, quarantine = _invocations_of([*inputs[:middle], good, *inputs[middle:]])
    _check_accounts(accounts, quarantine)
    _held(found == _invocation_alone(good), f"the good object's call changed beside others: {found}")


def _invocations_of(contents: Sequence[bytes]) -> tuple[list[dict], Accounts, pa.Table]:
    accounts = Accounts("bedrock_logs", DAY)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, users_in(HOME) as users:
        loader = InvocationLoader(Path(folder), accounts=accounts, users=users, as_of=AS_OF)
        try:
            for number, content in enumerate(contents):
                accounts.open(str(number), bytes_read=len(content))
                loader.add(number, io.BytesIO(content))
            loader.finish(places=[(invocations.ACCOUNT, invocations.REGION)] * len(contents))
            tables = loader.tables(models=pa.Table.from_pylist([], schema=MODELS), landing_date=DAY)
        finally:
            loader.close()
        calls = pq.read_table(tables["invocations"], partitioning=None)
    _held(
        len(calls) == accounts.totals()["loaded_count"], "the file holds another number of calls than are accounted for"
    )
    good = calls.filter(pc.equal(calls["request_id"], _GOOD_REQUEST)).drop_columns(["object_key", "object_line"])
    return good.to_pylist(), accounts, tables["quarantine"]


@cache
def _invocation_alone(good: bytes) -> list[dict]:
    found, _, _ = _invocations_of([good])
    _held(len(found) == 1, "the good object is not good")
    return found


def _check_bills(export: Export, ending: str, inputs: Sequence[bytes]) -> None:
    for content in inputs:
        _check_bill(export, ending, content)


def _check_bill(export: Export, ending: str, content: bytes) -> None:
    """One file of a bill is read whole, and then its lines add up to its totals, or it is broken and says so."""
    key = f"export/data/export-00001{ending}"
    delivery = Delivery("2025-06", "billing-exports", "export/manifest.json", "e-1", (key,), None)
    accounts, totals = Accounts(export.source, DAY), Totals(export.totals_schema)
    number = accounts.open(key, bytes_read=len(content))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / "lines.parquet"
        try:
            with LineWriter(path, export.schema) as writer:
                export_landing._read_file(
                    export,
                    io.BytesIO(content),
                    delivery,
                    key,
                    number=number,
                    accounts=accounts,
                    totals=totals,
                    writer=writer,
                )
        except SourceBroken as error:
            _held(key in str(error), f"an error does not name the file: {error}")
            _held(seeds.SECRET not in str(error), f"an error repeats what the file says: {error}")
            return
        lines = pq.read_table(path, partitioning=None)
    _check_accounts(accounts, accounts.quarantine_table())
    table = totals.table()
    landed = table.filter(table["is_landed"])
    _held(
        len(lines) == accounts.totals()["loaded_count"], "the file holds another number of lines than are accounted for"
    )
    _held(sum(landed["line_count"].to_pylist()) == len(lines), "the totals count other lines than landed")
    _held(
        sum(table["line_count"].to_pylist()) == accounts.totals()["read_count"],
        "the totals count other lines than read",
    )
    for name in [each.name for each in table.schema if each.name in lines.column_names and "cost" in each.name]:
        sums = [sum((value or Decimal(0) for value in rows[name].to_pylist()), Decimal(0)) for rows in (lines, landed)]
        _held(sums[0] == sums[1], f"{name} of the lines is not that of the totals: {sums}")


TARGETS = {
    target.name: target
    for target in (
        Target("otlp_json", seeds.OTLP_JSON, check_otlp_json, 300),
        Target("otlp_protobuf", seeds.OTLP_PROTOBUF, check_otlp_protobuf, 300),
        Target("logged_spans", seeds.LOGGED_SPANS, check_logged_spans, 300),
        Target("said_texts", seeds.SAID_TEXTS, check_said_texts, 300),
        Target("invocation_logs", seeds.INVOCATION_LOGS, check_invocation_logs, 300),
        Target("cur_csv", seeds.CUR_CSV, lambda inputs: _check_bills(CUR, ".csv", inputs), 20),
        Target("cur_csv_gz", seeds.CUR_PACKED, lambda inputs: _check_bills(CUR, ".csv.gz", inputs), 20),
        Target("cur_csv_zip", seeds.CUR_ZIPPED, lambda inputs: _check_bills(CUR, ".csv.zip", inputs), 20),
        Target("cur_parquet", seeds.CUR_PARQUET, lambda inputs: _check_bills(CUR, ".parquet", inputs), 20),
        Target("focus_csv", seeds.FOCUS_CSV, lambda inputs: _check_bills(FOCUS, ".csv", inputs), 20),
    )
}
