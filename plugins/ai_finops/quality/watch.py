"""Check each mart by what is said of it in `watched.WATCHED`: types, newest periods, volume, drift, references, outliers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ai_finops.quality import freshness, silence, trailing
from ai_finops.quality.clauses import Clause, Note, literal, select
from ai_finops.quality.contracts import contract_types
from ai_finops.quality.found import NOTE_PREFIX
from ai_finops.quality.gx import Check, Severity
from ai_finops.quality.kinds import Kind
from ai_finops.quality.references import Reference, orphans

SMALLEST_ROW_COUNT = 20
"""Rows of a day; where a mart has fewer, and had fewer, their number says nothing."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched of one mart."""

    period: str | None = None
    """Column that says which day, week or month a row is of."""
    unit: str = "day"
    is_issued: bool = False
    """Its period is the date of the build that said it."""
    follows: tuple[str, str] | None = None
    """Mart that it is made of, with that one's column of days: it has to reach as far."""
    is_whole: bool = False
    """It has rows of every period that the mart it follows has."""
    may_lag: bool = False
    """It may end earlier than what it follows, and that is told and stops nothing."""
    has_volume: bool = True
    """Its rows of a day are compared with the trailing days'."""
    clauses: tuple[Clause, ...] = ()
    """Drift and distribution: what is its own."""
    late_day_count: int | None = None
    """Days that its newest rows may be late; None where none are awaited."""
    made_of: str | None = None
    """A query for a text that says what there is to make rows of, where without it the mart may be empty."""
    dated: str | None = None
    """Table whose periods may not lie ahead of the build; the mart itself by default."""
    news: tuple[Clause, ...] = ()
    """What has not come lately, where it follows no other mart."""
    notes: tuple[Note, ...] = ()
    references: tuple[Reference, ...] = ()
    reasons: dict[Kind, str] = field(default_factory=dict)
    """Why a kind makes no sense for it, in words."""


def watch(mart: str, watched: Watched) -> Check:
    """Return the check of a mart: one row of texts, each NULL where all is well."""
    clauses = tuple(_clauses(mart, watched))
    expectations = tuple(clause.expectation() for clause in clauses)
    return Check(mart, f"{mart}__watched", select((*clauses, *_notes(mart, watched))), expectations)


def drift(column: str, sql: str, why: str, *, severity: Severity = Severity.WARN) -> Clause:
    """Return a clause of what may not drift."""
    return Clause(column, Kind.DRIFT, sql, why, severity)


def distribution(column: str, sql: str, why: str, *, severity: Severity = Severity.WARN) -> Clause:
    """Return a clause of costs out of what costs have been."""
    return Clause(column, Kind.DISTRIBUTION, sql, why, severity)


def _clauses(mart: str, watched: Watched) -> Iterator[Clause]:
    yield Clause("other_types", Kind.SCHEMA, _other_types(mart), "Columns have the types of the contract.")
    if watched.period and watched.is_issued and Kind.FRESHNESS not in watched.reasons:
        yield Clause(
            "not_of_the_build",
            Kind.FRESHNESS,
            freshness.not_of_the_build(mart, period=watched.period),
            "What was said on another date is not what this build says.",
        )
    elif watched.period and not watched.is_issued:
        yield from _periods(mart, watched)
    if watched.made_of:
        why = "What there is to make rows of makes some."
        yield Clause("empty", Kind.VOLUME, _EMPTY.format(mart=mart, made_of=watched.made_of), why)
    yield from watched.news
    if _has_days(watched):
        volume = trailing.off_the_median(f"marts.{mart}", day=watched.period, name="rows", smallest=SMALLEST_ROW_COUNT)
        why = "Rows of a day against the median of the days of its kind before it."
        yield Clause("row_count_off", Kind.VOLUME, volume, why, Severity.WARN)
        why = "A day between others that such days before it do not leave out."
        yield Clause("holes", Kind.VOLUME, silence.holes(mart, day=watched.period), why, Severity.WARN)
    for number, reference in enumerate(watched.references, start=1):
        yield Clause(f"unknown_{number}", Kind.REFERENCES, orphans(mart, reference), reference.why, reference.severity)
    yield from watched.clauses


def _periods(mart: str, watched: Watched) -> Iterator[Clause]:
    yield Clause(
        "ahead",
        Kind.FRESHNESS,
        freshness.ahead(watched.dated or f"marts.{mart}", period=watched.period),
        "Nothing from the future of the build.",
    )
    if watched.late_day_count is not None:
        ended = silence.ended(mart, day=watched.period, late_day_count=watched.late_day_count)
        why = (
            "It goes on to the day before the build, or as far as a bill does, unless that is one of a kind that rests."
        )
        yield Clause("ended", Kind.FRESHNESS, ended, why, Severity.WARN)
    if not watched.follows:
        return
    followed, column = watched.follows
    names = {"period": watched.period, "unit": watched.unit, "followed": followed, "followed_column": column}
    yield Clause(
        "behind",
        Kind.FRESHNESS,
        freshness.behind(mart, **names),
        f"It reaches as far as {followed}.",
        Severity.WARN if watched.may_lag else Severity.FAIL,
    )
    if watched.is_whole:
        lost = freshness.lost_periods(mart, **names)
        yield Clause("lost_periods", Kind.VOLUME, lost, f"A {watched.unit} of {followed} is here too.")


def _notes(mart: str, watched: Watched) -> Iterator[Note]:
    if _has_days(watched):
        yield Note(f"{NOTE_PREFIX}no_base", trailing.no_base(f"marts.{mart}", day=watched.period))
    if watched.late_day_count is not None:
        ended = silence.ended(mart, day=watched.period, late_day_count=watched.late_day_count, is_news=False)
        yield Note(f"{NOTE_PREFIX}over_for_long", ended)
    yield from watched.notes


def _has_days(watched: Watched) -> bool:
    return bool(watched.period) and watched.unit == "day" and watched.has_volume and not watched.is_issued


_EMPTY = """
select format('no row, and {{}}', said) from ({made_of}) as made_of(said) where not exists (from marts.{mart})
"""
_OTHER_TYPES = """
select string_agg(format('{{}} is {{}}, not {{}}', column_name, found.data_type, said.data_type), '; ' order by column_name)
from (select column_name, column_type as data_type from (describe marts.{mart})) as found
inner join (values {types}) as said(column_name, data_type) using (column_name)
where found.data_type <> said.data_type
"""


def _other_types(mart: str) -> str:
    types = contract_types()[mart]
    values = ", ".join(f"({literal(column)}, {literal(data_type)})" for column, data_type in types.items())
    return _OTHER_TYPES.format(mart=mart, types=values)
