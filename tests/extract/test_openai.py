"""Landing OpenAI's usage and costs, against a stand-in over HTTP that enforces the documented rules."""

import json
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from ai_finops import extract
from ai_finops.errors import LakeError, SourceBroken, SourceForbidden, SourceUnavailable
from ai_finops.extract import openai, reports
from ai_finops.extract.http_api import ApiAccount, JsonApi
from tests.extract.api_server import json_answer
from tests.extract.openai_stand_in import GROUPS, KEY, completion, cost, openai_stand_in, seconds
from tests.extract.stand_in import HOST, Answer

DAY, AS_OF = date(2025, 6, 4), date(2025, 6, 5)
BEFORE, FIRST = date(2025, 6, 3), date(2025, 6, 2)
COMPLETIONS = "usage/completions"
READ = [name for name in GROUPS if name != "usage/moderations"]
"""All endpoints but the one that costs nothing."""


@pytest.fixture
def organisation(monkeypatch):
    monkeypatch.setenv("NO_PROXY", HOST)
    with openai_stand_in() as running:
        yield running


@pytest.fixture
def api(organisation):
    account = ApiAccount("OpenAI", organisation.server.endpoint, "openai_admin", "Authorization", KEY, "Bearer ")
    api = JsonApi(account, sleep=lambda _: None)
    yield api
    api.close()


@pytest.fixture
def land(settings, lake, api):
    def land(day=DAY, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": {"openai": api}, "as_of": day + timedelta(days=1)}
        return openai.land(day, **arguments | changes)

    return land


def rows(lake, table, day=DAY):
    version = lake.current_version("openai", str(day))
    return pq.read_table(version.file(table), partitioning=None).to_pylist()


def said(row, *names):
    return tuple(row[name] for name in names)


def test_three_days_each_in_its_partition(organisation, land, lake):
    organisation.add(COMPLETIONS, DAY, completion(), completion(model="gpt-4o"))
    organisation.add("costs", BEFORE, cost())
    organisation.add("costs", date(2025, 6, 1), cost())
    organisation.add("costs", AS_OF, cost())
    outcome = land()
    assert (outcome.status, outcome.read_count, outcome.loaded_count) == ("loaded", 3, 3)
    assert outcome.partitions == ("2025-06-02", "2025-06-03", "2025-06-04") == tuple(lake.current("openai"))
    assert [len(rows(lake, "usage_buckets", day)) for day in (FIRST, BEFORE, DAY)] == [0, 0, 2]
    assert [len(rows(lake, "cost_buckets", day)) for day in (FIRST, BEFORE, DAY)] == [0, 1, 0]


def test_contiguous_days_are_one_call_an_endpoint(organisation, land, api):
    outcome = land()
    assert outcome.api_call_count == len(READ) == len(organisation.server.requests) == api.call_count
    assert {request.path.removeprefix("/v1/organization/") for request in organisation.server.requests} == set(READ)


def test_what_is_asked_for(organisation, land):
    land()
    (request,) = organisation.calls(COMPLETIONS)
    assert dict(pair for pair in request.query if pair[0] != "group_by[]") == {
        "start_time": str(seconds(FIRST)),
        "end_time": str(seconds(AS_OF)),
        "bucket_width": "1d",
        "limit": "3",
    }
    assert request.values("group_by") == ["project_id", "api_key_id", "model", "batch", "service_tier"]
    assert organisation.calls("costs")[0].values("group_by") == ["project_id", "line_item", "api_key_id"]


def test_nobody_is_grouped_by_who_they_are(organisation, land):
    land()
    assert not [request for request in organisation.server.requests if "user_id" in request.values("group_by")]


def test_a_completion_in_disjoint_classes(organisation, land, lake):
    organisation.add(COMPLETIONS, DAY, completion(batch=True, service_tier="flex"))
    land()
    (row,) = rows(lake, "usage_buckets")
    assert row == {
        "usage_date": DAY,
        "usage_type": "completions",
        "project_id": "proj_search",
        "api_key_id": "key_1",
        "model": "gpt-5-2025-08-07",
        "is_batch": True,
        "service_tier": "flex",
        "image_size": None,
        "image_source": None,
        "vector_store_id": None,
        "search_context_size": None,
        "request_count": 5,
        "said_input_tokens": 1000,
        "uncached_input_tokens": 150,
        "cache_read_input_tokens": 800,
        "cache_write_input_tokens": 50,
        "output_tokens": 500,
        "input_text_tokens": 140,
        "input_audio_tokens": 10,
        "input_image_tokens": 0,
        "input_cached_text_tokens": 700,
        "input_cached_audio_tokens": 60,
        "input_cached_image_tokens": 40,
        "output_text_tokens": 480,
        "output_audio_tokens": 20,
        "output_image_tokens": 0,
        "usage_quantity": None,
        "usage_unit": None,
        "object_key": "usage/completions/2025-06-04/page-1",
        "landing_date": DAY,
    }


def without(result, *names):
    return {name: value for name, value in result.items() if name not in names}


@pytest.mark.parametrize(
    ("result", "classes"),
    [
        (without(completion(), "input_uncached_tokens"), (1000, 150, 800, 50)),
        (without(completion(), "input_uncached_tokens", "input_cache_write_tokens"), (1000, 200, 800, None)),
        (without(completion(), "input_uncached_tokens", "input_cached_tokens"), (1000, None, None, 50)),
        (without(completion(), "input_tokens"), (None, 150, 800, 50)),
        (
            without(completion(input_cached_tokens=1000, input_cache_write_tokens=0), "input_uncached_tokens"),
            (1000, 0, 1000, 0),
        ),
        (
            completion(input_tokens=0, input_uncached_tokens=0, input_cached_tokens=0, input_cache_write_tokens=0),
            (0, 0, 0, 0),
        ),
    ],
    ids=["older", "oldest", "nothing said of the cache", "classes alone", "all cached", "none"],
)
def test_input_in_every_form_it_was_ever_said(organisation, land, lake, result, classes):
    organisation.add(COMPLETIONS, DAY, result)
    land()
    (row,) = rows(lake, "usage_buckets")
    names = ("said_input_tokens", "uncached_input_tokens", "cache_read_input_tokens", "cache_write_input_tokens")
    assert said(row, *names) == classes


def test_more_cached_than_there_is_stops_the_landing(organisation, land, lake):
    organisation.add(COMPLETIONS, DAY, without(completion(input_tokens=849), "input_uncached_tokens"))
    with pytest.raises(SourceBroken, match=r"more cached input tokens than input tokens \(800 and 50 of 849\)"):
        land()
    assert lake.current("openai") == {}


@pytest.mark.parametrize(
    ("name", "result", "expected"),
    [
        (
            "usage/embeddings",
            {"input_tokens": 70, "num_model_requests": 2, "model": "text-embedding-3-small"},
            {
                "model": "text-embedding-3-small",
                "uncached_input_tokens": 70,
                "said_input_tokens": 70,
                "request_count": 2,
            },
        ),
        (
            "usage/images",
            {"images": 3, "num_model_requests": 2, "size": "1024x1024", "source": "image.edit", "model": "m"},
            {"usage_quantity": 3, "usage_unit": "images", "image_size": "1024x1024", "image_source": "image.edit"},
        ),
        (
            "usage/audio_speeches",
            {"characters": 45, "num_model_requests": 1, "model": "tts-1"},
            {"usage_quantity": 45, "usage_unit": "characters", "model": "tts-1", "request_count": 1},
        ),
        (
            "usage/audio_transcriptions",
            {"seconds": 20.5, "num_model_requests": 1, "model": "whisper-1"},
            {"usage_quantity": Decimal("20.5"), "usage_unit": "seconds", "request_count": 1},
        ),
        (
            "usage/vector_stores",
            {"usage_bytes": 1024, "project_id": "p"},
            {"usage_quantity": 1024, "usage_unit": "bytes", "project_id": "p", "request_count": None},
        ),
        (
            "usage/code_interpreter_sessions",
            {"num_sessions": 4, "project_id": "p"},
            {"usage_quantity": 4, "usage_unit": "sessions", "project_id": "p"},
        ),
        (
            "usage/file_search_calls",
            {"num_requests": 6, "vector_store_id": "vs_1", "api_key_id": "key_1"},
            {"usage_quantity": 6, "usage_unit": "calls", "vector_store_id": "vs_1", "api_key_id": "key_1"},
        ),
        (
            "usage/web_search_calls",
            {"num_requests": 138, "num_model_requests": 8, "context_level": "medium", "model": "gpt-5"},
            {"usage_quantity": 138, "usage_unit": "calls", "request_count": 8, "search_context_size": "medium"},
        ),
    ],
)
def test_each_type_of_usage_with_its_keys_and_its_unit(organisation, land, lake, name, result, expected):
    organisation.add(name, DAY, result)
    land()
    (row,) = rows(lake, "usage_buckets")
    assert row["usage_type"] == name.removeprefix("usage/")
    assert {column: row[column] for column in expected} == expected
    assert row["output_tokens"] is None


def test_a_cost_is_exact_and_its_digits_are_kept(organisation, land, lake):
    organisation.add(
        "costs",
        DAY,
        cost(line_item="a", value="0.8958740000000000"),
        cost(line_item="b", value=0.1),
        cost(line_item="c", value="0.13080438340307526"),
        cost(line_item="d", value=-5),
        cost(line_item="e", value="0E-6176"),
        cost(line_item=None, value=0.06, quantity=None, quantity_unit=None, api_key_id=None, project_id=None),
    )
    land()
    found = {row["line_item"]: said(row, "amount", "said_amount") for row in rows(lake, "cost_buckets")}
    assert found == {
        "a": (Decimal("0.895874"), "0.8958740000000000"),
        "b": (Decimal("0.1"), "0.1"),
        "c": (Decimal("0.130804383403"), "0.13080438340307526"),
        "d": (Decimal(-5), "-5"),
        "e": (Decimal(0), "0E-6176"),
        None: (Decimal("0.06"), "0.06"),
    }
    first, last = rows(lake, "cost_buckets")[0], next(r for r in rows(lake, "cost_buckets") if r["line_item"] is None)
    names = ("project_id", "api_key_id", "quantity", "quantity_unit", "currency_code", "object_key")
    assert said(first, *names) == ("proj_search", "key_1", 150, "tokens", "USD", "costs/2025-06-04/page-1")
    assert said(last, *names) == (None, None, None, None, "USD", "costs/2025-06-04/page-1")


def test_two_results_with_the_same_keys_are_two_rows(organisation, land, lake):
    organisation.add(COMPLETIONS, DAY, completion(num_model_requests=8), completion(num_model_requests=1), completion())
    assert land().loaded_count == 3
    assert sorted(row["request_count"] for row in rows(lake, "usage_buckets")) == [1, 5, 8]


@pytest.mark.parametrize(
    ("name", "result", "field"),
    [
        (COMPLETIONS, without(completion(), "output_tokens"), "output_tokens"),
        (COMPLETIONS, without(completion(), "num_model_requests"), "num_model_requests"),
        (COMPLETIONS, without(completion(), "input_tokens", "input_uncached_tokens"), "input_tokens"),
        ("usage/embeddings", {"num_model_requests": 1}, "input_tokens"),
        ("usage/images", {"num_model_requests": 1}, "images"),
        ("usage/web_search_calls", {"num_model_requests": 1}, "num_requests"),
        ("costs", without(cost(), "amount"), "amount"),
        ("costs", cost() | {"amount": {"currency": "usd"}}, "amount.value"),
        ("costs", cost() | {"amount": {"value": 1}}, "amount.currency"),
    ],
)
def test_a_missing_field_is_named_and_nothing_is_written(organisation, land, lake, name, result, field):
    organisation.add(COMPLETIONS, BEFORE, completion())
    land(BEFORE)
    before = lake.current("openai")
    organisation.add(COMPLETIONS, FIRST, completion())
    organisation.add(name, DAY, result)
    with pytest.raises(SourceBroken, match=f"^OpenAI {name} 2025-06-04, result 1: the field {field} is missing"):
        land()
    assert lake.current("openai") == before


def test_a_negative_quantity_stops_the_landing(organisation, land):
    organisation.add("usage/images", DAY, {"images": -1, "num_model_requests": 1})
    with pytest.raises(SourceBroken, match=r"the field images is negative"):
        land()


def test_fields_that_nobody_knows_are_counted_by_name_and_do_no_harm(organisation, land, lake):
    organisation.add(COMPLETIONS, DAY, completion(api_source=None, surprise=1), completion(surprise=2, model="m"))
    organisation.add("costs", DAY, cost() | {"amount": {"value": 1, "currency": "usd", "tax": 0}})
    assert land().loaded_count == 3
    found = {said(row, "report", "field_name", "result_count") for row in rows(lake, "unread_fields")}
    assert found == {
        (COMPLETIONS, "surprise", 2),
        (COMPLETIONS, "api_source", 1),
        ("costs", "amount.tax", 1),
    }


def test_all_pages_are_followed(organisation, settings, land, lake):
    organisation.days_per_page = 2
    for number in range(5):
        organisation.add("costs", DAY - timedelta(days=number), cost(value=number))
    outcome = land(settings=replace(settings, openai_days_read=5))
    assert outcome.loaded_count == 5
    assert outcome.api_call_count == 3 * len(READ)
    days = [DAY - timedelta(days=number) for number in range(5)]
    assert [said(rows(lake, "cost_buckets", day)[0], "amount") for day in days] == [(number,) for number in range(5)]


def test_more_days_than_a_page_may_have(organisation, settings, land, lake):
    organisation.add(COMPLETIONS, DAY - timedelta(days=39), completion())
    outcome = land(settings=replace(settings, openai_days_read=40))
    assert outcome.loaded_count == 1
    assert [request.value("limit") for request in organisation.calls(COMPLETIONS)] == ["31", "31"]
    assert [request.value("limit") for request in organisation.calls("costs")] == ["40"]
    assert len(outcome.partitions) == 40


def objects(lake, day=DAY):
    return {row["object_key"]: row for row in rows(lake, "objects", day)}


def test_every_page_has_an_account(organisation, land, lake):
    organisation.add("costs", DAY, cost(), cost(line_item="x"))
    outcome = land()
    found = objects(lake)
    assert set(found) == {f"{name}/2025-06-04/page-1" for name in READ}
    names = ("read_count", "loaded_count", "duplicate_count", "reason")
    assert said(found["costs/2025-06-04/page-1"], *names) == (2, 2, 0, None)
    bodies = [row["bytes_read"] for day in (FIRST, BEFORE, DAY) for row in objects(lake, day).values()]
    assert sum(bodies) == outcome.bytes_read == organisation.server.sent_bytes


def bucket(day, *results):
    return {"start_time": seconds(day), "end_time": seconds(day + timedelta(days=1)), "results": list(results)}


@pytest.fixture
def costs_say(organisation, settings, land):
    """Let costs answer with these pages, for one day."""

    def costs_say(*pages):
        plain, told = organisation.answer, list(pages)
        organisation.server.answer = lambda request: (
            json_answer(told.pop(0)) if request.path.endswith("/costs") else plain(request)
        )
        return land(settings=replace(settings, openai_days_read=1))

    return costs_say


def test_a_day_may_go_on_on_the_next_page(costs_say, lake):
    outcome = costs_say(
        {"data": [bucket(DAY, cost(1))], "has_more": True, "next_page": "p2"},
        {"data": [bucket(DAY, cost(2))], "has_more": False, "next_page": None},
    )
    assert (outcome.read_count, outcome.loaded_count, outcome.duplicate_count) == (2, 2, 0)
    assert [said(row, "amount", "object_key") for row in rows(lake, "cost_buckets")] == [
        (1, "costs/2025-06-04/page-1"),
        (2, "costs/2025-06-04/page-2"),
    ]


def test_a_bucket_that_comes_twice_counts_once(costs_say, lake):
    outcome = costs_say(
        {"data": [bucket(DAY, cost(1), cost(2))], "has_more": True, "next_page": "p2"},
        {"data": [bucket(DAY, cost(1), cost(2))], "has_more": False},
    )
    assert (outcome.read_count, outcome.loaded_count, outcome.duplicate_count) == (4, 2, 2)
    assert len(rows(lake, "cost_buckets")) == 2
    assert objects(lake)["costs/2025-06-04/page-2"]["reason"] == "the same bucket came before"


def test_days_that_were_not_asked_for_are_not_landed(costs_say, lake):
    page = {"data": [bucket(BEFORE, cost(1)), bucket(DAY, cost(2)), bucket(AS_OF, cost(3))], "has_more": False}
    assert costs_say(page).loaded_count == 1
    assert [row["amount"] for row in rows(lake, "cost_buckets")] == [2]


def test_without_has_more_the_next_page_decides(costs_say):
    assert costs_say({"data": [bucket(DAY)], "next_page": "p2"}, {"data": [bucket(DAY, cost())]}).loaded_count == 1


def test_the_last_page_may_name_a_next_one(costs_say):
    assert costs_say({"data": [bucket(DAY, cost())], "has_more": False, "next_page": "p2"}).loaded_count == 1


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ([{"data": [], "has_more": True}], "the field next_page is missing"),
        ([{"data": [], "has_more": True, "next_page": "p"}] * 2, "its pages go in circles"),
        ([{"has_more": False}], "the field data is missing"),
        ([{"data": {}, "has_more": False}], "the field data is no list"),
        ([{"data": [7], "has_more": False}], "a bucket: it is no object"),
        (
            [{"data": [bucket(DAY) | {"end_time": seconds(DAY) + 3600}]}],
            "a bucket is no UTC day: 2025-06-04 00:00:00.00:00 to",
        ),
        ([{"data": [bucket(DAY) | {"start_time": seconds(DAY) + 1, "end_time": seconds(AS_OF) + 1}]}], "is no UTC day"),
        ([{"data": [bucket(DAY) | {"start_time": 10**15}]}], "a bucket is of no time"),
        ([{"data": [without(bucket(DAY), "start_time")]}], "the field start_time is missing"),
        ([{"data": [without(bucket(DAY), "results")]}], "the field results is missing"),
        ([{"data": [bucket(DAY, "x")]}], " 2025-06-04, result 1: it is no object"),
    ],
)
def test_a_page_that_is_not_as_documented_is_refused(costs_say, lake, pages, why):
    with pytest.raises(SourceBroken, match=f"^OpenAI costs.*{why}"):
        costs_say(*pages)
    assert lake.current("openai") == {}


def test_pages_without_end_are_left(costs_say, monkeypatch):
    monkeypatch.setattr(reports, "MOST_PAGES", 3)
    pages = [{"data": [], "has_more": True, "next_page": f"p{number}"} for number in range(4)]
    with pytest.raises(SourceBroken, match="its pages go in circles"):
        costs_say(*pages)


def test_a_day_without_a_bucket_is_empty_and_says_so(organisation, land, lake):
    organisation.silent_days = {DAY}
    organisation.add("costs", BEFORE, cost())
    assert land().status == "empty"
    assert objects(lake)["costs/2025-06-04/page-1"]["reason"] == "the answer has no bucket of this day"
    assert objects(lake, BEFORE)["costs/2025-06-03/page-1"]["reason"] is None


def test_nothing_used_is_empty_whatever_the_days_before_brought(organisation, land):
    organisation.add("costs", BEFORE, cost())
    outcome = land()
    assert (outcome.status, outcome.loaded_count) == ("empty", 1)
    organisation.add(COMPLETIONS, DAY, completion())
    assert land().status == "loaded"


def test_the_same_answer_is_the_same_version_also_from_another_day(organisation, land, lake):
    organisation.add(COMPLETIONS, DAY, completion(model="b"), completion(model="a"))
    organisation.add("costs", DAY, cost())
    land()
    versions = lake.current("openai")
    land()
    organisation.results[COMPLETIONS][DAY].reverse()
    land(AS_OF)
    assert {key: lake.current("openai")[key] for key in versions} == versions


def test_a_cost_that_changes_later_changes_its_day_and_no_other(organisation, land, lake):
    for day in (FIRST, BEFORE, DAY):
        organisation.add("costs", day, cost(1))
    land()
    organisation.results["costs"][BEFORE] = [cost("1.5")]
    land(AS_OF)
    numbers = {key: version.number for key, version in lake.current("openai").items()}
    assert numbers == {"2025-06-02": 1, "2025-06-03": 2, "2025-06-04": 1, "2025-06-05": 1}
    assert [row["amount"] for row in rows(lake, "cost_buckets", BEFORE)] == [Decimal("1.5")]


@pytest.mark.parametrize(("name", "table"), [(COMPLETIONS, "usage_buckets"), ("costs", "cost_buckets")])
def test_from_rows_to_none_only_when_allowed(organisation, land, lake, name, table):
    organisation.add(COMPLETIONS, DAY, completion())
    organisation.add("costs", DAY, cost())
    organisation.add("costs", BEFORE, cost(1))
    land()
    before = lake.current("openai")
    organisation.results[name].pop(DAY)
    organisation.results["costs"][BEFORE] = [cost(2)]
    with pytest.raises(SourceBroken, match="openai 2025-06-04 had 1 rows and the source now gives none"):
        land()
    assert lake.current("openai") == before
    land(allow_empty=True)
    assert rows(lake, table) == []


def test_a_refused_key_names_the_connection(organisation, land, lake, api, settings):
    other = JsonApi(replace(api.account, key="sk-other-PLANTED"))
    with pytest.raises(
        SourceForbidden, match=r"\(401\); put an admin key .* Airflow connection openai_admin$"
    ) as refused:
        land(clients={"openai": other})
    assert "PLANTED" not in str(refused.value)
    assert lake.current("openai") == {}


def test_a_landing_finds_its_key_in_the_connection(organisation, settings, monkeypatch, lake):
    connection = {"conn_type": "http", "password": KEY, "host": organisation.server.endpoint}
    monkeypatch.setenv("AIRFLOW_CONN_OPENAI_ADMIN", json.dumps(connection))
    organisation.add("costs", DAY, cost())
    assert extract.land("openai", DAY, settings=settings, as_of=AS_OF).loaded_count == 1
    monkeypatch.delenv("AIRFLOW_CONN_OPENAI_ADMIN")
    with pytest.raises(SourceForbidden, match="there is no Airflow connection openai_admin"):
        extract.land("openai", DAY, settings=settings, as_of=AS_OF)
    assert len(rows(lake, "cost_buckets")) == 1


def test_a_rate_limit_is_waited_for(organisation, land):
    organisation.add("costs", DAY, cost())
    organisation.server.first = [None, Answer(429, headers={"Retry-After": "1"}), Answer(500)]
    outcome = land()
    assert outcome.loaded_count == 1
    assert outcome.api_call_count == len(READ) + 2


def test_a_dead_endpoint_leaves_the_old_partitions(organisation, land, lake):
    organisation.add(COMPLETIONS, DAY, completion())
    land()
    before = lake.current("openai")
    organisation.add(COMPLETIONS, DAY, completion(model="new"))
    plain = organisation.answer
    organisation.server.answer = lambda request: Answer(503) if request.path.endswith("/costs") else plain(request)
    with pytest.raises(SourceUnavailable, match="OpenAI /v1/organization/costs: answered 503, 5 times"):
        land()
    assert lake.current("openai") == before


def test_a_lake_that_cannot_be_written_is_said(organisation, land, lake):
    lake.root.mkdir(parents=True)
    (lake.root / "data").write_text("in the way")
    with pytest.raises(LakeError, match="openai 2025-06-02"):
        land()
