"""Which features the sample has, whose arrivals and whose tokens each one borrows, and how much of everything.

This is the one place where somebody decided something; the rest of the builder follows the data. Why these clients:
`sample/README.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

SEED = 20250602
FIRST_DATE = date(2025, 6, 2)
LAST_DATE = date(2025, 6, 15)
SECOND_WEEK = date(2025, 6, 9)
DAY_COUNT = (LAST_DATE - FIRST_DATE).days + 1
DAY_MS = 86_400_000

SONNET_4 = "us.anthropic.claude-sonnet-4-20250514-v1:0"
SONNET_3_7 = "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
HAIKU_3_5 = "us.anthropic.claude-3-5-haiku-20241022-v1:0"
NOVA_LITE = "amazon.nova-lite-v1:0"
TITAN_EMBED = "amazon.titan-embed-text-v2:0"
COHERE_RERANK = "cohere.rerank-v3-5:0"

LATE_RATIO = 0.010
"""Share of spans that land late."""
LATE_LONG_RATIO = 0.5
"""Share of the late spans that are 3 to 30 hours late, so that most of them land on the next day."""
DUPLICATE_RATIO = 0.005
ERROR_RATIO = 0.005
QUERY_FLATNESS = 100
"""The k-th most popular query is asked 1 / (k + this) as often (Zipf-Mandelbrot): 30 % repeat within a day."""
JOURNEY_IDLE_S = 1800
"""A journey that saw no call for this long is over."""


@dataclass(frozen=True, slots=True)
class Client:
    """One ServeGen client: a tier and a number, and the share of the feature's calls that arrive as it does."""

    tier: str
    number: int
    share: float = 1.0

    def __str__(self) -> str:
        """Name the client as messages and the README do."""
        return f"{self.tier}/{self.number}"


@dataclass(frozen=True, slots=True)
class Feature:
    """How one feature's calls are composed; volumes are calls per day of its active days, its own calls only."""

    feature_id: str
    service_name: str
    pipeline_id: str
    task_type: str
    models: tuple[tuple[str, float], ...]
    """Request models and their share of the calls."""
    clients: tuple[Client, ...]
    calls_per_day: int
    tokens: str
    """`azure` | `mooncake` | `mooncake_cached` | `servegen`."""
    users: tuple[int, int]
    """First user number and how many there are."""
    calls_per_journey: float
    prompt_versions: tuple[tuple[date, str], ...]
    """First day and version, in order of day."""
    first_date: date = FIRST_DATE
    is_instrumented: bool = True
    has_query: bool = False
    has_retrieval: bool = False
    """One embedding and one rerank before each call."""


FEATURES = (
    Feature(
        feature_id="document_summarization",
        service_name="docs-api",
        pipeline_id="summarize",
        task_type="summarization",
        models=((SONNET_4, 1.0),),
        clients=(Client("m-large", 156),),
        calls_per_day=700,
        tokens="mooncake_cached",
        users=(1, 240),
        calls_per_journey=2.5,
        prompt_versions=((FIRST_DATE, "summary-v3"),),
    ),
    Feature(
        feature_id="batch_summarization",
        service_name="docs-api",
        pipeline_id="summarize",
        task_type="summarization",
        models=((SONNET_4, 1.0),),
        clients=(Client("m-large", 149),),
        calls_per_day=280,
        tokens="mooncake",
        users=(300, 1),
        calls_per_journey=40.0,
        prompt_versions=((SECOND_WEEK, "summary-v3"),),
        first_date=SECOND_WEEK,
    ),
    Feature(
        feature_id="support_chat",
        service_name="support-api",
        pipeline_id="rag_answer",
        task_type="chat",
        models=((SONNET_4, 0.7), (HAIKU_3_5, 0.3)),
        clients=(Client("m-large", 48),),
        calls_per_day=1100,
        tokens="azure",
        users=(1001, 3200),
        calls_per_journey=3.0,
        prompt_versions=((FIRST_DATE, "chat-v7"), (date(2025, 6, 11), "chat-v8")),
        has_query=True,
        has_retrieval=True,
    ),
    Feature(
        feature_id="ticket_triage",
        service_name="support-api",
        pipeline_id="classify",
        task_type="classification",
        models=((NOVA_LITE, 1.0),),
        # The second client has no token statistics at all: its calls are the ones whose spans carry no usage.
        clients=(Client("m-small", 31, 0.85), Client("m-small", 8, 0.15)),
        calls_per_day=900,
        tokens="servegen",
        users=(1001, 3200),
        calls_per_journey=1.0,
        prompt_versions=((FIRST_DATE, "triage-v2"),),
    ),
    Feature(
        feature_id="invoice_extraction",
        service_name="growth-api",
        pipeline_id="extract",
        task_type="extraction",
        models=((SONNET_4, 1.0),),
        clients=(Client("m-large", 128),),
        calls_per_day=350,
        tokens="servegen",
        users=(5001, 60),
        calls_per_journey=4.0,
        prompt_versions=((FIRST_DATE, "invoice-v5"),),
    ),
    Feature(
        feature_id="onboarding_assistant",
        service_name="growth-api",
        pipeline_id="rag_answer",
        task_type="chat",
        models=((HAIKU_3_5, 1.0),),
        clients=(Client("m-large", 56),),
        calls_per_day=350,
        tokens="azure",
        users=(6001, 900),
        calls_per_journey=4.0,
        prompt_versions=((FIRST_DATE, "onboarding-v1"),),
        has_query=True,
    ),
    Feature(
        feature_id="contract_review",
        service_name="legal-api",
        pipeline_id="review",
        task_type="document_review",
        models=((SONNET_4, 0.5), (SONNET_3_7, 0.5)),
        clients=(Client("m-large", 69),),
        calls_per_day=150,
        tokens="mooncake",
        users=(8001, 25),
        calls_per_journey=3.0,
        prompt_versions=((FIRST_DATE, "review-v1"),),
        is_instrumented=False,
    ),
)
