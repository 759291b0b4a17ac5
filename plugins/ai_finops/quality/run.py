"""Audit a candidate build: hold its marts against every expectation, write the Data Docs, say yes or no."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ai_finops.build.disk import disk_errors_named
from ai_finops.build.lock import one_writer
from ai_finops.build.stations import station
from ai_finops.config import Settings
from ai_finops.errors import AuditFailed
from ai_finops.log_names import listed
from ai_finops.quality.data_docs import Run, docs_of, new_site, now, show_site
from ai_finops.quality.found import NOTE_PREFIX, Broken, Held
from ai_finops.quality.kinds import kind_of
from ai_finops.quality.verdict import fingerprint, record_verdict

if TYPE_CHECKING:
    import duckdb
    import pandas
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
    from great_expectations.data_context import EphemeralDataContext

    from ai_finops.quality.gx import Check


def audit(*, settings: Settings, build: dict[str, str]) -> dict[str, object]:
    """Audit the marts of a build; the published marts are not touched.

    Args:
        settings: `<home>/data_docs/<build_id>` becomes the site of this audit, also when it fails.
        build: What `prepare` returned.
    Returns:
        `expectation_count`, `warnings` as sentences, and `data_docs`, the site's index page.
    Raises:
        AuditFailed: An expectation marked `fail` is broken; names mart, expectation and observed value, and carries all
            of them as `broken`.
    """
    with (
        one_writer(settings.builds, doing=f"the audit of {build['build_id']}"),
        station(Path(build["build_dir"]), "check_marts"),
        disk_errors_named(f"audit {build['build_id']}"),
    ):
        looked_at = fingerprint(Path(build["warehouse"]))
        site = new_site(settings, build["build_id"])
        held = _check_all(build, site=site)
        broken = [found for one in held for found in one.broken]
        failed = [found for found in broken if found.severity == "fail"]
        index = docs_of(settings, build["build_id"])
        summary = {
            "expectation_count": sum(one.expectation_count for one in held),
            "warnings": [str(found) for found in broken if found.severity == "warn"],
            "data_docs": str(index),
        }
        from ai_finops.quality.report import write_report

        run = _run(build, summary=summary, failure_count=len(failed))
        write_report(site, held=held, run=run)
        show_site(site, settings=settings, run=run)
        failures = [str(found) for found in failed]
        told = summary | {"audited_at": run.audited_at, "failures": failures}
        record_verdict(build, is_passed=not failed, summary=told, looked_at=looked_at)
    if failed:
        error = AuditFailed(_sentence(failed, build=build, index=index))
        error.broken = tuple(failed)
        raise error
    return summary


def _sentence(failed: list[Broken], *, build: dict[str, str], index: Path) -> str:
    shown = "; ".join(map(str, failed[:3])) + ("; …" if len(failed) > 3 else "")
    return f"build {build['build_id']} broke {len(failed)} expectations ({shown}); nothing was published, see {index}"


def _check_all(build: dict[str, str], *, site: Path) -> list[Held]:
    """Hold the build against every check and write the pages of what was found."""
    from ai_finops.quality.gx import new_context
    from ai_finops.quality.site import clean_site
    from ai_finops.quality.suites import all_checks

    context = new_context(site)
    held = hold(all_checks(), build=build, context=context)
    context.build_data_docs()
    clean_site(site)
    return held


def _run(build: dict[str, str], *, summary: dict[str, object], failure_count: int) -> Run:
    return Run(
        build_id=build["build_id"],
        as_of_date=build["as_of_date"],
        audited_at=now(),
        expectation_count=summary["expectation_count"],
        failure_count=failure_count,
        warning_count=len(summary["warnings"]),
    )


def hold(checks: Sequence[Check], *, build: dict[str, str], context: EphemeralDataContext) -> list[Held]:
    """Hold the marts of a build against `checks`, in their order."""
    from ai_finops.build.raw_views import open_warehouse

    with open_warehouse(build["warehouse"], read_only=True) as connection:
        return [_hold(connection, check, build=build, context=context) for check in checks]


def _hold(
    connection: duckdb.DuckDBPyConnection, check: Check, *, build: dict[str, str], context: EphemeralDataContext
) -> Held:
    """Hold the rows of one check; a query that does not run is a broken expectation of its own."""
    import duckdb

    from ai_finops.quality.gx import validate

    parameters = {"as_of_date": date.fromisoformat(build["as_of_date"])} if "$as_of_date" in check.sql else None
    try:
        with warnings.catch_warnings():  # DuckDB 2.0 calls pandas in a way that pandas 3.1 deprecates
            warnings.simplefilter("ignore", DeprecationWarning)
            frame = connection.execute(check.sql, parameters).df()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        broken = Broken(
            check.mart, check.name, "fail", "the query of the check runs", reason, "A column or mart is lost."
        )
        return Held(check.mart, check.name, 1, (broken,))
    result = validate(context, check, frame=frame, run_name=build["build_id"])
    kinds = tuple(str(kind_of(check, one)) for one in check.expectations)
    return Held(check.mart, check.name, len(result.results), tuple(_broken(check, result)), kinds, _notes(frame))


def _notes(frame: pandas.DataFrame) -> tuple[str, ...]:
    """Return what the columns of notes say, such as `no base: 2025-06-14: 2 of 3 days of its kind`."""
    said = {name: frame[name].dropna() for name in frame.columns if name.startswith(NOTE_PREFIX)}
    return tuple(
        f"{name.removeprefix(NOTE_PREFIX).replace('_', ' ')}: {text}" for name, texts in said.items() for text in texts
    )


def _broken(check: Check, result: ExpectationSuiteValidationResult) -> list[Broken]:
    return [
        Broken(
            mart=check.mart,
            check=check.name,
            severity=one.expectation_config.meta["severity"],
            expectation=_named(one),
            observed=_observed(one),
            why=str(one.expectation_config.notes),
            kind=str(kind_of(check, one.expectation_config)),
        )
        for one in result.results
        if not one.success
    ]


def _named(result: object) -> str:
    """Return the expectation with what it is about, such as `expect_column_values_to_be_unique(call_id)`."""
    arguments = result.expectation_config.kwargs
    about = arguments.get("column") or ", ".join(arguments.get("column_list") or ())
    limits = [
        f"{label} {_plain(arguments[name])}"
        for name, label in (("min_value", "min"), ("max_value", "max"), ("value_set", "in"))
        if arguments.get(name) is not None
    ]
    return f"{result.expectation_config.type}({', '.join([about, *limits] if about else limits)})"


def _plain(limit: object) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _observed(result: object) -> str:
    """Return the value seen, or how many rows were off and examples of them, or what went wrong while looking."""
    found, trouble = result.result, result.exception_info or {}
    if found.get("details", {}).get("mismatched", {}).get("missing"):
        return f"missing {', '.join(map(str, found['details']['mismatched']['missing']))}"
    if found.get("unexpected_count"):
        # Sentences of the marts, with several names in each.
        examples = listed(found.get("partial_unexpected_list", [])[:3], most_characters=400)
        return f"{found['unexpected_count']} of {found['element_count']} rows ({examples})"
    if "observed_value" in found:
        return str(found["observed_value"])
    return str(trouble.get("exception_message") or trouble)[:300]
