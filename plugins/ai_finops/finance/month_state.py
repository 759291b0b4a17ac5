"""Which months there are, and whether each is final: closed for every provider and account that billed in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING

from ai_finops.errors import FinanceError

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True, order=True)
class BilledAccount:
    """A provider and account with a bill."""

    provider_name: str
    billing_account_id: str

    def __str__(self) -> str:
        return f"{self.provider_name}, account {self.billing_account_id}"


@dataclass(frozen=True, slots=True, order=True)
class ClosedAccount:
    """A provider and account whose month is closed, and as what: the checksums are of its frozen rows."""

    provider_name: str
    billing_account_id: str
    version: int
    closed_at_date: str
    rule: str
    costs_sha256: str
    reconciliations_sha256: str

    @property
    def account(self) -> BilledAccount:
        """Whose month it is."""
        return BilledAccount(self.provider_name, self.billing_account_id)


@dataclass(frozen=True, slots=True)
class MonthState:
    """How far a month is settled, as one published build has it."""

    month: date
    """Its first day."""
    build_id: str
    as_of_date: date
    """The build's clock: the first day that is not in it."""
    closed: tuple[ClosedAccount, ...]
    open: tuple[BilledAccount, ...]
    """Billed in the month and not closed."""

    @property
    def is_final(self) -> bool:
        """Whether nothing of it can change but by a restatement on purpose."""
        return bool(self.closed) and not self.open

    @property
    def name(self) -> str:
        """Return `YYYY-MM`."""
        return f"{self.month:%Y-%m}"

    def closed_plain(self) -> list[dict]:
        """Return the closed accounts as a manifest holds them."""
        return [asdict(each) for each in self.closed]


def known_months(connection: duckdb.DuckDBPyConnection) -> list[date]:
    """Return the months that the published marts have costs of, oldest first."""
    rows = connection.execute(
        "select distinct usage_month from marts.fct_monthly_feature_costs order by usage_month"
    ).fetchall()
    return [month for (month,) in rows]


def read_as_of(connection: duckdb.DuckDBPyConnection) -> date:
    """Return the clock of the published build: the first day that is not in it."""
    return connection.execute("select as_of_date from marts.dim_builds").fetchone()[0]


def require_month(month: date, *, known: list[date], as_of: date) -> None:
    """Check that there are costs of a month.

    Raises:
        FinanceError: There are none; the message lists the months there are.
    """
    if month in known:
        return
    why = f": it has not begun on {as_of}, the clock of the published build" if month >= as_of else ""
    listed = ", ".join(f"{each:%Y-%m}" for each in known) or "none"
    raise FinanceError(f"the published marts have no costs of {month:%Y-%m}{why} (there are: {listed})")


def read_state(connection: duckdb.DuckDBPyConnection, month: date) -> MonthState:
    """Return how far a month is settled.

    Calls without a bill keep no month open: there is nothing of theirs to close. A correction does until it is closed:
    a build moves it on rather than leave it open where all others are closed, and final here it would count twice.
    """
    build_id, as_of_date = connection.execute("select build_id, as_of_date from marts.dim_builds").fetchone()
    billed = [
        BilledAccount(*row)
        for row in connection.execute(
            """
            select distinct provider_name, billing_account_id from marts.fct_monthly_feature_costs
            where usage_month = $month and billed_cost_usd is not null
            order by all
            """,
            {"month": month},
        ).fetchall()
    ]
    closed = [
        ClosedAccount(*row)
        for row in connection.execute(
            """
            select
                provider_name, billing_account_id, version, cast(closed_at_date as varchar), rule, costs_sha256,
                reconciliations_sha256
            from marts.dim_closed_periods
            where usage_month = $month and is_current
            order by all
            """,
            {"month": month},
        ).fetchall()
    ]
    accounts = {each.account for each in closed}
    return MonthState(
        month=month,
        build_id=build_id,
        as_of_date=as_of_date,
        closed=tuple(each for each in closed if each.account in billed),
        open=tuple(each for each in billed if each not in accounts),
    )


def read_otherwise(connection: duckdb.DuckDBPyConnection, month: date) -> str:
    """Return how a closed month would read by what the lake says now, in words; nothing where it would read the same."""
    count, difference_usd = connection.execute(
        """
        select count(*), sum(allocated_cost_difference_usd) from marts.fct_monthly_cost_restatements
        where usage_month = $month
        """,
        {"month": month},
    ).fetchone()
    if not count:
        return ""
    return (
        f"the lake reads {count} of its rows otherwise by now, {difference_usd:+f} USD in all, in later months' books: "
        "fct_monthly_cost_restatements"
    )
