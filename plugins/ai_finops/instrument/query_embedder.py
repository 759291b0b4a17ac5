"""Embeddings of queries, where `AI_FINOPS_QUERY_EMBEDDER` switches them on: `bundled`, or the folder of a model2vec model.

An embedding tells what a text is about: it is for those who would send the text too. Loaded once, off the request path.
"""

from __future__ import annotations

import importlib.util
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.query_text import encode_embedding, normalise

if TYPE_CHECKING:
    from ai_finops.analyse.embedder import StaticEmbedder

SETTING = "AI_FINOPS_QUERY_EMBEDDER"
BUNDLED = "bundled"
_lock = threading.Lock()
_loaded: dict[str, StaticEmbedder] = {}


def embedder_setting() -> str | None:
    """Return what is switched on, or None."""
    said = os.environ.get(SETTING, "").strip()
    return said if said and said.lower() not in ("off", "none", "0", "false") else None


def can_embed() -> bool:
    """Whether extra `embed` is installed."""
    return importlib.util.find_spec("model2vec") is not None


def embedding_of(text: str, *, setting: str) -> dict[str, str]:
    """Return the attributes of a query's embedding; none for a text without a known word.

    Text and model are treated as the pipeline treats those that it reads itself (`extract/span_queries.py`), so they compare.

    Raises:
        ImportError: Extra `embed` is not installed.
        SettingsError: The folder holds no model.
    """
    embedder = _load(setting)
    (vector,) = embedder.embed([normalise(text)])
    if not vector.any():
        return {}
    return {
        "finops.query_embedding": encode_embedding(vector.tolist()),
        "finops.query_embedder": embedder.embedder_id,
    }


def _load(setting: str) -> StaticEmbedder:
    with _lock:
        embedder = _loaded.get(setting)
        if embedder is None:
            # The pipeline's own class, so that both make the same vectors; it needs nothing but extra `embed`.
            from ai_finops.analyse.embedder import StaticEmbedder

            embedder = StaticEmbedder() if setting.lower() == BUNDLED else StaticEmbedder(Path(setting))
            _loaded[setting] = embedder
        return embedder


def _new_lock_in_child() -> None:
    global _lock  # held by the thread of the parent that loads, it would never be released in the child
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock_in_child)
