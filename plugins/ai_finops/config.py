"""Deployment settings, read once from the environment.

Business settings (owners, thresholds, tiers, prices of one's own) are dbt seeds. Credentials are never here: boto3 finds
its own, and in Airflow they come from connections. The one secret is `user_key`, which is left out where settings are shown.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

from ai_finops.errors import SettingsError
from ai_finops.lake_place import LakeOnS3

REPOSITORY = Path(__file__).resolve().parents[2]
FEEDS: dict[str, tuple[str, ...]] = {
    "traces": ("traces", "bedrock_logs", "xray_spans"),
    "billing": ("billing", "focus", "cost_explorer", "openai", "anthropic"),
    "cloudwatch": ("cloudwatch",),
}
"""The sources that each extract DAG lands, by the DAG's object: `extract_<feed>`."""
KNOWN_SOURCES = tuple(source for sources in FEEDS.values() for source in sources)
DEFAULT_SOURCES = ("traces", "billing", "cloudwatch")
COST_EXPLORER_DIMENSIONS = (
    *("AZ", "INSTANCE_TYPE", "INVOICING_ENTITY", "LEGAL_ENTITY_NAME", "LINKED_ACCOUNT", "OPERATION", "PLATFORM"),
    *("PURCHASE_TYPE", "RECORD_TYPE", "SERVICE", "TENANCY", "USAGE_TYPE"),
)
"""What Cost Explorer can group by (API reference, GetCostAndUsage), besides tags and cost categories."""
TARGETS = ("duckdb", "spark")
"""Engines that the models build on, as in `dbt_project/profiles.yml`."""
ALARM_KINDS = ("none", "cloudwatch", "prometheus")
"""Where alarms are kept; `none`: nowhere."""
MOST_ALARM_ACTIONS = 5
"""The most that an alarm takes (API reference, PutMetricAlarm)."""
MOST_SHARDS = 96
"""A quarter of an hour each."""
EXTRACT_HOUR_UTC = 6
"""When the extract DAGs run for the day before; by then a day's last objects and points have arrived."""
LEAST_BUILD_MEMORY_MB = 256
"""Below it, DuckDB cannot sort what it may not hold."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this deployment's data lies. Every field has an environment variable `AI_FINOPS_<FIELD>`."""

    home: Path
    """Everything the pipeline writes; default `var/` in the repository."""
    lake_at: str
    """`AI_FINOPS_LAKE`: a folder, or `s3://<bucket>/<prefix>`; empty: folder `lake` under `home`."""
    lake_copies: Path
    """Folder of copies of a lake on S3; default `lake_copies` under `home`."""
    lake_copies_gb: int
    """How many GB of copies are kept besides those that were used in the last day."""
    dbt_project: Path
    sources: tuple[str, ...]
    """Sources that are switched on; a source left out is configuration, not a failure."""
    aws_region: str
    traces_bucket: str
    traces_prefix: str
    traces_partition_format: str
    """strftime of the day part of a collector key, below the prefix."""
    trace_shards: int
    """Into how many parts, at most, the objects of a day are divided to be read by tasks side by side; 1: they are not."""
    keep_content: bool
    """Whether prompts, answers and documents are kept, in a place of their own."""
    content_retention_days: int
    """How many days before the run's clock texts are kept."""
    embedder: str
    """What turns texts of queries into vectors: a folder, `bedrock:<model id>`, or nothing for the bundled model."""
    task_judge: str
    """Model that says what kind of task a call does, `bedrock:<model id>`; empty for rules alone."""
    routing_trial_usd: float
    """USD that one `routing analyze` may spend on asking cheaper models; 0: none is asked."""
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
    focus_bucket: str
    focus_prefix: str
    focus_export: str
    cost_explorer_keys: tuple[str, ...]
    """One or two group keys: dimensions, `TAG:<key>` or `COST_CATEGORY:<name>`."""
    cost_explorer_accounts: tuple[str, ...]
    """Accounts to ask for one by one; none for all that the credentials see, in one sum."""
    cost_explorer_lookback_days: int
    """How far back a landing reads days again that were estimated."""
    openai_connection: str
    openai_days_read: int
    """Days that a landing reads: its own and those before it, which still change."""
    anthropic_connection: str
    anthropic_days_read: int
    slack_connection: str
    """Airflow connection of Slack, which must then be there; empty: `slack_default`, where there is one."""
    slack_channel: str
    """Where the weekly message goes, unless the connection's extra names a `channel`."""
    alarms: str
    """Where alarms are kept, one of `ALARM_KINDS`."""
    alarms_namespace: str
    """CloudWatch namespace that values are published to; the names of the alarms begin with it."""
    alarm_actions: tuple[str, ...]
    """SNS topics that alarms tell, as ARNs; at most `MOST_ALARM_ACTIONS`."""
    prometheus_textfile: Path
    """File of values for node_exporter's textfile collector; default `alarms/ai_finops.prom` under `home`."""
    prometheus_rules: Path
    """File of alerting rules for Prometheus; default `alarms/ai_finops.rules.yml` under `home`."""
    pushgateway_url: str
    """Base URL of a Pushgateway that gets the values too; empty for none."""
    email_connection: str
    """Airflow connection (SMTP) that the weekly message is sent by; empty for no e-mail."""
    email_to: tuple[str, ...]
    """Who gets it by e-mail, each address once."""
    alert_channel: str
    """Slack channel that is told when the message failed or is late; empty for the message's own."""
    page_url: str
    """Address of the weekly view, which the message links to; empty for no link."""
    timezone: str
    """IANA name of the zone in which the message is due on Monday at 10:00."""
    postgres_connection: str
    """Airflow connection of a PostgreSQL that gets the published marts too; empty for none."""
    postgres_schema: str
    """Schema that the marts have there; the pipeline's own."""
    postgres_readers: tuple[str, ...]
    """Roles that may read it, besides those that were given the right there; `public` for everybody."""
    finance_s3: str
    """`s3://<bucket>/<prefix>` that finance's files are put to as well; empty for none."""
    marts_due: time
    """When, in UTC, the marts of the day before must be published; later than `EXTRACT_HOUR_UTC`."""
    retry_delay_seconds: int
    """What the waits between two attempts of a task are multiples of (`orchestrate/retrying.py`)."""
    runbook_url: str
    """Address of docs/runbook.md as people read it, which alerts link to."""
    user_retention_days: int = 400
    """How many days after its landing a call still says which user and conversation it was for."""
    build_retention_days: int = 30
    """How many days after the day that they are of builds and audits are kept that are not the published one."""
    user_key: bytes | None = field(default=None, repr=False)
    """Secret by which users are known again; None for one that is made in `home` (privacy/user_keys.py)."""
    build_memory: str = "2GB"
    """How much memory DuckDB takes in a build, an audit or a publication before it goes on on the disk."""

    @property
    def sources_by_feed(self) -> dict[str, tuple[str, ...]]:
        """Return the enabled sources of each feed that has any."""
        enabled = {feed: tuple(each for each in known if each in self.sources) for feed, known in FEEDS.items()}
        return {feed: sources for feed, sources in enabled.items() if sources}

    @property
    def lake(self) -> Path | LakeOnS3:
        """The raw lake."""
        if not self.lake_at.startswith("s3://"):
            return Path(self.lake_at) if self.lake_at else self.home / "lake"
        bucket, _, prefix = self.lake_at.removeprefix("s3://").partition("/")
        return LakeOnS3(bucket, prefix, self.aws_region, self.lake_copies, self.lake_copies_gb * 1000**3)

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
            SettingsError: A setting does not parse; the message names it.
        """
        env = os.environ if env is None else env

        def read(name: str, default: str) -> str:
            return env.get(f"AI_FINOPS_{name}") or default

        home = Path(read("HOME", str(REPOSITORY / "var"))).expanduser().resolve()
        aws_region = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"
        return cls(
            home=home,
            lake_at=_lake(read("LAKE", "")),
            lake_copies=_file("LAKE_COPIES", read, default=home / "lake_copies"),
            lake_copies_gb=_gigabytes("LAKE_COPIES_GB", read, default=50),
            dbt_project=Path(read("DBT_PROJECT", str(REPOSITORY / "dbt_project"))).expanduser().resolve(),
            sources=_sources(read("SOURCES", ",".join(DEFAULT_SOURCES))),
            aws_region=aws_region,
            traces_bucket=read("TRACES_BUCKET", "ai-traces"),
            traces_prefix=read("TRACES_PREFIX", "otlp"),
            traces_partition_format=_partition_format(read("TRACES_PARTITION_FORMAT", "year=%Y/month=%m/day=%d")),
            trace_shards=_trace_shards(read("TRACE_SHARDS", "1")),
            keep_content=_flag("KEEP_CONTENT", read),
            content_retention_days=_day_count("CONTENT_RETENTION_DAYS", read, default=30, least=1),
            embedder=read("EMBEDDER", ""),
            task_judge=_task_judge(read("TASK_JUDGE", "")),
            routing_trial_usd=_usd("ROUTING_TRIAL_USD", read),
            bedrock_logs_bucket=read("BEDROCK_LOGS_BUCKET", "bedrock-logs"),
            bedrock_logs_prefix=read("BEDROCK_LOGS_PREFIX", ""),
            spans_log_group=read("SPANS_LOG_GROUP", "aws/spans"),
            spans_late_days=_day_count("SPANS_LATE_DAYS", read, default=2, least=0, most=14),
            billing_bucket=read("BILLING_BUCKET", "billing-exports"),
            billing_prefix=read("BILLING_PREFIX", "cur"),
            billing_export=read("BILLING_EXPORT", "ai-finops"),
            focus_bucket=read("FOCUS_BUCKET", "billing-exports"),
            focus_prefix=read("FOCUS_PREFIX", "focus"),
            focus_export=read("FOCUS_EXPORT", "ai-finops-focus"),
            cost_explorer_keys=_group_keys(read("COST_EXPLORER_KEYS", "SERVICE,USAGE_TYPE")),
            cost_explorer_accounts=_accounts(read("COST_EXPLORER_ACCOUNTS", "")),
            cost_explorer_lookback_days=_day_count("COST_EXPLORER_LOOKBACK_DAYS", read, default=45, least=0),
            openai_connection=read("OPENAI_CONNECTION", "openai_admin"),
            openai_days_read=_day_count("OPENAI_DAYS_READ", read, default=3, least=1),
            anthropic_connection=read("ANTHROPIC_CONNECTION", "anthropic_admin"),
            anthropic_days_read=_day_count("ANTHROPIC_DAYS_READ", read, default=3, least=1),
            slack_connection=read("SLACK_CONNECTION", ""),
            slack_channel=read("SLACK_CHANNEL", "#ai-cost"),
            alarms=_alarms(read("ALARMS", "none")),
            alarms_namespace=_namespace(read("ALARMS_NAMESPACE", "AIFinOps")),
            alarm_actions=_alarm_actions(read("ALARM_ACTIONS", ""), aws_region=aws_region),
            prometheus_textfile=_file("PROMETHEUS_TEXTFILE", read, default=home / "alarms" / "ai_finops.prom"),
            prometheus_rules=_file("PROMETHEUS_RULES", read, default=home / "alarms" / "ai_finops.rules.yml"),
            pushgateway_url=_pushgateway_url(read("PUSHGATEWAY_URL", "")),
            email_connection=read("EMAIL_CONNECTION", ""),
            email_to=_addresses(read("EMAIL_TO", ""), connection=read("EMAIL_CONNECTION", "")),
            alert_channel=read("ALERT_CHANNEL", ""),
            page_url=_page_url(read("PAGE_URL", "")),
            timezone=_timezone(read("TIMEZONE", "UTC")),
            postgres_connection=read("POSTGRES_CONNECTION", ""),
            postgres_schema=_postgres_schema(read("POSTGRES_SCHEMA", "ai_finops")),
            postgres_readers=_postgres_readers(read("POSTGRES_READERS", "")),
            finance_s3=_finance_s3(read("FINANCE_S3", "")),
            marts_due=_marts_due(read("MARTS_DUE", "08:00")),
            retry_delay_seconds=_retry_delay(read("RETRY_DELAY_SECONDS", "120")),
            runbook_url=_runbook_url(read("RUNBOOK_URL", "docs/runbook.md")),
            user_retention_days=_day_count("USER_RETENTION_DAYS", read, default=400, least=1, most=4000),
            build_retention_days=_day_count("BUILD_RETENTION_DAYS", read, default=30, least=1, most=4000),
            user_key=_user_key(read("USER_KEY", "")),
            build_memory=_build_memory(read("BUILD_MEMORY", "2GB")),
        )


def build_memory(environ: Mapping[str, str]) -> str:
    """Return how much memory DuckDB may take, as it reads it; `dbt_project/profiles.yml` has the same default.

    Raises:
        SettingsError: It is no amount.
    """
    return _build_memory(environ.get("AI_FINOPS_BUILD_MEMORY") or "2GB")


def _build_memory(text: str) -> str:
    found = re.fullmatch(r"([1-9][0-9]{0,5})(MB|GB)", text)
    if not found or (found[2] == "MB" and int(found[1]) < LEAST_BUILD_MEMORY_MB):
        raise SettingsError(
            f"AI_FINOPS_BUILD_MEMORY is {text!r}; write whole MB or GB such as 2GB, {LEAST_BUILD_MEMORY_MB}MB or more"
        )
    return text


def _flag(name: str, read: Callable[[str, str], str]) -> bool:
    text = read(name, "false").lower()
    if text not in ("true", "false"):
        raise SettingsError(f"AI_FINOPS_{name} is {text!r}; set it to true or false")
    return text == "true"


def _trace_shards(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MOST_SHARDS:
        raise SettingsError(
            f"AI_FINOPS_TRACE_SHARDS is {text!r}; write a number from 1 (a day is read by one task) to {MOST_SHARDS}"
        )
    return int(text)


def _task_judge(text: str) -> str:
    if text and not re.fullmatch(r"bedrock:[A-Za-z0-9.:/_-]{1,256}", text):
        raise SettingsError(f"AI_FINOPS_TASK_JUDGE is {text!r}; write bedrock:<model id>, or nothing for rules alone")
    return text


def _usd(name: str, read: Callable[[str, str], str]) -> float:
    text = read(name, "0")
    if not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", text):
        raise SettingsError(f"AI_FINOPS_{name} is {text!r}; write US dollars such as 0.50, below 10000")
    return float(text)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _group_keys(text: str) -> tuple[str, ...]:
    """Read Cost Explorer's group keys; more than two are an error there too, but one that costs a call each time."""
    setting, keys = "AI_FINOPS_COST_EXPLORER_KEYS", _parts(text)
    if not 1 <= len(keys) <= 2 or len(set(keys)) < len(keys):
        raise SettingsError(f"{setting} is {text!r}; Cost Explorer groups by one key or by two different ones")
    for key in keys:
        kind, _, name = key.partition(":")
        if key not in COST_EXPLORER_DIMENSIONS and not (kind in ("TAG", "COST_CATEGORY") and name):
            raise SettingsError(
                f"{setting} names unknown group key {key!r}; known are {', '.join(COST_EXPLORER_DIMENSIONS)}, "
                "TAG:<key> and COST_CATEGORY:<name>"
            )
    return keys


def _accounts(text: str) -> tuple[str, ...]:
    """Return the accounts that Cost Explorer is asked about, each once: twice would be a bill counted twice."""
    accounts = tuple(dict.fromkeys(_parts(text)))
    for account in accounts:
        if not re.fullmatch(r"[0-9]{12}", account):
            raise SettingsError(
                f"AI_FINOPS_COST_EXPLORER_ACCOUNTS names {account!r}; an AWS account id has twelve digits"
            )
    return accounts


def _user_key(text: str) -> bytes | None:
    if not text:
        return None
    from ai_finops.instrument.query_key import parse_key  # not where there is none: it takes a while to import

    key = parse_key(text)
    if key is None:
        raise SettingsError(
            "AI_FINOPS_USER_KEY is too short to keep a secret; write 16 bytes or more as hex, base64 or text, such as what "
            "python -c 'import secrets; print(secrets.token_hex(32))' prints"
        )
    return key


def _day_count(name: str, read: Callable[[str, str], str], *, default: int, least: int, most: int = 400) -> int:
    text = read(name, str(default))
    if not re.fullmatch(r"[0-9]{1,4}", text) or not least <= int(text) <= most:
        raise SettingsError(f"AI_FINOPS_{name} is {text!r}; write a number of days from {least} to {most}")
    return int(text)


def _alarms(text: str) -> str:
    if text not in ALARM_KINDS:
        raise SettingsError(f"AI_FINOPS_ALARMS is {text!r}; known are {', '.join(ALARM_KINDS)}")
    return text


def _namespace(text: str) -> str:
    """Return `AI_FINOPS_ALARMS_NAMESPACE` as it is. A slash in it would put one deployment's alarms among another's."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text):
        raise SettingsError(
            f"AI_FINOPS_ALARMS_NAMESPACE is {text!r}; write up to 100 letters, digits and . _ -, such as AIFinOps"
        )
    return text


def _alarm_actions(text: str, *, aws_region: str) -> tuple[str, ...]:
    """Return the topics that alarms tell, each once. CloudWatch refuses those of another region."""
    setting, arns = "AI_FINOPS_ALARM_ACTIONS", tuple(dict.fromkeys(_parts(text)))
    for arn in arns:
        found = re.fullmatch(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):[0-9]{12}:[A-Za-z0-9_.-]{1,256}", arn)
        if not found:
            raise SettingsError(
                f"{setting} names {arn!r}; write ARNs of SNS topics, such as arn:aws:sns:eu-west-1:111122223333:ai-cost"
            )
        if found[1] != aws_region:
            raise SettingsError(
                f"{setting} names {arn!r}, a topic of {found[1]}; alarms in {aws_region} can tell topics there alone"
            )
    if len(arns) > MOST_ALARM_ACTIONS:
        raise SettingsError(f"{setting} names {len(arns)} topics; an alarm takes {MOST_ALARM_ACTIONS} at most")
    return arns


def _file(name: str, read: Callable[[str, str], str], *, default: Path) -> Path:
    return Path(read(name, str(default))).expanduser().resolve()


def _pushgateway_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#@]*)?", text):
        raise SettingsError(
            "AI_FINOPS_PUSHGATEWAY_URL is no base URL; write one such as http://pushgateway:9091, without a password in it"
        )
    return text.rstrip("/")


def _addresses(text: str, *, connection: str) -> tuple[str, ...]:
    """Return who gets the message by e-mail, each once; the connection and the addresses are of no use without the other."""
    addresses = tuple(dict.fromkeys(_parts(text)))
    for address in addresses:
        if not re.fullmatch(r"[^\s@<>,;\"]+@[A-Za-z0-9.-]+", address) or not address.isascii():
            raise SettingsError(f"AI_FINOPS_EMAIL_TO names {address!r}; write addresses such as ai-cost@example.com")
    if bool(connection) != bool(addresses):
        lacking = "AI_FINOPS_EMAIL_TO" if connection else "AI_FINOPS_EMAIL_CONNECTION"
        raise SettingsError(f"{lacking} is missing; the message goes by e-mail when both are set, or neither")
    return addresses


def _page_url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.:_~%/-]+", text):
        raise SettingsError(
            f"AI_FINOPS_PAGE_URL is {text!r}; write the page's address without a query, such as "
            "https://airflow.example/ai-cost/weekly"
        )
    return text


def _marts_due(text: str) -> time:
    """Read an hour and a minute of UTC; a deadline before the extraction begins is missed every day."""
    found = re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])", text)
    due = time(int(found[1]), int(found[2])) if found else time(0)
    if due <= time(EXTRACT_HOUR_UTC):
        raise SettingsError(
            f"AI_FINOPS_MARTS_DUE is {text!r}; write a time of UTC after {EXTRACT_HOUR_UTC:02}:00, such as 08:00"
        )
    return due


def _retry_delay(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= 3600:
        raise SettingsError(f"AI_FINOPS_RETRY_DELAY_SECONDS is {text!r}; write a number of seconds from 1 to 3600")
    return int(text)


def _runbook_url(text: str) -> str:
    if not re.fullmatch(r"(https?://)?[A-Za-z0-9.:_~%/-]+", text):
        raise SettingsError(
            f"AI_FINOPS_RUNBOOK_URL is {text!r}; write the address of the runbook without a query and an anchor, such as "
            "https://git.example/ai-finops/docs/runbook.md"
        )
    return text


def _timezone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ValueError, OSError, LookupError) as error:
        raise SettingsError(
            f"AI_FINOPS_TIMEZONE is {text!r}; write the IANA name of a zone, such as Europe/Berlin"
        ) from error
    return text


def _postgres_schema(text: str) -> str:
    """Return `AI_FINOPS_POSTGRES_SCHEMA` as it is. Names made of it must stay within PostgreSQL's 63 characters."""
    is_name = re.fullmatch(r"[a-z_][a-z0-9_]{0,29}", text)
    if not is_name or text.startswith("pg_") or text in ("public", "information_schema"):
        raise SettingsError(
            f"AI_FINOPS_POSTGRES_SCHEMA is {text!r}; write up to 30 lower-case letters, digits and _, such as ai_finops: "
            "a schema of the marts' own, neither public nor one of the system's"
        )
    return text


def _postgres_readers(text: str) -> tuple[str, ...]:
    """Return the roles that may read the marts, each once, spelled as PostgreSQL has them."""
    roles = tuple(dict.fromkeys(_parts(text)))
    for role in roles:
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_@. -]{0,62}", role):
            raise SettingsError(
                f"AI_FINOPS_POSTGRES_READERS names {role!r}; write names of roles, such as bi_reader, with commas between"
            )
    return roles


_S3_PREFIX = r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.'()=-]+)*/?"


def _lake(text: str) -> str:
    """Return `AI_FINOPS_LAKE` as a whole path, or as a prefix without a slash at its end."""
    if "://" not in text:
        return str(Path(text).expanduser().resolve()) if text else ""
    if not re.fullmatch(_S3_PREFIX, text):
        raise SettingsError(
            f"AI_FINOPS_LAKE is {text!r}; write a folder, or s3://<bucket>/<prefix> such as s3://ai-finops/lake"
        )
    return text.rstrip("/")


def _gigabytes(name: str, read: Callable[[str, str], str], *, default: int) -> int:
    text = read(name, str(default))
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise SettingsError(f"AI_FINOPS_{name} is {text!r}; write a whole number of GB")
    return int(text)


def _finance_s3(text: str) -> str:
    """Return `AI_FINOPS_FINANCE_S3` without a slash at its end."""
    if text and not re.fullmatch(_S3_PREFIX, text):
        raise SettingsError(
            f"AI_FINOPS_FINANCE_S3 is {text!r}; write s3://<bucket>/<prefix>, such as s3://finance-files/ai-cost"
        )
    return text.rstrip("/")


def _sources(text: str) -> tuple[str, ...]:
    """Return the sources named in `AI_FINOPS_SOURCES`, each once."""
    sources = tuple(dict.fromkeys(_parts(text)))
    unknown = sorted(set(sources) - set(KNOWN_SOURCES))
    if unknown or not sources:
        said = f"names unknown source {unknown[0]!r}" if unknown else "names no source"
        raise SettingsError(f"AI_FINOPS_SOURCES {said}; known are {', '.join(KNOWN_SOURCES)}")
    return sources


def _partition_format(text: str) -> str:
    """Return `AI_FINOPS_TRACES_PARTITION_FORMAT` as it is; one without the day would land every object on every day."""
    days = {date(year, month, day).strftime(text) for year, month, day in _DIFFERING_DAYS}
    if len(days) < len(_DIFFERING_DAYS):
        raise SettingsError(
            f"AI_FINOPS_TRACES_PARTITION_FORMAT {text!r} gives several days one prefix; it needs year, month and day, "
            "such as year=%Y/month=%m/day=%d"
        )
    return text


_DIFFERING_DAYS = ((2025, 6, 2), (2025, 6, 3), (2025, 7, 2), (2026, 6, 2))
