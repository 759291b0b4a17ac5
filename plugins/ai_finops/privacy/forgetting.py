"""Forget a user: in the lake, in every build, and from here on.

The order makes it safe to be killed anywhere and run again. First it is noted that the user is forgotten, so that landings
honour it; then partitions are written again one by one, each whole or not; then a build is made from nothing and published, and
only then do the builds before it go; the key goes last, since the user is looked for by it. Money, tokens and traces stay, as
`forgotten_user`: no amount of any day or month changes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from ai_finops.build.candidate import candidates, drop_candidates
from ai_finops.build.lock import one_writer
from ai_finops.config import Settings
from ai_finops.errors import PrivacyError, SettingsError
from ai_finops.extract import shard_scratch
from ai_finops.lake import Lake, PartitionVersion
from ai_finops.privacy import landed_people, user_keys
from ai_finops.privacy.forgotten_rows import Forgotten, invocations_without, quarantine_without, spans_without
from ai_finops.privacy.sweep import files_naming
from ai_finops.privacy.user_keys import FORGOTTEN, UserKeys, folder_of

SHORTEST_SOUGHT = 8
"""Characters of an id that is looked for in every file; a shorter one stands in many a number."""
_BUILDS = "query_neighbours"


@dataclass(slots=True)
class Forgetting:
    """What was done, or with a dry run would be; it names nobody."""

    begun_at: str
    rows: Counter[str] = field(default_factory=Counter)
    """By family of the lake: spans and calls that lost their user, texts, queries and numbers that went."""
    partitions: Counter[str] = field(default_factory=Counter)
    """Written again or removed, by family."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Old versions of partitions, builds, published builds and sites of audits."""
    build_id: str | None = None
    """The build that was published without the user."""
    left: list[str] = field(default_factory=list)
    """Files below home that still hold the id or the pseudonym."""

    def lines(self) -> list[str]:
        """Return it in words."""
        told = [
            f"{family}: {self.rows[family]} rows in {count} partitions" for family, count in self.partitions.items()
        ]
        told += [f"removed {count} {what}" for what, count in self.dropped.items() if count]
        told += [f"published {self.build_id} without the user"] if self.build_id else []
        return told or ["nothing landed names the user"]


def forget(
    user_id: str, *, settings: Settings, now: datetime, is_dry: bool = False, on_line: Callable[[str], None] = print
) -> Forgetting:
    """Forget a user; again, also after it was killed, ends where it would have.

    Args:
        user_id: As the product says it on its spans.
        now: UTC.
        is_dry: Only count.
        on_line: Told what is being done; never the id.
    Raises:
        SettingsError: No id was given.
        LakeError, BuildError, AuditFailed, PublishError: A step failed; what was done stays, and the same command goes on.
        PrivacyError: A file is left that names the user; it is named.
    """
    user_id = user_id.strip()
    if not user_id or user_id == FORGOTTEN:
        raise SettingsError("no user was named; give the id as the product writes it on its spans")
    done = Forgetting(begun_at=now.isoformat(timespec="seconds"))
    if is_dry:
        with user_keys.opened(settings) as keys:
            _change_lake(user_id, keys=keys, settings=settings, done=done, is_dry=True)
        return done
    with one_writer(settings.builds, doing="forgetting a user"):
        with user_keys.changing(settings) as keys:
            pseudonym = keys.pseudonym(user_id)
            is_known = pseudonym is not None or keys.is_half_forgotten(user_id)
            keys.suppress(user_id, on=now.date())
            _change_lake(user_id, keys=keys, settings=settings, done=done, is_dry=False)
        if is_known or done.partitions:
            on_line("\n".join(done.lines()))
            _renew_builds(settings, done=done)
        needles = [each for each in (pseudonym, user_id if len(user_id) >= SHORTEST_SOUGHT else None) if each]
        done.left = [
            str(path.relative_to(settings.home) if path.is_relative_to(settings.home) else path)
            for place in places_of(settings)
            for path in files_naming(place, needles, leaving_out=folder_of(settings))
        ]
        if done.left:
            raise PrivacyError(
                f"{len(done.left)} files in {settings.home} still hold the user's id or pseudonym, such as {done.left[0]}; "
                "remove or mend them and run this again; until then the key stays, and landings honour that the user is "
                "forgotten"
            )
        _record(done, folder_of(settings))
        with user_keys.changing(settings) as keys:
            keys.end_forgetting(user_id)
    return done


def _change_lake(user_id: str, *, keys: UserKeys, settings: Settings, done: Forgetting, is_dry: bool) -> None:
    lake = Lake(settings.lake)
    names = {each for each in (keys.pseudonym(user_id), user_id) if each}
    ids = landed_people.ids_of(lake, names)
    if not is_dry:
        keys.remember_ids(ids)  # before the rows by which they were found lose the user
    forgotten = Forgotten(frozenset(names), frozenset(ids) | keys.forgotten_ids())
    for source in landed_people.SOURCES:
        for version in landed_people.each_partition(lake, source):
            if count := _row_count(version, forgotten):
                done.rows[source] += count
                done.partitions[source] += 1
                if not is_dry:
                    change = invocations_without if source == landed_people.LOG else spans_without
                    landed_people.write_again(
                        lake,
                        version,
                        rows=lambda rows, change=change: change(rows, forgotten),
                        quarantine=quarantine_without,
                    )
    for family in landed_people.SAID:
        for version in landed_people.each_partition(lake, family):
            count = landed_people.count_said(version, forgotten.ids)
            if count:
                done.rows[family] += count
                done.partitions[family] += 1
                if not is_dry:
                    landed_people.drop_said(lake, version, forgotten.ids)
    if not is_dry:
        done.dropped["old versions of partitions"] += drop_old_versions(lake)
        done.dropped["landings in shards that were under way"] += shard_scratch.remove_all(lake)


def places_of(settings: Settings) -> list[Path]:
    """Return the folders of this machine in which people may be named: the home, and what a setting puts elsewhere."""
    lake = settings.lake
    elsewhere = [lake if isinstance(lake, Path) else lake.copies]
    return [settings.home, *(each for each in elsewhere if each.exists() and not each.is_relative_to(settings.home))]


def drop_old_versions(lake: Lake) -> int:
    """Remove every version but the current one of the families in which people are named or texts and queries lie.

    Other machines drop their copies of all that was removed from the lake before.
    """
    families = (*landed_people.SOURCES, *landed_people.SAID, _BUILDS)
    dropped = sum(lake.remove_old_versions(family, key) for family in families for key in lake.keys(family))
    lake.purge_copies()
    return dropped


def _row_count(version: PartitionVersion, forgotten: Forgotten) -> int:
    """Count the rows that say whose they are."""
    is_log = version.source == landed_people.LOG
    table, change = ("invocations", invocations_without) if is_log else ("spans", spans_without)
    columns = ["user_id", "journey_id", "request_id", "response_id"]
    columns += ["identity_arn", "request_metadata"] if is_log else ["trace_id"]
    known = set(pq.read_schema(version.file(table)).names)
    rows = landed_people.with_all(
        pq.read_table(version.file(table), columns=[each for each in columns if each in known], partitioning=None),
        landed_people.schema_of(version.source, table, columns),
    )
    after = change(rows, forgotten)
    is_changed = None
    for name in ("user_id", "journey_id", *(["identity_arn"] if is_log else [])):
        differs = pc.not_equal(pc.fill_null(rows[name], ""), pc.fill_null(after[name], ""))
        is_changed = differs if is_changed is None else pc.or_(is_changed, differs)
    if is_log:
        is_changed = pc.or_(
            is_changed, pc.xor(pc.is_null(rows["request_metadata"]), pc.is_null(after["request_metadata"]))
        )
    return pc.sum(is_changed).as_py() or 0


def _renew_builds(settings: Settings, *, done: Forgetting) -> None:
    """Publish a build that begins with nothing of those before it, and remove these."""
    from ai_finops.build import build_all
    from ai_finops.publish import current_build, publish_to_postgres
    from ai_finops.publish.swap import drop_earlier_builds
    from ai_finops.quality.data_docs import drop_runs

    if current_build(settings) is not None:
        # Not on the warehouse of an earlier one: in a copied file deleted rows are still to be found.
        done.build_id = build_all(settings=settings, is_full=True)["build_id"]
        if settings.postgres_connection:
            publish_to_postgres(settings=settings)
    done.dropped["candidate builds"] += drop_candidates(settings, but=done.build_id)
    done.dropped["published builds"] += drop_earlier_builds(settings)
    done.dropped["audits"] += drop_runs(settings, but=done.build_id)
    done.dropped["old versions of partitions"] += drop_old_versions(Lake(settings.lake))
    if left := [folder.name for folder in candidates(settings) if folder.name != done.build_id]:
        raise PrivacyError(f"builds {', '.join(left)} could not be removed; run this again")


def _record(done: Forgetting, folder: Path) -> None:
    """Note what was done; of a forgetting that was killed only the end is counted."""
    noted = {each.name: getattr(done, each.name) for each in fields(done)}
    with (folder / "forgettings.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(noted) + "\n")
