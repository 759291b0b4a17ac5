"""Pairs of feature and model: made once, and no more than so many."""

from ai_finops.instrument.losses import losses
from ai_finops.instrument.metrics.pairs import Pairs


def pairs(limit: int = 4) -> Pairs:
    return Pairs(lambda feature, model: [feature, model], limit=limit)


def test_a_pair_is_made_once():
    made = pairs()
    assert made.of("search", "m") == ["search", "m"]
    assert made.of("search", "m") is made.of("search", "m")
    assert made.of("search", "n") is not made.of("search", "m")


def test_what_is_missing_has_a_word():
    assert pairs().of(None, None) == ["unattributed", "unknown"]
    assert pairs().of("", "m") == ["unattributed", "m"]


def test_pairs_past_the_limit_are_one_and_counted():
    made = pairs(limit=4)
    assert [made.of(name, "m")[0] for name in ("a", "b", "c")] == ["a", "b", "c"]
    assert losses() == {}
    assert made.of("d", "m") == ["other", "other"]
    assert made.of("e", "n") is made.of("d", "m") is made.other
    assert losses() == {"metric_pairs_over_limit": 3}
    assert made.of("a", "m") == ["a", "m"]


def test_long_names_are_told_apart_and_not_held():
    made = pairs()
    long = "ä" * 10_000
    first, second = made.of(long, "m"), made.of(long + "x", "m")
    assert first is made.of("ä" * 10_000, "m") is not second
    assert len(first[0]) <= 1_024
    assert max(len(feature) for feature, _ in made._kept) <= 1_024
