"""Precision and recall of the anomaly rule: how they are counted, by hand, and that the docs say what is measured."""

from __future__ import annotations

import pytest

from ai_finops.analyse.anomaly_rules import AnomalyRule
from tests.benchmarks.anomalies import (
    REPOSITORY,
    WATCHED_DAYS,
    Labelled,
    Score,
    client_costs,
    injected,
    nab_series,
    rules,
    score,
    shipped_rule,
    tables,
)


def test_incidents_are_found_by_any_of_their_days_and_flags_are_right_on_those_alone():
    # Two incidents, of which one is found, on one of its two days; a flag on a day before.
    series = Labelled((1.0,) * 6, ((1, 2), (4,)))
    found = score([series], flags=lambda usd: [True, False, True, False, False, False])
    assert found == Score(incident_count=2, found_count=1, flagged_day_count=2, right_day_count=1)
    assert (found.precision, found.recall) == (0.5, 0.5)
    assert score([series], flags=lambda usd: [False] * 6).precision is None


@pytest.mark.parametrize(
    ("name", "flagged"),
    [
        ("ours", [5, 6]),
        ("ours at 3 ×", [6]),
        ("plain 2 × mean", [5, 6]),
        ("plain 3 × mean", [6]),
        ("z-score, mean + 3 sd", [5, 6]),
    ],
)
def test_each_rule_by_hand(name, flagged):
    # 10 to 12 a day, then 25 and 60: twice and more than three times; with the 25 in it the mean is 13.2.
    usd = (10.0, 12.0, 11.0, 10.0, 12.0, 25.0, 60.0)
    assert [day for day, flag in enumerate(rules(shipped_rule())[name](usd)) if flag] == flagged


def test_no_rule_flags_cents():
    assert not any(any(flags((0.1, 0.1, 0.1, 3.0))) for flags in rules(shipped_rule()).values())


def test_the_rule_that_is_measured_is_the_one_that_is_shipped():
    assert isinstance(shipped_rule(), AnomalyRule)
    assert (shipped_rule().anomaly_ratio, shipped_rule().smallest_excess_micros) == (2, 5_000_000)


def test_incidents_are_put_in_where_there_is_history_and_days_to_find_them():
    clients = client_costs()
    several = list(injected(clients[:1], kinds=[("spike of a day", 4.0)]))
    for labelled in several:
        (watched,) = labelled.incidents
        changed = [day for day, (was, cost) in enumerate(zip(clients[0], labelled.usd, strict=True)) if was != cost]
        assert changed == list(watched)
        assert labelled.usd[changed[0]] == 4 * clients[0][changed[0]]
    for labelled in injected(clients[:1], kinds=[("new caller that stays", 1.5)]):
        (watched,) = labelled.incidents
        added = [cost - was for was, cost in zip(clients[0], labelled.usd, strict=True)]
        assert added[: watched.start] == [0] * watched.start
        assert added[watched.start :] == pytest.approx([60.0] * (len(added) - watched.start))
        assert (len(watched), watched.start >= 7) == (WATCHED_DAYS, True)


def test_fixtures_are_whole():
    series = list(nab_series())
    assert (len(series), sum(len(each.incidents) for each in series)) == (7, 14)
    assert {len(usd) for usd in client_costs()} == {14}


def test_the_docs_say_what_is_measured():
    text = (REPOSITORY / "docs" / "anomalies.md").read_text()
    missing = [line for table in tables() for line in table.splitlines() if line not in text]
    assert missing == [], "run `make bench BENCH=anomalies` and put its tables into docs/anomalies.md"
