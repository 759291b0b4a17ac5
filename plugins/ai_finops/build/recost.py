"""Price published days again by what is current: on purpose, with a list of what changes, and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from ai_finops.build.candidate import prepare
from ai_finops.build.dbt import run_dbt
from ai_finops.build.inputs import read_inputs
from ai_finops.build.lock import one_writer
from ai_finops.build.raw_views import open_warehouse
from ai_finops.build.whole import build_all
from ai_finops.config import Settings
from ai_finops.errors import BuildError
from ai_finops.lake import Lake
from ai_finops.pricing.price_ledger import prices_of
from ai_finops.publish.current import current_build, read_published_record

# Of the days that are priced again, and of any other that differs: a batch of the last day may count on the next.
_CHANGES = """
with before as (
    select
        feature_id,
        usage_date,
        sum(estimated_cost_usd) as estimated_cost_usd,
        sum(allocated_cost_usd) as allocated_cost_usd
    from published.fct_daily_allocated_costs group by all
),
after as (
    select
        feature_id,
        usage_date,
        sum(estimated_cost_usd) as estimated_cost_usd,
        sum(allocated_cost_usd) as allocated_cost_usd
    from candidate.marts.fct_daily_allocated_costs group by all
),
months as (
    select
        cast(date_trunc('month', usage_date) as date) as usage_month,
        feature_id,
        sum(before.estimated_cost_usd) as estimated_before_usd,
        sum(after.estimated_cost_usd) as estimated_after_usd,
        sum(before.allocated_cost_usd) as allocated_before_usd,
        sum(after.allocated_cost_usd) as allocated_after_usd
    from before full join after using (usage_date, feature_id)
    where
        usage_date between $first and $last
        or before.estimated_cost_usd is distinct from after.estimated_cost_usd
        or before.allocated_cost_usd is distinct from after.allocated_cost_usd
    group by all
)
select usage_month, feature_id, estimated_before_usd, estimated_after_usd, allocated_before_usd, allocated_after_usd
from months
where
    estimated_before_usd is distinct from estimated_after_usd
    or allocated_before_usd is distinct from allocated_after_usd
order by usage_month, feature_id
"""


@dataclass(frozen=True, slots=True)
class CostChange:
    """What a recosting changes of one feature and month, in the days that are priced again; USD, None: not known."""

    usage_month: date
    feature_id: str
    estimated_before_usd: Decimal | None
    estimated_after_usd: Decimal | None
    allocated_before_usd: Decimal | None
    allocated_after_usd: Decimal | None

    def __str__(self) -> str:
        return (
            f"{self.usage_month:%Y-%m} {self.feature_id}: "
            f"estimated {_change(self.estimated_before_usd, self.estimated_after_usd)}, "
            f"allocated {_change(self.allocated_before_usd, self.allocated_after_usd)}"
        )


@dataclass(frozen=True, slots=True)
class Recosted:
    """A recosting, tried or done."""

    prices: str
    """Name of the price table that the days are priced by."""
    changes: tuple[CostChange, ...]
    published: dict[str, object] | None
    """What `publish` returned; None where it was only tried, or nothing was to be done."""


def recost(
    first: date, last: date, *, settings: Settings, is_applied: bool = False, is_forced: bool = False
) -> Recosted:
    """Price the usage days from `first` to `last` by the installed catalog and the overlay as it is now.

    Args:
        first: First usage day.
        last: Last usage day, included.
        settings: Where lake, builds and published marts are.
        is_applied: Publish it and hold the days to it; else only a candidate build is made and compared.
        is_forced: Price days of closed months too; applied, each of these is closed again as another version.
    Returns:
        What changes by feature and month.
    Raises:
        BuildError: The range is backwards or not published, or has days of a closed month and is not forced, or something
            else than prices has changed since the published build; or the build failed.
        AuditFailed, PublishError, LakeError: As when building and publishing.
    """
    with one_writer(settings.builds, doing="pricing again"):
        lake, published = Lake(settings.lake), _require_published(first, last, settings=settings)
        inputs = read_inputs(lake, settings=settings, run_day=None)
        if inputs.sha256 != read_published_record(published)["inputs_sha256"]:
            raise BuildError(
                f"more than prices has changed since {published.name} was published; publish that first (ai-finops run), "
                "then price again"
            )
        wanted = read_inputs(lake, settings=settings, run_day=None, recosted_days=(first, last), closes_again=is_forced)
        prices = prices_of(wanted.price_periods, first)
        if wanted.price_periods == inputs.price_periods:
            return Recosted(prices, (), None)
        if is_applied:
            built = build_all(settings=settings, recosted_days=(first, last), closes_again=is_forced)
        else:
            built = prepare(settings=settings, recosted_days=(first, last), closes_again=is_forced)
            run_dbt("phase_1", settings=settings, build=built)
        changes = _changes(published, Path(built["warehouse"]), first=first, last=last)
        return Recosted(prices, changes, built.get("published"))


def _require_published(first: date, last: date, *, settings: Settings) -> Path:
    if last < first:
        raise BuildError(f"the range ends before it begins: {first} to {last}; give the earlier day first")
    published = current_build(settings)
    if published is None:
        raise BuildError("nothing is published yet, so there is nothing to price again; run ai-finops run")
    as_of = read_published_record(published)["as_of_date"]
    if str(last) >= as_of:
        raise BuildError(f"{last} is not in {published.name}, which ends before {as_of}; give days before that")
    return published


def _changes(published: Path, warehouse: Path, *, first: date, last: date) -> tuple[CostChange, ...]:
    with open_warehouse(":memory:") as connection:
        for name, path in (("published", published / "marts.duckdb"), ("candidate", warehouse)):
            quoted = str(path).replace("'", "''")
            connection.execute(f"attach '{quoted}' as {name} (read_only)")
        rows = connection.execute(_CHANGES, {"first": first, "last": last}).fetchall()
    return tuple(CostChange(*row) for row in rows)


def _change(before: Decimal | None, after: Decimal | None) -> str:
    if before == after:
        return f"{_usd(after)} unchanged"
    return f"{_usd(before)} -> {_usd(after)}"


def _usd(cost: Decimal | None) -> str:
    return "unknown" if cost is None else f"${cost:,.6f}"
