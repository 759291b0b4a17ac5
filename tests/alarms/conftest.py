"""A local AWS over HTTP with nothing in it, seeds to vary, and published marts that hold what a test says."""

from __future__ import annotations

import csv
import io
import shutil
import urllib.request
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from ai_finops import aws
from ai_finops.config import REPOSITORY, Settings
from ai_finops.demo.local_aws import local_aws
from tests.extract.stand_in import use_endpoint

NEWEST_DAY, AS_OF = date(2025, 6, 15), date(2025, 6, 16)
NOW = datetime(2025, 6, 16, 7, 30, tzinfo=UTC)
"""When the morning's sync runs."""
TOPIC = "arn:aws:sns:us-east-1:111122223333:ai-cost"
SEEDS = REPOSITORY / "dbt_project" / "seeds"

TABLES = """
    create table dim_builds (as_of_date date);
    create table fct_daily_cost_baselines (
        usage_date date,
        feature_id varchar,
        allocated_cost_usd decimal(18, 6),
        baseline_cost_usd decimal(18, 6),
        baseline_ratio double,
        status varchar
    );
    create table fct_daily_metrics (
        feature_id varchar,
        dimension varchar,
        metric_name varchar,
        status varchar,
        value double,
        healthy_bound double,
        warning_bound double,
        usage_date date
    );
"""
RATIO_RULE = (
    "daily_cost_above_baseline,feature_daily_cost_to_baseline_ratio,,Maximum,GreaterThanThreshold,2,1,1,ignore,warning,"
    "a rule that a project could have,2025-06-15\n"
)


@pytest.fixture(scope="session")
def aws_server():
    with local_aws() as running:
        yield running


@pytest.fixture
def seeds(tmp_path) -> Path:
    """A copy of the project's seeds, to be changed."""
    folder = tmp_path / "dbt_project" / "seeds"
    folder.mkdir(parents=True)
    for name in ("features", "alarm_rules", "metric_thresholds"):
        shutil.copy(SEEDS / f"{name}.csv", folder)
    with (folder / "alarm_rules.csv").open("a") as rules:
        rules.write(RATIO_RULE)
    return folder


@pytest.fixture
def settings(tmp_path, seeds) -> Settings:
    """Settings with alarms in CloudWatch."""
    env = {
        "AI_FINOPS_HOME": str(tmp_path / "var"),
        "AI_FINOPS_DBT_PROJECT": str(seeds.parent),
        "AI_FINOPS_ALARMS": "cloudwatch",
        "AI_FINOPS_ALARM_ACTIONS": TOPIC,
    }
    return Settings.from_env(env)


@pytest.fixture
def clients(monkeypatch, aws_server, settings) -> dict:
    """Clients of the local AWS, whose metrics and alarms are forgotten."""
    use_endpoint(monkeypatch, aws_server.endpoint)
    request = urllib.request.Request(f"{aws_server.endpoint}/moto-api/reset", method="POST")
    urllib.request.urlopen(request).close()
    return {"cloudwatch": aws.client("cloudwatch", settings=settings)}


@pytest.fixture
def cloudwatch(clients):
    return clients["cloudwatch"]


@pytest.fixture
def publish(settings) -> Callable[..., None]:
    """Publish marts with these rows, in place of those before."""

    def publish_marts(
        *,
        costs: tuple = (),
        ratios: tuple = (),
        verdicts: tuple = (),
        metrics: tuple = (),
        as_of: date = AS_OF,
        statements: tuple[str, ...] = (),
    ) -> None:
        """Rows are (day, feature, what it is), and for metrics (day, feature, dimension, metric, value[, status])."""
        baselines: dict[tuple, dict] = {}
        for name, rows in (("allocated_cost_usd", costs), ("baseline_ratio", ratios), ("status", verdicts)):
            for day, feature, found in rows:
                baselines.setdefault((day, feature), {"status": "insufficient_history"})[name] = found
        folder = settings.published / "builds" / "000001-2025-06-16-00000000"
        shutil.rmtree(settings.published, ignore_errors=True)
        folder.mkdir(parents=True)
        with duckdb.connect(str(folder / "marts.duckdb")) as connection:
            connection.execute(TABLES)
            connection.execute("insert into dim_builds values (?)", [as_of])
            for (day, feature), found in baselines.items():
                row = [
                    day,
                    feature,
                    found.get("allocated_cost_usd"),
                    None,
                    found.get("baseline_ratio"),
                    found["status"],
                ]
                connection.execute("insert into fct_daily_cost_baselines values (?, ?, ?, ?, ?, ?)", row)
            for day, feature, dimension, metric, value, *status in metrics:
                row = [feature, dimension, metric, *(status or ["healthy"]), value, 0.5, 0.8, day]
                connection.execute("insert into fct_daily_metrics values (?, ?, ?, ?, ?, ?, ?, ?)", row)
            for statement in statements:
                connection.execute(statement)
        (settings.published / "current").symlink_to(folder.relative_to(settings.published))

    return publish_marts


@pytest.fixture
def edit(seeds) -> Callable[..., None]:
    """Change the rows of a seed: `edit("features", lambda row: row["feature_id"] == "x", last_date="2025-06-01")`."""

    def edit_seed(name: str, is_meant: Callable[[dict], bool] = lambda row: True, **changes: str) -> None:
        path = seeds / f"{name}.csv"
        rows = [row | changes if is_meant(row) else row for row in csv.DictReader(path.read_text().splitlines())]
        written = io.StringIO()
        writer = csv.DictWriter(written, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(written.getvalue())

    return edit_seed


@pytest.fixture
def keep(seeds) -> Callable[..., None]:
    """Keep only the rows of a seed whose first column is one of these."""

    def keep_rows(name: str, *firsts: str) -> None:
        path = seeds / f"{name}.csv"
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([header, *(line for line in lines if line.split(",")[0] in firsts)]) + "\n")

    return keep_rows


@pytest.fixture
def two_features(keep) -> None:
    """Two features and two rules: a small account."""
    keep("features", "support_chat", "invoice_extraction")
    keep("alarm_rules", "daily_cost_above_baseline", "token_amplification_extraction")


class Writes:
    """The calls that change something, in order, as a client sent them."""

    def __init__(self, cloudwatch) -> None:
        self.names: list[str] = []
        self._cloudwatch = cloudwatch
        cloudwatch.meta.events.register("before-call.cloudwatch", self._note)

    def _note(self, model, **_) -> None:
        if model.name.startswith(("Put", "Delete", "Set", "Enable", "Disable", "Tag")):
            self.names.append(model.name)


@pytest.fixture
def writes(cloudwatch) -> Writes:
    return Writes(cloudwatch)


def alarms(cloudwatch) -> dict[str, dict]:
    """Return all alarms there are, by the part of their name after the deployment's."""
    found = cloudwatch.describe_alarms()["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix("ai-finops/AIFinOps/"): alarm for alarm in found}


def points(cloudwatch, metric: str, *, stat: str = "Maximum", days: int = 30, **dimensions: str) -> dict[date, float]:
    """Return a metric's daily values, by day."""
    query = {
        "Namespace": "AIFinOps",
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    end = datetime.combine(AS_OF, datetime.min.time(), tzinfo=UTC)
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "q", "MetricStat": {"Metric": query, "Period": 86400, "Stat": stat}}],
        StartTime=datetime.fromtimestamp(end.timestamp() - days * 86400, tz=UTC),
        EndTime=end,
    )
    (result,) = answer["MetricDataResults"]
    return {at.astimezone(UTC).date(): value for at, value in zip(result["Timestamps"], result["Values"], strict=True)}
