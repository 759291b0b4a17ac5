"""Readers of PostgreSQL while builds are published to it: what each kind of reader sees, and that nobody waits."""

from __future__ import annotations

from contextlib import nullcontext

import psycopg
import pytest

from tests.publish.postgres_cluster import READER
from tests.publish.readers import Readers

BUILD_COUNT = 10
RELEASE = "alter table marts.fct_daily_metrics add column new_ratio double default 0.5"
NUMBERED = ("fct_llm_calls", "fct_daily_feature_costs", "fct_daily_metrics", "fct_cost_drivers")
_ONE_STATEMENT = " union ".join(f"select build_number from ai_finops.{mart}" for mart in NUMBERED)
ALL = f"{_ONE_STATEMENT} union select left(build_id, 6)::bigint from ai_finops.dim_builds"


def numbered(number: int) -> list[str]:
    """Return statements that make every row of every mart say which build it is of."""
    return [f"alter table marts.{mart} add column build_number bigint default {number}" for mart in NUMBERED]


@pytest.fixture
def publish_numbered(publish_build):
    return lambda number, *more: publish_build(number, *numbered(number), *more, postgres_readers=(READER,))


def numbers(session, query: str = ALL, **how) -> set[int]:
    return {number for (number,) in session.execute(query, **how).fetchall()}


def one_by_one(session) -> list[set[int]]:
    """Read each mart with a statement of its own."""
    queries = [f"select build_number from ai_finops.{mart}" for mart in NUMBERED]
    return [
        numbers(session, query) for query in (*queries, "select left(build_id, 6)::bigint from ai_finops.dim_builds")
    ]


def by_statement(session) -> set[int]:
    return numbers(session)


def by_prepared_statement(session) -> set[int]:
    return numbers(session, prepare=True)


def by_transaction(session) -> set[int]:
    with session.transaction():
        session.execute("set transaction isolation level repeatable read")
        return set.union(*one_by_one(session), numbers(session))


def by_cursor(session) -> set[int]:
    """Fetch the rows of a query a few at a time."""
    found: set[int] = set()
    with session.transaction(), session.cursor("open") as cursor:
        cursor.execute("select build_number from ai_finops.fct_llm_calls")
        while rows := cursor.fetchmany(5):
            found.update(number for (number,) in rows)
    return found


def test_readers_never_see_an_error_or_a_mix_of_two_builds(publish_numbered, reader):
    publish_numbered(1)
    ways = (by_statement, by_prepared_statement, by_transaction, by_cursor)
    with Readers(ways, connect=reader) as readers:
        for number in range(1, BUILD_COUNT + 1):
            publish_numbered(number) if number > 1 else None
            readers.wait_for(number)
    readers.require_whole_builds(BUILD_COUNT)


def test_a_transaction_that_repeats_its_reads_keeps_its_build(publish_numbered, reader):
    publish_numbered(1)
    with reader(autocommit=False) as repeating, reader(autocommit=False) as other:
        repeating.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        first = "select build_number from ai_finops.fct_daily_metrics"
        assert numbers(repeating, first) == numbers(other, first) == {1}
        publish_numbered(2)
        # A mart that was read before, and those that were not: all of one build. READ COMMITTED has gone on.
        assert set.union(numbers(repeating, first), *one_by_one(repeating), numbers(repeating)) == {1}
        assert set.union(numbers(other, first), *one_by_one(other), numbers(other)) == {2}
        repeating.commit()
        assert numbers(repeating) == {2}


def test_what_is_open_or_prepared_lives_through_a_swap_of_schemas(publish_numbered, reader):
    publish_numbered(1)
    with reader(autocommit=False) as session, reader(autocommit=False) as repeating:
        repeating.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        query = "select build_number from ai_finops.fct_llm_calls"
        assert numbers(session, query, prepare=True) == numbers(repeating, query) == {1}
        session.commit()
        with session.cursor("open") as cursor:
            cursor.execute(query)
            rows = cursor.fetchmany(3)
            publish_numbered(2, RELEASE)
            rows += cursor.fetchall()
            assert (len(rows), {number for (number,) in rows}) == (27, {1})
        # Within a transaction that holds the old table a statement may still find it; after it, none does.
        session.commit()
        assert numbers(session, query, prepare=True) == numbers(session) == {2}
        # The name leads to the new tables: their rows are seen, not an empty table, and are not those of the snapshot.
        assert numbers(repeating, query) == {2}


def test_readers_see_no_error_while_schemas_are_swapped(publish_numbered, reader):
    publish_numbered(1)
    ways = (by_statement, by_prepared_statement, by_transaction, by_cursor)
    with Readers(ways, connect=reader) as readers:
        for number in range(2, 6):
            publish_numbered(number, *([RELEASE] if number % 2 == 0 else []))
            readers.wait_for(number)
    readers.require_builds_in_order(whole=("by_cursor",))


@pytest.mark.parametrize(
    ("seen", "is_fine"),
    [
        ([{1}, {1}, {1, 2}, {2}, {3}], True),
        ([{1}, {1, 2}, {1, 2}, {2}], False),  # more than the one statement at the moment of the swap
        ([{1}, {1, 3}, {3}], False),
        ([{1}, set(), {2}], False),  # a table without rows
        ([{2}, {1}, {2}], False),
        ([], False),
    ],
)
def test_what_a_swap_may_show_is_bounded(seen, is_fine):
    readers = Readers((by_statement,))
    readers.seen = {"by_statement": seen}
    with nullcontext() if is_fine else pytest.raises(AssertionError):
        readers.require_builds_in_order(whole=())
    with pytest.raises(AssertionError):
        readers.require_builds_in_order(whole=("by_statement",))


def test_a_writer_waits_for_no_reader_and_no_reader_for_it(publish_numbered, reader, postgres_cluster, monkeypatch):
    """A transaction that has read a mart and stays open, and a reader that comes while the writer's is."""
    from ai_finops.publish import postgres

    publish_numbered(1)
    meanwhile = []
    real = postgres.grant_reading

    def read_first(connection, **given):
        with reader() as session:  # all is written and not committed: reading must not wait
            session.execute("set lock_timeout = '1ms'")
            meanwhile.append(numbers(session))
        real(connection, **given)

    monkeypatch.setattr(postgres, "grant_reading", read_first)
    monkeypatch.setattr(postgres, "LOCK_SECONDS", 1)
    with reader(autocommit=False) as open_one:
        assert numbers(open_one) == {1}
        publish_numbered(2)
        publish_numbered(3, RELEASE)
        assert numbers(open_one) == {3}
    assert meanwhile == [{1}, {2}]
