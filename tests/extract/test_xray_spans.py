"""Landing spans from a log group: the local AWS over HTTP, and a stand-in that keeps CloudWatch Logs' limits."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from ai_finops import aws, extract
from ai_finops.errors import PartitionExpired, SourceBroken, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract import log_group, xray_spans
from ai_finops.extract.logged_spans import NOT_A_SPAN, OTHER_SHAPE
from tests import sql
from tests.extract.json_aws import CutOff, Refused, json_aws
from tests.extract.log_group_rules import LogGroupRules
from tests.extract.made import CALL, nanoseconds
from tests.extract.stand_in import use_endpoint
from tests.extract.test_logged_spans import logged

DAY, AS_OF = date(2025, 6, 2), date(2025, 6, 3)
GROUP = "aws/spans"


def at(day: int, hour: int, minute: int = 0, second: int = 0, microsecond: int = 0) -> datetime:
    return datetime(2025, 6, day, hour, minute, second, microsecond, tzinfo=UTC)


def message(number: int, moment: datetime, attributes: dict | None = None, **changes) -> str:
    """A span that starts at `moment`."""
    start = int(nanoseconds(moment))
    times = {"startTimeUnixNano": start, "endTimeUnixNano": start + 1_000_000_000}
    return json.dumps(logged(number, attributes, **times | changes))


@pytest.fixture
def strict(monkeypatch, settings):
    """A log group with its limits, and a client of it that tries each call twice."""
    with json_aws(LogGroupRules()) as running:
        use_endpoint(monkeypatch, running.endpoint)
        running.clients = {"logs": aws.client("logs", settings=settings, max_attempts=2)}
        running.rules.add_group(GROUP)
        yield running


@pytest.fixture
def put(strict):
    def put(number: int, moment: datetime, *, ingested_at: datetime | None = None, **changes) -> None:
        strict.rules.put(GROUP, message(number, moment, **changes), at=moment, ingested_at=ingested_at)

    return put


@pytest.fixture
def land(strict, settings, lake):
    def land(day=DAY, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": strict.clients, "as_of": AS_OF}
        return xray_spans.land(day, **arguments | changes)

    return land


def rows(lake, columns: str = "span_id", table: str = "spans") -> list[tuple]:
    files = [str(file) for file in lake.files("xray_spans", table)]
    return sql.rows(f"select {columns} from read_parquet($1) order by all", files)


def numbers(lake) -> list[int]:
    return [int(span_id, 16) for (span_id,) in rows(lake)]


def asked(strict) -> int:
    return strict.operations().count("FilterLogEvents")


HOURS = 24 * 3 + 2
"""Those of the day and of the two before it, and two after it."""


def test_a_day_of_spans(strict, put, land, lake):
    put(1, at(2, 12))
    put(2, at(2, 12, 30), attributes=CALL | {"new.thing": 1})
    put(3, at(2, 13))
    put(1, at(2, 13, 1))
    put(4, at(2, 13, 2), attributes=CALL | {"gen_ai.usage.input_tokens": -1})
    strict.rules.put(GROUP, "half a spa", at=at(2, 13, 3))
    strict.rules.put(GROUP, json.dumps({"eventName": "x"}), at=at(2, 13, 4))
    outcome = land()
    assert (outcome.status, outcome.landing_date, outcome.as_of_date) == ("loaded", DAY, AS_OF)
    assert (outcome.read_count, outcome.loaded_count, outcome.quarantined_count, outcome.duplicate_count) == (
        7,
        3,
        3,
        1,
    )
    assert outcome.bytes_read == sum(len(each["message"]) for each in strict.rules.events[GROUP])
    assert outcome.api_call_count == 1 + HOURS == len(strict.asked)
    assert outcome.partitions == ("2025-06-02",)
    assert numbers(lake) == [1, 2, 3]
    assert rows(lake, "span_id, object_key, object_line, landing_date") == [
        ("0000000000000001", "aws/spans/2025-06-02T12", 1, DAY),
        ("0000000000000002", "aws/spans/2025-06-02T12", 2, DAY),
        ("0000000000000003", "aws/spans/2025-06-02T13", 1, DAY),
    ]
    assert rows(lake, "object_key, read_count, loaded_count, duplicate_count, quarantined_count", "objects") == [
        ("aws/spans/2025-06-02T12", 2, 2, 0, 0),
        ("aws/spans/2025-06-02T13", 5, 1, 1, 3),
    ]
    assert rows(lake, "place, reason", "quarantine") == [
        ("line 3, span 0000000000000004", "a token count is negative"),
        (f"line 4, event {5:056d}", "not JSON at character 0: Expecting value"),
        (f"line 5, event {6:056d}", NOT_A_SPAN),
    ]
    assert ("new.thing", 1) in rows(lake, "attribute_name, span_count", "unmapped_attributes")


@pytest.mark.parametrize(
    ("moment", "ingested_at", "landed_on"),
    [
        (at(2, 0), at(2, 0), 2),
        (at(2, 23, 59, 59, 999_000), at(2, 23, 59, 59, 999_000), 2),
        (at(2, 23, 59, 59), at(3, 0), 3),
        (at(3, 2) - timedelta(milliseconds=1), at(2, 23, 59, 59), 2),  # its clock is ahead
        (at(1, 0), at(2, 12), 2),
        (at(1, 0), at(3, 0) - timedelta(milliseconds=1), 2),
        (datetime(2025, 5, 31, tzinfo=UTC), at(2, 0), 2),
        (datetime(2025, 5, 31, tzinfo=UTC), at(1, 23, 59, 59, 999_000), 1),
    ],
)
def test_an_event_is_in_the_partition_of_its_ingestion_and_in_no_other(put, land, lake, moment, ingested_at, landed_on):
    put(1, moment, ingested_at=ingested_at)
    landed = {day: land(date(2025, 6, day), as_of=date(2025, 6, 10)).loaded_count for day in (1, 2, 3)}
    assert landed == {day: int(day == landed_on) for day in (1, 2, 3)}
    assert numbers(lake) == [1]


@pytest.mark.parametrize(("late_days", "found"), [(0, 0), (4, 0), (5, 1), (14, 1)])
def test_how_late_a_span_may_come_is_a_setting(strict, put, land, settings, late_days, found):
    put(1, datetime(2025, 5, 28, 0, tzinfo=UTC), ingested_at=at(2, 12))
    outcome = land(settings=replace(settings, spans_late_days=late_days))
    assert outcome.loaded_count == found
    assert asked(strict) == 24 * (late_days + 1) + 2


def test_hours_read_never_begin_before_what_is_kept():
    hours = xray_spans.hours_read(DAY, late_days=2, retention_days=None)
    assert (len(hours), hours[0], hours[-1]) == (HOURS, datetime(2025, 5, 31, tzinfo=UTC), at(3, 1))
    assert xray_spans.hours_read(DAY, late_days=2, retention_days=3) == hours
    assert xray_spans.hours_read(DAY, late_days=2, retention_days=2)[0] == at(1, 0)
    assert xray_spans.hours_read(DAY, late_days=2, retention_days=1)[0] == at(2, 0)


def test_each_hour_asks_for_its_milliseconds(strict, land):
    land()
    windows = [(params["startTime"], params["endTime"]) for name, params in strict.asked if name == "FilterLogEvents"]
    windows.sort()
    assert windows[0][0] == int(datetime(2025, 5, 31, tzinfo=UTC).timestamp() * 1000)
    assert windows[-1][1] == int(at(3, 2).timestamp() * 1000) - 1
    assert all(end + 1 == start for (_, end), (start, _) in pairwise(windows))
    assert {params["limit"] for name, params in strict.asked if name == "FilterLogEvents"} == {10_000}


def test_thirty_days_of_history_cost_no_call_more(strict, put, land):
    put(1, at(2, 12))
    alone = land().api_call_count
    for number in range(2, 32):
        put(number, at(2, 12) - timedelta(days=number))
    assert land().api_call_count == alone


def test_pages_are_followed_also_empty_ones(strict, put, land, lake):
    strict.rules.most_events_per_page = 3
    strict.rules.empty_pages = 2
    for number in range(1, 9):
        put(number, at(2, 12, number))
    assert land().loaded_count == 8
    assert numbers(lake) == list(range(1, 9))
    assert asked(strict) == HOURS + 2 + 2  # two empty pages, three with events


def test_a_page_of_a_megabyte_is_full(strict, put, land):
    for number in range(1, 4):
        put(number, at(2, 12, number), attributes=CALL | {"long": "x" * 600_000})
    assert land().loaded_count == 3
    assert asked(strict) == HOURS + 2


def test_a_day_without_spans_is_a_partition_without_rows(land, lake):
    outcome = land()
    assert (outcome.status, outcome.read_count) == ("empty", 0)
    assert lake.current_version("xray_spans", "2025-06-02").row_counts["spans"] == 0


def test_landing_again_changes_nothing(put, land, lake):
    for number in (3, 1, 2):
        put(number, at(2, 12, number))
    first = land()
    version = lake.current_version("xray_spans", "2025-06-02")
    assert replace(land(), extracted_at=first.extracted_at) == first
    assert lake.current_version("xray_spans", "2025-06-02") == version


def test_a_missing_group_names_the_setting(strict, land, settings, lake):
    strict.rules.add_group("aws/spans-of-somebody-else")
    said = "^the log group aws/span does not exist; correct AI_FINOPS_SPANS_LOG_GROUP, or let X-Ray send"
    with pytest.raises(SourceMissing, match=said):
        land(settings=replace(settings, spans_log_group="aws/span"))
    assert not lake.root.exists()


def test_a_group_that_is_deleted_meanwhile_names_the_setting_too(strict, put, land):
    put(1, at(2, 12))
    strict.faults = [None, Refused("ResourceNotFoundException")]
    with pytest.raises(SourceMissing, match="correct AI_FINOPS_SPANS_LOG_GROUP"):
        land()


def test_the_group_is_found_among_many(strict, put, land):
    for number in range(120):
        strict.rules.add_group(f"aws/spanner-{number:03d}")
    strict.rules.events["aws/spans"] = strict.rules.events.pop("aws/spans")
    put(1, at(2, 12))
    assert land().loaded_count == 1
    assert strict.operations().count("DescribeLogGroups") == 1
    assert log_group.find_group(strict.clients["logs"], name="aws/spanner-119").account_id == "111122223333"
    with pytest.raises(SourceMissing):
        log_group.find_group(strict.clients["logs"], name="aws/span")
    assert strict.operations().count("DescribeLogGroups") == 1 + 1 + 3


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        (
            [Refused("AccessDeniedException")],
            r"the log group aws/spans: .*logs:DescribeLogGroups on arn:aws:logs:us-east-1:\*:log-group:\*",
        ),
        (
            [None, Refused("AccessDeniedException")],
            r"the log group aws/spans: .*logs:FilterLogEvents on arn:aws:logs:us-east-1:111122223333:log-group:aws/spans:\*",
        ),
        ([None, Refused("ExpiredTokenException")], "renew the credentials"),
    ],
)
def test_refusals_name_the_permission_and_the_arn(strict, land, lake, faults, said):
    strict.faults = faults
    with pytest.raises(SourceForbidden, match=said):
        land()
    assert lake.current("xray_spans") == {}


@pytest.mark.parametrize(
    "fault",
    [Refused("ThrottlingException"), Refused("ServiceUnavailableException", status=503), CutOff()],
)
def test_faults_are_tried_again_and_then_given_up(strict, put, land, lake, settings, monkeypatch, fault):
    monkeypatch.setattr(aws, "POOL_SIZE", 1)
    settings = replace(settings, spans_late_days=0)
    put(1, at(2, 12))
    strict.faults = [None, fault]
    assert land(settings=settings).loaded_count == 1
    put(2, at(2, 13))
    strict.faults = [None] + [fault] * 4
    with pytest.raises(SourceUnavailable, match="aws/spans"):
        land(settings=settings)
    assert numbers(lake) == [1]


@pytest.mark.parametrize(("age_days", "is_kept"), [(30, True), (31, False)])
def test_a_day_past_the_retention_is_refused_and_what_is_there_stays(strict, put, land, lake, age_days, is_kept):
    strict.rules.retention_days[GROUP] = 30
    put(1, at(2, 12))
    land()
    version = lake.current_version("xray_spans", "2025-06-02")
    if is_kept:
        land(as_of=DAY + timedelta(days=age_days))
    else:
        with pytest.raises(
            PartitionExpired, match="aws/spans keeps events for 30 days and 2025-06-02 is 31 days before"
        ):
            land(as_of=DAY + timedelta(days=age_days))
    assert lake.current_version("xray_spans", "2025-06-02") == version


def test_a_group_that_keeps_one_day_can_be_landed_the_next_morning(strict, put, land):
    strict.rules.retention_days[GROUP] = 1
    put(1, at(2, 12))
    put(2, at(1, 12), ingested_at=at(2, 12))
    assert land().loaded_count == 1
    assert asked(strict) == 24 + 2
    assert land().loaded_count == 1


def test_a_day_that_would_lose_spans_is_refused_whatever_the_clock_says(strict, put, land, lake):
    strict.rules.retention_days[GROUP] = 30
    put(1, at(2, 1))
    put(2, at(2, 23))
    land()
    version = lake.current_version("xray_spans", "2025-06-02")
    strict.rules.events[GROUP].pop(0)
    said = "2025-06-02 was landed with 2 spans and the log group aws/spans, which keeps them for 30 days, now gives 1"
    with pytest.raises(PartitionExpired, match=said):
        land()
    assert lake.current_version("xray_spans", "2025-06-02") == version
    assert land(allow_empty=True).loaded_count == 1
    assert numbers(lake) == [2]


def test_from_spans_to_none_that_can_be_read_is_refused_too(strict, put, land, lake):
    put(1, at(2, 12))
    land()
    strict.rules.events[GROUP][0]["message"] = "broken"
    with pytest.raises(SourceBroken, match="xray_spans 2025-06-02 had 1 rows"):
        land()
    assert numbers(lake) == [1]
    assert land(allow_empty=True).status == "empty"


LATER = {"startTimeUnixNano": int(nanoseconds(at(5, 0))), "endTimeUnixNano": int(nanoseconds(at(5, 1)))}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"traceId": "xyz"}, "trace id is not 32 hex digits"),
        ({"spanId": "0"}, "span id is not 16 hex digits"),
        ({"endTimeUnixNano": 1}, "ends before it starts"),
        (
            {"startTimeUnixNano": int(nanoseconds(at(5, 0))), "endTimeUnixNano": int(nanoseconds(at(5, 1)))},
            "starts in the future",
        ),
        ({"attributes": CALL | {"gen_ai.usage.output_tokens": 10**9}}, "a token count is above 100000000"),
        ({"name": ["x"]}, OTHER_SHAPE),
        ({"name": "\ud800"}, "not an OTLP request"),
    ],
)
def test_a_span_that_cannot_be_true_is_quarantined_and_the_rest_is_loaded(put, land, lake, changes, reason):
    put(1, at(2, 12))
    put(2, at(2, 12, 1), **changes)
    put(3, at(2, 12, 2))
    outcome = land()
    assert (outcome.loaded_count, outcome.quarantined_count) == (2, 1)
    ((found,),) = rows(lake, "reason", "quarantine")
    assert found.startswith(reason)
    assert rows(lake, "span_id, object_line") == [("0000000000000001", 1), ("0000000000000003", 3)]


def test_ids_in_upper_case_and_numbers_as_texts_are_read(put, land, lake):
    put(
        10,
        at(2, 12),
        traceId="0AF7651916CD43DD8448EB211C80319C",
        spanId="00000000000000AB",
        startTimeUnixNano=nanoseconds(at(2, 12)),
        attributes=CALL | {"gen_ai.usage.input_tokens": "100"},
    )
    land()
    assert rows(lake, "trace_id, span_id, uncached_input_tokens") == [
        ("0af7651916cd43dd8448eb211c80319c", "00000000000000ab", 100)
    ]


def test_no_text_of_a_prompt_reaches_the_lake(strict, put, land, lake):
    secret = "PLANTED-SECRET-TEXT"
    put(1, at(2, 12), attributes=CALL | {"input.value": secret, "gen_ai.input.messages": [{"content": secret}]})
    strict.rules.put(GROUP, f'{{"traceId": "{secret}', at=at(2, 12, 1))
    strict.rules.put(GROUP, json.dumps({"traceId": [secret]}), at=at(2, 12, 2))
    strict.rules.put(GROUP, secret, at=at(2, 12, 3))
    outcome = land()
    assert (outcome.loaded_count, outcome.quarantined_count) == (1, 3)
    version = lake.current_version("xray_spans", "2025-06-02")
    for table in version.row_counts:
        assert secret not in str(sql.rows("from read_parquet($1)", str(version.file(table))))


def test_the_local_aws_answers_like_the_stand_in(clients, aws_server, settings, lake, monkeypatch):
    """CloudWatch takes no events older than two weeks, so this one test lives today."""
    use_endpoint(monkeypatch, aws_server.endpoint)
    logs = aws.client("logs", settings=settings)
    name = settings.traces_bucket
    settings = replace(settings, spans_log_group=name)
    with pytest.raises(SourceMissing, match="AI_FINOPS_SPANS_LOG_GROUP"):
        xray_spans.land(DAY, settings=settings, lake=lake, clients={"logs": logs}, as_of=AS_OF)
    logs.create_log_group(logGroupName=name)
    logs.put_retention_policy(logGroupName=name, retentionInDays=30)
    logs.create_log_stream(logGroupName=name, logStreamName="default")
    now = datetime.now(UTC)
    events = [
        {"timestamp": int(moment.timestamp() * 1000), "message": message(number, moment)}
        for number, moment in enumerate([now - timedelta(days=1), now - timedelta(minutes=1)], start=1)
    ]
    logs.put_log_events(logGroupName=name, logStreamName="default", logEvents=events)
    (ingestion,) = {each["ingestionTime"] for each in logs.filter_log_events(logGroupName=name)["events"]}
    day = datetime.fromtimestamp(ingestion / 1000, tz=UTC).date()
    as_of = day + timedelta(days=1)
    outcome = extract.land("xray_spans", day, settings=settings, as_of=as_of)
    assert (outcome.loaded_count, outcome.api_call_count) == (2, 1 + HOURS)
    assert numbers(lake) == [1, 2]
    before = extract.land("xray_spans", day - timedelta(days=1), settings=settings, as_of=as_of)
    assert before.status == "empty"
    with pytest.raises(PartitionExpired, match="30 days"):
        extract.land("xray_spans", day, settings=settings, as_of=day + timedelta(days=31))
