"""Deployment settings, read once from the environment.

Business settings (owners, thresholds, tiers, prices of one's own) are dbt seeds. Credentials are never here: boto3 finds
its own, and in Airflow they come from connections.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ai_finops.errors import SettingsError

REPOSITORY = Path(__file__).resolve().parents[2]
FEEDS: dict[str, tuple[str, ...]] = {
    "traces": ("traces", "bedrock_logs", "xray_spans"),
    "billing": ("billing",),
    "cloudwatch": ("cloudwatch",),
}
"""The sources that each extract DAG lands, by the DAG's object: `extract_<feed>`."""
KNOWN_SOURCES = tuple(source for sources in FEEDS.values() for source in sources)
DEFAULT_SOURCES = ("traces", "billing", "cloudwatch")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this deployment's data lies. Every field has an environment variable `AI_FINOPS_<FIELD>`."""

    home: Path
    """Everything the pipeline writes; default `var/` in the repository."""
    dbt_project: Path
    sources: tuple[str, ...]
    """Sources that are switched on; a source left out is configuration, not a failure."""
    aws_region: str
    traces_bucket: str
    traces_prefix: str
    traces_partition_format: str
    """strftime of the day part of a collector key, below the prefix."""
    bedrock_logs_bucket: str
    bedrock_logs_prefix: str
    """What stands before `AWSLogs/` in the keys of Bedrock's invocation logs."""
    spans_log_group: str
    """CloudWatch log group of X-Ray's Transaction Search."""
    spans_late_days: int
    """How many days later than its own time a span may reach the log group and still be found; at most 14."""
    billing_bucket: str
    billing_prefix: str
    billing_export: str
    slack_connection: str
    slack_channel: str

    @property
    def sources_by_feed(self) -> dict[str, tuple[str, ...]]:
        """Return the enabled sources of each feed that has any."""
        enabled = {feed: tuple(each for each in known if each in self.sources) for feed, known in FEEDS.items()}
        return {feed: sources for feed, sources in enabled.items() if sources}

    @property
    def lake(self) -> Path:
        """The raw lake."""
        return self.home / "lake"

    @property
    def builds(self) -> Path:
        """Candidate builds; nobody but the pipeline reads them."""
        return self.home / "builds"

    @property
    def published(self) -> Path:
        """What readers read: `current/` and the builds behind it."""
        return self.home / "published"

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read the settings from `env` (default: the process environment).

        Raises:
            SettingsError: An unknown source is switched on, or a number is none.
        """
        env = os.environ if env is None else env

        def read(name: str, default: str) -> str:
            return env.get(f"AI_FINOPS_{name}") or default

        sources = tuple(part.strip() for part in read("SOURCES", ",".join(DEFAULT_SOURCES)).split(",") if part.strip())
        unknown = sorted(set(sources) - set(KNOWN_SOURCES))
        if unknown:
            raise SettingsError(
                f"AI_FINOPS_SOURCES names unknown source {unknown[0]!r}; known are {', '.join(KNOWN_SOURCES)}"
            )
        return cls(
            home=Path(read("HOME", str(REPOSITORY / "var"))).resolve(),
            dbt_project=Path(read("DBT_PROJECT", str(REPOSITORY / "dbt_project"))).resolve(),
            sources=sources,
            aws_region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
            traces_bucket=read("TRACES_BUCKET", "ai-traces"),
            traces_prefix=read("TRACES_PREFIX", "otlp"),
            traces_partition_format=read("TRACES_PARTITION_FORMAT", "year=%Y/month=%m/day=%d"),
            bedrock_logs_bucket=read("BEDROCK_LOGS_BUCKET", "bedrock-logs"),
            bedrock_logs_prefix=read("BEDROCK_LOGS_PREFIX", ""),
            spans_log_group=read("SPANS_LOG_GROUP", "aws/spans"),
            spans_late_days=_whole_number(read("SPANS_LATE_DAYS", "2"), name="SPANS_LATE_DAYS", most=14),
            billing_bucket=read("BILLING_BUCKET", "billing-exports"),
            billing_prefix=read("BILLING_PREFIX", "cur"),
            billing_export=read("BILLING_EXPORT", "ai-finops"),
            slack_connection=read("SLACK_CONNECTION", "slack_default"),
            slack_channel=read("SLACK_CHANNEL", "#ai-cost"),
        )


def _whole_number(text: str, *, name: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise SettingsError(f"AI_FINOPS_{name} is {text!r}; give a whole number from 0 to {most}")
    return int(text)
