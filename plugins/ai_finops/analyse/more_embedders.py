"""Embedders beside the bundled one, chosen by `AI_FINOPS_EMBEDDER`: a folder, or a model that Bedrock runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ai_finops import aws
from ai_finops.analyse.embedder import BUNDLED, Embedder, StaticEmbedder
from ai_finops.config import Settings
from ai_finops.errors import SettingsError, SourceError

BEDROCK = "bedrock:"
DIMENSIONS = 256
"""Of the vectors that Titan is asked for: the smallest, of which AWS says that it keeps 97 % of the accuracy of 1,024."""


class TitanEmbedder:
    """Amazon Titan Text Embeddings V2 through Bedrock: one call a text, and one charge."""

    def __init__(self, bedrock: Any, *, model_id: str) -> None:
        """Take a `bedrock-runtime` client."""
        self.embedder_id = f"{model_id}-{DIMENSIONS}"
        self._bedrock, self._model_id = bedrock, model_id

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed each distinct text once, several at a time; an empty one is a row of zeros.

        Raises:
            SourceForbidden, SourceMissing, SourceUnavailable, SourceError: Bedrock did not answer with an embedding.
        """
        rows: dict[str, int] = {}
        places = [rows.setdefault(text, len(rows)) for text in texts]
        with ThreadPoolExecutor(max_workers=aws.POOL_SIZE) as pool:
            vectors = list(pool.map(self._embed_one, rows))
        return np.array(vectors, dtype=np.float32).reshape(len(rows), DIMENSIONS)[places]

    def _embed_one(self, text: str) -> npt.NDArray[np.float32]:
        if not text.strip():
            return np.zeros(DIMENSIONS, dtype=np.float32)
        asked = {"inputText": text, "dimensions": DIMENSIONS, "normalize": True}
        permission = f"bedrock:InvokeModel on {self._model_id}"
        with aws.errors_named(f"an embedding of {self._model_id}", permission=permission):
            answer = self._bedrock.invoke_model(modelId=self._model_id, body=json.dumps(asked))
            content = answer["body"].read()
        try:
            vector = np.array(json.loads(content)["embedding"], dtype=np.float64)
        except (ValueError, KeyError, TypeError) as error:
            raise SourceError(f"{self._model_id} answered without an embedding: {content[:200]!r}") from error
        length = np.linalg.norm(vector)
        if vector.shape != (DIMENSIONS,) or not np.isfinite(length) or not length:
            raise SourceError(f"{self._model_id} answered with no vector of {DIMENSIONS} numbers: {content[:200]!r}")
        return (vector / length).astype(np.float32)


class SentenceEmbedder:
    """A folder of sentence-transformers; that package, and the torch below it, are the deployment's to install."""

    def __init__(self, folder: Path) -> None:
        """Load a model from its folder; raises SettingsError where the package is missing or the folder holds none."""
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise SettingsError(
                f"{folder} is a model of sentence-transformers, which is not installed; pip install sentence-transformers"
            ) from error
        self.embedder_id = folder.name
        self._model = SentenceTransformer(str(folder), local_files_only=True)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed each distinct text once."""
        rows: dict[str, int] = {}
        places = [rows.setdefault(text, len(rows)) for text in texts]
        if not rows:
            return np.zeros((0, self._model.get_sentence_embedding_dimension()), dtype=np.float32)
        return np.asarray(self._model.encode(list(rows), normalize_embeddings=True), dtype=np.float32)[places]


def open_embedder(settings: Settings, *, watch: Callable[[Any], None] = lambda client: None) -> Embedder:
    """Open the embedder that `AI_FINOPS_EMBEDDER` names.

    Args:
        settings: Which one, and where Bedrock is.
        watch: Gets the client of one that is asked over the network, as whoever counts its calls does.
    Raises:
        SettingsError: It names no folder of a model, or a package that the model needs is missing.
    """
    name = settings.embedder
    if not name:
        return StaticEmbedder(BUNDLED)
    if name.startswith(BEDROCK):
        client = aws.client("bedrock-runtime", settings=settings)
        watch(client)
        return TitanEmbedder(client, model_id=name.removeprefix(BEDROCK))
    folder = Path(name).expanduser()
    if (folder / "modules.json").is_file() and not _is_static(folder):
        return SentenceEmbedder(folder)
    return StaticEmbedder(folder)


def _is_static(folder: Path) -> bool:
    """Whether a model is of model2vec: these may carry modules.json too, so that both packages can load them."""
    try:
        return json.loads((folder / "config.json").read_text()).get("model_type") == "model2vec"
    except (OSError, ValueError, AttributeError):
        return False
