"""The bundled model gives vectors by which questions that mean the same are nearer than others."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.errors import SettingsError


@pytest.fixture(scope="module")
def embedder():
    return StaticEmbedder()


def test_rows_have_length_one_and_a_text_is_one_vector_wherever_it_stands(embedder):
    one = embedder.embed(["Where is my card?", "How do I top up?", "Where is my card?"])
    other = embedder.embed(["How do I top up?"])
    assert one.shape == (3, 256)
    assert one.dtype == np.float32
    assert np.linalg.norm(one, axis=1) == pytest.approx([1, 1, 1], abs=1e-6)
    assert (one[0] == one[2]).all()
    assert (one[1] == other[0]).all()
    assert embedder.embedder_id == "minilm-l6-v2-static-256-int8"


def test_a_question_is_nearer_to_one_that_means_the_same(embedder):
    asked, same, else_ = embedder.embed(
        ["My card has not arrived yet", "I am still waiting for my card to arrive", "How do I change my PIN?"]
    )
    assert asked @ same > 0.7 > 0.5 > asked @ else_


def test_without_a_word_there_is_nothing(embedder):
    assert not embedder.embed([""]).any()
    assert embedder.embed([]).shape == (0, 256)


def test_a_folder_without_a_model_is_refused_and_not_downloaded(tmp_path):
    with pytest.raises(SettingsError, match=r"holds no model2vec model .*: give the folder of one"):
        StaticEmbedder(tmp_path / "minishlab" / "potion-base-8M")


def test_loading_and_embedding_ask_no_network():
    script = """
import socket
def refused(*_): raise AssertionError("asked the network")
socket.socket.connect = refused
from ai_finops.analyse.embedder import StaticEmbedder
print(StaticEmbedder().embed(["hello"]).shape)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "(1, 256)\n", done.stderr
