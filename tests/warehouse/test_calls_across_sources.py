"""One call that several sources tell of: spans over OTLP and from a log group, and Bedrock's invocation log."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from ai_finops.build.savings_inputs import read_inputs
from tests.warehouse import decorated_calls
from tests.warehouse.tiny_lake import ACCOUNT, HAIKU, HAIKU_ID, SONNET, SONNET_ID, at, make_raw, run_dbt, span

DAY = "2025-06-02"


def invocation(request_id: str, minute: int, **changes):
    """A record of the invocation log: 1,000 tokens in, 200 of them read from the cache, 100 out."""
    row = {
        "request_id": request_id,
        "account_id": ACCOUNT,
        "region_id": "us-east-1",
        "operation": "Converse",
        "model_id": SONNET,
        "resolved_model_id": SONNET_ID,
        "region_scope": "regional",
        "uncached_input_tokens": 800,
        "cache_read_input_tokens": 200,
        "cache_write_5m_input_tokens": 0,
        "cache_write_1h_input_tokens": 0,
        "output_tokens": 100,
        "usage_figure_count": 3,
        "latency_ms": 900,
        "invoked_at": at(f"{DAY} 10:{minute:02d}"),
        "object_key": "log.json.gz",
        "object_line": minute,
        "landing_date": at(DAY).date(),
    }
    return row | changes


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sources") / "warehouse.duckdb"
    silent = {"uncached_input_tokens": None, "output_tokens": None, "usage_figure_count": 0, "has_usage": False}
    both = span("a", f"{DAY} 10:01", SONNET, uncached_input_tokens=800, output_tokens=100, usage_figure_count=2)
    make_raw(
        path,
        spans=[
            both,
            # A library that records no usage: the log knows it, the span knows who asked.
            span(
                "b",
                f"{DAY} 10:02",
                SONNET,
                request_id="req-00000000-0000-0002",
                feature_id="triage",
                parent_span_id="r",
                **silent,
            ),
            span("c", f"{DAY} 10:03", SONNET, uncached_input_tokens=5, output_tokens=5, usage_figure_count=2),
            # What began the trace is no call, and the only span that says what the user is doing.
            span(
                "r",
                f"{DAY} 10:00",
                SONNET,
                **(silent | {"operation_name": "other", "request_model": None, "provider_name": None}),
                trace_id="trace-b",
                journey_name="onboarding",
            ),
            *decorated_calls.SPANS,
        ],
        analyses={},
        more={
            "xray_spans_spans": [both | {"object_key": "aws/spans 10"}],
            "bedrock_logs_invocations": [
                invocation("req-00000000-0000-0002", 2),
                # Delivered again the next day.
                invocation("req-00000000-0000-0002", 2, landing_date=at("2025-06-03").date(), object_key="z.json.gz"),
                # Nobody traced it; whoever called it said a feature along with the request.
                invocation("req-00000000-0000-0009", 9, feature_id="contract_review", journey_name="renewal"),
            ],
        },
    )
    built = run_dbt(path, "build", "--select=tag:phase_1", "--exclude-resource-type=unit_test", as_of_date="2025-06-04")
    assert built.returncode == 0, built.stdout[-4000:] + built.stderr
    return path


def ask(warehouse: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_each_call_counts_once_with_whole_usage_and_who_asked(warehouse):
    assert ask(
        warehouse,
        """select call_id, trace_id, feature_id, service_name, uncached_input_tokens, cache_read_input_tokens, output_tokens
        from marts.fct_llm_calls where usage_date = '2025-06-02' order by started_at""",
    ) == [
        ("trace-a-a", "trace-a", "support_chat", "support-api", 800, None, 100),
        ("trace-b-b", "trace-b", "triage", "support-api", 800, 200, 100),
        ("trace-c-c", "trace-c", "support_chat", "support-api", 5, None, 5),
        (f"bedrock/{ACCOUNT}/us-east-1/req-00000000-0000-0009", None, "contract_review", "unknown", 800, 200, 100),
    ]


def test_a_journey_s_name_comes_from_the_span_above_or_with_the_request(warehouse):
    names = "select call_id, journey_name from marts.fct_llm_calls where journey_name is not null order by started_at"
    assert ask(warehouse, names) == [
        ("trace-b-b", "onboarding"),
        (f"bedrock/{ACCOUNT}/us-east-1/req-00000000-0000-0009", "renewal"),
    ]
    report = """
        select journey_name, entry_feature_id, request_count from marts.rpt_journey_costs
        where journey_name != 'unnamed' order by 1"""
    assert ask(warehouse, report) == [("onboarding", "triage", 1), ("renewal", "contract_review", 1)]


def test_every_record_says_what_became_of_it(warehouse):
    roles = ask(
        warehouse,
        """select source, span_id, role from intermediate.int_landed_spans_settled
        where usage_date = '2025-06-02' order by span_id, source""",
    )
    assert roles == [
        ("traces", "a", "kept"),
        ("xray_spans", "a", "duplicate"),
        ("traces", "b", "superseded"),
        ("traces", "c", "kept"),
        ("traces", "r", "kept"),
    ]
    told = ask(
        warehouse,
        "select sum(landed_span_count) from intermediate.int_llm_calls_deduplicated where usage_date = '2025-06-02'",
    )
    assert told == [(4 + 3,)]


def test_a_decorated_call_is_one_call_of_the_feature_that_asked(warehouse):
    """Which library's span speaks, whose call it is, and its tokens; by trace, as decorated_calls has them."""
    query = """
        select trace_id, model_id = ?, feature_id, input_tokens, output_tokens, time_to_first_token_ms, retry_count
        from marts.fct_llm_calls where usage_date = ? and not is_error order by trace_id, 2 desc"""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = connection.execute(query, [SONNET_ID, decorated_calls.DAY]).fetchall()
    assert found == [
        ("alone", False, "search", 1000, 100, None, None),
        ("enclosing", True, "support_chat", 1000, 100, 250.0, 1),
        # The cheap answer was paid too.
        ("escalated", True, "search", 1000, 100, None, None),
        ("escalated", False, "search", 1000, 100, None, None),
        ("nameless", True, "support_chat", 1000, 100, None, None),
        ("routed", True, "search", 1000, 100, None, None),
        ("silent", True, "support_chat", 1000, 100, None, None),
        ("step", True, "docs", 1000, 100, None, None),
        ("step", False, "docs", 500, 50, None, None),
        ("summing", True, "support_chat", 1000, 100, None, None),
        ("summing", False, "support_chat", 500, 50, None, None),
        ("twice", True, "docs", 1000, 100, None, None),
    ]


def test_who_asked_is_found_on_each_span_of_a_call(warehouse):
    """The outer decorator names the feature, the inner one the pipeline; a call inside a step has the step's feature."""
    query = "select call_id, pipeline_id from marts.fct_llm_calls where pipeline_id = 'inner'"
    assert ask(warehouse, query) == [("twice-a", "inner")]
    query = "select distinct trace_id, feature_reason from marts.fct_llm_calls where feature_reason is not null"
    assert ask(warehouse, query) == []


def test_a_failed_attempt_is_a_gap_and_no_second_answer(warehouse):
    query = """
        select scope_name, reason, usage_gap, call_count from marts.fct_daily_instrumentation_gaps
        where usage_date = '2025-06-03'"""
    assert ask(warehouse, query) == [("ai_finops.instrument", "call_failed", "not_said", 1)]


def test_a_decision_is_no_call_and_its_calls_are_known(warehouse):
    query = """
        select call_id, span_id, is_sent_on from intermediate.int_routed_calls_found order by call_id"""
    assert ask(warehouse, query) == [
        ("alone-a", "d", False),
        ("escalated-b", "d", True),
        ("escalated-c", "d", True),
        ("routed-a", "d", True),
        ("routed-b", "d", True),
    ]
    spans = "select role, count(*) from intermediate.int_landed_spans_settled where span_id = 'd' group by all"
    assert ask(warehouse, spans) == [("kept", 6)]


def test_decisions_are_summed_by_day_and_kind(warehouse):
    """Costs worked out in decorated_calls; what a decision does not say is counted and in no sum."""
    query = """
        select reason, first_model_id, model_id, decision_count, escalatable_count, escalated_count, fallback_count,
            attempt_count, unknown_cost_count, estimated_cost_usd::double, capable_cost_usd::double, saved_cost_usd::double,
            mean_duration_ms
        from marts.fct_daily_routing_decisions
        where usage_date = '2025-06-03' and feature_id = 'search' and policy_id = 'support' order by reason"""
    assert ask(warehouse, query) == [
        ("error", HAIKU_ID, SONNET_ID, 1, 0, 0, 1, 2, 1, None, None, None, 2000),
        ("extraction", HAIKU_ID, HAIKU_ID, 1, 0, 0, 0, 1, 0, 0.0012, 0.0045, 0.0033, 2000),
        ("not sure", HAIKU_ID, SONNET_ID, 1, 1, 1, 0, 2, 0, 0.0057, 0.0045, -0.0012, 2000),
        # Nobody traced their calls: the router's own word for the model. 3 * 0.0012 and 3 * 0.0045.
        ("sure", HAIKU, HAIKU, 3, 3, 0, 0, 3, 0, 0.0036, 0.0135, 0.0099, 2000),
    ]


def test_levers_read_what_routers_logged_and_which_calls_were_sent_on(warehouse):
    """The fallback is no answer of the cheap model, and the decision by task type could not escalate."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        inputs = read_inputs(connection, days=[date.fromisoformat(decorated_calls.DAY)])
    assert [tuple(row.values()) for row in inputs["escalations"].to_pylist()] == [
        (date(2025, 6, 3), "search", "extraction", HAIKU_ID, 1, 1),
        (date(2025, 6, 3), "search", "extraction", HAIKU, 3, 0),
    ]
    sums = [row for row in inputs["call_sums"].to_pylist() if row["feature_id"] == "search"]
    # The failed attempt has no cost, and so is in no sum.
    assert sorted((row["model_id"], row["is_sent_on"], row["call_count"]) for row in sums) == [
        (HAIKU_ID, False, 1),
        (HAIKU_ID, True, 1),
        (SONNET_ID, True, 2),
    ]
