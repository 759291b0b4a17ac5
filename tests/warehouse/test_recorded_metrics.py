"""The metrics of recorded traces against a direct computation from what the providers counted.

Each of the three replays is a feature, and kinds of API stand for task types; both are made up here, all else is as recorded.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest
from genai_prices import Usage, calc_price

from ai_finops import aws, build, extract
from ai_finops.config import Settings
from ai_finops.demo.local_aws import local_aws
from tests.dbt_forks import fork_builds
from tests.extract import recorded
from tests.extract.made import json_bytes, zipped
from tests.extract.stand_in import use_endpoint
from tests.warehouse.tiny_lake import PROJECT

DAY, AS_OF, MONDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 23)
TASKS = {"openai.chat": "extraction", "anthropic.messages": "classification", "bedrock.converse": "chat"}
BOUND = Decimal("0.8")


def read_truth(name: str) -> list[dict]:
    """Return the generating calls of one replay: kind, models, and tokens as the provider counted them."""
    with (recorded.FIXTURES / "otlp_replay" / f"{name}.truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    classes = recorded.replay_truth(name)
    calls = []
    for row in rows:
        if row["kind"] not in TASKS:
            continue
        # The replay whose Bedrock spans carry no usage says nothing of these calls.
        is_told = not (name in recorded.WITHOUT_USAGE and row["kind"] == "bedrock.converse")
        *inputs, output = classes[row["trace_id"]]
        calls.append(row | {"input": sum(inputs), "output": output, "cached": inputs[1], "is_told": is_told})
    return calls


def delivery(name: str) -> dict:
    """Return a replay whose spans name a feature and a task type."""
    with (recorded.FIXTURES / "otlp_replay" / f"{name}.truth.csv").open(newline="") as file:
        kinds = {row["trace_id"]: row["kind"] for row in csv.DictReader(file)}
    request = recorded.replay(name)
    for resource_spans in request["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                task = TASKS.get(kinds[span["traceId"]], "embedding")
                for key, value in {"finops.feature": name, "finops.task_type": task}.items():
                    span.setdefault("attributes", []).append({"key": key, "value": {"stringValue": value}})
    return request


@pytest.fixture(scope="module")
def query(tmp_path_factory):
    settings = Settings.from_env(
        {
            "AI_FINOPS_HOME": str(tmp_path_factory.mktemp("recorded_metrics")),
            "AI_FINOPS_SOURCES": "traces",
            "AI_FINOPS_TRACES_BUCKET": "recorded-metrics",
        }
    )
    with local_aws() as running, pytest.MonkeyPatch.context() as monkeypatch:
        use_endpoint(monkeypatch, running.endpoint)
        s3 = aws.client("s3", settings=settings)
        s3.create_bucket(Bucket="recorded-metrics")
        for name in recorded.REPLAYED:
            key = f"otlp/{DAY:year=%Y/month=%m/day=%d}/hour=00/minute=05/traces_{name}.json.gz"
            s3.put_object(Bucket="recorded-metrics", Key=key, Body=zipped(json_bytes(delivery(name))))
        outcome = extract.land("traces", DAY, settings=settings, as_of=AS_OF)
        extract.record("traces", DAY, settings=settings, as_of=AS_OF, outcome=outcome, error=None)
    candidate = build.prepare(settings=settings)
    with pytest.MonkeyPatch.context() as monkeypatch:
        fork_builds(monkeypatch)
        for phase in ("phase_1", "phase_2"):
            assert set(build.run_dbt(phase, settings=settings, build=candidate)) == {"success", "pass"}
            if phase == "phase_1":
                build.analyse(settings=settings, build=candidate)

    def ask(sql: str, *values: object) -> list[tuple]:
        with duckdb.connect(candidate["warehouse"], read_only=True) as connection:
            return connection.execute(sql, values).fetchall()

    return ask


def weekly(query, metric: str) -> dict[tuple[str, str], tuple]:
    """Return numerator, denominator and samples by feature and slice, of the week; the days' are the same."""
    columns = "feature_id, dimension, numerator, denominator, sample_count"
    of_week = query(
        f"select {columns} from marts.fct_weekly_metrics where metric_name = ? and week_start_date = ?", metric, MONDAY
    )
    of_day = query(f"select {columns} from marts.fct_daily_metrics where metric_name = ?", metric)
    assert sorted(of_day) == sorted(of_week)
    return {(feature, dimension): rest for feature, dimension, *rest in of_week}


def with_total(by_feature: dict[tuple[str, str], list[int]]) -> dict[tuple[str, str], list[int]]:
    """Add the sums over all features."""
    sums = {key: list(value) for key, value in by_feature.items()}
    for (_, dimension), value in by_feature.items():
        total = sums.setdefault(("total", dimension), [0] * len(value))
        for place, each in enumerate(value):
            total[place] += each
    return sums


def test_token_amplification(query):
    expected = defaultdict(lambda: [0, 0, 0])
    for name in recorded.REPLAYED:
        for call in read_truth(name):
            if call["is_told"]:
                sums = expected[name, f"task_type={TASKS[call['kind']]}"]
                for place, each in enumerate((call["output"], call["input"], 1)):
                    sums[place] += each
    assert weekly(query, "token_amplification") == with_total(expected)


def test_routing_mix(query):
    with (PROJECT / "seeds" / "model_tiers.csv").open(newline="") as file:
        tiers = {row["model_id"]: row["model_tier"] for row in csv.DictReader(file)}
    expected = {}
    for name in recorded.REPLAYED:
        calls = read_truth(name)
        # Traceloop's Bedrock spans leave the vendor out of the model's name, so that one call's tier is not known.
        found = ["unknown" if not call["is_told"] else tiers.get(call["request_model"], "unknown") for call in calls]
        for tier in ("cheap", "mid", "expensive", "unknown"):
            expected[name, f"tier={tier}"] = [found.count(tier), len(calls), len(calls)]
    assert weekly(query, "routing_mix_call_ratio") == with_total(expected)
    assert [expected[name, "tier=cheap"][0] for name in recorded.REPLAYED] == [1, 0, 1]


def test_prompt_cache(query):
    expected = {}
    for name in recorded.REPLAYED:
        calls = [call for call in read_truth(name) if call["is_told"]]
        # OpenTelemetry's OpenAI instrumentation does not say what was cached: 1,024 tokens of one call.
        hidden = sum(said[0] - true[0] for (of, true), said in recorded.NOT_SAID.items() if of == name)
        cached, tokens = (sum(call[column] for call in calls) for column in ("cached", "input"))
        expected[name, "all"] = [cached - hidden, tokens, len(calls)]
    assert weekly(query, "prompt_cache_read_ratio") == with_total(expected)
    assert expected["semconv", "all"][0] + 1_024 == expected["openinference", "all"][0]


def test_money_of_excess_output(query):
    started = datetime(2026, 11, 23, tzinfo=UTC)
    expected = defaultdict(Decimal)
    for name in recorded.REPLAYED:
        for call in read_truth(name):
            task = TASKS[call["kind"]]
            excess = max(call["output"] - BOUND * call["input"], Decimal(0))
            if not call["is_told"] or task == "chat":
                continue
            price = calc_price(
                Usage(output_tokens=call["output"]),
                call["response_model"],
                provider_id=call["kind"].split(".")[0],
                genai_request_timestamp=started,
            )
            usd = price.output_price * excess / call["output"] if excess else Decimal(0)
            # The calls of gpt-5 are of priority processing, at twice the price; OpenInference does not say so.
            if call["response_model"].startswith("gpt-5") and name != "openinference":
                usd *= 2
            for feature in (name, "total"):
                expected[feature, f"task_type={task}"] += usd
    rows = query(
        """select feature_id, dimension, cost_at_stake_usd from marts.fct_weekly_metrics
        where metric_name = 'token_amplification' and dimension != 'task_type=chat'"""
    )
    found = {(feature, dimension): usd for feature, dimension, usd in rows}
    assert found.keys() == expected.keys()
    for key, usd in expected.items():
        assert found[key] == pytest.approx(usd, abs=Decimal("0.000001")), key
    assert found["total", "task_type=extraction"] > Decimal("0.001")
    # Chat is no data of a known shape.
    assert query(
        "select count(cost_at_stake_usd) from marts.fct_weekly_metrics where dimension = 'task_type=chat'"
    ) == [(0,)]
