"""Queries as vectors whose products say how alike they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

BUNDLED = Path(__file__).parent / "embedders" / "minilm-l6-v2-static-256-int8"
"""The model that comes with the package; its README says what it can and cannot do."""


class Embedder(Protocol):
    """What turns texts into vectors. Thresholds belong to it: the same cosine means another thing in another space."""

    @property
    def embedder_id(self) -> str:
        """Name under which its thresholds and results are kept."""

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Return a row of length 1 for each text, of zeros for one without a known word; (n, dimensions)."""


class StaticEmbedder:
    """A model2vec model: a table of a vector for each token, of which a text is the mean. No torch and no network."""

    def __init__(self, folder: Path = BUNDLED) -> None:
        """Load a model from its folder; raises SettingsError where there is none."""
        # model2vec takes a name for one to download; a folder that is not there must not become one.
        from ai_finops.errors import SettingsError

        if not (folder / "model.safetensors").is_file():
            raise SettingsError(
                f"{folder} holds no model2vec model (model.safetensors is missing): give the folder of one"
            )
        from model2vec import StaticModel

        self.embedder_id = folder.name
        self._model = StaticModel.from_pretrained(folder, normalize=True)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed each distinct text once."""
        rows: dict[str, int] = {}
        places = [rows.setdefault(text, len(rows)) for text in texts]
        if not rows:
            return np.zeros((0, self._model.dim), dtype=np.float32)
        # Processes of its own would be started for each day's texts and take longer than the texts do.
        vectors = self._model.encode(list(rows), use_multiprocessing=False)
        return np.asarray(vectors, dtype=np.float32)[places]
