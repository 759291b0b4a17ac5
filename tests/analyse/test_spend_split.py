"""Journeys and prompt versions in what moved a cost, by hand; and any day against any mean, exactly."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_finops.analyse.drivers import split_weeks
from ai_finops.analyse.factors import Usage
from ai_finops.analyse.spend import Caller, Group, Spend
from ai_finops.analyse.spend_days import divide, read_days
from ai_finops.analyse.spend_split import Driver, in_whole_micros, split
from ai_finops.errors import BuildError
from tests.analyse.test_drivers import FIRST, SCHEMA, SECOND, line, lines_of, untraced

DOLLAR = 1_000_000
GROUPS = pa.schema(
    [
        *[
            field
            for field in SCHEMA
            if field.name not in ("charge_category", "attribution", "unattributed_reason", "allocated_cost_usd")
        ],
        ("allocated_cost_usd", pa.decimal128(38, 12)),
        ("journey_name", pa.string()),
        ("prompt_version", pa.string()),
    ]
)
NAMES = ("before", "after")


def spend(*groups, feature="docs"):
    """Spend of groups (calls, tokens, dollars, journey, prompt, model)."""
    made = Spend()
    for calls, tokens, usd, journey, prompt, *model in groups:
        caller = Caller(feature, "summarize", "api", journey)
        made.usage[Group(caller, prompt, *(model or ["sonnet"]))].add(Usage(calls, tokens, round(usd * DOLLAR)))
    return made


def drivers(before, after):
    found = split(before, after, largest_unknown_ratio=0.01, names=NAMES)
    return [(cause.driver, cause.detail, float(micros) / DOLLAR) for cause, micros in found if micros]


CALLER = "docs calls pipeline summarize from api"


def test_a_journey_that_was_not_there_is_a_new_caller_and_one_that_went_a_lost_one():
    before = spend((10, 100, 10, "onboarding", ""), (10, 100, 7, "renewal", ""))
    after = spend((10, 100, 10, "onboarding", ""), (5, 50, 6, "import", ""))
    assert drivers(before, after) == [
        ("new_caller", f"{CALLER} in journey import", 6.0),
        ("lost_caller", f"{CALLER} in journey renewal", -7.0),
    ]


@pytest.mark.parametrize("is_begun", [True, False])
def test_calls_that_begin_or_cease_to_name_their_journeys_are_the_same_caller(is_begun):
    named, unnamed = spend((10, 100, 10, "onboarding", ""), (10, 100, 10, "import", "")), spend((10, 100, 10, "", ""))
    before, after = (unnamed, named) if is_begun else (named, unnamed)
    assert drivers(before, after) == [
        ("volume", "10 to 20 calls" if is_begun else "20 to 10 calls", 10.0 if is_begun else -10.0)
    ]


def test_a_journey_beside_calls_that_name_none_is_new():
    before, after = spend((10, 100, 10, "", "")), spend((10, 100, 10, "", ""), (5, 50, 5, "import", ""))
    assert drivers(before, after) == [("new_caller", f"{CALLER} in journey import", 5.0)]


def test_a_new_prompt_version_has_what_its_calls_cost_beyond_as_many_before():
    # 10 calls of $1; then 20 calls of $1.50 on a new version: 20 * 0.50, and 10 more calls of $1.
    before, after = spend((10, 100, 10, "", "v1")), spend((20, 300, 30, "", "v2"))
    assert drivers(before, after) == [
        ("new_prompt_version", f"{CALLER} with prompt v2, $1,000.00 to $1,500.00 per 1,000 calls", 10.0),
        ("volume", "10 to 20 calls", 10.0),
    ]


def test_a_new_prompt_version_of_the_same_cost_is_no_driver():
    assert drivers(spend((10, 100, 10, "", "v1")), spend((10, 100, 10, "", "v2"))) == []


def test_what_a_new_prompt_version_does_to_models_and_tokens_is_its_own():
    # Another model, more tokens: none of it is mix or tokens per call. What the old version changed is.
    before = spend((10, 1000, 10, "", "v1"))
    after = spend((5, 1000, 10, "", "v1"), (5, 5000, 20, "", "v2", "opus"))
    assert drivers(before, after) == [
        ("new_prompt_version", f"{CALLER} with prompt v2, $1,000.00 to $4,000.00 per 1,000 calls", 15.0),
        ("tokens_per_call", "100 to 150 tokens per call on sonnet", 5.0),
    ]


def test_a_prompt_version_of_one_caller_is_new_to_another():
    before = spend((10, 100, 10, "a", "v1"), (10, 100, 10, "b", "v2"))
    after = spend((10, 100, 12, "a", "v2"), (10, 100, 10, "b", "v2"))
    assert [driver for driver, *_ in drivers(before, after)] == ["new_prompt_version"]


@pytest.mark.parametrize(
    ("before", "after", "driver"),
    [
        # Calls begin to name their version: nobody can say that it is a new one.
        ([""], ["v1"], "cost_per_token"),
        (["", "v1"], ["v1", "v2"], "cost_per_token"),
        # Beside calls that name none it is.
        ([""], ["", "v1"], "new_prompt_version"),
        (["v1"], ["v1", ""], "cost_per_token"),
        (["v1"], ["v2"], "new_prompt_version"),
    ],
)
def test_a_version_is_new_where_calls_named_theirs_before(before, after, driver):
    first = spend(*((10, 100, 10, "", version) for version in before))
    # Only the last version of after is dearer; as many calls as before.
    count = 10 * len(before) // len(after)
    second = spend(
        *((count, 10 * count, count * (2 if n == len(after) - 1 else 1), "", v) for n, v in enumerate(after))
    )
    assert [name for name, *_ in drivers(first, second)] == [driver]


def test_a_broken_mean_is_said_with_a_decimal():
    mean = spend((3, 30, 3, "", ""), feature="docs").times(Fraction(1, 2))
    assert drivers(mean, spend((3, 30, 3, "", ""))) == [("volume", "1.5 to 3 calls", 1.5)]


def test_drivers_that_do_not_add_up_stop_the_build():
    parts = [(Driver("docs", "volume", "d"), Fraction(3, 2))]
    assert in_whole_micros(parts, total=2) == {Driver("docs", "volume", "d"): 2}
    assert in_whole_micros([], total=0) == {}
    with pytest.raises(BuildError, match=r"drivers of docs add up to 0\.000002 USD and not to 0\.000004"):
        in_whole_micros(parts, total=4)
    with pytest.raises(BuildError, match=r"drivers of nobody add up to 0\.000000 USD and not to 0\.000001"):
        in_whole_micros([], total=1)


@pytest.mark.parametrize(
    ("total", "weighings", "parts"),
    [
        (10, ([1, 1, 1],), [4, 3, 3]),
        (10, ([2, 1, 2],), [4, 2, 4]),
        (3, ([1, 2],), [1, 2]),
        (10, ([0, 0], [1, 3]), [3, 7]),
        (10, ([-1, 3], [1, 1]), [5, 5]),
        (10, ([0, 0], [0, 0]), [10, 0]),
        (-10, ([1, 4],), [-2, -8]),
        (0, ([1, 4],), [0, 0]),
    ],
)
def test_a_whole_number_is_divided_by_the_first_weights_that_can_weigh(total, weighings, parts):
    assert divide(total, *weighings) == parts


def group(day, feature, cost, *, calls=10, tokens=1000, journey=None, prompt=None, **changes):
    """One row of call groups."""
    whole = line(day, feature, cost, calls=calls, tokens=tokens, **changes)
    row = {name: whole[name] for name in GROUPS.names if name in whole}
    return row | {"journey_name": journey, "prompt_version": prompt}


def usage_of(allocated, groups):
    days = read_days(pa.Table.from_pylist(allocated, schema=SCHEMA), pa.Table.from_pylist(groups, schema=GROUPS))
    return {
        (day, group.caller.journey_name, group.prompt_version): (usage.call_count, usage.token_count, usage.cost_micros)
        for day, features in days.items()
        for made in features.values()
        for group, usage in made.usage.items()
    }


def test_a_cost_is_divided_as_its_calls_say_and_adds_up_to_what_is_allocated():
    groups = [
        group(FIRST, "docs", "2.0000004", calls=6, tokens=600, journey="a", prompt="v1"),
        group(FIRST, "docs", "1.0000004", calls=4, tokens=400, journey="b", prompt="v2"),
    ]
    # The calls' own cents do not end: rounded they would be a micro-dollar less than what is allocated.
    assert usage_of([line(FIRST, "docs", "3.000001")], groups) == {
        (FIRST, "a", "v1"): (6, 600, 2_000_001),
        (FIRST, "b", "v2"): (4, 400, 1_000_000),
    }


def test_a_batch_is_divided_on_the_day_of_its_bill_as_its_calls_were():
    groups = [
        group(FIRST, "docs", 3, calls=6, tokens=600, journey="a"),
        group(FIRST, "docs", 1, calls=4, tokens=400, journey="b"),
    ]
    billed = line(FIRST + timedelta(days=1), "docs", 8, calls=0, tokens=1000)
    assert usage_of([line(FIRST, "docs", 0, tokens=0), billed], groups) == {
        (FIRST, "a", ""): (6, 0, 0),
        (FIRST, "b", ""): (4, 0, 0),
        (FIRST + timedelta(days=1), "a", ""): (0, 600, 6 * DOLLAR),
        (FIRST + timedelta(days=1), "b", ""): (0, 400, 2 * DOLLAR),
    }
    late = billed | {"usage_date": FIRST + timedelta(days=8)}
    assert usage_of([late], groups) == {(FIRST + timedelta(days=8), "", ""): (0, 1000, 8 * DOLLAR)}


def test_calls_of_unknown_cost_are_those_of_their_journey():
    groups = [
        group(FIRST, "docs", 4, calls=5, tokens=500, journey="a"),
        group(FIRST, "docs", None, calls=5, tokens=500, unknown=(5, 500), journey="b"),
    ]
    allocated = pa.Table.from_pylist([line(FIRST, "docs", 4, unknown=(5, 500))], schema=SCHEMA)
    counts = read_days(allocated, pa.Table.from_pylist(groups, schema=GROUPS))[FIRST]["docs"].counts
    assert {part.journey_name: (of.unknown_call_count, of.unknown_token_count) for part, of in counts.items()} == {
        "a": (0, 0),
        "b": (5, 500),
    }


def test_the_weekly_drivers_tell_journeys_and_prompt_versions_apart():
    allocated = [line(FIRST, "docs", 10), line(SECOND, "docs", 25, calls=15, tokens=1500)]
    groups = [
        group(FIRST, "docs", 10, journey="a", prompt="v1"),
        group(SECOND, "docs", 15, journey="a", prompt="v2"),
        group(SECOND, "docs", 10, calls=5, tokens=500, journey="b", prompt="v1"),
    ]
    found = split_weeks(
        pa.Table.from_pylist(allocated, schema=SCHEMA),
        largest_unknown_ratio=0.01,
        call_groups=pa.Table.from_pylist(groups, schema=GROUPS),
    ).to_pylist()
    assert [(row["driver"], row["contribution_cost_usd"]) for row in found] == [
        ("new_caller", 10),
        ("new_prompt_version", 5),
    ]
    assert found[0]["detail"] == "docs calls pipeline summarize from docs-api in journey b"


groups_of = st.builds(
    group,
    st.integers(0, 20).map(lambda offset: FIRST + timedelta(days=offset)),
    st.sampled_from(["docs", "batch", "chat"]),
    st.decimals(-5, 500, places=6),
    calls=st.integers(1, 2000),
    tokens=st.integers(0, 10**6),
    model=st.sampled_from(["sonnet", "haiku", "rerank"]),
    pipeline=st.sampled_from(["summarize", "answer"]),
    journey=st.sampled_from([None, "onboarding", "import"]),
    prompt=st.sampled_from([None, "v1", "v2"]),
    unknown=st.sampled_from([(0, 0), (1, 500)]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines_of, max_size=40), st.lists(groups_of, max_size=40))
def test_weekly_drivers_add_up_whatever_the_calls_say(lines, groups):
    spent = defaultdict(Decimal)
    for row in lines:
        spent[row["usage_date"] - timedelta(days=row["usage_date"].weekday())] += row["allocated_cost_usd"]
    found = defaultdict(Decimal)
    tables = (pa.Table.from_pylist(lines, schema=SCHEMA), pa.Table.from_pylist(groups, schema=GROUPS))
    result = split_weeks(tables[0], largest_unknown_ratio=0.01, call_groups=tables[1]).to_pylist()
    for row in result:
        found[row["week_start_date"]] += row["contribution_cost_usd"]
    for monday, cost in spent.items():
        if (before := spent.get(monday - timedelta(days=7))) is not None:
            assert found.get(monday, 0) == cost - before
    keys = [(row["week_start_date"], row["feature_id"], row["driver"], row["detail"]) for row in result]
    assert keys == sorted(set(keys))


def test_usage_without_a_caller_is_told_apart_in_a_mean_too():
    days = read_days(pa.Table.from_pylist([untraced(FIRST, "x", 5, attribution="tag")], schema=SCHEMA))
    mean = days[FIRST]["x"].times(Fraction(1, 3))
    found = list(split(mean, days[FIRST]["x"], largest_unknown_ratio=0.01, names=NAMES))
    assert found == [(Driver("x", "untraced_usage", "owned by its tag on the bill"), Fraction(10 * DOLLAR, 3))]
