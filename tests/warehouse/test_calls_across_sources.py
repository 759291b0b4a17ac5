"""One call that several sources tell of: spans over OTLP and from a log group, and Bedrock's invocation log."""

from pathlib import Path

import duckdb
import pytest

from tests.warehouse.tiny_lake import ACCOUNT, SONNET, SONNET_ID, at, make_raw, run_dbt, span

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
        ],
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
        from marts.fct_llm_calls order by started_at""",
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
    report = "select journey_name, entry_feature_id, request_count from marts.rpt_journey_costs order by 1"
    assert ask(warehouse, report) == [
        ("onboarding", "triage", 1),
        ("renewal", "contract_review", 1),
        ("unnamed", "support_chat", 2),
    ]


def test_every_record_says_what_became_of_it(warehouse):
    roles = ask(
        warehouse,
        """select source, span_id, role from intermediate.int_landed_spans_settled order by span_id, source""",
    )
    assert roles == [
        ("traces", "a", "kept"),
        ("xray_spans", "a", "duplicate"),
        ("traces", "b", "superseded"),
        ("traces", "c", "kept"),
        ("traces", "r", "kept"),
    ]
    told = ask(warehouse, "select sum(landed_span_count) from intermediate.int_llm_calls_deduplicated")
    assert told == [(4 + 3,)]
