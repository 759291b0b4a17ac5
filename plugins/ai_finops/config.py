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
    "traces": ("traces",),
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
    keep_content: bool
    """Whether prompts, answers and documents are kept, in a place of their own."""
    content_retention_days: int
    """How many days before the run's clock texts are kept."""
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
            SettingsError: An unknown source is switched on, or a flag or a number of days is none.
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
            keep_content=_flag("AI_FINOPS_KEEP_CONTENT", read("KEEP_CONTENT", "false")),
            content_retention_days=_days("AI_FINOPS_CONTENT_RETENTION_DAYS", read("CONTENT_RETENTION_DAYS", "30")),
            billing_bucket=read("BILLING_BUCKET", "billing-exports"),
            billing_prefix=read("BILLING_PREFIX", "cur"),
            billing_export=read("BILLING_EXPORT", "ai-finops"),
            slack_connection=read("SLACK_CONNECTION", "slack_default"),
            slack_channel=read("SLACK_CHANNEL", "#ai-cost"),
        )


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise SettingsError(f"{name} is {value!r}; set it to true or false")
    return value.lower() == "true"


def _days(name: str, value: str) -> int:
    if not value.isdecimal() or int(value) < 1:
        raise SettingsError(f"{name} is {value!r}; set it to a number of days, 1 or more")
    return int(value)
