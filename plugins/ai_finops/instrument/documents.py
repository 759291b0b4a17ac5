"""Ids and scores of documents, out of whatever a search or a reranker gave: never their texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

MAX_DOCUMENTS = 1_000
"""Of one list; the pipeline reads no more."""
_MAX_ID_CHARACTERS = 300
_ID_NAMES = ("id", "document_id", "chunk_id", "_id", "key")
_SCORE_NAMES = ("score", "relevance_score", "relevanceScore", "_score")
# Bedrock's knowledge bases name a chunk in its metadata.
_METADATA_ID_NAMES = (*_ID_NAMES, "x-amz-bedrock-kb-chunk-id", "source")


class Document(NamedTuple):
    """One of a list; what is not known is None."""

    id: str | None
    score: float | None = None


def read_documents(found: Iterable[object], *, before: Sequence[Document] = ()) -> list[Document]:
    """Read the ids and scores of documents, in their order.

    Args:
        found: Ids; pairs of id and score; mappings or objects with `id` (also in `metadata`) and `score`; or, of a reranker,
            places in `before` (`index`) with `score`, `relevance_score` or `relevanceScore`.
        before: What places refer to.
    """
    documents = []
    for each in found:
        if len(documents) == MAX_DOCUMENTS:
            break
        documents.append(_read(each, before))
    return documents


def as_maps(documents: Iterable[Document]) -> list[dict[str, object]]:
    """Return documents as the conventions list them: maps with `id` and `score`, without what is not known."""
    return [
        {name: value for name, value in (("id", document.id), ("score", document.score)) if value is not None}
        for document in documents
    ]


def id_of(value: object) -> str | None:
    """Return an id as text: of a text or a number; None for what is none."""
    if isinstance(value, bool) or value is None or not isinstance(value, str | int) or value == "":
        return None
    return str(value)[:_MAX_ID_CHARACTERS]


def _read(each: object, before: Sequence[Document]) -> Document:
    if isinstance(each, Document):
        return each
    if isinstance(each, str | int):
        return Document(id_of(each))
    if isinstance(each, tuple | list) and len(each) == 2:
        first = id_of(each[0])  # LangChain's pairs hold a document and its score
        return Document(first if first is not None else _read(each[0], before).id, _number(each[1]))
    score = _number(_first(each, _SCORE_NAMES))
    found = id_of(_first(each, _ID_NAMES))
    if found is None:
        metadata = _field(each, "metadata")
        found = id_of(_first(metadata, _METADATA_ID_NAMES)) if metadata is not None else None
    if found is None:
        found = _at(_field(each, "index"), before)
    return Document(found, score)


def _at(place: object, before: Sequence[Document]) -> str | None:
    """What stands at a place of the list before; the place itself, as its id, where there is no such list."""
    if isinstance(place, bool) or not isinstance(place, int):
        return None
    if not before:
        return str(place)
    return before[place].id if 0 <= place < len(before) else None


def _first(each: object, names: Iterable[str]) -> Any:
    return next((value for name in names if (value := _field(each, name)) is not None), None)


def _field(each: object, name: str) -> Any:
    return each.get(name) if isinstance(each, Mapping) else getattr(each, name, None)


def _number(value: object) -> float | None:
    """A finite number, also numpy's; None for what is none."""
    if value is None or isinstance(value, bool | str):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if number - number == 0 else None
