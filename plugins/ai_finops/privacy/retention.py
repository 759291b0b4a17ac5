"""Let go of what is past its retention: who old calls were for, texts, queries, keys, old versions, old builds.

A call itself is never removed: its tokens are what the bill of its day was divided by, and without it the money of a closed
month would come back as a correction. What goes is who it was for, and no amount changes by that.
"""

from __future__ import annotations

from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.build.candidate import as_of_date, candidates, drop_candidates
from ai_finops.build.lock import one_writer
from ai_finops.config import Settings
from ai_finops.lake import Lake, PartitionVersion
from ai_finops.privacy import landed_people, user_keys
from ai_finops.privacy.forgetting import drop_old_versions
from ai_finops.privacy.forgotten_rows import quarantine_without
from ai_finops.privacy.user_keys import FORGOTTEN
from ai_finops.privacy.users import first_day_with_users

_PERSON_AT_END = r"^(arn:[^:]*:(?:iam|sts)::[^:]*:(?:user|assumed-role/[^/]+)(?:/.*)?)/[^/]+$"
TEXTS = ("trace_contents", "bedrock_log_contents", "trace_queries", "xray_queries")


def keep_retention(*, settings: Settings, as_of: date, is_applied: bool) -> list[str]:
    """Remove what is past its retention, or say what would be; again it finds nothing more.

    Returns:
        A line for each thing that goes.
    Raises:
        LakeError: The lake or the keys cannot be written; what was removed stays removed.
    """
    lake = Lake(settings.lake)
    with one_writer(settings.builds, doing="keeping the retention"), user_keys.changing(settings) as keys:
        lines = _texts(lake, before=as_of - timedelta(days=settings.content_retention_days), is_applied=is_applied)
        first_kept, kept_names = first_day_with_users(settings, as_of=as_of), set()
        for source in landed_people.SOURCES:
            for version in landed_people.each_partition(lake, source):
                named = landed_people.names_in(version) - {FORGOTTEN}
                if date.fromisoformat(version.key) >= first_kept:
                    kept_names |= named
                elif named or _has_journeys(version):
                    lines.append(f"{source} {version.key}: {len(named)} users, and the ids of conversations")
                    if is_applied:
                        landed_people.write_again(lake, version, rows=_nobody, quarantine=quarantine_without)
        if is_applied:
            gone = keys.drop_keys_but(kept_names)
            old = drop_old_versions(lake)
            lines += [f"{gone} keys of users that no call names any more"] if gone else []
            lines += [f"{old} old versions of partitions"] if old else []
        lines += _builds(settings, since=as_of - timedelta(days=settings.build_retention_days), is_applied=is_applied)
    return lines or ["nothing is past its retention"]


def _texts(lake: Lake, *, before: date, is_applied: bool) -> list[str]:
    """Landings do the same for the family that they write; a source that is switched off has none."""
    lines = []
    for family in TEXTS:
        for key in lake.keys(family):
            if date.fromisoformat(key) < before:
                lines.append(f"{family} {key}: all of it")
                if is_applied:
                    lake.remove_partition(family, key)
    return lines


def _builds(settings: Settings, *, since: date, is_applied: bool) -> list[str]:
    """What is published stays, and its candidate with it, which the next build begins with."""
    from ai_finops.publish import current_build
    from ai_finops.publish.current import published_builds
    from ai_finops.publish.swap import drop_earlier_builds
    from ai_finops.quality.data_docs import drop_runs, kept_runs

    current = current_build(settings)
    kept = current.name if current else None
    found = {
        "candidate builds": [(each.name, as_of_date(each.name)) for each in candidates(settings)],
        "published builds": [(each.name, as_of_date(each.name)) for each in published_builds(settings)],
        "audits": [(each.build_id, date.fromisoformat(each.as_of_date)) for each in kept_runs(settings)],
    }
    counts = {what: sum(name != kept and day < since for name, day in each) for what, each in found.items()}
    if is_applied:
        drop_candidates(settings, but=kept, since=since)
        drop_earlier_builds(settings, since=since)
        drop_runs(settings, but=kept, since=since)
    return [f"{count} {what} of days before {since}" for what, count in counts.items() if count]


def _has_journeys(version: PartitionVersion) -> bool:
    table = "invocations" if version.source == landed_people.LOG else "spans"
    column = pq.read_table(version.file(table), columns=["journey_id"], partitioning=None)["journey_id"]
    return column.null_count < len(column)


def _nobody(rows: pa.Table) -> pa.Table:
    """Rows that say of nobody but forgotten users who they were for."""
    nothing = pa.scalar(None, pa.string())
    is_forgotten = pc.fill_null(pc.equal(rows["user_id"], FORGOTTEN), False)
    changed = {"user_id": pc.if_else(is_forgotten, rows["user_id"], nothing)}
    changed["journey_id"] = pa.nulls(len(rows), pa.string())
    if "identity_arn" in rows.schema.names:
        arns = rows["identity_arn"]
        is_forgotten = pc.fill_null(pc.ends_with(arns, f"/{FORGOTTEN}"), False)
        nobody = pc.replace_substring_regex(arns, _PERSON_AT_END, r"\1")
        changed["identity_arn"] = pc.if_else(is_forgotten, arns, nobody)
        changed["request_metadata"] = pa.nulls(len(rows), rows.schema.field("request_metadata").type)
    for name, column in changed.items():
        rows = rows.set_column(rows.schema.get_field_index(name), name, column)
    return rows
