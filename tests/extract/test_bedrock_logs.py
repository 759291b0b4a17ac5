"""Landing a day of Bedrock invocation logs: S3 of the local AWS over HTTP, inference profiles of a stand-in."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest

from ai_finops import aws, extract
from ai_finops.errors import SourceBroken, SourceForbidden, SourceMissing, SourceUnavailable
from ai_finops.extract import bedrock_log_sql, bedrock_logs, s3_objects
from tests import sql
from tests.extract.invocations import ACCOUNT, AS_OF, DAY, REGION, lines, record
from tests.extract.json_aws import Refused, json_aws
from tests.extract.made import zipped
from tests.extract.profile_rules import ProfileRules
from tests.extract.stand_in import Answer, s3_error
from tests.extract.test_bedrock_profiles import SONNET, application_arn, model_arn, system_arn

LOGS = f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/us-east-1"
HOUR = f"{LOGS}/2025/06/02/12"


@pytest.fixture
def settings(settings):
    return replace(settings, bedrock_logs_bucket=settings.traces_bucket.replace("-traces", "-bedrock"))


@pytest.fixture
def profiles():
    with json_aws(ProfileRules()) as running:
        yield running


@pytest.fixture
def clients(clients, profiles, settings, monkeypatch):
    """The local AWS with the logs' bucket, and a stand-in for Bedrock."""
    clients["s3"].create_bucket(Bucket=settings.bedrock_logs_bucket)
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK", profiles.endpoint)
    return clients | {"bedrock": aws.client("bedrock", settings=settings, max_attempts=2)}


@pytest.fixture
def put(clients, settings):
    def put(bodies: dict[str, bytes]) -> None:
        for key, body in bodies.items():
            key = key if key.startswith(("AWSLogs", "p/")) else f"{HOUR}/{key}"
            clients["s3"].put_object(Bucket=settings.bedrock_logs_bucket, Key=key, Body=body)

    return put


@pytest.fixture
def land(clients, settings, lake):
    def land(day=DAY, **changes):
        arguments = {"settings": settings, "lake": lake, "clients": clients, "as_of": AS_OF}
        return bedrock_logs.land(day, **arguments | changes)

    return land


def rows(lake, columns: str = "request_id", table: str = "invocations") -> list[tuple]:
    files = [str(file) for file in lake.files("bedrock_logs", table)]
    return sql.rows(f"select {columns} from read_parquet($1) order by all", files)


def calls(lake) -> list[str]:
    return [request_id for (request_id,) in rows(lake)]


def test_a_day_of_every_kind_of_object(put, land, lake):
    bodies = {
        "20250602T120000_a.json.gz": zipped(lines(record(1), record(2))),
        "20250602T120100_b.json.gz": zipped(lines(record(3), record(1))),
        "20250602T120200_c.json.gz": zipped(lines(record(4)) * 50)[:-30],
        "20250602T120300_d.json.gz": zipped(lines(record(5, usage={"inputTokenCount": -1}), record(6))),
        "20250602T120400_e.txt": b"what is this",
        "data/20250602T120000_x_input.json.gz": zipped(b'{"messages":"SECRET"}'),
        "20250602T120500_f.json.gz": zipped(b"half a li"),
    }
    put(bodies)
    outcome = land()
    assert (outcome.status, outcome.landing_date, outcome.as_of_date) == ("loaded", DAY, AS_OF)
    assert outcome.loaded_count == 5 and calls(lake) == [f"request-{n}" for n in (1, 2, 3, 4, 6)]
    assert (outcome.ignored_count, outcome.quarantined_count) == (2, 3)
    assert outcome.read_count == 5 + 2 + 3 + outcome.duplicate_count
    ignored = ("20250602T120400_e.txt", "data/20250602T120000_x_input.json.gz")
    assert outcome.bytes_read == sum(len(body) for name, body in bodies.items() if name not in ignored)
    # accounts, regions, the day's keys, and the five objects that are logs by their name
    assert outcome.api_call_count == 1 + 1 + 1 + 5
    assert outcome.partitions == ("2025-06-02",)
    assert rows(lake, "distinct landing_date") == [(DAY,)]
    reasons = {
        key.removeprefix(f"{HOUR}/"): reason for key, reason in rows(lake, "object_key, reason", "objects") if reason
    }
    assert reasons == {
        "20250602T120200_c.json.gz": "truncated or damaged gzip",
        "20250602T120300_d.json.gz": "a token count is negative",
        "20250602T120400_e.txt": "not an invocation log by its name",
        "20250602T120500_f.json.gz": "not JSON at character 0 of the line: Expecting value",
        "data/20250602T120000_x_input.json.gz": "a large body kept beside its log line: content is not read",
    }
    assert len(rows(lake, "object_key", "objects")) == len(bodies)


def test_every_account_and_region_of_the_day_and_nothing_else(put, land, lake):
    def key(account, region, day):
        return f"AWSLogs/{account}/BedrockModelInvocationLogs/{region}/{day}/00/a.json.gz"

    put(
        {
            key("111122223333", "us-east-1", "2025/06/02"): zipped(lines(record(1, accountId=None, region=None))),
            key("111122223333", "eu-west-1", "2025/06/02"): zipped(lines(record(2, accountId=None, region=None))),
            key("444455556666", "us-east-1", "2025/06/02"): zipped(lines(record(3, accountId=None, region=None))),
            key("111122223333", "us-east-1", "2025/06/03"): zipped(lines(record(4))),
            key("111122223333", "us-east-1", "2025/06/021"): zipped(lines(record(5))),
            key("111122223333", "us-east-1", "2024/06/02"): zipped(lines(record(6))),
            "AWSLogs/111122223333/CloudTrail/us-east-1/2025/06/02/00/a.json.gz": zipped(lines(record(7))),
            "AWSLogs/777788889999/CloudTrail/us-east-1/2025/06/02/00/a.json.gz": zipped(lines(record(8))),
            f"{LOGS}/amazon-bedrock-logs-permission-check": b"",
        }
    )
    outcome = land()
    assert rows(lake, "request_id, account_id, region_id") == [
        ("request-1", "111122223333", "us-east-1"),
        ("request-2", "111122223333", "eu-west-1"),
        ("request-3", "444455556666", "us-east-1"),
    ]
    assert outcome.api_call_count == 1 + 3 + 3 + 3


def test_thirty_days_of_history_cost_no_call_more(put, land):
    put({"a.json.gz": zipped(lines(record(1)))})
    alone = land().api_call_count
    put({f"{LOGS}/2025/05/{day:02d}/12/a.json.gz": zipped(lines(record(day))) for day in range(1, 31)})
    assert land().api_call_count == alone


@pytest.mark.parametrize(
    ("prefix", "key"), [("p", f"p/{HOUR}/a.json.gz"), ("/p/", f"p/{HOUR}/a.json.gz"), ("", "a.json.gz")]
)
def test_the_prefix_is_a_setting(put, land, settings, prefix, key):
    put({key: zipped(lines(record(1)))})
    assert land(settings=replace(settings, bedrock_logs_prefix=prefix)).loaded_count == 1


def test_a_day_without_calls_is_a_partition_without_rows(put, land, lake):
    put({f"{LOGS}/2025/06/01/12/a.json.gz": zipped(lines(record(1)))})
    outcome = land()
    assert (outcome.status, outcome.read_count) == ("empty", 0)
    assert lake.current_version("bedrock_logs", "2025-06-02").row_counts["invocations"] == 0


def test_logging_that_is_not_switched_on_is_missing(put, land, lake, settings):
    put({"AWSLogs/111122223333/CloudTrail/a.json.gz": b""})
    said = rf"no Bedrock invocation logs at all below s3://{settings.bedrock_logs_bucket}/AWSLogs/; .*_PREFIX"
    with pytest.raises(SourceMissing, match=said):
        land()
    with pytest.raises(SourceMissing, match=rf"{settings.bedrock_logs_bucket}/other/AWSLogs/"):
        land(settings=replace(settings, bedrock_logs_prefix="other"))
    assert not lake.root.exists()


def test_a_missing_bucket_names_the_setting(land, settings, lake):
    said = "^the bucket no-such-bucket does not exist; correct AI_FINOPS_BEDROCK_LOGS_BUCKET$"
    with pytest.raises(SourceMissing, match=said):
        land(settings=replace(settings, bedrock_logs_bucket="no-such-bucket"))
    assert not lake.root.exists()


SEARCH = application_arn("abc123")


def resolved(lake) -> list[tuple]:
    return rows(lake, "request_id, model_id, resolved_model_id, region_scope, inference_profile_arn")


def test_profiles_become_models(put, land, lake, profiles):
    profiles.rules.most_per_page = 1
    profiles.rules.add(application_arn("other"), model_arn("amazon.nova-pro-v1:0"))
    profiles.rules.add(SEARCH, model_arn(SONNET), model_arn(SONNET, "us-west-2"))
    profiles.rules.add(system_arn(f"global.{SONNET}"), model_arn(SONNET, ""), profile_type="SYSTEM_DEFINED")
    routed = {"trace": {"promptRouter": {"invokedModelId": model_arn(SONNET)}}}
    router = "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1"
    put(
        {
            "a.json.gz": zipped(
                lines(
                    record(1, modelId=SEARCH),
                    record(2, modelId=f"global.{SONNET}"),
                    record(3, modelId=application_arn("gone")),
                    record(4),
                    record(5, modelId=None),
                    record(6, modelId=router, body=routed),
                )
            )
        }
    )
    outcome = land()
    assert resolved(lake) == [
        ("request-1", SEARCH, SONNET, "regional", SEARCH),
        ("request-2", f"global.{SONNET}", SONNET, "global", system_arn(f"global.{SONNET}")),
        ("request-3", application_arn("gone"), None, None, application_arn("gone")),
        ("request-4", "amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0", "regional", None),
        ("request-5", None, None, None, None),
        ("request-6", router, SONNET, "regional", None),
    ]
    assert outcome.api_call_count == 3 + 1 + len(profiles.asked) == 3 + 1 + 3


def test_no_profile_no_question(put, land, profiles):
    put({"a.json.gz": zipped(lines(record(1), record(2, modelId=model_arn(SONNET))))})
    land()
    assert profiles.asked == []


def test_profiles_of_another_region_are_asked_for_there(put, land, lake, profiles):
    abroad = application_arn("abc123", region="eu-west-1")
    profiles.rules.add(abroad, model_arn(SONNET, "eu-west-1"))
    key = f"AWSLogs/{ACCOUNT}/BedrockModelInvocationLogs/eu-west-1/2025/06/02/12/a.json.gz"
    put({key: zipped(lines(record(1, region="eu-west-1", modelId=abroad)))})
    outcome = land()
    assert resolved(lake) == [("request-1", abroad, SONNET, "regional", abroad)]
    assert outcome.api_call_count == 3 + 1 + 2 and len(profiles.asked) == 2


def test_a_region_that_only_a_record_speaks_of_is_not_asked(put, land, lake, profiles):
    bogus = application_arn("abc123", region="evil.example")
    put({"a.json.gz": zipped(lines(record(1, modelId=bogus), record(2, region="mars-1", modelId=f"us.{SONNET}")))})
    land()
    assert profiles.asked == []
    assert resolved(lake)[0] == ("request-1", bogus, None, None, bogus)


def test_a_profile_that_is_gone_is_known_from_what_landed_before(put, land, lake, profiles):
    profiles.rules.add(SEARCH, model_arn(SONNET))
    put({"a.json.gz": zipped(lines(record(1, modelId=SEARCH)))})
    land()
    profiles.rules.profiles.clear()
    put({f"{LOGS}/2025/06/{day}/12/a.json.gz": zipped(lines(record(2, modelId=SEARCH))) for day in ("01", "03")})
    land(date(2025, 6, 1), as_of=date(2025, 6, 4))
    land(date(2025, 6, 3), as_of=date(2025, 6, 4))
    again = lake.current_version("bedrock_logs", "2025-06-02")
    land()
    assert lake.current_version("bedrock_logs", "2025-06-02") == again
    assert [row[2:4] for row in resolved(lake)] == [(SONNET, "regional")] * 3


def test_a_refusal_of_the_profiles_fails_and_leaves_the_old_partition(put, land, lake, profiles):
    put({"a.json.gz": zipped(lines(record(1)))})
    land()
    put({"b.json.gz": zipped(lines(record(2, modelId=SEARCH)))})
    profiles.faults = [Refused("AccessDeniedException", status=403)]
    with pytest.raises(SourceForbidden, match="bedrock:ListInferenceProfiles"):
        land()
    assert calls(lake) == ["request-1"]


def test_landing_again_changes_nothing(put, land, lake):
    put({"b.json.gz": zipped(lines(record(2), record(1))), "a.json.gz": zipped(lines(record(3)))})
    first = land()
    version = lake.current_version("bedrock_logs", "2025-06-02")
    again = land()
    assert lake.current_version("bedrock_logs", "2025-06-02") == version
    assert replace(again, extracted_at=first.extracted_at) == first


def test_landing_twice_at_once_is_one_version(put, land, lake):
    put({"a.json.gz": zipped(lines(*(record(n) for n in range(50))))})
    with ThreadPoolExecutor(2) as pool:
        both = [future.result() for future in [pool.submit(land) for _ in range(2)]]
    assert [outcome.loaded_count for outcome in both] == [50, 50]
    assert lake.current_version("bedrock_logs", "2025-06-02").number == 1
    assert len(calls(lake)) == 50


def test_a_late_object_makes_a_new_version(put, land, lake):
    put({"a.json.gz": zipped(lines(record(1)))})
    land()
    put({"b.json.gz": zipped(lines(record(2)))})
    land()
    assert lake.current_version("bedrock_logs", "2025-06-02").number == 2
    assert calls(lake) == ["request-1", "request-2"]


def test_from_calls_to_none_only_when_allowed(put, land, lake, clients, settings):
    put({"a.json.gz": zipped(lines(record(1))), f"{LOGS}/2025/06/01/12/a.json.gz": b""})
    land()
    clients["s3"].delete_object(Bucket=settings.bedrock_logs_bucket, Key=f"{HOUR}/a.json.gz")
    with pytest.raises(SourceBroken, match=r"bedrock_logs 2025-06-02 had 1 rows.*--allow-empty"):
        land()
    assert calls(lake) == ["request-1"]
    assert land(allow_empty=True).status == "empty"
    assert calls(lake) == []


def test_from_calls_to_broken_objects_only_is_refused_too(put, land, lake):
    put({"a.json.gz": zipped(lines(record(1)))})
    land()
    put({"a.json.gz": b"broken"})
    with pytest.raises(SourceBroken):
        land()
    assert calls(lake) == ["request-1"]


def test_an_object_that_disappears_is_recorded(put, land, lake, monkeypatch):
    put({"a.json.gz": zipped(lines(record(1)))})
    listed = s3_objects.list_objects
    ghost = s3_objects.S3Object(f"{HOUR}/b.json.gz", 99)
    monkeypatch.setattr(s3_objects, "list_objects", lambda *args, **names: [*listed(*args, **names), ghost])
    outcome = land()
    assert (outcome.read_count, outcome.loaded_count) == (1, 1)
    assert rows(lake, "object_key, bytes_read, read_count, reason", "objects")[1] == (
        ghost.key,
        0,
        0,
        "gone between listing and reading",
    )


WRITTEN = "<LastModified>2025-06-02T12:30:00Z</LastModified>"


def listing(path: str) -> Answer | None:
    """S3's answers to the three listings of a day with the objects k1 and k2."""
    if "list-type" not in path:
        return None
    folder = "CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes"
    if "BedrockModelInvocationLogs%2Fus-east-1" in path:
        found = "".join(
            f"<Contents><Key>{HOUR}/{n}.json.gz</Key><Size>5</Size>{WRITTEN}</Contents>" for n in ("k1", "k2")
        )
    elif "BedrockModelInvocationLogs" in path:
        found = f"<{folder.format(LOGS + '/')}>"
    else:
        found = f"<{folder.format(f'AWSLogs/{ACCOUNT}/')}>"
    return Answer(body=f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode())


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (s3_error("AccessDenied", 403), SourceForbidden),
        (s3_error("ExpiredToken", 400), SourceForbidden),
        (s3_error("SlowDown", 503), SourceUnavailable),
        (s3_error("InternalError", 500), SourceUnavailable),
        (Answer(body=b"0123456789", cut_after=4), SourceUnavailable),
    ],
)
def test_a_fault_in_the_middle_leaves_the_old_partition(put, land, lake, clients, stand_in_aws, bad, error):
    put({"a.json.gz": zipped(lines(record(1)))})
    land()
    stand_in_aws.answer = lambda path, number: (
        listing(path) or (bad if "k2" in path else Answer(body=zipped(lines(record(2)))))
    )
    with pytest.raises(error, match=r"k2\.json\.gz"):
        land(clients=clients | {"s3": stand_in_aws.clients["s3"]})
    assert calls(lake) == ["request-1"]


def test_a_connection_that_breaks_off_once_is_tried_again(land, lake, clients, stand_in_aws):
    body = zipped(lines(record(2)))
    stand_in_aws.answer = lambda path, number: listing(path) or Answer(body=body, cut_after=None if number else 9)
    land(clients=clients | {"s3": stand_in_aws.clients["s3"]})
    assert calls(lake) == ["request-2"]


def test_refused_listings_name_the_permission(land, settings, clients, stand_in_aws):
    stand_in_aws.answer = lambda path, number: s3_error("AccessDenied", 403)
    said = f"s3:ListBucket on arn:aws:s3:::{settings.bedrock_logs_bucket}"
    with pytest.raises(SourceForbidden, match=said):
        land(clients=clients | {"s3": stand_in_aws.clients["s3"]})


def test_no_text_of_a_prompt_reaches_the_lake(put, land, lake):
    secret = "PLANTED-SECRET-TEXT"
    made = record(1, body={"output": {"message": {"content": [{"text": secret}]}}, "id": f"{secret} and more"})
    made["input"]["inputBodyJson"] = {"messages": [{"role": "user", "content": [{"text": secret}]}]}
    put(
        {
            "a.json.gz": zipped(lines(made)),
            "b.json.gz": zipped(lines(made)[:-30]),
            "c.json.gz": zipped(lines(record(2, input=secret))),
            "d.json.gz": zipped(secret.encode()),
            f"data/{secret[:7]}_input.json.gz": zipped(secret.encode()),
        }
    )
    outcome = land()
    assert (outcome.loaded_count, outcome.quarantined_count, outcome.ignored_count) == (1, 3, 1)
    assert not [file for file in lake.root.rglob("*") if file.is_file() and secret.encode() in file.read_bytes()]
    version = lake.current_version("bedrock_logs", "2025-06-02")
    for table in version.row_counts:
        assert secret not in str(sql.rows("from read_parquet($1)", str(version.file(table))))


def test_the_registry_lands_it(put, settings, lake):
    put({"a.json.gz": zipped(lines(record(1)))})
    assert extract.land("bedrock_logs", DAY, settings=settings, as_of=AS_OF).loaded_count == 1
    assert lake.keys("bedrock_logs") == ["2025-06-02"]


def bodies_kept(lake) -> list[tuple]:
    files = [str(file) for file in lake.files("bedrock_log_contents", "invocation_contents")]
    columns = "request_id, account_id, region_id, content_kind, content, landing_date"
    return sql.rows(f"select {columns} from read_parquet($1) order by all", files)


def test_bodies_are_kept_apart_where_that_is_switched_on(put, land, lake, settings):
    asked, answered = {"messages": [{"role": "user"}]}, {"stopReason": "end_turn"}
    silent = record(2, input={"inputTokenCount": 1}, output={"outputTokenCount": 1, "outputBodyJson": {}})
    negative = record(3, usage={"inputTokenCount": -1})
    said = record(1, accountId=None, input={"inputBodyJson": asked, "inputTokenCount": 1}, body=answered)
    put({"20250602T120000_a.json.gz": zipped(lines(said, silent, negative, said))})
    land(settings=replace(settings, keep_content=True))
    of_call = ("request-1", ACCOUNT, REGION)
    assert bodies_kept(lake) == [
        (*of_call, "answer", '{"stopReason":"end_turn"}', DAY),
        (*of_call, "prompt", '{"messages":[{"role":"user"}]}', DAY),
    ]
    assert calls(lake) == ["request-1", "request-2"]
    # Switched off again, the next landing past the retention removes them.
    land(settings=replace(settings, content_retention_days=7), as_of=date(2025, 6, 9))
    assert len(bodies_kept(lake)) == 2
    land(settings=replace(settings, content_retention_days=7), as_of=date(2025, 6, 10))
    assert bodies_kept(lake) == []
    assert not (lake.root / "data" / "bedrock_log_contents" / "2025-06-02").exists()


def test_a_body_that_cannot_be_read_keeps_no_other_s(put, land, lake, settings):
    broken = lines(record(2)).replace(b'"region"', b'"modelId":"twice","region"')
    put({"20250602T120000_a.json.gz": zipped(lines(record(1)) + broken + lines(record(3)))})
    land(settings=replace(settings, keep_content=True))
    assert [(row[0], row[3]) for row in bodies_kept(lake)] == [
        (f"request-{number}", kind) for number in (1, 3) for kind in ("answer", "prompt")
    ]


def test_calls_whose_bodies_were_refused_at_first_count_once(put, land, lake, settings, monkeypatch):
    real, asked = bedrock_log_sql.contents_sql, []

    def refused_once(relation: str) -> str:
        asked.append(relation)  # the first makes the table, the second is the first insert
        return "select 1, 1, 'prompt', cast('refused' as integer)" if len(asked) == 2 else real(relation)

    monkeypatch.setattr(bedrock_log_sql, "contents_sql", refused_once)
    put({"20250602T120000_a.json.gz": zipped(lines(record(1), record(2)))})
    outcome = land(settings=replace(settings, keep_content=True))
    assert (outcome.read_count, outcome.loaded_count, len(bodies_kept(lake))) == (2, 2, 4)
