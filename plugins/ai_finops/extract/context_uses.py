"""How far answers draw on retrieved documents, estimated where texts are kept: numbers in a family of their own.

Texts are removed when their time is over; what a build reads must not change by that. So the estimates are made by the landing
that has the texts, and lie in family `context_uses`, a partition for each landing day of retrieval texts, which stays. An
answer may land a day before or after the documents that it draws on: a landing estimates its own day and the two beside it,
each from the texts of three days, so that it makes no difference in which order days are landed. A day is left as it is once
texts that it was made from are past the retention. Why here and not in a build: docs/decisions/0015-overlap-at-landing.md
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa

from ai_finops.config import Settings
from ai_finops.context_use import MAX_CHARACTERS, METHOD_ID, estimate_tokens, estimate_uses
from ai_finops.errors import LakeError
from ai_finops.extract.span_attributes import text
from ai_finops.extract.span_details import MAX_DOCUMENTS
from ai_finops.extract.spoken_text import spoken_text
from ai_finops.lake import Lake
from ai_finops.lake_schemas import DOCUMENT_USES

FAMILY = "context_uses"
TABLE = "document_uses"
CONTENTS, SPAN_CONTENTS = "trace_contents", "span_contents"
DOCUMENT = "retrieval.documents.N.document.content"
"""Attribute that holds a retrieved document."""
ANSWERS = (
    "gen_ai.output.messages",
    "llm.output_messages.N.message.content",
    "llm.output_messages.N.message.contents.N.message_content.text",
    "gen_ai.completion.N.content",
    "gen_ai.completion",
    "ai.response.text",
    "ai.response.object",
    "langfuse.observation.output",
    "final_result",
    "output.value",
    "traceloop.entity.output",
)
"""Attributes that hold an answer; of a span the first of them is read."""
QUESTIONS = ("gen_ai.retrieval.query.text", "input.value", "traceloop.entity.input", "langfuse.observation.input")
"""Attributes of a retrieval that hold what was asked; the first of them is read."""
GENERATING = ("chat", "text_completion", "generate_content")
MAX_ANSWER_CHARACTERS = 1_000_000
"""Of the attribute as it is written, mostly JSON; a longer one is not read."""
MAX_ROWS = 20_000
"""Texts of one trace that are read."""
MEMORY_LIMIT = "300MB"
"""Of DuckDB, which puts the texts of a share of the traces in order."""
SHARE_BYTES = 32 * 1024 * 1024
"""Of texts that are put in order at once."""
ROWS_AT_ONCE = 1000


def settle(day: date, *, settings: Settings, lake: Lake, as_of: date) -> None:
    """Estimate the uses of documents whose texts landed on `day` or beside it, from the texts that the lake holds now.

    Args:
        day: The landing day whose texts have just been settled (contents.py).
        as_of: The clock of the retention.
    Raises:
        LakeError: The lake cannot be read or written, or there is not enough memory or disk to put the texts in order.
    """
    if not settings.keep_content:
        return
    first_kept = as_of - timedelta(days=settings.content_retention_days)
    for each in (day - timedelta(days=1), day, day + timedelta(days=1)):
        # Two landings side by side would each write what the other one made without its texts.
        with lake.held(FAMILY):
            _settle_day(each, lake=lake, first_kept=first_kept)


def _settle_day(day: date, *, lake: Lake, first_kept: date) -> None:
    is_there = lake.current_version(FAMILY, str(day)) is not None
    if is_there and day - timedelta(days=1) < first_kept:
        return
    uses = _estimate(day, lake=lake)
    if uses.num_rows:
        lake.write_partition(FAMILY, str(day), tables={TABLE: uses})
    elif is_there:
        lake.remove_partition(FAMILY, str(day))


def _estimate(day: date, *, lake: Lake) -> pa.Table:
    """Read the texts of a day and those beside it, a trace at a time."""
    near = [str(day + timedelta(days=distance)) for distance in (-1, 0, 1)]
    texts = [version.file(SPAN_CONTENTS) for key in near if (version := lake.current_version(CONTENTS, key))]
    spans = [version.file("spans") for key in near if (version := lake.current_version("traces", key))]
    if lake.current_version(CONTENTS, str(day)) is None or not spans:
        return DOCUMENT_USES.empty_table()
    with TemporaryDirectory(prefix="context-uses-") as folder, duckdb.connect() as connection:
        connection.execute(f"set memory_limit='{MEMORY_LIMIT}'; set threads=1; set TimeZone='UTC'")
        connection.execute(f"set enable_progress_bar=false; set temp_directory={text(folder)}")
        try:
            query = _texts_sql(day, texts=texts, spans=spans)
            share_count = 1 + _byte_count(connection, texts) // SHARE_BYTES
            shares = [_read_share(connection, query, (share_count, number), day=day) for number in range(share_count)]
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise LakeError(f"could not read the texts of {day} to estimate what answers draw on: {reason}") from error
    # How many shares there are is no part of the content.
    return pa.concat_tables(shares).sort_by([(name, "ascending") for name in ("trace_id", "span_id", "document_rank")])


def _byte_count(connection: duckdb.DuckDBPyConnection, texts: Sequence[Path]) -> int:
    query = f"select coalesce(sum(strlen(content)), 0) from read_parquet({_paths(texts)})"  # noqa: S608 - paths of the lake
    (count,) = connection.execute(query).fetchone()
    return int(count)


def _read_share(connection: duckdb.DuckDBPyConnection, query: str, share: tuple[int, int], *, day: date) -> pa.Table:
    """Estimate the uses of one share of the traces, given as how many shares there are and which of them."""
    tables, rows = [], []
    found = connection.execute(query, share).to_arrow_reader(ROWS_AT_ONCE)
    for _, of_trace in groupby(_rows(found), key=itemgetter(0)):
        rows += _uses_of_trace(sorted(islice(of_trace, MAX_ROWS)), day=day)
        if len(rows) >= ROWS_AT_ONCE:
            tables.append(pa.Table.from_pylist(rows, schema=DOCUMENT_USES))
            rows = []
    return pa.concat_tables([*tables, pa.Table.from_pylist(rows, schema=DOCUMENT_USES)])


def _texts_sql(day: date, *, texts: Sequence[Path], spans: Sequence[Path]) -> str:
    """Documents and questions of the day, and answers of the same traces, a trace after the other.

    $1 and $2 say in how many shares the traces are divided, and which it is: texts are put in order in memory. They are
    scanned once for each share, since what two parts of a query read is held whole.
    """
    attribute = r"regexp_replace(attribute_name, '\.[0-9]+\b', '.N', 'g')"
    names = ", ".join(map(text, (*ANSWERS, *QUESTIONS)))
    is_of_share = "hash(trace_id) % $1 = $2"
    return rf"""
    with spans as (
        select trace_id, span_id, operation_name = 'retrieval' as is_retrieval, min(started_at) as started_at
        from read_parquet({_paths(spans)})
        where {is_of_share} and operation_name in ('retrieval', {", ".join(map(text, GENERATING))})
        group by all
    ),
    traces as (
        select distinct trace_id from read_parquet({_paths(texts)})
        where {is_of_share} and landing_date = date '{day}' and {attribute} = {text(DOCUMENT)}
    ),
    texts as (
        select trace_id, span_id, is_retrieval, {attribute} as attribute, attribute_name, started_at, landing_date, content
        from read_parquet({_paths(texts)}) inner join spans using (trace_id, span_id) semi join traces using (trace_id)
        where {is_of_share}
    )
    select trace_id, span_id, case when not is_retrieval then 'answer' when attribute = {text(DOCUMENT)} then 'document'
            else 'question' end as role, started_at, attribute_name, attribute, content
    from texts
    where case when is_retrieval and attribute = {text(DOCUMENT)} then landing_date = date '{day}'
        else attribute in ({names}) and length(content) <= {MAX_ANSWER_CHARACTERS} end
    order by trace_id"""  # noqa: S608 - names of our own, a date and paths of the lake


def _paths(files: Sequence[Path]) -> str:
    return f"[{', '.join(text(str(file)) for file in files)}]"


def _rows(reader: pa.RecordBatchReader) -> Iterator[tuple]:
    for batch in reader:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@dataclass(slots=True)
class _Span:
    """The texts of one span."""

    started_at: datetime
    documents: dict[int, str] = field(default_factory=dict)
    """By place, from 0."""
    said: dict[str, dict[tuple[int, ...], str]] = field(default_factory=lambda: defaultdict(dict))
    """Text by attribute and by the places in its name."""

    def first_of(self, attributes: Sequence[str]) -> str:
        """Return the text of the first of these attributes that the span has; its pieces in order, a line each."""
        for attribute in attributes:
            if attribute in self.said:
                return "\n".join(spoken_text(content) for _, content in sorted(self.said[attribute].items()))
        return ""


def _uses_of_trace(rows: Sequence[tuple], *, day: date) -> list[dict]:
    """Judge each retrieval by what was answered after it began, by the answer that draws on a document most."""
    retrievals: dict[str, _Span] = {}
    answers: dict[str, _Span] = {}
    for _, span_id, role, started_at, name, attribute, content in rows:
        spans = answers if role == "answer" else retrievals
        span = spans.setdefault(span_id, _Span(started_at))
        places = tuple(int(part) for part in name.split(".") if part.isascii() and part.isdigit())
        if role == "document":
            if places[0] < MAX_DOCUMENTS:
                span.documents[places[0]] = content[:MAX_CHARACTERS]
        else:
            span.said[attribute][places] = content
    answered = [(span.started_at, spoken) for span in answers.values() if (spoken := span.first_of(ANSWERS))]
    uses = []
    for span_id, retrieval in sorted(retrievals.items()):
        after = [spoken for started_at, spoken in answered if started_at >= retrieval.started_at]
        if retrieval.documents and after:
            uses += _uses(rows[0][0], span_id, retrieval, answers=after, day=day)
    return uses


def _uses(trace_id: str, span_id: str, retrieval: _Span, *, answers: Sequence[str], day: date) -> Iterator[dict]:
    places = sorted(retrieval.documents)
    documents = [retrieval.documents[place] for place in places]
    question = retrieval.first_of(QUESTIONS)
    estimates = [estimate_uses(answer, documents=documents, question=question) for answer in answers]
    for place, document, scores in zip(places, documents, zip(*estimates, strict=True), strict=True):
        yield {
            "trace_id": trace_id,
            "span_id": span_id,
            "document_rank": place + 1,
            "use_score": max(scores),
            "estimated_token_count": estimate_tokens(document),
            "answer_count": len(answers),
            "method_id": METHOD_ID,
            "landing_date": day,
        }
