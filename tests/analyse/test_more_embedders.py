"""Which embedder a setting opens, and Titan over HTTP to a stand-in that keeps to Bedrock's documented body."""

from __future__ import annotations

import json
import shutil
import sys
import types
from dataclasses import replace

import numpy as np
import pytest

from ai_finops import aws
from ai_finops.analyse.embedder import BUNDLED, StaticEmbedder
from ai_finops.analyse.more_embedders import SentenceEmbedder, TitanEmbedder, open_embedder
from ai_finops.config import Settings
from ai_finops.errors import SettingsError, SourceError, SourceForbidden
from tests.extract.api_server import Request, api_server, json_answer
from tests.extract.stand_in import Answer, use_endpoint

MODEL = "amazon.titan-embed-text-v2:0"


@pytest.fixture
def settings():
    return replace(Settings.from_env({}), embedder=f"bedrock:{MODEL}")


@pytest.fixture
def bedrock(monkeypatch):
    """A stand-in for Bedrock's runtime: an embedding that tells texts apart by their length, not normalised."""

    def answer(request: Request) -> Answer:
        asked = json.loads(request.body)
        assert request.path.replace("%3A", ":") == f"/model/{MODEL}/invoke" and asked["normalize"] is True
        vector = [0.0] * asked["dimensions"]
        vector[len(asked["inputText"])] = 2.0
        return json_answer({"embedding": vector, "inputTextTokenCount": 3})

    with api_server(answer) as server:
        use_endpoint(monkeypatch, server.endpoint)
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.endpoint)
        yield server


def test_titan_embeds_each_text_once_to_length_one(bedrock, settings):
    embedder = open_embedder(settings)
    assert isinstance(embedder, TitanEmbedder) and embedder.embedder_id == f"{MODEL}-256"
    vectors = embedder.embed(["one", "three", "one", " "])
    assert vectors.shape == (4, 256) and vectors.dtype == np.float32
    assert vectors[0, 3] == vectors[2, 3] == vectors[1, 5] == 1
    assert not vectors[3].any()
    assert len(bedrock.requests) == 2
    assert embedder.embed([]).shape == (0, 256)


@pytest.mark.parametrize(
    "answer", [{"vector": [1]}, {"embedding": [1, 2]}, {"embedding": [0] * 256}, {"embedding": ["x"] * 256}]
)
def test_an_answer_without_an_embedding_is_an_error(bedrock, settings, answer):
    bedrock.first.append(json_answer(answer))
    with pytest.raises(SourceError, match=f"{MODEL} answered with"):
        open_embedder(settings).embed(["text"])


def test_a_refusal_names_the_permission(bedrock, settings):
    bedrock.first.append(json_answer({"message": "no"}, 403, **{"x-amzn-ErrorType": "AccessDeniedException"}))
    with pytest.raises(SourceForbidden, match=rf"allow bedrock:InvokeModel on {MODEL}"):
        open_embedder(settings).embed(["text"])


def test_nothing_said_opens_the_bundled_model_and_a_folder_its_own(settings, tmp_path):
    assert open_embedder(replace(settings, embedder="")).embedder_id == BUNDLED.name
    shutil.copytree(BUNDLED, tmp_path / "mine")
    own = open_embedder(replace(settings, embedder=str(tmp_path / "mine")))
    assert isinstance(own, StaticEmbedder) and own.embedder_id == "mine"


@pytest.mark.parametrize("config", ['{"model_type": "bert"}', "[]", "{", None])
def test_a_folder_of_sentence_transformers_needs_the_package(settings, tmp_path, config, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    (tmp_path / "modules.json").write_text("[]")
    if config is not None:
        (tmp_path / "config.json").write_text(config)
    with pytest.raises(SettingsError, match="pip install sentence-transformers"):
        open_embedder(replace(settings, embedder=str(tmp_path)))


def test_sentence_transformers_is_given_a_folder_and_each_text_once(tmp_path, monkeypatch):
    """A stand-in for the package, whose torch does not come with this project."""
    asked = []

    class SentenceTransformer:
        def __init__(self, folder, *, local_files_only):
            assert folder == str(tmp_path) and local_files_only

        def encode(self, texts, *, normalize_embeddings):
            asked.append(texts)
            return np.array([[len(text), 0] for text in texts], dtype=np.float64) if normalize_embeddings else None

        def get_sentence_embedding_dimension(self):
            return 2

    module = types.SimpleNamespace(SentenceTransformer=SentenceTransformer)
    monkeypatch.setitem(sys.modules, "sentence_transformers", module)
    embedder = SentenceEmbedder(tmp_path)
    assert embedder.embed(["a", "bb", "a"]).tolist() == [[1, 0], [2, 0], [1, 0]]
    assert asked == [["a", "bb"]] and embedder.embedder_id == tmp_path.name
    assert embedder.embed([]).shape == (0, 2)


def test_a_folder_without_a_model_is_refused(settings, tmp_path):
    with pytest.raises(SettingsError, match="holds no model2vec model"):
        open_embedder(replace(settings, embedder=str(tmp_path)))


def test_the_client_is_bedrocks_runtime(settings):
    assert aws.client("bedrock-runtime", settings=settings).meta.service_model.service_name == "bedrock-runtime"
