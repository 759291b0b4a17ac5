"""What the estimate of use is worth: held against the labelled set, beside two plain methods; the seed says the same.

`pytest -s tests/analyse/test_context_use_agreement.py` prints it. The labels are our own
(tests/fixtures/context_use/README.md).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from ai_finops import context_use
from ai_finops.analyse.binary_agreement import BinaryAgreement, compare
from ai_finops.analyse.embedder import StaticEmbedder
from ai_finops.context_use import METHOD_ID, USED_FROM_SCORE, estimate_uses, is_used

REPOSITORY = Path(__file__).parents[2]
LABELLED = REPOSITORY / "tests" / "fixtures" / "context_use" / "labelled.csv"
SEED = REPOSITORY / "dbt_project" / "seeds" / "metric_validations.csv"


def read(half: str) -> list[list[dict[str, str]]]:
    """Return the rows of each retrieval of one half."""
    with LABELLED.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["half"] == half]
    return [list(each) for _, each in groupby(rows, key=lambda row: row["retrieval_id"])]


def overlap(retrieval):
    documents = [row["document"] for row in retrieval]
    return estimate_uses(retrieval[0]["answer"], documents=documents, question=retrieval[0]["question"])


def jaccard(retrieval):
    answer = words(retrieval[0]["answer"])
    return [len(answer & words(row["document"])) / len(answer | words(row["document"])) for row in retrieval]


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def cosine(retrieval, embedder=StaticEmbedder()):  # noqa: B008 - loaded once for the module
    answer, *documents = embedder.embed([retrieval[0]["answer"], *(row["document"] for row in retrieval)])
    return [float(document @ answer) for document in documents]


def scored(method, half) -> tuple[list[float], list[bool]]:
    """Return the scores and the labels of a half, document by document."""
    retrievals = read(half)
    scores = [score for retrieval in retrievals for score in method(retrieval)]
    return scores, [row["is_used"] == "true" for retrieval in retrievals for row in retrieval]


def best_boundary(scores: list[float], labels: list[bool]) -> float:
    """Return the score at which labels and decisions agree most; the lowest, where several do."""
    pairs = list(zip(scores, labels, strict=True))
    return max(sorted(set(scores)), key=lambda bound: sum((score >= bound) == label for score, label in pairs))


def measured(method, *, boundary: float | None = None, half: str = "held_out") -> BinaryAgreement:
    bound = best_boundary(*scored(method, "calibration")) if boundary is None else boundary
    scores, labels = scored(method, half)
    return compare([score >= bound for score in scores], labels=labels)


def measured_by_retrieval() -> BinaryAgreement:
    """Whether anything of a retrieval was used, by estimate and by label."""
    retrievals = read("held_out")
    decisions = [any(map(is_used, overlap(retrieval))) for retrieval in retrievals]
    return compare(decisions, labels=[any(row["is_used"] == "true" for row in retrieval) for retrieval in retrievals])


@pytest.fixture(scope="module")
def held_out() -> BinaryAgreement:
    return measured(overlap, boundary=USED_FROM_SCORE)


def test_the_labelled_set_is_as_its_readme_says():
    halves = {half: read(half) for half in ("calibration", "held_out")}
    counts = {half: sum(map(len, retrievals)) for half, retrievals in halves.items()}
    assert counts == {"calibration": 106, "held_out": 102}
    assert sum(map(len, halves.values())) == 70
    ids = {half: {retrieval[0]["retrieval_id"] for retrieval in retrievals} for half, retrievals in halves.items()}
    assert {int(each) % 2 for each in ids["calibration"]} == {1}
    assert {int(each) % 2 for each in ids["held_out"]} == {0}
    languages = {row["language"] for retrievals in halves.values() for retrieval in retrievals for row in retrieval}
    assert len(languages) == 15


def test_agreement_on_the_half_that_it_was_not_made_on(held_out):
    low, high = held_out.kappa_interval
    print(
        f"\n{METHOD_ID} on {held_out.labelled_count} held-out documents: agreement {held_out.agreement_ratio:.3f}, "
        f"precision {held_out.precision_ratio:.3f}, recall {held_out.recall_ratio:.3f}, "
        f"kappa {held_out.kappa:.3f} ({low:.2f} to {high:.2f})"
    )
    assert held_out == BinaryAgreement(33, 4, 3, 62)


def test_on_the_half_that_it_was_made_on_it_looks_better():
    assert measured(overlap, boundary=USED_FROM_SCORE, half="calibration") == BinaryAgreement(36, 0, 4, 66)


def test_the_boundary_is_in_the_middle_of_the_best_on_the_calibration_half():
    scores, labels = scored(overlap, "calibration")

    def agreed(unscaled: float) -> int:
        bound = unscaled / (2 * context_use._BOUNDARY)
        if unscaled > context_use._BOUNDARY:
            bound = 0.5 + (unscaled - context_use._BOUNDARY) / (2 * (1 - context_use._BOUNDARY))
        return sum((score >= bound) == label for score, label in zip(scores, labels, strict=True))

    by_bound = {percent: agreed(percent / 100) for percent in range(20, 60, 2)}
    best = [percent for percent, count in by_bound.items() if count == max(by_bound.values())]
    assert best == [34, 36, 38]


def test_what_it_gets_wrong_is_what_its_description_says():
    wrong = Counter()
    for retrieval in read("held_out"):
        for row, score in zip(retrieval, overlap(retrieval), strict=True):
            if is_used(score) != (row["is_used"] == "true"):
                wrong[row["kind"], "missed" if row["is_used"] == "true" else "taken"] += 1
    print("\nwrong by kind:", dict(wrong))
    assert wrong == {
        ("crosslingual", "missed"): 1,
        ("yes_no", "missed"): 1,
        ("duplicate", "missed"): 1,
        ("refusal", "taken"): 2,
        ("smalltalk", "taken"): 1,
        ("distractor", "taken"): 1,
    }


@pytest.mark.parametrize("baseline", [jaccard, cosine])
def test_plain_methods_agree_less(held_out, baseline):
    other = measured(baseline)
    print(f"\n{baseline.__name__}: agreement {other.agreement_ratio:.3f}, kappa {other.kappa:.3f}")
    assert other.agreement_ratio < held_out.agreement_ratio - 0.05
    assert other.kappa < held_out.kappa_interval[0]


def test_the_seed_says_what_was_measured(held_out):
    by_retrieval = measured_by_retrieval()
    expected = {
        "retrieval_hit_document_ratio": held_out,
        "retrieval_hit_query_ratio": by_retrieval,
        "unused_document_cost_ratio": held_out,
    }
    with SEED.open(newline="", encoding="utf-8") as file:
        rows = {row["metric_name"]: row for row in csv.DictReader(file)}
    assert rows.keys() == expected.keys()
    for name, measures in expected.items():
        row = rows[name]
        assert (row["dimension"], row["method_id"]) == ("evidence=overlap_estimate", METHOD_ID)
        assert int(row["labelled_count"]) == measures.labelled_count
        said = [float(row[column]) for column in COLUMNS]
        assert said == [round(value, 3) for value in numbers(measures)], f"{name}: {numbers(measures)}"


COLUMNS = (
    "agreement_ratio",
    "low_agreement_ratio",
    "high_agreement_ratio",
    "precision_ratio",
    "recall_ratio",
    "kappa",
    "low_kappa",
    "high_kappa",
)


def numbers(measures: BinaryAgreement) -> list[float]:
    return [
        measures.agreement_ratio,
        *measures.agreement_interval,
        measures.precision_ratio,
        measures.recall_ratio,
        measures.kappa,
        *measures.kappa_interval,
    ]


def test_the_warehouse_parts_where_the_estimate_does():
    project = yaml.safe_load((REPOSITORY / "dbt_project" / "dbt_project.yml").read_text())
    assert project["vars"]["used_from_score"] == USED_FROM_SCORE


def test_estimates_have_the_bounds_of_citations():
    with (SEED.parent / "metric_thresholds.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["metric_name"], row.pop("dimension")): row for row in csv.DictReader(file)}
    bounds = rows["retrieval_hit_document_ratio", "evidence=overlap_estimate"]
    assert (bounds["healthy_bound"], bounds["warning_bound"]) == ("0.55", "0.45")
    assert bounds == rows["retrieval_hit_document_ratio", "evidence=citation"]
