"""What a line of an invocation log becomes, and what is set aside."""

import json
from datetime import UTC, datetime

import pytest

from ai_finops.extract import bedrock_log_fields, bedrock_log_loader
from ai_finops.extract.bedrock_log_loader import NOT_A_LOG, OTHER_SHAPE, TOO_MANY_VALUES, InvocationLoader
from tests.extract.invocations import ACCOUNT, DAY, RECORDED, REGION, lines, load, load_one, reason_for, record
from tests.extract.loading import pseudonym_in
from tests.extract.made import zipped

CLASSES = (
    "uncached_input_tokens",
    "cache_read_input_tokens",
    "cache_write_5m_input_tokens",
    "cache_write_1h_input_tokens",
    "output_tokens",
)


def classes(row: dict) -> tuple:
    return tuple(row[name] for name in CLASSES)


def requests(loaded) -> list[str]:
    return [row["request_id"] for row in loaded.rows]


def test_the_recorded_line(tmp_path):
    row = load_one(tmp_path, json.loads(RECORDED.read_bytes()))
    assert {name: value for name, value in row.items() if value is not None} == {
        "request_id": "ff4b6c63-5561-4431-93b8-06a817275900",
        "account_id": "XXXXXXXXXXXXX",
        "region_id": "us-east-1",
        "operation": "ConverseStream",
        "model_id": "amazon.nova-lite-v1:0",
        "identity_arn": f"arn:aws:iam::XXXXXXXXXXXX:user/{pseudonym_in(tmp_path, 'dheeraj')}",
        "schema_version": "1.0",
        "is_streaming": True,
        "uncached_input_tokens": 4,
        "cache_read_input_tokens": 0,
        "cache_write_5m_input_tokens": 0,
        "cache_write_1h_input_tokens": 0,
        "output_tokens": 38,
        "usage_figure_count": 4,
        "latency_ms": 302,
        "invoked_at": datetime(2025, 3, 11, 0, 38, 2, tzinfo=UTC),
        "object_key": "0",
        "object_line": 1,
        "landing_date": DAY,
    }


def test_input_leaves_cached_tokens_out(tmp_path):
    usage = {"inputTokenCount": 2, "cacheReadInputTokenCount": 95_500, "cacheWriteInputTokenCount": 40}
    assert classes(load_one(tmp_path, record(usage=usage))) == (2, 95_500, 40, 0, 20)


def test_writes_are_split_by_what_converse_lists(tmp_path):
    details = [{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 10}, {"ttl": "1h", "inputTokens": 5}]
    made = record(usage={"cacheWriteInputTokenCount": 45}, body={"usage": {"cacheDetails": details}})
    assert classes(load_one(tmp_path, made)) == (100, 0, 10, 35, 20)


def test_writes_are_known_from_the_list_alone(tmp_path):
    details = [{"ttl": "1h", "inputTokens": 30}, {"ttl": "5m", "inputTokens": 10}]
    assert classes(load_one(tmp_path, record(body={"usage": {"cacheDetails": details}}))) == (100, 0, 10, 30, 20)


def test_writes_that_nobody_splits_last_five_minutes(tmp_path):
    made = record(usage={"cacheWriteInputTokenCount": 45}, body={"usage": {"cacheDetails": []}})
    assert classes(load_one(tmp_path, made)) == (100, 0, 45, 0, 20)


def test_a_converse_body_says_what_the_record_does_not(tmp_path):
    usage = {"inputTokens": 7, "outputTokens": 8, "cacheReadInputTokens": 9, "cacheWriteInputTokens": 10}
    made = record(usage={"inputTokenCount": None, "outputTokenCount": None}, body={"usage": usage})
    assert classes(load_one(tmp_path, made)) == (7, 9, 10, 0, 8)


@pytest.mark.parametrize(
    ("made", "count"),
    [
        (record(), 2),
        (record(usage={"inputTokenCount": None, "outputTokenCount": None}), 0),
        (record(usage={"cacheReadInputTokenCount": 0}), 3),
        (record(usage={"cacheWriteInputTokenCount": 5}, body={"usage": {"cacheDetails": [], "inputTokens": 1}}), 4),
    ],
)
def test_the_figures_that_are_said_are_counted(tmp_path, made, count):
    assert load_one(tmp_path, made)["usage_figure_count"] == count


def test_the_record_wins_over_its_body(tmp_path):
    made = record(body={"usage": {"inputTokens": 7, "outputTokens": 8}})
    assert classes(load_one(tmp_path, made)) == (100, 0, 0, 0, 20)


ANTHROPIC = {
    "input_tokens": 7,
    "output_tokens": 8,
    "cache_read_input_tokens": 9,
    "cache_creation_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
}


def test_an_anthropic_body(tmp_path):
    body = {"id": "msg_bdrk_01", "model": "claude-sonnet-4-6", "content": [{"text": "hi"}], "usage": ANTHROPIC}
    made = record(operation="InvokeModel", usage={"inputTokenCount": None, "outputTokenCount": None}, body=body)
    row = load_one(tmp_path, made)
    assert classes(row) == (7, 9, 10, 20, 8)
    assert (row["response_id"], row["response_model"], row["is_streaming"]) == (
        "msg_bdrk_01",
        "claude-sonnet-4-6",
        False,
    )


def test_a_streamed_answer_in_parts(tmp_path):
    last = {"inputTokenCount": 7, "outputTokenCount": 8, "invocationLatency": 1201, "firstByteLatency": 300}
    body = [
        {"type": "message_start", "message": {"id": "msg_bdrk_02", "model": "claude-haiku-4-5", "usage": ANTHROPIC}},
        {"type": "content_block_delta", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}},
        {"type": "message_delta", "usage": {"output_tokens": 8}},
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": last},
    ]
    usage = {"inputTokenCount": None, "outputTokenCount": None}
    row = load_one(tmp_path, record(operation="InvokeModelWithResponseStream", usage=usage, body=body))
    assert classes(row) == (7, 9, 10, 20, 8)
    assert (row["response_id"], row["latency_ms"], row["is_streaming"]) == ("msg_bdrk_02", 1201, True)


@pytest.mark.parametrize(("operation", "is_streaming"), [("Converse", False), ("ConverseStream", True), (None, False)])
def test_streaming_is_told_by_the_operation(tmp_path, operation, is_streaming):
    assert load_one(tmp_path, record(operation=operation))["is_streaming"] is is_streaming


def test_an_embedding_says_no_output(tmp_path):
    made = record(operation="InvokeModel", usage={"outputTokenCount": None}, body={"embedding": [0.1, 0.2]})
    assert classes(load_one(tmp_path, made)) == (100, 0, 0, 0, None)


def test_a_failed_call_has_an_error_and_no_usage(tmp_path):
    failed = record(input={}, output={}, errorCode="ThrottlingException", status="Failed")
    row = load_one(tmp_path, failed)
    assert (row["error_code"], row["status"]) == ("ThrottlingException", "Failed")
    assert classes(row) == (None, None, None, None, None)


def test_text_logging_switched_off_leaves_the_counts(tmp_path):
    made = record()
    del made["input"]["inputBodyJson"], made["output"]["outputBodyJson"]
    row = load_one(tmp_path, made)
    assert (*classes(row), row["latency_ms"]) == (100, 0, 0, 0, 20, None)


@pytest.mark.parametrize(
    ("made", "tier", "performance"),
    [
        (record(), None, None),
        (record(serviceTier="flex"), "flex", None),
        (record(serviceTier={"type": "Priority"}), "priority", None),
        (record(body={"serviceTier": {"type": "default"}}), "default", None),
        (record(body={"service_tier": "reserved"}), "reserved", None),
        (record(serviceTier="turbo"), None, None),
        (record(performanceConfig={"latency": "optimized"}), None, "optimized"),
        (record(body={"performanceConfig": {"latency": "standard"}}), None, "standard"),
        (record(performanceConfig={"latency": "SECRET"}), None, None),
    ],
)
def test_service_tier_and_performance(tmp_path, made, tier, performance):
    row = load_one(tmp_path, made)
    assert (row["service_tier"], row["performance"]) == (tier, performance)


def test_the_tier_that_served_wins_over_the_one_that_was_asked_for(tmp_path):
    made = record(body={"serviceTier": {"type": "default"}})
    made["input"]["inputBodyJson"]["serviceTier"] = {"type": "flex"}
    assert load_one(tmp_path, made)["service_tier"] == "default"
    del made["output"]["outputBodyJson"]["serviceTier"]
    assert load_one(tmp_path, made)["service_tier"] == "flex"


def test_a_router_s_choice_is_kept(tmp_path):
    chosen = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    row = load_one(tmp_path, record(body={"trace": {"promptRouter": {"invokedModelId": chosen}}}))
    assert row["invoked_model_id"] == chosen


def test_documents_to_rerank_are_counted(tmp_path):
    made = record(operation="InvokeModel", modelId="cohere.rerank-v3-5:0")
    made["input"]["inputBodyJson"] = {"query": "q", "documents": ["a", {"text": "b"}, "c"]}
    assert load_one(tmp_path, made)["input_document_count"] == 3
    assert load_one(tmp_path, record())["input_document_count"] is None


@pytest.mark.parametrize("column", bedrock_log_fields.metadata_keys())
def test_the_first_metadata_key_wins_and_an_empty_one_does_not_count(tmp_path, column):
    keys = bedrock_log_fields.metadata_keys()[column]
    metadata = {key: f" {key} " for key in keys}
    first, second = ((pseudonym_in(tmp_path, key) if column == "user_id" else key) for key in keys[:2])
    assert load_one(tmp_path, record(requestMetadata=metadata))[column] == first
    metadata[keys[0]] = "  "
    assert load_one(tmp_path, record(requestMetadata=metadata))[column] == second


def test_a_request_says_its_journey_and_what_kind_it_is(tmp_path):
    metadata = {"journey": "j-1", "finops.journey.name": "onboarding"}
    row = load_one(tmp_path, record(requestMetadata=metadata))
    assert (row["journey_id"], row["journey_name"]) == ("j-1", "onboarding")


def test_metadata_is_kept_as_it_is(tmp_path):
    row = load_one(tmp_path, record(requestMetadata={"tenant": "a b", "feature": "x", "empty": "", "number": 5}))
    assert dict(row["request_metadata"]) == {"tenant": "a b", "feature": "x", "empty": "", "number": "5"}
    assert load_one(tmp_path, record(requestMetadata=None))["request_metadata"] is None


def test_metadata_names_no_user_and_an_identity_no_person(tmp_path):
    metadata = {"user": "alice", "userId": "bob", "tenant": "acme", "asked_by": " alice ", "empty": None}
    row = load_one(
        tmp_path,
        record(requestMetadata=metadata, identity={"arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admins/alice"}),
    )
    assert row["user_id"] == pseudonym_in(tmp_path, "bob")
    assert dict(row["request_metadata"]) == {"tenant": "acme", "empty": None}
    assert row["identity_arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Admins/{pseudonym_in(tmp_path, 'alice')}"


@pytest.mark.parametrize("arn", [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:role/docs-api"])
def test_an_identity_that_is_no_person_s_stays(tmp_path, arn):
    assert load_one(tmp_path, record(identity={"arn": arn}))["identity_arn"] == arn


def test_account_and_region_come_from_the_key_when_the_line_says_none(tmp_path):
    row = load_one(tmp_path, record(accountId=None, region=""))
    assert (row["account_id"], row["region_id"]) == ("999999999999", "eu-west-1")
    assert load_one(tmp_path, record())["region_id"] == REGION


def test_numbers_may_be_texts_and_fields_may_be_missing_or_new(tmp_path):
    made = record(
        usage={"inputTokenCount": "5", "outputTokenCount": "6"},
        identity=None,
        operation=None,
        modelId=None,
        schemaVersion="2.0",
        newField={"a": [1]},
    )
    row = load_one(tmp_path, made)
    assert classes(row) == (5, 0, 0, 0, 6)
    assert (row["schema_version"], row["model_id"], row["identity_arn"]) == ("2.0", None, None)


GOOD, ALSO_GOOD = lines(record(1)), lines(record(2))


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lines(record(9))[:-60] + b"\n", "not JSON at character"),
        (b"SECRET\n", "not JSON at character 0"),
        (lines(record(9)).replace(b"hello", b"hell\xff"), "not UTF-8 at byte"),
        (lines(record(9)).replace(b"hello", b"\\ud800"), OTHER_SHAPE),
        (lines(record(9, input="SECRET")), OTHER_SHAPE),
        (lines(record(9, requestMetadata=["SECRET"])), OTHER_SHAPE),
        (lines(record(9)).replace(b'"region"', b'"modelId":"SECRET","region"'), OTHER_SHAPE),
        (lines(record(9))[:-1] + GOOD, "not JSON at character"),
        (b"[1]\n", NOT_A_LOG),
        (b"{}\n", NOT_A_LOG),
        (b'{"messages":["SECRET"]}\n', NOT_A_LOG),
        (lines(record(9, schemaType="ImageLog")), "schemaType is not ModelInvocationLog"),
        (b'{"deep":' + b"[" * 50_000 + b"]" * 50_000 + b"}\n", "nested too deeply"),
    ],
)
def test_a_broken_line_is_quarantined_with_its_place_and_the_rest_is_loaded(tmp_path, broken, reason):
    loaded = load(tmp_path, GOOD + broken + ALSO_GOOD, zipped(lines(record(3))))
    assert requests(loaded) == ["request-1", "request-2", "request-3"]
    (row,) = loaded.quarantine
    assert row["place"] == f"line 2, byte {len(GOOD)}"
    assert row["reason"].startswith(reason)
    assert (row["object_key"], row["record_count"], row["source"]) == ("0", 1, "bedrock_logs")
    assert "SECRET" not in json.dumps(loaded.quarantine, default=str)
    first = loaded.objects[0]
    assert (first.read_count, first.loaded_count, first.quarantined_count) == (3, 2, 1)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (record(usage={"inputTokenCount": -1}), "a token count is negative"),
        (record(usage={"outputTokenCount": -1}), "a token count is negative"),
        (record(usage={"cacheReadInputTokenCount": -1}), "a token count is negative"),
        (record(usage={"inputTokenCount": 100_000_001}), "a token count is above 100000000"),
        (record(usage={"outputTokenCount": 10**30}), "a token count is above 100000000"),
        (record(usage={"inputTokenCount": "many"}), "a token count is not a number"),
        (record(usage={"inputTokenCount": {"SECRET": 1}}), "a token count is not a number"),
        (record(body={"usage": {"cacheDetails": "SECRET"}}), "a token count is not a number"),
        (
            record(
                usage={"cacheWriteInputTokenCount": 5},
                body={"usage": {"cacheDetails": [{"ttl": "1h", "inputTokens": 6}]}},
            ),
            "more 1-hour cache writes than cache writes",
        ),
        (record(body={"metrics": {"latencyMs": -1}}), "a latency is negative or longer than a day"),
        (record(body={"metrics": {"latencyMs": 86_400_001}}), "a latency is negative or longer than a day"),
        (record(timestamp="2025-06-04T00:00:01Z"), "in the future"),
        (record(timestamp="1999-12-31T23:59:59Z"), "before the year 2000"),
        (record(timestamp="yesterday"), "the time is missing or is none"),
        (record(timestamp=None), "the time is missing or is none"),
        (record(requestId=None), "request id is missing"),
        (record(requestId=" "), "request id is missing"),
        (record(schemaType=None, body={"schemaType": "ModelInvocationLog"}), "schemaType is not ModelInvocationLog"),
        (record(modelId="tell me a SECRET"), "an id or a name holds spaces or is longer than 2048"),
        (record(modelId={"SECRET": "x y"}), "an id or a name holds spaces or is longer than 2048"),
        (record(operation="x" * 2049), "an id or a name holds spaces or is longer than 2048"),
        (record(errorCode="two words"), "an id or a name holds spaces or is longer than 2048"),
    ],
)
def test_a_record_that_cannot_be_true_is_quarantined(tmp_path, made, reason):
    assert reason_for(tmp_path, made) == reason


@pytest.mark.parametrize(
    "made",
    [
        record(usage={"inputTokenCount": 100_000_000}),
        record(timestamp="2025-06-04T00:00:00Z"),
        record(timestamp="2000-01-01T00:00:00+00:00"),
        record(body={"metrics": {"latencyMs": 86_400_000}}),
        record(modelId="x" * 2048),
        record(
            usage={"cacheWriteInputTokenCount": 5}, body={"usage": {"cacheDetails": [{"ttl": "1h", "inputTokens": 5}]}}
        ),
    ],
)
def test_the_other_side_of_each_limit_is_loaded(tmp_path, made):
    load_one(tmp_path, made)


def test_a_time_with_an_offset_is_utc(tmp_path):
    assert load_one(tmp_path, record(timestamp="2025-06-02T01:30:00+02:00"))["invoked_at"] == datetime(
        2025, 6, 1, 23, 30, tzinfo=UTC
    )


def test_wrong_records_are_set_aside_by_reason_with_the_first_place(tmp_path):
    negative = {"inputTokenCount": -1}
    content = lines(record(1), record(2, usage=negative), record(3, timestamp="x"), record(4, usage=negative))
    loaded = load(tmp_path, content)
    first, second = (len(part) for part in content.split(b"\n")[:2])
    assert [(row["place"], row["reason"], row["record_count"]) for row in loaded.quarantine] == [
        (f"line 2, byte {first + 1} and 1 more", "a token count is negative", 2),
        (f"line 3, byte {first + second + 2}", "the time is missing or is none", 1),
    ]
    account = loaded.objects[0]
    assert (account.read_count, account.loaded_count, account.quarantined_count) == (4, 1, 3)


def with_body(number: int, body: str) -> bytes:
    """A line with a body that is written as it is."""
    return lines(record(number, body="BODY")).replace(b'"BODY"', body.encode())


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def test_a_deeply_nested_body_is_not_looked_into(tmp_path):
    assert requests(load(tmp_path, with_body(1, nested(100_000)))) == ["request-1"]


def test_a_body_that_takes_too_much_memory_is_quarantined_alone(tmp_path):
    deep = with_body(9, nested(2_000_000))
    loaded = load(tmp_path, GOOD + deep + ALSO_GOOD)
    assert requests(loaded) == ["request-1", "request-2"]
    assert [(row["place"], row["reason"]) for row in loaded.quarantine] == [
        (f"line 2, byte {len(GOOD)}", TOO_MANY_VALUES)
    ]


def test_bodies_that_take_too_much_memory_together_are_read_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(bedrock_log_loader, "MEMORY_LIMIT", "150MB")
    numbers = "[" + "0," * 200_000 + "0]"
    loaded = load(tmp_path, *(with_body(number, numbers) for number in range(20)))
    assert (len(loaded.rows), loaded.quarantine) == (20, [])


def test_a_line_that_is_too_long_is_quarantined(tmp_path, monkeypatch):
    monkeypatch.setattr(bedrock_log_loader, "MAX_LINE_BYTES", len(GOOD) - 1)
    loaded = load(tmp_path, lines(record(9, body="x" * 5000)) + GOOD)
    assert requests(loaded) == ["request-1"]
    assert [(row["place"], row["reason"]) for row in loaded.quarantine] == [
        ("line 1, byte 0", f"longer than {len(GOOD) - 1} bytes")
    ]


def test_the_longest_line_is_read(tmp_path):
    longest = lines(record(1, body="x"))
    filled = longest.replace(b'"x"', b'"' + b"x" * (bedrock_log_loader.MAX_LINE_BYTES - len(longest) + 2) + b'"')
    assert len(filled) == bedrock_log_loader.MAX_LINE_BYTES + 1
    assert requests(load(tmp_path, filled)) == ["request-1"]


def test_truncated_gzip_loads_what_came_whole(tmp_path):
    loaded = load(tmp_path, zipped(GOOD + ALSO_GOOD)[:-9], lines(record(3)))
    assert requests(loaded) == ["request-1", "request-2", "request-3"]
    assert [(row["object_key"], row["reason"]) for row in loaded.quarantine] == [("0", "truncated or damaged gzip")]


def test_an_object_that_is_too_long_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(bedrock_log_loader, "MAX_OBJECT_BYTES", len(GOOD))
    loaded = load(tmp_path, zipped(GOOD + ALSO_GOOD))
    assert requests(loaded) == ["request-1"]
    assert [row["place"] for row in loaded.quarantine] == [f"line 2, byte {len(GOOD)}"]


def test_of_repeats_the_most_complete_usage_stays(tmp_path):
    bare = record(1, usage={"inputTokenCount": None, "outputTokenCount": None})
    loaded = load(tmp_path, lines(bare), GOOD, lines(bare))
    (row,) = loaded.rows
    assert (row["object_key"], row["output_tokens"]) == ("1", 20)
    assert [account.duplicate_count for account in loaded.objects] == [1, 0, 1]


def test_of_equal_repeats_the_first_object_and_line_stays(tmp_path):
    loaded = load(tmp_path, GOOD + GOOD, GOOD)
    (row,) = loaded.rows
    assert (row["object_key"], row["object_line"]) == ("0", 1)
    assert [account.duplicate_count for account in loaded.objects] == [1, 1]


def test_the_same_id_in_another_account_or_region_is_another_call(tmp_path):
    loaded = load(tmp_path, lines(record(1), record(1, accountId="444455556666"), record(1, region="eu-west-1")))
    assert len(loaded.rows) == 3


def test_a_wrong_record_is_no_repeat(tmp_path):
    loaded = load(tmp_path, lines(record(1, usage={"inputTokenCount": -1})), GOOD)
    assert [account.duplicate_count for account in loaded.objects] == [0, 0]
    assert requests(loaded) == ["request-1"]


def test_models_are_told_once_with_the_router_s_choice(tmp_path):
    routed = {"trace": {"promptRouter": {"invokedModelId": "amazon.nova-pro-v1:0"}}}
    content = lines(
        record(1), record(2), record(3, region="eu-west-1"), record(4, body=routed), record(5, modelId=None)
    )
    assert load(tmp_path, content).said == [
        (ACCOUNT, "eu-west-1", "amazon.nova-lite-v1:0"),
        (ACCOUNT, REGION, "amazon.nova-lite-v1:0"),
        (ACCOUNT, REGION, "amazon.nova-pro-v1:0"),
    ]


def test_small_spools_give_the_same(tmp_path, monkeypatch):
    objects = [lines(record(2 * n), record(2 * n + 1)) for n in range(8)]
    objects[3] += lines(record(99, input="SECRET"))
    at_once = load(tmp_path, *objects)
    sizes, insert = [], InvocationLoader._insert
    monkeypatch.setattr(bedrock_log_loader, "SPOOL_BYTES", 1)
    monkeypatch.setattr(
        InvocationLoader, "_insert", lambda self: (sizes.append(self._spool_path.stat().st_size), insert(self))
    )
    again = load(tmp_path, *objects)
    assert len(sizes) >= 17 and max(sizes) < 2 * len(GOOD)
    assert (again.rows, again.quarantine) == (at_once.rows, at_once.quarantine)
    assert len(again.rows) == 16 and len(again.quarantine) == 1


SECRET = "PLANTED-SECRET"


def test_nothing_of_a_body_comes_out(tmp_path):
    body = {
        "id": f"{SECRET} with spaces",
        "model": f"{SECRET}\n",
        "usage": {"inputTokens": SECRET},
        "output": {"message": {"content": [{"text": SECRET}]}},
        "serviceTier": {"type": SECRET},
        "performanceConfig": {"latency": SECRET},
        "trace": {"promptRouter": {"invokedModelId": f"{SECRET}!"}},
    }
    made = record(1, body=body)
    made["input"]["inputBodyJson"] = {"messages": [{"content": [{"text": SECRET}]}], "documents": [SECRET]}
    parts = record(2, body=[{"message": {"id": f"{SECRET} x"}}, {"outputText": SECRET}])
    broken = lines(record(3, body=SECRET))[:-5] + b"\n"
    loaded = load(tmp_path, lines(made, parts, record(4, input=SECRET)) + broken, SECRET.encode())
    assert len(loaded.rows) == 2 and len(loaded.quarantine) == 3
    assert SECRET not in json.dumps([loaded.rows, loaded.quarantine], default=str)
    left = [file.name for file in tmp_path.rglob("*") if file.is_file()]
    assert left == ["invocations.parquet"]
