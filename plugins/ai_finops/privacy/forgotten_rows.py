"""What is left of rows whose user is forgotten: usage and money stay, who it was goes, and what was said.

One text for a landing and for forgetting, so that a day that is landed again after it gives what forgetting left. A trace in
which a forgotten user is named is theirs as a whole, since spans below the one with the id are of the same request: none of its
spans keeps the id of a conversation, and no text, query or embedding of it stays. Another user who is named in it keeps the
pseudonym.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.privacy.user_keys import FORGOTTEN

SHORTEST_ID = 16
"""Characters of an id of a request or answer by which a call is known elsewhere: clients set short ones to constants."""
_SPAN_IN_PLACE = re.compile(r", span [^ ]*")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Whose rows they are."""

    names: frozenset[str]
    """What stood for the user in columns `user_id`: the pseudonym, and of an earlier release the id itself."""
    ids: frozenset[str]
    """Of traces, requests and answers that are theirs."""


def spans_without(spans: pa.Table, forgotten: Forgotten) -> pa.Table:
    """Return spans with nothing that says whose the forgotten ones are."""
    of_user = _is_in(spans["user_id"], {*forgotten.names, FORGOTTEN})
    user_id = pc.if_else(of_user, FORGOTTEN, spans["user_id"])
    is_theirs = pc.or_(of_user, _is_in(spans["trace_id"], forgotten.ids))
    journey_id = pc.if_else(is_theirs, pa.scalar(None, pa.string()), spans["journey_id"])
    return _replaced(_replaced(spans, "user_id", user_id), "journey_id", journey_id)


def ids_of_traces(spans: Path, trace_ids: Collection[str]) -> set[str]:
    """Return the traces and the ids by which their requests and answers are known elsewhere, out of a file of spans."""
    columns = ["trace_id", "request_id", "response_id"]
    found: set[str] = set(trace_ids)
    with pq.ParquetFile(spans) as file:
        for batch in file.iter_batches(columns=columns):
            of_traces = pa.Table.from_batches([batch]).filter(_is_in(batch["trace_id"], trace_ids))
            found |= {each for name in columns[1:] for each in of_traces[name].to_pylist() if is_telling(each)}
    return found


def is_telling(call_id: str | None) -> bool:
    """Whether an id of a request or answer is one call's alone."""
    return call_id is not None and len(call_id) >= SHORTEST_ID


def invocations_without(invocations: pa.Table, forgotten: Forgotten) -> pa.Table:
    """Return rows of an invocation log with nothing that says whose the forgotten ones are."""
    arns = invocations["identity_arn"].to_pylist()
    identities = pa.chunked_array([pa.array([_identity_without(each, forgotten) for each in arns], pa.string())])
    of_user = _is_in(invocations["user_id"], {*forgotten.names, FORGOTTEN})
    by_identity = pc.fill_null(pc.ends_with(identities, f"/{FORGOTTEN}"), False)
    is_theirs = pc.or_(of_user, by_identity)
    for name in ("request_id", "response_id"):
        is_theirs = pc.or_(is_theirs, _is_in(invocations[name], forgotten.ids))
    done = _replaced(invocations, "identity_arn", identities)
    done = _replaced(done, "user_id", pc.if_else(of_user, FORGOTTEN, done["user_id"]))
    done = _replaced(done, "journey_id", pc.if_else(is_theirs, pa.scalar(None, pa.string()), done["journey_id"]))
    metadata = done["request_metadata"].combine_chunks()
    kept = [None if theirs else each for each, theirs in zip(metadata.to_pylist(), is_theirs.to_pylist(), strict=True)]
    return _replaced(done, "request_metadata", pa.array(kept, metadata.type))


def quarantine_without(quarantine: pa.Table) -> pa.Table:
    """Return what was set aside, told by object and line alone: a span's id leads to who it was of."""
    places = [_SPAN_IN_PLACE.sub("", each) if each else each for each in quarantine["place"].to_pylist()]
    return _replaced(quarantine, "place", pa.array(places, pa.string()))


def rows_without(rows: pa.Table, column: str, ids: Collection[str]) -> pa.Table:
    """Return the rows whose `column` is none of `ids`."""
    return rows.filter(pc.invert(_is_in(rows[column], ids)))


def _identity_without(arn: str | None, forgotten: Forgotten) -> str | None:
    head, slash, name = (arn or "").rpartition("/")
    return f"{head}/{FORGOTTEN}" if slash and name in forgotten.names else arn


def _is_in(column: pa.ChunkedArray | pa.Array, values: Iterable[str]) -> pa.ChunkedArray | pa.Array:
    return pc.is_in(column, value_set=pa.array(sorted(values), pa.string()))


def _replaced(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), column)
