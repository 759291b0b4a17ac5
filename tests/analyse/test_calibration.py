"""Labelled pairs are counted by band, and the seed holds what the bundled model was found to do."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ai_finops.analyse.calibration import Band, LabelledPair, calibrate, read_pairs
from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.errors import SettingsError

REPOSITORY = Path(__file__).parents[2]
PAIRS = REPOSITORY / "tests" / "fixtures" / "query_pairs" / "labelled.csv"
SEEDS = REPOSITORY / "dbt_project" / "seeds"


class OnACircle:
    """Texts are cosines to the text `1`."""

    embedder_id = "circle"

    def embed(self, texts):
        cosines = np.array([float(text) for text in texts])
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float64)


def pair(cosine: str, is_same_answer: bool) -> LabelledPair:
    return LabelledPair("1", cosine, is_same_answer)


def test_a_band_begins_with_its_similarity_and_ends_before_the_next():
    pairs = [pair("0.49", True), pair("0.5", True), pair("0.74", False), pair("0.75", True), pair("0.99", False)]
    assert calibrate(pairs, embedder=OnACircle(), similarities=(0.5, 0.75)) == [Band(0.5, 2, 1), Band(0.75, 2, 1)]


def test_the_same_text_is_no_pair():
    assert calibrate([LabelledPair("1", "1 ?", True)], embedder=OnACircle(), similarities=(0.5,)) == [Band(0.5, 0, 0)]


def test_no_pairs_count_nothing():
    assert calibrate([], embedder=StaticEmbedder(), similarities=(0.5,)) == [Band(0.5, 0, 0)]


def test_the_seed_holds_what_the_bundled_model_was_found_to_do():
    with (SEEDS / "cache_calibrations.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["embedder_id"] == StaticEmbedder().embedder_id]
    with (SEEDS / "cache_similarities.csv").open(newline="") as file:
        similarities = sorted(float(row["similarity"]) for row in csv.DictReader(file))
    found = calibrate(read_pairs(PAIRS), embedder=StaticEmbedder(), similarities=similarities)
    assert [(float(row["similarity"]), int(row["pair_count"]), int(row["right_count"])) for row in rows] == [
        (band.similarity, band.pair_count, band.right_count) for band in found
    ]
    assert sum(band.pair_count for band in found) == 200


def test_pairs_are_read(tmp_path):
    path = tmp_path / "pairs.csv"
    path.write_text("earlier_query,query,is_same_answer\na,b,true\nc,d,false\n")
    assert read_pairs(path) == [LabelledPair("a", "b", True), LabelledPair("c", "d", False)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"earlier_query,query\na,b\n", "row 2 of .* does not say is_same_answer; each row needs"),
        (b"earlier_query,query,is_same_answer\na,b,true\na,,true\n", "row 3 of .* does not say query;"),
        (b"earlier_query,query,is_same_answer\na,b,yes\n", "row 2 of .* does not say true or false in is_same_answer"),
        (b"\xff\xfe", "cannot read the labelled pairs"),
        (None, "cannot read the labelled pairs .*pairs.csv"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(tmp_path, content, said):
    path = tmp_path / "pairs.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=said):
        read_pairs(path)
