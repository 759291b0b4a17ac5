"""Landing Anthropic's usage and costs, against a stand-in over HTTP that enforces the documented rules."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from ai_finops.errors import SourceBroken, SourceError, SourceForbidden
from ai_finops.extract import anthropic
from ai_finops.extract.http_api import ApiAccount, JsonApi
from tests.extract.anthropic_stand_in import KEY, anthropic_stand_in, cost, messages
from tests.extract.api_server import json_answer
from tests.extract.stand_in import HOST, Answer

DAY, AS_OF = date(2025, 6, 4), date(2025, 6, 5)
BEFORE, FIRST = date(2025, 6, 3), date(2025, 6, 2)
MESSAGES, COSTS = "usage_report/messages", "cost_report"


@pytest.fixture
def organisation(monkeypatch):
    monkeypatch.setenv("NO_PROXY", HOST)
    with anthropic_stand_in() as running:
        yield running


@pytest.fixture
def api(organisation):
    version = {"anthropic-version": "2023-06-01"}
    account = ApiAccount(
        "Anthropic", organisation.server.endpoint, "anthropic_admin", "x-api-key", KEY, headers=version
    )
    api = JsonApi(account, sleep=lambda _: None)
    yield api
    api.close()


@pytest.fixture
def land(settings, lake, api):
    def land(day=DAY, **changes):
        arguments = {
            "settings": settings,
            "lake": lake,
            "clients": {"anthropic": api},
            "as_of": day + timedelta(days=1),
        }
        return anthropic.land(day, **arguments | changes)

    return land


def rows(lake, table, day=DAY):
    version = lake.current_version("anthropic", str(day))
    return pq.read_table(version.file(table), partitioning=None).to_pylist()


def without(result, *names):
    return {name: value for name, value in result.items() if name not in names}


def test_three_days_each_in_its_partition(organisation, land, lake):
    organisation.add(MESSAGES, DAY, messages(), messages(model="m"))
    organisation.add(COSTS, FIRST, cost())
    for outside in (date(2025, 6, 1), AS_OF):
        organisation.add(COSTS, outside, cost())
    outcome = land()
    assert (outcome.status, outcome.read_count, outcome.loaded_count, outcome.api_call_count) == ("loaded", 3, 3, 2)
    assert outcome.partitions == ("2025-06-02", "2025-06-03", "2025-06-04") == tuple(lake.current("anthropic"))
    assert [len(rows(lake, "usage_buckets", day)) for day in (FIRST, BEFORE, DAY)] == [0, 0, 2]
    assert [len(rows(lake, "cost_buckets", day)) for day in (FIRST, BEFORE, DAY)] == [1, 0, 0]


def test_what_is_asked_for(organisation, land):
    land()
    (request,) = organisation.calls(MESSAGES)
    assert dict(pair for pair in request.query if pair[0] != "group_by[]") == {
        "starting_at": "2025-06-02T00:00:00Z",
        "ending_at": "2025-06-05T00:00:00Z",
        "bucket_width": "1d",
        "limit": "3",
    }
    assert set(request.values("group_by")) == {
        *("workspace_id", "api_key_id", "model", "service_tier", "context_window", "inference_geo")
    }
    assert set(organisation.calls(COSTS)[0].values("group_by")) == {"workspace_id", "description"}


def test_tokens_in_disjoint_classes(organisation, land, lake):
    organisation.add(MESSAGES, DAY, messages())
    land()
    assert rows(lake, "usage_buckets") == [
        {
            "usage_date": DAY,
            "workspace_id": "wrkspc_1",
            "api_key_id": "apikey_1",
            "model": "claude-sonnet-4-20250514",
            "service_tier": "standard",
            "context_window": "0-200k",
            "inference_geo": "global",
            "uncached_input_tokens": 1500,
            "cache_read_input_tokens": 200,
            "cache_write_5m_input_tokens": 500,
            "cache_write_1h_input_tokens": 1000,
            "output_tokens": 700,
            "web_search_request_count": 10,
            "object_key": "usage_report/messages/2025-06-04/page-1",
            "landing_date": DAY,
        }
    ]


def test_the_dotted_names_of_cache_writes_are_read_too(organisation, land, lake):
    dotted = {"cache_creation.ephemeral_5m_input_tokens": 7, "cache_creation.ephemeral_1h_input_tokens": "8"}
    organisation.add(MESSAGES, DAY, without(messages(), "cache_creation") | dotted)
    organisation.add(MESSAGES, BEFORE, messages(cache_creation=None) | dotted)
    land()
    for day in (BEFORE, DAY):
        (row,) = rows(lake, "usage_buckets", day)
        assert (row["cache_write_5m_input_tokens"], row["cache_write_1h_input_tokens"]) == (7, 8)
        assert rows(lake, "unread_fields", day) == []


@pytest.mark.parametrize("result", [without(messages(), "server_tool_use"), messages(server_tool_use=None)])
def test_no_server_tools_said_is_not_zero(organisation, land, lake, result):
    organisation.add(MESSAGES, DAY, result)
    land()
    assert rows(lake, "usage_buckets")[0]["web_search_request_count"] is None


def test_the_default_workspace_and_the_console_have_no_id(organisation, land, lake):
    organisation.add(MESSAGES, DAY, messages(workspace_id=None, api_key_id=None))
    land()
    (row,) = rows(lake, "usage_buckets")
    assert (row["workspace_id"], row["api_key_id"]) == (None, None)


def test_cents_become_dollars_exactly(organisation, land, lake):
    organisation.add(
        COSTS,
        DAY,
        cost("123.78912", description="a"),
        cost("0.1", description="b"),
        cost("-250", description="c"),
        cost("0", description="d"),
        cost(12345, description="e"),
        cost("0.00000000015", description="f"),
    )
    land()
    found = {row["description"]: (row["amount_usd"], row["said_amount_cents"]) for row in rows(lake, "cost_buckets")}
    assert found == {
        "a": (Decimal("1.2378912"), "123.78912"),
        "b": (Decimal("0.001"), "0.1"),
        "c": (Decimal("-2.5"), "-250"),
        "d": (Decimal(0), "0"),
        "e": (Decimal("123.45"), "12345"),
        "f": (Decimal("0.000000000002"), "0.00000000015"),
    }


def test_a_cost_with_all_that_is_said_of_it(organisation, land, lake):
    organisation.add(COSTS, DAY, cost(inference_geo="us"), cost(cost_type="web_search", model=None, token_type=None))
    land()
    first = next(row for row in rows(lake, "cost_buckets") if row["cost_type"] == "tokens")
    assert first == {
        "usage_date": DAY,
        "workspace_id": "wrkspc_1",
        "description": "Claude Sonnet 4 Usage - Input Tokens",
        "cost_type": "tokens",
        "model": "claude-sonnet-4-20250514",
        "token_type": "uncached_input_tokens",
        "service_tier": "standard",
        "context_window": "0-200k",
        "inference_geo": "us",
        "amount_usd": Decimal("1.2378912"),
        "said_amount_cents": "123.78912",
        "currency_code": "USD",
        "object_key": "cost_report/2025-06-04/page-1",
        "landing_date": DAY,
    }


def test_a_currency_whose_lowest_unit_is_not_known_is_refused(organisation, land, lake):
    organisation.add(COSTS, DAY, cost(currency="JPY"))
    with pytest.raises(SourceBroken, match="Anthropic cost_report 2025-06-04, result 1: amounts are in JPY"):
        land()
    assert lake.current("anthropic") == {}


@pytest.mark.parametrize(
    ("name", "result", "field"),
    [
        (MESSAGES, without(messages(), "uncached_input_tokens"), "uncached_input_tokens"),
        (MESSAGES, without(messages(), "output_tokens"), "output_tokens"),
        (MESSAGES, without(messages(), "cache_read_input_tokens"), "cache_read_input_tokens"),
        (MESSAGES, without(messages(), "cache_creation"), "cache_creation.ephemeral_5m_input_tokens"),
        (
            MESSAGES,
            messages(cache_creation={"ephemeral_5m_input_tokens": 1}),
            "cache_creation.ephemeral_1h_input_tokens",
        ),
        (COSTS, without(cost(), "amount"), "amount"),
        (COSTS, without(cost(), "currency"), "currency"),
    ],
)
def test_a_missing_field_is_named_and_nothing_is_written(organisation, land, lake, name, result, field):
    organisation.add(MESSAGES, BEFORE, messages())
    organisation.add(name, DAY, result)
    with pytest.raises(SourceBroken, match=f"^Anthropic {name} 2025-06-04, result 1: the field {field} is missing"):
        land()
    assert lake.current("anthropic") == {}


def test_a_negative_count_stops_the_landing(organisation, land):
    organisation.add(MESSAGES, DAY, messages(output_tokens=-1))
    with pytest.raises(SourceBroken, match="the field output_tokens is no whole number from 0"):
        land()


def test_fields_that_nobody_knows_are_counted_by_name(organisation, land, lake):
    tools = {"web_search_requests": 1, "web_fetch_requests": 2}
    organisation.add(MESSAGES, DAY, messages(server_tool_use=tools), messages(server_tool_use=tools, speed="fast"))
    organisation.add(COSTS, DAY, cost(list_amount="200"))
    assert land().loaded_count == 3
    found = {(row["report"], row["field_name"], row["result_count"]) for row in rows(lake, "unread_fields")}
    assert found == {(MESSAGES, "server_tool_use.web_fetch_requests", 2), (COSTS, "list_amount", 1)}


def test_pages_are_followed_past_the_highest_limit(organisation, settings, land, lake):
    organisation.add(COSTS, DAY - timedelta(days=39), cost("1"))
    outcome = land(settings=replace(settings, anthropic_days_read=40))
    assert (outcome.loaded_count, outcome.api_call_count) == (1, 4)
    assert [request.value("limit") for request in organisation.calls(COSTS)] == ["31", "31"]


def test_the_same_answer_from_another_day_is_the_same_version(organisation, land, lake):
    organisation.add(MESSAGES, DAY, messages(model="b"), messages(model="a"))
    land()
    before = lake.current_version("anthropic", str(DAY))
    organisation.days_per_page = 1
    land(AS_OF)
    assert lake.current_version("anthropic", str(DAY)) == before


def test_from_costs_to_none_only_when_allowed(organisation, land, lake):
    organisation.add(MESSAGES, DAY, messages())
    organisation.add(COSTS, DAY, cost())
    land()
    organisation.results[COSTS].clear()
    with pytest.raises(SourceBroken, match="anthropic 2025-06-04 had 1 rows and the source now gives none"):
        land()
    land(allow_empty=True)
    assert rows(lake, "cost_buckets") == []


def test_a_refused_key_names_the_connection_and_is_not_repeated(organisation, land, api):
    other = JsonApi(replace(api.account, key="sk-ant-admin-PLANTED"))
    with pytest.raises(SourceForbidden, match=r"\(401\).*Airflow connection anthropic_admin$") as refused:
        land(clients={"anthropic": other})
    assert "PLANTED" not in str(refused.value)


def test_the_version_header_is_sent(organisation, land, api):
    with pytest.raises(SourceError, match=r"it answered 400 \(anthropic-version: header is required\)"):
        land(clients={"anthropic": JsonApi(replace(api.account, headers={}))})


def test_a_rate_limit_is_waited_for(organisation, land):
    organisation.server.first = [Answer(429, headers={"retry-after": "1"}), Answer(529)]
    assert land().api_call_count == 4


@pytest.mark.parametrize(
    ("times", "why"),
    [
        ({"starting_at": "2025-06-04T00:00:00Z", "ending_at": "2025-06-04T01:00:00Z"}, "is no UTC day"),
        ({"starting_at": "2025-06-04", "ending_at": "2025-06-05"}, "is of no RFC 3339 time"),
        ({"starting_at": "noon", "ending_at": "2025-06-05T00:00:00Z"}, "is of no RFC 3339 time"),
        ({"starting_at": 1748995200, "ending_at": 1749081600}, "the field starting_at is no text"),
        ({"ending_at": "2025-06-05T00:00:00Z"}, "the field starting_at is missing"),
    ],
)
def test_a_bucket_that_is_no_day_is_refused(organisation, land, times, why):
    organisation.server.answer = lambda request: json_answer({"data": [times | {"results": []}], "has_more": False})
    with pytest.raises(SourceBroken, match=f"^Anthropic usage_report/messages, a bucket: .*{why}"):
        land()


def test_a_bucket_may_say_its_day_in_another_zone(organisation, land, lake):
    bucket = {"starting_at": "2025-06-04T02:00:00+02:00", "ending_at": "2025-06-05T00:00:00.000Z", "results": []}
    organisation.server.answer = lambda request: json_answer({"data": [bucket], "has_more": False, "next_page": None})
    assert land().status == "empty"
    assert {row["reason"] for row in rows(lake, "objects")} == {None}
