"""Recorded traces from the bucket to the mart: every call once, every token class as the provider counted it, the gaps listed.

The calls of Anthropic's SDK land on two days, the SDK's spans on the second; one replay is delivered on both days. The two
replays in which a call is there twice are delivered once more in traces of their own, without a provider's id.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import date

import duckdb
import pytest

from ai_finops import aws, build, extract
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from ai_finops.privacy.user_keys import folder_of
from tests.dbt_forks import fork_builds
from tests.extract import recorded
from tests.extract.made import json_bytes, protobuf_bytes, zipped
from tests.extract.stand_in import use_endpoint

FIRST, SECOND, AS_OF = date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 26)
CLASSES = ", ".join(recorded.CLASSES)
TOLD_TWICE = ("openllmetry", "openinference")


@pytest.fixture(scope="module")
def bucket():
    with local_aws() as running, pytest.MonkeyPatch.context() as monkeypatch:
        use_endpoint(monkeypatch, running.endpoint)
        yield running


def deliveries() -> dict[tuple[date, str], dict]:
    """The objects by landing day and name."""
    objects = {(FIRST, name): recorded.framework(name) for name in recorded.FRAMEWORKS}
    for name in recorded.REPLAYED:
        objects[FIRST, name] = recorded.only(recorded.replay(name), scope=recorded.SDK, is_wanted=False)
        objects[SECOND, f"{name}-sdk"] = recorded.only(recorded.replay(name), scope=recorded.SDK, is_wanted=True)
    objects[SECOND, "semconv-again"] = recorded.replay("semconv")
    for name in TOLD_TWICE:
        objects[FIRST, f"{name}-without-ids"] = recorded.without_ids(recorded.replay(name))
    return objects


def land(home, *, bucket_name: str, written) -> Settings:
    """Put every delivery into a bucket of its own, written by `written`, and land both days."""
    settings = Settings.from_env(
        {"AI_FINOPS_HOME": str(home), "AI_FINOPS_SOURCES": "traces", "AI_FINOPS_TRACES_BUCKET": bucket_name}
    )
    s3 = aws.client("s3", settings=settings)
    s3.create_bucket(Bucket=bucket_name)
    for (day, name), content in deliveries().items():
        ending, body = written(content)
        key = f"otlp/{day:year=%Y/month=%m/day=%d}/hour=00/minute=05/traces_{name}.{ending}"
        s3.put_object(Bucket=bucket_name, Key=key, Body=body)
    for day in (FIRST, SECOND):
        outcome = extract.land("traces", day, settings=settings, as_of=AS_OF)
        assert outcome.quarantined_count == 0
        extract.record("traces", day, settings=settings, as_of=AS_OF, outcome=outcome, error=None)
    return settings


@pytest.fixture(scope="module")
def settings(bucket, tmp_path_factory):
    home = tmp_path_factory.mktemp("recorded")
    return land(home, bucket_name="recorded-json", written=lambda content: ("json.gz", zipped(json_bytes(content))))


@pytest.fixture(scope="module")
def query(settings):
    candidate = build.prepare(settings=settings)
    with pytest.MonkeyPatch.context() as monkeypatch:
        fork_builds(monkeypatch)
        counts = build.run_dbt("phase_1", settings=settings, build=candidate)
    assert set(counts) == {"success", "pass"}

    def ask(sql: str, *values: object) -> list[tuple]:
        with duckdb.connect(candidate["warehouse"], read_only=True) as connection:
            return connection.execute(sql, values).fetchall()

    return ask


@pytest.mark.parametrize("name", recorded.REPLAYED)
def test_each_recorded_call_is_in_the_mart_once_as_the_provider_counted_it(query, name):
    truth = recorded.replay_truth(name)
    models = recorded.replay_models(name)
    calls = query(f"select trace_id, has_usage, {CLASSES}, request_model from marts.fct_llm_calls")
    found = {trace_id: rest for trace_id, *rest in calls if trace_id in truth}
    assert Counter(trace_id for trace_id, *_ in calls if trace_id in truth) == dict.fromkeys(truth, 1)
    without_usage = {trace_id for trace_id, (has_usage, *_) in found.items() if not has_usage}
    assert len(without_usage) == (3 if name in recorded.WITHOUT_USAGE else 0)
    for trace_id, (_, *classes, request_model) in found.items():
        if trace_id not in without_usage:
            expected = recorded.NOT_SAID.get((name, truth[trace_id]), truth[trace_id])
            assert tuple(classes) == expected, trace_id
        # OpenInference names the model that answered, Traceloop leaves the vendor out.
        assert any(model.endswith(request_model) for model in models[trace_id]), (request_model, models[trace_id])


@pytest.mark.parametrize("name", TOLD_TWICE)
def test_without_any_id_each_recorded_call_is_still_there_once(query, name):
    truth = {recorded.renamed(trace_id): classes for trace_id, classes in recorded.replay_truth(name).items()}
    calls = query(f"select trace_id, has_usage, {CLASSES} from marts.fct_llm_calls")
    found = [(trace_id, tuple(classes)) for trace_id, has_usage, *classes in calls if trace_id in truth and has_usage]
    assert len(found) == (35 if name in recorded.WITHOUT_USAGE else 38)
    assert all(classes == truth[trace_id] for trace_id, classes in found)
    assert sum(trace_id in truth for trace_id, *_ in calls) == 38
    matched = query(
        """select matched_by, count(*) from intermediate.int_llm_call_candidates_settled
        where trace_id in (select unnest(?)) group by all order by all nulls first""",
        list(truth),
    )
    how = {"openllmetry": "sibling_span", "openinference": "enclosed_span"}[name]
    assert matched == [(None, 38), (how, 6)]


def test_no_other_truth_is_missed(query):
    """The one row of the replays whose classes are not the provider's; its input and output still add up."""
    ((name, truth),) = recorded.NOT_SAID
    assert sum(recorded.NOT_SAID[name, truth][:4]) == sum(truth[:4])


@pytest.mark.parametrize("name", recorded.FRAMEWORKS)
def test_each_call_of_a_framework_is_in_the_mart_once(query, name):
    (trace_id,) = {
        span["traceId"]
        for resource_spans in recorded.framework(name)["resourceSpans"]
        for scope_spans in resource_spans["scopeSpans"]
        for span in scope_spans["spans"]
    }
    calls = query(f"select span_id, has_usage, {CLASSES} from marts.fct_llm_calls where trace_id = ?", trace_id)
    assert {span_id: tuple(classes) if has_usage else None for span_id, has_usage, *classes in calls} == (
        recorded.FRAMEWORK_CALLS[name]
    )
    assert len(calls) == len(recorded.FRAMEWORK_CALLS[name])


def test_every_row_of_langfuse_s_truth_is_a_call_or_said_to_be_none():
    truth = recorded.framework_truth()
    calls = {
        (name, span_id): usage for name, spans in recorded.FRAMEWORK_CALLS.items() for span_id, usage in spans.items()
    }
    assert truth.keys() == calls.keys() | recorded.NOT_A_CALL.keys()
    assert calls.keys().isdisjoint(recorded.NOT_A_CALL)
    for key, usage in calls.items():
        assert usage is None or (sum(usage[:4]), usage[4]) == truth[key]


def test_gaps_are_listed_by_library_and_model(query):
    rows = query(
        """select scope_name, request_model, reason, sum(call_count)
        from marts.fct_daily_instrumentation_gaps group by all order by all"""
    )
    assert rows == [
        ("langfuse-sdk", "unknown", "no_attributes", 13),
        ("openinference.instrumentation.agno", "gpt-4o-mini", "no_usage", 2),
        # With and without ids.
        *(
            ("opentelemetry.instrumentation.bedrock", model, "no_usage", 2 * count)
            for model, count in sorted(Counter(bedrock_models()).items())
        ),
    ]


def bedrock_models() -> list[str]:
    """The models of the replayed Converse calls, as Traceloop spells them: without the vendor."""
    requests = recorded.only(
        recorded.replay("openllmetry"), scope=recorded.WITHOUT_USAGE["openllmetry"], is_wanted=True
    )["resourceSpans"]
    spans = [span for each in requests for scope_spans in each["scopeSpans"] for span in scope_spans["spans"]]
    named = [{a["key"]: a["value"] for a in span["attributes"]} for span in spans]
    return [attributes["gen_ai.request.model"]["stringValue"] for attributes in named]


def test_what_landed_is_kept_duplicate_or_superseded(query):
    rows = dict(query("select role, count(*) from intermediate.int_landed_spans_settled group by all"))
    # semconv's 76 spans are delivered twice, six of them both times on the second day, which the landing itself settles;
    # 12 calls are told of by the SDK and by an instrumentation.
    assert rows["duplicate"] == 70
    assert query("select sum(duplicate_count) from marts.fct_daily_extract_outcomes") == [(6,)]
    assert rows["superseded"] == 12 + 12
    assert sum(rows.values()) == query("select sum(loaded_count) from marts.fct_daily_extract_outcomes")[0][0]
    matched = query(
        """select matched_by, count(*) from intermediate.int_llm_call_candidates_settled
        where role = 'superseded' group by all"""
    )
    assert dict(matched)["response_id"] == 12


def test_unmapped_names_reach_a_mart(query):
    rows = query(
        "select attribute_name, service_name, span_count from marts.fct_daily_unmapped_attributes order by all"
    )
    assert rows == [("agno{key_suffix}.tools", "unknown_service", 1), ("graph.node.id", "unknown_service", 1)]


def test_protobuf_lands_what_json_lands(settings, tmp_path):
    shutil.copytree(folder_of(settings), tmp_path / "privacy")  # users have the same pseudonyms by the same keys
    others = land(tmp_path, bucket_name="recorded-protobuf", written=lambda content: ("binpb", protobuf_bytes(content)))
    for day in (FIRST, SECOND):
        as_json, as_protobuf = (spans(each, day) for each in (settings, others))
        assert len(as_json) > 50
        assert as_protobuf == as_json


def spans(settings: Settings, day: date) -> list[str]:
    """A day's spans, the names of their objects aside."""
    from ai_finops.lake import Lake

    file = Lake(settings.lake).current_version("traces", str(day)).file("spans")
    with duckdb.connect() as connection:
        rows = connection.execute("select * exclude (object_key) from read_parquet(?)", [str(file)]).fetchall()
    return sorted(json.dumps(row, default=str) for row in rows)
