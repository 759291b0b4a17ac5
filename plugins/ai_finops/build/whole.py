"""The whole way in one call, for onboarding and for the command line."""

from __future__ import annotations

from datetime import date

from ai_finops.build.analysis import analyse
from ai_finops.build.candidate import prepare
from ai_finops.build.dbt import run_dbt
from ai_finops.build.lock import one_writer
from ai_finops.config import Settings


def build_candidate(
    *,
    settings: Settings,
    run_day: date | None = None,
    recosted_days: tuple[date, date] | None = None,
    closes_again: bool = False,
    is_full: bool = False,
    target: str = "duckdb",
) -> dict[str, str]:
    """Make a candidate build, not audited and not published; takes and returns what `prepare` does.

    The models are built on `target`, one of `config.TARGETS`.

    Raises:
        BuildError: The lake holds nothing to build, or dbt or an analysis failed.
    """
    with one_writer(settings.builds, doing="a build"):
        build = prepare(
            settings=settings,
            run_day=run_day,
            recosted_days=recosted_days,
            closes_again=closes_again,
            # On Spark everything is made again; a catalog is not carried from build to build.
            is_full=is_full or target != "duckdb",
        )
        run_dbt("phase_1", settings=settings, build=build, target=target)
        analyse(settings=settings, build=build)
        run_dbt("phase_2", settings=settings, build=build, target=target)
    return build


def build_all(
    *,
    settings: Settings,
    run_day: date | None = None,
    recosted_days: tuple[date, date] | None = None,
    closes_again: bool = False,
    is_full: bool = False,
    target: str = "duckdb",
) -> dict[str, object]:
    """Build, audit and publish.

    Returns:
        What `prepare` returned, plus `audit` and `published` as those steps returned them.
    Raises:
        BuildError: As `build_candidate`.
        AuditFailed: The candidate broke an expectation; the published marts are untouched.
        PublishError: The validated build could not be made current.
    """
    from ai_finops.publish import publish
    from ai_finops.quality import audit

    with one_writer(settings.builds, doing="building and publishing"):
        build = build_candidate(
            settings=settings,
            run_day=run_day,
            recosted_days=recosted_days,
            closes_again=closes_again,
            is_full=is_full,
            target=target,
        )
        audited = audit(settings=settings, build=build)
        published = publish(settings=settings, build=build)
    return {**build, "audit": audited, "published": published}
