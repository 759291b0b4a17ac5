"""Counts per object, and what the lake keeps of them."""

from datetime import date

from ai_finops.extract.accounts import Accounts
from ai_finops.lake_schemas import OBJECTS, QUARANTINE

DAY = date(2025, 6, 2)


def test_counts_add_up_over_objects():
    accounts = Accounts("traces", DAY)
    first, second = accounts.open("a", bytes_read=10), accounts.open("b", bytes_read=5)
    accounts.quarantine(first, place="line 1", reason="broken")
    accounts.quarantine(first, place="line 3", reason="also broken", record_count=4)
    accounts.ignore(second, reason="not a trace file by its name")
    accounts.objects[second].read_count += 2
    accounts.objects[second].loaded_count += 2
    assert accounts.totals() == {
        "read_count": 8,
        "loaded_count": 2,
        "ignored_count": 1,
        "quarantined_count": 5,
        "duplicate_count": 0,
        "bytes_read": 15,
    }
    table = accounts.objects_table()
    assert table.schema.equals(OBJECTS)
    assert [row["reason"] for row in table.to_pylist()] == ["broken", "not a trace file by its name"]


def test_the_quarantine_is_in_order_whatever_came_first():
    accounts = Accounts("traces", DAY)
    for key in "ab":
        accounts.open(key)
    accounts.quarantine(1, place="line 1", reason="x")
    accounts.quarantine(0, place="line 2", reason="x")
    accounts.quarantine(0, place="line 1", reason="x")
    table = accounts.quarantine_table()
    assert table.schema.equals(QUARANTINE)
    assert [(row["object_key"], row["place"]) for row in table.to_pylist()] == [
        ("a", "line 1"),
        ("a", "line 2"),
        ("b", "line 1"),
    ]


def test_no_objects_are_empty_tables():
    accounts = Accounts("billing", DAY)
    assert accounts.objects_table().num_rows == accounts.quarantine_table().num_rows == 0
    assert set(accounts.totals().values()) == {0}
