"""Names are made safe, taken only of what names something, and cost no more than a name may."""

from __future__ import annotations

import enum

import pytest

from ai_finops.instrument import names
from ai_finops.instrument.losses import forget_losses, losses
from ai_finops.instrument.names import MAX_NAME_CHARACTERS, clean_name, name_or_none


@pytest.fixture(autouse=True)
def from_zero():
    """Each test counts from zero."""
    forget_losses()
    yield
    forget_losses()


def test_names_are_made_safe_and_stay_the_same():
    assert clean_name("  two\twords\x00 ") == "two words"
    assert clean_name("été 検索") == "été 検索"
    assert clean_name(" \n") is None
    assert clean_name("x" * MAX_NAME_CHARACTERS) == "x" * 200
    long = clean_name("x" * 10_240)
    assert len(long) == 200
    assert long.startswith("x" * 187 + "~")
    assert long != clean_name("x" * 10_241)
    assert clean_name(long) == long


@pytest.mark.parametrize("length", [201, 5_000, 5_001, 100_000])
def test_long_names_differ_by_their_last_character(length):
    one, other = clean_name("x" * (length - 1) + "a"), clean_name("x" * (length - 1) + "b")
    assert one != other
    assert len(one) == len(other) == MAX_NAME_CHARACTERS


def test_white_space_makes_no_other_name_of_a_long_one():
    assert clean_name("x y " * 100) == clean_name("x\ty  " * 100)


def test_of_a_huge_name_of_white_space_the_hash_is_left():
    assert clean_name(" " * 5_000) is None
    huge = clean_name(" " * 5_001)
    assert huge.startswith("~")
    assert len(huge) == 13


def test_the_cleaning_of_a_huge_name_ends_at_5_000_characters():
    class Watched(str):
        """Counts the characters that are looked at."""

        looked_at = 0

        def __getitem__(self, key):
            part = super().__getitem__(key)
            Watched.looked_at += len(part)
            return part

    clean_name(Watched("x" * 1_000_000))
    assert Watched.looked_at == 5_000


def test_names_of_over_500_characters_are_not_kept():
    names._cached.cache_clear()
    clean_name("x" * 501)
    assert names._cached.cache_info().currsize == 0
    clean_name("x" * 500)
    clean_name("x" * 500)
    assert (names._cached.cache_info().currsize, names._cached.cache_info().hits) == (1, 1)


class Feature(enum.Enum):
    SEARCH = "search"
    SEVEN = 7
    NOTHING = None
    LIST = [1]  # noqa: RUF012


class Tier(enum.StrEnum):
    CHEAP = "cheap"


class Own(str):
    __slots__ = ()

    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Feature.SEARCH, "search"),
        (Feature.SEVEN, "7"),
        (Tier.CHEAP, "cheap"),
        (enum.IntEnum("Level", {"ONE": 1}).ONE, "1"),
        (Own("text"), "text"),
        (7, "7"),
        (-7, "-7"),
        ("", None),
        (" ", None),
        (None, None),
    ],
)
def test_texts_whole_numbers_and_enums_of_them_are_names(value, name):
    assert name_or_none(value) == name
    assert losses() == {}


class Prompt:
    def __str__(self):
        raise AssertionError("asked for its text")

    __repr__ = __str__

    @property
    def value(self):
        raise AssertionError("asked for its value")


class Proxy:
    """As of a framework's local objects: it says that it is a text, and is none."""

    @property
    def __class__(self):
        return str


class Odd(enum.Enum):
    ONE = 1

    @property
    def value(self):
        raise RuntimeError


NO_NAMES = [
    Prompt(), Proxy(), Odd.ONE, b"bytes", ["a"], {"a": 1}, 1.5, True, str, Feature.LIST, Feature.NOTHING, 10**200, Prompt
]  # fmt: skip


@pytest.mark.parametrize("index", range(len(NO_NAMES)))
def test_what_else_there_is_names_nothing_and_is_counted_by_its_type_only(index, caplog):
    value = NO_NAMES[index]
    assert name_or_none(value) is None
    assert losses() == {"name_not_taken": 1}
    assert caplog.messages == [f"ai_finops lost name_not_taken (1 so far): {type(value).__name__}"]


def test_a_uuid_is_a_name():
    import uuid

    journey = uuid.UUID("12345678-1234-5678-1234-567812345678")
    assert name_or_none(journey) == "12345678-1234-5678-1234-567812345678"
