"""Drifts of queries are measured when their week is over, kept in the lake, and outlive what they are made of."""

from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest

from ai_finops.build.query_drifts import measure_drifts
from ai_finops.lake import Lake
from tests.build.test_query_days import Warehouse, ask, at, expire, say

BEFORE, WEEK, NEXT = date(2025, 6, 2), date(2025, 6, 9), date(2025, 6, 16)


class Weeks(Warehouse):
    """A warehouse whose drifts are measured after its queries."""

    def drifts(self, *, as_of=NEXT, similarity=0.9, retention_days=30) -> list[tuple]:
        self.measure(as_of=as_of, retention_days=retention_days)
        files = measure_drifts(
            self.connection, lake=self.lake, similarity=similarity, as_of=as_of, retention_days=retention_days
        )
        names = "week_start_date, feature_id, query_count, distinct_query_count, asked_count, covered_count"
        scan = f"select {names} from read_parquet(?) order by all"
        return self.connection.execute(scan, [[str(file) for file in files]]).fetchall()

    def versions(self) -> dict[str, int]:
        return {key: version.number for key, version in self.lake.current("query_drifts").items()}


@pytest.fixture
def weeks(settings):
    return Weeks(Lake(settings.lake))


def asked(weeks: Weeks, day: date, *texts: str) -> None:
    """Answered queries of a day, landed on it."""
    names = [f"{day}-{number}" for number in range(len(texts))]
    for name in names:
        ask(weeks, name, when=at(day))
    say(weeks.lake, day, *((name, "q", text, day) for name, text in zip(names, texts, strict=True)))


def test_without_queries_there_are_none_and_nothing_is_written(weeks):
    assert weeks.drifts() == []
    assert weeks.versions() == {}


def test_a_week_is_held_against_the_one_before_it(weeks):
    asked(weeks, BEFORE, "f", "f")
    asked(weeks, BEFORE + timedelta(days=6), "f")
    asked(weeks, WEEK, "f", "f")
    asked(weeks, WEEK + timedelta(days=6), "f", "f")
    # Of four queries two are asked about; all are the same text.
    assert weeks.drifts() == [(BEFORE, "chat", 3, 1, None, None), (WEEK, "chat", 4, 1, 2, 2)]


def test_other_texts_are_not_covered(weeks):
    asked(weeks, BEFORE, "x", "y")
    asked(weeks, WEEK, "f", "f", "g", "g")
    assert weeks.drifts()[1] == (WEEK, "chat", 4, 2, 2, 0)


@pytest.mark.parametrize(("as_of", "week_count"), [(NEXT - timedelta(days=1), 1), (NEXT, 2)])
def test_a_week_is_measured_when_it_is_over(weeks, as_of, week_count):
    asked(weeks, BEFORE, "f")
    asked(weeks, WEEK, "f")
    assert len(weeks.drifts(as_of=as_of)) == week_count


def test_weeks_that_a_later_build_measured_are_not_in_an_earlier_one(weeks):
    asked(weeks, BEFORE, "f")
    asked(weeks, WEEK, "f")
    assert len(weeks.drifts()) == 2
    assert [row[0] for row in weeks.drifts(as_of=WEEK + timedelta(days=1))] == [BEFORE]
    assert list(weeks.versions()) == [str(BEFORE), str(WEEK)]


def test_again_from_the_same_nothing_is_written(weeks):
    asked(weeks, BEFORE, "f")
    asked(weeks, WEEK, "f", "g")
    first = weeks.drifts()
    assert weeks.drifts() == first and weeks.versions() == {str(BEFORE): 1, str(WEEK): 1}


def test_a_late_query_changes_its_week_and_the_next(weeks):
    asked(weeks, BEFORE, "x", "x")
    asked(weeks, WEEK, "f", "f")
    assert weeks.drifts()[1][-1] == 0
    ask(weeks, "late", when=at(BEFORE, 13))
    say(weeks.lake, BEFORE + timedelta(days=1), ("late", "q", "f", BEFORE))
    # Whichever of the week's two is asked about, the other stands for its half: as many of the week before are one.
    assert [row[2] for row in weeks.drifts()] == [3, 2]
    assert weeks.versions() == {str(BEFORE): 2, str(WEEK): 2}


def test_another_similarity_measures_again(weeks):
    asked(weeks, WEEK, "f")
    weeks.drifts()
    weeks.drifts(similarity=0.8)
    assert weeks.versions() == {str(WEEK): 2}


def test_what_is_past_its_retention_stays_as_it_was_measured(weeks):
    asked(weeks, BEFORE, "f", "f")
    asked(weeks, WEEK, "f", "f")
    first = weeks.drifts()
    expire(weeks.lake, BEFORE)
    # The first day kept is the 3rd.
    assert weeks.drifts(similarity=0.8, retention_days=13) == first
    assert weeks.versions() == {str(BEFORE): 1, str(WEEK): 1}


def test_what_is_gone_before_its_time_was_taken_back(weeks):
    asked(weeks, BEFORE, "f", "f")
    asked(weeks, WEEK, "f", "f")
    weeks.drifts()
    expire(weeks.lake, BEFORE)
    assert weeks.drifts(retention_days=14) == [(WEEK, "chat", 2, 1, None, None)]
    assert weeks.versions() == {str(WEEK): 2}


def test_only_what_was_answered_is_a_query(weeks):
    asked(weeks, WEEK, "f", "g")
    weeks.connection.execute("update marts.fct_llm_calls set is_generating = false where trace_id = '2025-06-09-0'")
    assert weeks.drifts() == [(WEEK, "chat", 1, 1, None, None)]


def test_inputs_say_what_a_week_was_measured_from(weeks):
    asked(weeks, BEFORE, "f")
    asked(weeks, WEEK, "f")
    weeks.drifts()
    version = weeks.lake.current("query_drifts")[str(WEEK)]
    names = pq.read_table(version.file("inputs"))["input"].to_pylist()
    assert names == [f"query_neighbours/{BEFORE}", f"query_neighbours/{WEEK}", "rules"]
