"""Landing Cost Explorer's daily costs, against a stand-in over HTTP that enforces AWS's rules; ten days are real."""

import json
import logging
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ai_finops import aws, extract
from ai_finops.errors import (
    PartitionExpired,
    SourceBroken,
    SourceError,
    SourceForbidden,
    SourceThrottled,
    SourceUnavailable,
)
from ai_finops.extract import cost_and_usage, cost_explorer
from ai_finops.extract.cost_explorer import oldest_day, spans
from tests.extract.api_server import json_answer
from tests.extract.cost_explorer_stand_in import TODAY, Line, cost_explorer_stand_in, error
from tests.extract.stand_in import Answer, use_endpoint

DAY, AS_OF = date(2025, 6, 4), TODAY
REAL = Path(__file__).parents[1] / "fixtures" / "cost_explorer" / "daily_by_service.json"


@pytest.fixture
def account(monkeypatch):
    with cost_explorer_stand_in() as running:
        use_endpoint(monkeypatch, running.server.endpoint)
        yield running


@pytest.fixture
def land(account, settings, lake):
    clients = {"ce": aws.client("ce", settings=settings, max_attempts=2)}

    def land(day=DAY, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": clients, "as_of": day + timedelta(days=1)}
        return cost_explorer.land(day, **arguments | changes)

    return land


def back(days):
    return DAY - timedelta(days=days)


def rows(lake, day=DAY, table="daily_costs"):
    version = lake.current_version("cost_explorer", str(day))
    return pq.read_table(version.file(table), partitioning=None).to_pylist()


def versions(lake):
    return {key: version.number for key, version in lake.current("cost_explorer").items()}


def asked_days(account):
    """Start and exclusive end of each request."""
    return [tuple(asked["TimePeriod"].values()) for asked in account.asked]


def test_one_row_a_group_with_exact_amounts(account, land, lake):
    account.lines = [
        Line(DAY, unblended="0.0551724144", amortized="0.06", quantity="1234.5"),
        Line(DAY, unblended="0.0000000001", amortized="0", quantity="0.5"),
        Line(DAY, usage_type="USE1-NovaLite-output-tokens", unblended="1.879E-7", quantity="3"),
    ]
    outcome = land()
    assert (outcome.status, outcome.read_count, outcome.loaded_count, outcome.partitions) == (
        "loaded",
        2,
        2,
        (str(DAY),),
    )
    first, second = rows(lake)
    assert first == {
        "usage_date": DAY,
        "account_id": None,
        "key_1_name": "SERVICE",
        "key_1_value": "Amazon Bedrock",
        "key_2_name": "USAGE_TYPE",
        "key_2_value": "USE1-NovaLite-input-tokens",
        "record_type": "Usage",
        "unblended_cost": Decimal("0.0551724145"),
        "amortized_cost": Decimal("0.06"),
        "currency_code": "USD",
        "usage_quantity": 1235,
        "usage_unit": "1K tokens",
        "is_estimated": False,
        "api_call_number": 1,
        "object_key": "GetCostAndUsage/all-accounts/usage/2025-06-04/page-1",
        "landing_date": DAY,
    }
    assert (second["key_2_value"], second["unblended_cost"]) == ("USE1-NovaLite-output-tokens", Decimal("0.0000001879"))


def test_credits_refunds_and_taxes_are_rows_of_their_own_and_nothing_is_netted(account, land, lake):
    account.lines = [
        Line(DAY, unblended="10"),
        Line(DAY, record_type="Credit", unblended="-4"),
        Line(DAY, record_type="Refund", unblended="-1"),
        Line(DAY, record_type="SomethingNew", unblended="0.5"),
        Line(DAY, service="Tax", usage_type="NoUsageType", record_type="Tax", unblended="0.99"),
    ]
    outcome = land()
    assert (outcome.loaded_count, outcome.api_call_count) == (5, 2)
    found = {(row["record_type"], row["key_1_value"], row["key_2_value"], row["unblended_cost"]) for row in rows(lake)}
    assert found == {
        ("Usage", "Amazon Bedrock", "USE1-NovaLite-input-tokens", 10),
        ("Credit", "Amazon Bedrock", None, -4),
        ("Refund", "Amazon Bedrock", None, -1),
        ("SomethingNew", "Amazon Bedrock", None, Decimal("0.5")),
        ("Tax", "Tax", None, Decimal("0.99")),
    }
    assert {row["api_call_number"] for row in rows(lake) if row["record_type"] != "Usage"} == {2}


@pytest.mark.parametrize(
    ("keys", "groupings", "named"),
    [
        (("SERVICE",), [["SERVICE", "RECORD_TYPE"]], ("SERVICE", None)),
        (("RECORD_TYPE",), [["RECORD_TYPE"]], (None, None)),
        (("RECORD_TYPE", "SERVICE"), [["RECORD_TYPE", "SERVICE"]], ("SERVICE", None)),
        (
            ("SERVICE", "LINKED_ACCOUNT"),
            [["SERVICE", "LINKED_ACCOUNT"], ["SERVICE", "RECORD_TYPE"]],
            ("SERVICE", "LINKED_ACCOUNT"),
        ),
    ],
)
def test_the_bill_is_asked_for_once_where_the_record_type_fits_in(
    account, settings, land, lake, keys, groupings, named
):
    account.lines = [Line(DAY, unblended="10"), Line(DAY, record_type="Credit", unblended="-4")]
    outcome = land(settings=replace(settings, cost_explorer_keys=keys))
    assert [[group["Key"] for group in asked["GroupBy"]] for asked in account.asked] == groupings
    assert outcome.api_call_count == len(groupings)
    assert {(row["record_type"], row["unblended_cost"]) for row in rows(lake)} == {("Usage", 10), ("Credit", -4)}
    usage = next(row for row in rows(lake) if row["record_type"] == "Usage")
    assert (usage["key_1_name"], usage["key_2_name"]) == named


def test_tags_and_cost_categories_come_without_their_name(account, settings, land, lake):
    account.lines = [Line(DAY, tags={"feature": "search", "team": "a$b"}), Line(DAY, unblended="2")]
    land(settings=replace(settings, cost_explorer_keys=("TAG:feature", "COST_CATEGORY:team")))
    assert account.asked[0]["GroupBy"] == [{"Type": "TAG", "Key": "feature"}, {"Type": "COST_CATEGORY", "Key": "team"}]
    found = {(row["key_1_name"], row["key_1_value"], row["key_2_name"], row["key_2_value"]) for row in rows(lake)}
    assert found == {
        ("TAG:feature", "search", "COST_CATEGORY:team", "a$b"),
        ("TAG:feature", None, "COST_CATEGORY:team", None),
    }


def test_accounts_are_asked_for_one_by_one(account, settings, land, lake):
    one, other, third = "111122223333", "444455556666", "777788889999"
    account.lines = [
        Line(DAY, account=one, unblended="1"),
        Line(DAY, account=other, unblended="2"),
        Line(DAY, account=other, unblended="-1", record_type="Credit"),
        Line(DAY, account=third, unblended="4"),
    ]
    outcome = land(settings=replace(settings, cost_explorer_accounts=(one, other)))
    assert outcome.api_call_count == 4
    found = {(row["account_id"], row["record_type"], row["unblended_cost"]) for row in rows(lake)}
    assert found == {(one, "Usage", 1), (other, "Usage", 2), (other, "Credit", -1)}
    assert len({row["object_key"] for row in rows(lake)}) == 3


def test_units_that_do_not_add_up_are_said_as_aws_says_them(account, settings, land, lake):
    account.lines = [Line(DAY), Line(DAY, usage_type="x", unit="Hrs")]
    land(settings=replace(settings, cost_explorer_keys=("SERVICE",)))
    assert [row["usage_unit"] for row in rows(lake)] == ["N/A"]


def test_the_end_is_exclusive(account, land, lake):
    account.lines = [Line(back(1)), Line(DAY), Line(AS_OF)]
    assert land().loaded_count == 1
    assert asked_days(account) == [("2025-06-04", "2025-06-05")] * 2


def test_estimated_days_are_read_again_until_they_are_final(account, land, lake):
    for number in range(3):
        account.lines.append(Line(back(number)))
    account.estimated = {back(2), back(1), DAY}
    for number in (2, 1, 0):
        land(back(number))
    assert [row["is_estimated"] for row in rows(lake)] == [True]
    account.server.requests.clear()

    account.lines.append(Line(AS_OF))
    account.lines[2] = Line(back(2), unblended="7")
    account.estimated = {back(1), AS_OF}
    outcome = land(AS_OF)
    assert outcome.partitions == ("2025-06-02", "2025-06-03", "2025-06-04", "2025-06-05")
    assert asked_days(account) == [("2025-06-02", "2025-06-06")] * 2
    assert [rows(lake, back(2))[0][name] for name in ("unblended_cost", "is_estimated")] == [7, False]
    # Read again and unchanged: no version of its own.
    assert versions(lake) == {"2025-06-02": 2, "2025-06-03": 1, "2025-06-04": 2, "2025-06-05": 1}
    account.server.requests.clear()

    account.today += timedelta(days=1)
    assert land(AS_OF + timedelta(days=1)).partitions == ("2025-06-03", "2025-06-05", "2025-06-06")
    assert asked_days(account) == [("2025-06-03", "2025-06-04")] * 2 + [("2025-06-05", "2025-06-07")] * 2


def test_a_final_day_is_not_read_again(account, land):
    account.lines = [Line(back(1)), Line(DAY)]
    land(back(1))
    assert land().partitions == (str(DAY),)


def test_an_estimated_day_without_costs_is_read_again_too(account, land, lake):
    account.estimated = {back(1)}
    assert land(back(1)).status == "empty"
    assert rows(lake, back(1), "reported_days") == [
        {"usage_date": back(1), "is_estimated": True, "group_count": 0, "landing_date": back(1)}
    ]
    account.lines = [Line(back(1)), Line(DAY)]
    account.estimated = set()
    assert land().partitions == (str(back(1)), str(DAY))
    assert len(rows(lake, back(1))) == 1


def test_how_far_back_is_bounded(account, settings, land):
    account.lines = [Line(back(number)) for number in range(4)]
    account.estimated = {back(number) for number in range(4)}
    for number in (3, 2, 1):
        land(back(number), settings=replace(settings, cost_explorer_lookback_days=0))
    assert land(settings=replace(settings, cost_explorer_lookback_days=2)).partitions == (
        *(str(back(2)), str(back(1)), str(DAY)),
    )
    assert land(settings=replace(settings, cost_explorer_lookback_days=3)).partitions[0] == str(back(3))


def test_an_estimated_day_that_has_expired_since_is_left_alone(account, land, lake):
    first, last = date(2024, 4, 4), date(2024, 4, 5)
    account.today = date(2024, 4, 6)
    account.lines, account.estimated = [Line(first), Line(last)], {first, last}
    land(first)
    account.today = AS_OF
    assert land(last, as_of=AS_OF).partitions == (str(last),)


def test_contiguous_days_are_one_request():
    days = [date(2025, 5, 30), date(2025, 5, 31), date(2025, 6, 1), date(2025, 6, 3)]
    assert spans(days) == [(date(2025, 5, 30), date(2025, 6, 1)), (date(2025, 6, 3), date(2025, 6, 3))]
    assert spans([]) == []


@pytest.mark.parametrize(
    ("as_of", "oldest"),
    [
        (date(2025, 6, 5), date(2024, 4, 5)),
        (date(2025, 2, 28), date(2023, 12, 28)),
        (date(2025, 4, 30), date(2024, 2, 29)),
        (date(2025, 1, 1), date(2023, 11, 1)),
        (date(2025, 3, 31), date(2024, 1, 31)),
    ],
)
def test_fourteen_months_are_kept(as_of, oldest):
    assert oldest_day(as_of) == oldest


def test_an_expired_day_is_refused_before_it_costs_anything(account, land, lake):
    with pytest.raises(
        PartitionExpired, match="for 14 months, from 2024-04-05 as of 2025-06-05, and not of 2024-04-04"
    ):
        land(date(2024, 4, 4), as_of=AS_OF)
    assert account.server.requests == []
    assert land(date(2024, 4, 5), as_of=AS_OF).status == "empty"


def test_what_aws_calls_expired_is_expired(account, land, lake):
    account.lines = [Line(DAY)]
    land()
    account.today = date(2027, 1, 1)
    with pytest.raises(
        PartitionExpired, match=r"does not keep 2025-06-04 any more \(You haven't enabled historical data"
    ):
        land()
    account.server.answer = lambda request: error("BillExpirationException", "The requested report expired.")
    with pytest.raises(PartitionExpired, match="The requested report expired"):
        land()
    assert len(rows(lake)) == 1


def test_pages_are_followed_and_a_day_may_go_on_on_the_next(account, land, lake):
    account.groups_per_page = 2
    account.lines = [Line(day, usage_type=f"t{number}") for day in (back(1), DAY) for number in range(3)]
    account.estimated = {back(1)}
    land(back(1))
    account.server.requests.clear()
    outcome = land()
    assert (outcome.read_count, outcome.loaded_count, outcome.api_call_count) == (6, 6, 3 + 1)
    assert [(row["key_2_value"], row["object_key"][-6:], row["api_call_number"]) for row in rows(lake)] == [
        ("t0", "page-1", 2),
        ("t1", "page-2", 3),
        ("t2", "page-2", 3),
    ]


def test_every_page_has_an_account_and_its_bytes(account, land, lake):
    account.lines = [Line(back(1)), Line(DAY), Line(DAY, record_type="Credit", unblended="-1")]
    account.estimated = {back(1)}
    land(back(1))
    account.server.sent_bytes = 0
    account.lines[0] = Line(back(1), unblended="3")
    outcome = land()
    objects = [row for day in (back(1), DAY) for row in rows(lake, day, "objects")]
    assert {row["object_key"]: (row["read_count"], row["loaded_count"]) for row in objects} == {
        "GetCostAndUsage/all-accounts/usage/2025-06-03/page-1": (1, 1),
        "GetCostAndUsage/all-accounts/other/2025-06-03/page-1": (0, 0),
        "GetCostAndUsage/all-accounts/usage/2025-06-04/page-1": (1, 1),
        "GetCostAndUsage/all-accounts/other/2025-06-04/page-1": (1, 1),
    }
    assert outcome.bytes_read == account.server.sent_bytes == sum(row["bytes_read"] for row in objects)


def test_calls_are_counted_and_their_dollars_logged(account, land, caplog, monkeypatch):
    monkeypatch.setattr(cost_explorer.logger, "disabled", False)  # by whatever set logging up before
    monkeypatch.setattr(cost_explorer.logger, "handlers", [caplog.handler])
    caplog.set_level(logging.INFO, logger=cost_explorer.logger.name)
    account.lines = [Line(DAY)]
    account.server.first = [error("LimitExceededException", "slow down")]
    assert land().api_call_count == 3
    assert "Cost Explorer for 2025-06-04: 3 calls, $0.03" in caplog.messages
    account.server.answer = lambda request: error("ValidationException", "no")
    with pytest.raises(SourceError):
        land()
    assert "Cost Explorer for 2025-06-04: 1 calls, $0.01" in caplog.messages


def test_no_costs_is_empty(account, land):
    assert land().status == "empty"


def test_a_day_is_empty_whatever_the_days_before_brought(account, land):
    account.lines, account.estimated = [Line(back(1))], {back(1)}
    land(back(1))
    outcome = land()
    assert (outcome.status, outcome.loaded_count) == ("empty", 1)


def test_from_costs_to_none_only_when_allowed_and_no_day_alone(account, land, lake):
    account.lines, account.estimated = [Line(back(1)), Line(DAY)], {back(1), DAY}
    land(back(1))
    land()
    account.lines = [Line(back(1), unblended="5")]
    with pytest.raises(SourceBroken, match="cost_explorer 2025-06-04 had 1 rows and the source now gives none"):
        land()
    assert versions(lake) == {"2025-06-03": 1, "2025-06-04": 1}
    land(allow_empty=True)
    assert rows(lake) == []
    assert rows(lake, back(1))[0]["unblended_cost"] == 5


@pytest.mark.parametrize(
    ("answer", "raised", "said"),
    [
        (error("LimitExceededException", "x"), SourceThrottled, "answered LimitExceededException to every attempt"),
        (Answer(500), SourceUnavailable, "AWS answered 500"),
        (
            error("DataUnavailableException", "x"),
            SourceUnavailable,
            "it has no data yet.*DataUnavailableException.*try again later",
        ),
        (error("InvalidNextTokenException", "x"), SourceUnavailable, "lost its place between two pages"),
        (error("RequestChangedException", "x"), SourceUnavailable, "lost its place between two pages"),
        (error("AccessDeniedException", "x"), SourceForbidden, r"allow ce:GetCostAndUsage on \*"),
        (error("ExpiredTokenException", "x"), SourceForbidden, "renew the credentials"),
        (
            error("ValidationException", "too much"),
            SourceError,
            r"refuses the question \(too much\); correct AI_FINOPS_COST_EXPLORER_KEYS",
        ),
    ],
)
def test_refusals_are_named_and_the_old_partition_stays(account, land, lake, answer, raised, said):
    account.lines = [Line(DAY)]
    land()
    account.lines = [Line(DAY, unblended="2")]
    plain, number = account.answer, iter(range(100))
    account.server.answer = lambda request: plain(request) if next(number) == 0 else answer
    with pytest.raises(raised, match=f"^cannot read Cost Explorer.*{said}") as refused:
        land()
    assert type(refused.value) is raised
    assert versions(lake) == {str(DAY): 1}


def group(*keys, **changes):
    money, quantity = {"Amount": "1", "Unit": "USD"}, {"Amount": "2", "Unit": "N/A"}
    metrics = {"UnblendedCost": money, "AmortizedCost": money, "UsageQuantity": quantity} | changes
    return {"Keys": list(keys or ("Amazon Bedrock", "Usage")), "Metrics": metrics}


def result(*groups, start=DAY, end=AS_OF, **changes):
    period = {"Start": str(start), "End": str(end)}
    return {"TimePeriod": period, "Total": {}, "Groups": list(groups), "Estimated": False} | changes


@pytest.fixture
def says(account, settings, land):
    """Let Cost Explorer answer with these pages."""

    def says(*pages):
        told = list(pages)
        account.server.answer = lambda request: json_answer(told.pop(0))
        return land(settings=replace(settings, cost_explorer_keys=("SERVICE",)))

    return says


def test_a_group_that_comes_twice_counts_once(says, lake):
    outcome = says(
        {"ResultsByTime": [result(group(), group("Amazon S3", "Usage"))], "NextPageToken": "a"},
        {"ResultsByTime": [result(group())]},
    )
    assert (outcome.read_count, outcome.loaded_count, outcome.duplicate_count) == (3, 2, 1)
    assert {row["reason"] for row in rows(lake, DAY, "objects")} == {None, "the same group came before"}


def test_one_page_that_calls_a_day_estimated_is_enough(says, lake):
    says(
        {"ResultsByTime": [result(group())], "NextPageToken": "a"},
        {"ResultsByTime": [result(group("Amazon S3", "Usage"), Estimated=True)]},
    )
    assert [row["is_estimated"] for row in rows(lake)] == [True, True]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ([result(group(UnblendedCost=None))], r"the field Metrics\.UnblendedCost is missing"),
        ([result(group(UsageQuantity={"Unit": "x"}))], r"the field Metrics\.UsageQuantity\.Amount is missing"),
        (
            [result(group(AmortizedCost={"Amount": "much", "Unit": "USD"}))],
            r"Metrics\.AmortizedCost\.Amount is no number",
        ),
        ([result(group(AmortizedCost={"Amount": "1", "Unit": "EUR"}))], "one group has two currencies, USD and EUR"),
        ([result(group(UnblendedCost={"Amount": "1"}))], r"Metrics\.UnblendedCost\.Unit is missing"),
        ([result(group("alone"))], "a group has 1 keys and 2 were asked for"),
        (
            [result(group(), group(UsageQuantity={"Amount": "3"}))],
            "the group Amazon Bedrock, Usage comes twice with different costs",
        ),
        ([], "leaves out 2025-06-04"),
        (
            [result(group(), start=back(1), end=DAY)],
            "answers for 2025-06-03 and was asked for 2025-06-04 to 2025-06-04",
        ),
        ([result(group(), end=AS_OF + timedelta(days=1))], "a result is of no day: 2025-06-04 to 2025-06-06"),
        ([result(group(), start="soon")], "a result is of no day"),
        ([result() | {"Groups": None}], "the field Groups is missing"),
    ],
)
def test_what_is_not_as_documented_is_refused(says, lake, page, said):
    with pytest.raises(SourceBroken, match=f"^Cost Explorer.*{said}"):
        says({"ResultsByTime": page})
    assert lake.current("cost_explorer") == {}


def test_pages_without_end_stop_costing(says, account, monkeypatch):
    with pytest.raises(SourceUnavailable, match="its pages do not end"):
        says(*[{"ResultsByTime": [result()], "NextPageToken": "a"}] * 3)
    assert len(account.server.requests) == 2
    monkeypatch.setattr(cost_and_usage, "MOST_PAGES", 3)
    with pytest.raises(SourceUnavailable, match="its pages do not end"):
        says(*[{"ResultsByTime": [result()], "NextPageToken": f"t{number}"} for number in range(4)])


def real_lines():
    """The real account's days; its `Tax` lines are of record type Tax, the rest is usage without a type or a quantity."""
    for told in json.loads(REAL.read_text()):
        for each in told["Groups"]:
            (service,), amount = each["Keys"], each["Metrics"]["UnblendedCost"]["Amount"]
            kind = "Tax" if service == "Tax" else "Usage"
            day = date.fromisoformat(told["TimePeriod"]["Start"])
            yield Line(day, service, "NoUsageType", kind, unblended=amount, quantity="0", unit="N/A")


def test_ten_days_of_a_real_account(account, settings, lake, land):
    account.today, account.lines = date(2024, 3, 8), list(real_lines())
    services = replace(settings, cost_explorer_keys=("SERVICE",))
    days = [date(2024, 2, 26) + timedelta(days=number) for number in range(10)]
    outcomes = [land(day, settings=services) for day in days]
    assert [outcome.loaded_count for outcome in outcomes] == [9, 9, 11, 12, 11, 10, 10, 10, 9, 12]
    assert sum(outcome.api_call_count for outcome in outcomes) == 10
    totals = {day: sum(row["unblended_cost"] for row in rows(lake, day)) for day in days}
    assert totals[date(2024, 2, 28)] == Decimal("0.4002135399")
    assert totals[date(2024, 3, 1)] == Decimal("0.99") + Decimal("0.000035") + Decimal("0.0000401192")
    (tax,) = [row for row in rows(lake, date(2024, 3, 1)) if row["record_type"] != "Usage"]
    assert (tax["record_type"], tax["key_1_value"], tax["unblended_cost"]) == ("Tax", "Tax", Decimal("0.99"))
    storage = next(row for row in rows(lake, date(2024, 3, 1)) if row["key_1_value"] == "Amazon Simple Storage Service")
    assert storage["unblended_cost"] == Decimal("0.0000401192")


def test_a_landing_makes_its_own_client(account, settings, lake):
    account.lines = [Line(DAY)]
    assert extract.land("cost_explorer", DAY, settings=settings, as_of=AS_OF).loaded_count == 1
    assert len(rows(lake)) == 1
