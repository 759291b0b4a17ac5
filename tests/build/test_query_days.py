"""Measures of queries are made a day at a time, kept in the lake, and outlive what they are made of."""

from datetime import UTC, date, datetime

import duckdb
import pyarrow.parquet as pq
import pytest

from ai_finops.analyse.queries import QueryRules
from ai_finops.build.query_days import measure_queries
from ai_finops.lake import Lake
from tests.build.tiny_lake import rows

DAY, NEXT, AS_OF = date(2025, 6, 2), date(2025, 6, 3), date(2025, 6, 4)
RULES = QueryRules(similarities=(0.9,), window_s=86_400, asked_again_window_s=300, asked_again_similarity=0.9)


class Warehouse:
    """What phase 1 leaves behind, by hand."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.connection = duckdb.connect()
        self.connection.execute("""
            set timezone = 'UTC';
            create schema intermediate; create schema marts;
            create table intermediate.int_spans_deduplicated
                (trace_id varchar, span_id varchar, parent_span_id varchar, started_at timestamptz);
            create table intermediate.int_llm_call_candidates_settled
                (call_id varchar, candidate_rank bigint, trace_id varchar, span_id varchar);
            create table marts.fct_llm_calls (call_id varchar, trace_id varchar, feature_id varchar, model_id varchar,
                user_id varchar, journey_id varchar, is_generating boolean)
        """)

    def span(self, trace: str, span: str, parent: str | None = None, *, at: datetime) -> None:
        self.connection.execute(
            "insert into intermediate.int_spans_deduplicated values (?, ?, ?, ?)", [trace, span, parent, at]
        )

    def call(
        self, trace: str, span: str, *, feature: str = "chat", generating: bool = True, rank: int = 1, call=None, **who
    ):
        call_id = call or f"{trace}-{span}"
        self.connection.execute(
            "insert into intermediate.int_llm_call_candidates_settled values (?, ?, ?, ?)", [call_id, rank, trace, span]
        )
        if rank == 1:
            values = [call_id, trace, feature, "sonnet", who.get("user"), who.get("journey"), generating]
            self.connection.execute("insert into marts.fct_llm_calls values (?, ?, ?, ?, ?, ?, ?)", values)

    def measure(self, **changes) -> list[tuple]:
        given = {"lake": self.lake, "rules": RULES, "as_of": AS_OF, "retention_days": 30} | changes
        files = measure_queries(self.connection, **given)
        names = "usage_date, feature_id, trace_id, span_id, is_repeat"
        scan = f"select {names} from read_parquet(?) order by all"
        return self.connection.execute(scan, [[str(file) for file in files["queries"]]]).fetchall()

    def calls(self) -> list[tuple]:
        files = [str(file) for file in self.lake.files("query_neighbours", "query_calls")]
        return self.connection.execute(
            "select call_id, span_id, feature_id from read_parquet(?) order by all", [files]
        ).fetchall()


@pytest.fixture
def warehouse(settings):
    return Warehouse(Lake(settings.lake))


def at(day: date, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def say(lake: Lake, landed_on: date, *queries: tuple) -> None:
    """Queries as (trace, span, fingerprint, day), and evidence where that is not `said`."""
    said = [
        {"trace_id": trace, "span_id": span, "evidence": [*evidence, "said"][0], "fingerprint": text, "usage_date": day}
        | {"landing_date": landed_on}
        for trace, span, text, day, *evidence in queries
    ]
    lake.write_partition(
        "trace_queries", str(landed_on), tables={"span_queries": rows("trace_queries", "span_queries", *said)}
    )


def ask(warehouse: Warehouse, trace: str, *, when: datetime) -> None:
    """A query of span `q` with one call below it."""
    warehouse.span(trace, "q", at=when)
    warehouse.span(trace, "c", "q", at=when)
    warehouse.call(trace, "c")


def versions(lake: Lake) -> dict[str, int]:
    return {key: version.number for key, version in lake.current("query_neighbours").items()}


def test_without_queries_there_are_none_and_nothing_is_written(warehouse):
    assert warehouse.measure() == []
    assert versions(warehouse.lake) == {}


def test_a_query_has_the_calls_below_it_and_those_of_no_nearer_one(warehouse):
    for span, parent in (("q", None), ("chain", "q"), ("c1", "chain"), ("q2", "chain"), ("c2", "q2"), ("c3", "q2")):
        warehouse.span("t", span, parent, at=at(DAY))
    warehouse.call("t", "c1")
    warehouse.call("t", "c2")
    warehouse.call("t", "c3", generating=False)
    warehouse.call("t", "q2", call="t-c2", rank=2)  # the span that says the query tells of the call too
    say(warehouse.lake, DAY, ("t", "q", "f", DAY), ("t", "q2", "g", DAY))
    assert warehouse.measure() == [(DAY, "chat", "t", "q", False), (DAY, "chat", "t", "q2", False)]
    assert warehouse.calls() == [("t-c1", "q", "chat"), ("t-c2", "q2", "chat"), ("t-c3", "q2", "chat")]


def test_only_what_was_answered_is_a_query(warehouse):
    for span, parent in (("q", None), ("c", "q")):
        warehouse.span("t", span, parent, at=at(DAY))
    warehouse.call("t", "c", generating=False)
    say(warehouse.lake, DAY, ("t", "q", "f", DAY), ("gone", "q", "f", DAY))
    assert warehouse.measure() == []


def test_a_superseded_candidate_leads_to_the_query_too(warehouse):
    for span, parent in (("q", None), ("inner", "q")):
        warehouse.span("t", span, parent, at=at(DAY))
    warehouse.call("t", "elsewhere")
    warehouse.call("t", "inner", call="t-elsewhere", rank=2)
    say(warehouse.lake, DAY, ("t", "q", "f", DAY))
    assert warehouse.measure() == [(DAY, "chat", "t", "q", False)]


def chain(warehouse: Warehouse) -> None:
    """A root over a retriever and a call."""
    for number, (span, parent) in enumerate(
        (("root", None), ("retriever", "root"), ("call", "root"), ("retriever2", "root"))
    ):
        warehouse.span("t", span, parent, at=at(DAY, 12, number))
    warehouse.call("t", "call")


@pytest.mark.parametrize(
    ("told", "chosen"),
    [
        ({"root": "prompt_text", "call": "prompt_text"}, "root"),
        ({"call": "prompt_text"}, "call"),
        ({"root": "prompt_text", "retriever": "query_text", "retriever2": "query_text"}, "retriever"),
        ({"root": "said", "call": "prompt_text", "retriever": "query_text"}, "root"),
        ({"root": "prompt_text", "call": "said"}, "call"),
    ],
)
def test_what_is_said_goes_before_a_text_named_query_and_that_before_the_highest_prompt(warehouse, told, chosen):
    chain(warehouse)
    say(warehouse.lake, DAY, *(("t", span, "f", DAY, evidence) for span, evidence in told.items()))
    assert warehouse.measure() == [(DAY, "chat", "t", chosen, False)]


@pytest.mark.parametrize(("above", "is_found"), [(20, True), (21, False)])
def test_twenty_spans_up_and_no_further(warehouse, above, is_found):
    warehouse.span("t", "s0", at=at(DAY))
    for number in range(1, above + 1):
        warehouse.span("t", f"s{number}", f"s{number - 1}", at=at(DAY))
    warehouse.call("t", f"s{above}")
    say(warehouse.lake, DAY, ("t", "s0", "f", DAY))
    assert bool(warehouse.measure()) is is_found


def test_a_call_of_two_features_asks_for_both(warehouse):
    ask(warehouse, "t", when=at(DAY))
    warehouse.span("t", "c2", "q", at=at(DAY))
    warehouse.call("t", "c2", feature="search")
    say(warehouse.lake, DAY, ("t", "q", "f", DAY))
    assert [row[1] for row in warehouse.measure()] == ["chat", "search"]


def test_a_window_crosses_midnight_and_landing_days(warehouse):
    ask(warehouse, "a", when=at(DAY, 13))
    ask(warehouse, "b", when=at(NEXT, 12, 59))
    ask(warehouse, "c", when=at(NEXT, 13, 0))
    say(warehouse.lake, NEXT, ("a", "q", "f", DAY), ("b", "q", "f", NEXT))
    say(warehouse.lake, AS_OF, ("c", "q", "g", NEXT))
    assert [row[-1] for row in warehouse.measure()] == [False, True, False]


def test_days_not_in_the_build_are_not_measured(warehouse):
    ask(warehouse, "a", when=at(AS_OF))
    say(warehouse.lake, AS_OF, ("a", "q", "f", AS_OF))
    assert warehouse.measure() == []


def test_again_from_the_same_nothing_is_written(warehouse):
    ask(warehouse, "a", when=at(DAY))
    say(warehouse.lake, DAY, ("a", "q", "f", DAY))
    first = warehouse.measure()
    assert warehouse.measure() == first and versions(warehouse.lake) == {str(DAY): 1}


def test_a_late_query_changes_its_day_and_the_next(warehouse):
    ask(warehouse, "a", when=at(NEXT))
    ask(warehouse, "z", when=at(date(2025, 6, 1)))
    say(warehouse.lake, NEXT, ("a", "q", "f", NEXT), ("z", "q", "f", date(2025, 6, 1)))
    assert [row[-1] for row in warehouse.measure()] == [False, False]
    ask(warehouse, "late", when=at(DAY, 13))
    say(warehouse.lake, AS_OF, ("late", "q", "f", DAY))
    assert [row[-1] for row in warehouse.measure()] == [False, False, True]
    assert versions(warehouse.lake) == {"2025-06-01": 1, str(DAY): 1, str(NEXT): 2}


def test_a_call_that_is_another_features_now_changes_its_day(warehouse):
    ask(warehouse, "a", when=at(DAY))
    say(warehouse.lake, DAY, ("a", "q", "f", DAY))
    warehouse.measure()
    warehouse.connection.execute("update marts.fct_llm_calls set feature_id = 'search'")
    assert [row[1] for row in warehouse.measure()] == ["search"]


def test_other_rules_measure_again(warehouse):
    ask(warehouse, "a", when=at(DAY, 11))
    ask(warehouse, "b", when=at(DAY, 12))
    say(warehouse.lake, DAY, ("a", "q", "f", DAY), ("b", "q", "f", DAY))
    assert [row[-1] for row in warehouse.measure()] == [False, True]
    short = QueryRules(similarities=(0.9,), window_s=60, asked_again_window_s=300, asked_again_similarity=0.9)
    assert [row[-1] for row in warehouse.measure(rules=short)] == [False, False]


def expire(lake: Lake, day: date) -> None:
    lake.remove_partition("trace_queries", str(day))


def test_what_is_past_its_retention_stays_as_it_was_measured(warehouse):
    ask(warehouse, "a", when=at(DAY, 23))
    ask(warehouse, "b", when=at(NEXT, 1))
    say(warehouse.lake, DAY, ("a", "q", "f", DAY))
    say(warehouse.lake, NEXT, ("b", "q", "f", NEXT))
    first = warehouse.measure()
    assert [row[-1] for row in first] == [False, True]
    expire(warehouse.lake, DAY)  # kept until the 4th with a retention of 1 day: first kept is the 3rd
    assert warehouse.measure(retention_days=1) == first
    expire(warehouse.lake, NEXT)
    assert warehouse.measure(retention_days=0) == first


def test_what_is_gone_before_its_time_was_taken_back(warehouse):
    ask(warehouse, "a", when=at(DAY, 23))
    ask(warehouse, "b", when=at(NEXT, 1))
    say(warehouse.lake, DAY, ("a", "q", "f", DAY))
    say(warehouse.lake, NEXT, ("b", "q", "f", NEXT))
    warehouse.measure()
    expire(warehouse.lake, DAY)
    assert warehouse.measure(retention_days=2) == [(NEXT, "chat", "b", "q", False)]
    assert list(versions(warehouse.lake)) == [str(NEXT)]


def test_inputs_say_what_a_day_was_measured_from(warehouse):
    ask(warehouse, "a", when=at(DAY))
    say(warehouse.lake, DAY, ("a", "q", "f", DAY))
    warehouse.measure()
    (version,) = warehouse.lake.current("query_neighbours").values()
    names = pq.read_table(version.file("inputs"))["input"].to_pylist()
    assert names == [f"calls {DAY}", "rules", f"spans {DAY}", f"trace_queries/{DAY}"]
