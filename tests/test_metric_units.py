"""Metrics and their slices as people call them."""

from __future__ import annotations

import re

import pytest

from ai_finops.config import REPOSITORY
from ai_finops.metric_units import METRICS, name_of, slice_words


def test_the_docs_call_every_metric_what_the_message_and_the_page_call_it():
    table = (REPOSITORY / "docs" / "metrics.md").read_text().split("## Status")[0]
    documented = {}
    for line in table.splitlines():
        if line.startswith("| `"):
            _, ids, names, *_ = (cell.strip() for cell in line.split("|"))
            documented |= dict(zip(re.findall(r"`(\w+)`", ids), names.split(", "), strict=True))
    assert documented == {metric: made.name for metric, made in METRICS.items()}


def test_no_two_metrics_have_one_name():
    names = [made.name for made in METRICS.values()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "_" in name or name[0] != name[0].upper()]


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("routing_mix_call_ratio", "Calls by model tier"),
        ("one_of_tomorrow_ratio", "One of tomorrow"),
        ("", ""),
    ],
)
def test_a_metric_has_a_name(metric, name):
    assert name_of(metric) == name


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        ("all", ""),
        ("tier=cheap", "cheap tier"),
        ("task_type=form_filling", "form filling tasks"),
        ("task_type=form filling", "form filling tasks"),
        ("evidence=citation", "by citation"),
        ("evidence=overlap_estimate", "by overlap estimate"),
        ("top_k=5", "top 5"),
        ("window_s=300", "within 300 s"),
        ("lifetime=5m", "lifetime 5m"),
        ("similarity=exact", "same words"),
        (
            "embedder=minilm-l6-v2-static-256-int8 similarity=0.92",
            "similarity 0.92 (minilm-l6-v2-static-256-int8)",
        ),
        ("embedder=e", "e"),
        ("of_no_kind", "of no kind"),
        ("{0}=1", "{0} 1"),
        ("", ""),
    ],
)
def test_a_slice_is_told_in_words(dimension, words):
    assert slice_words(dimension) == words
