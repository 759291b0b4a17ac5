"""What is landed, built and published, in a few lines for a shell."""

from __future__ import annotations

from collections import Counter

from ai_finops.build.candidate import candidates
from ai_finops.build.stations import newest_runs
from ai_finops.config import Settings
from ai_finops.extract.history_log import newest_lines
from ai_finops.lake import Lake
from ai_finops.publish.current import current_build, read_published_record


def status_lines(settings: Settings) -> list[str]:
    """Return one line for each enabled source, the newest range of history, the newest candidate and the published build."""
    outcomes = Lake(settings.lake).outcomes()
    lines = [f"home       {settings.home}"]
    for source in settings.sources:
        own = [outcome for outcome in outcomes if outcome.source == source]
        statuses = ", ".join(f"{count} {status}" for status, count in sorted(Counter(o.status for o in own).items()))
        days = f"{own[0].landing_date} to {own[-1].landing_date}: {statuses}" if own else "nothing landed"
        lines.append(f"{source:<10} {days}")
    lines += [f"history    {line}" for line in newest_lines(settings)]
    builds = candidates(settings)
    lines.append(f"candidate  {builds[-1].name if builds else 'none'}")
    current = current_build(settings)
    if current is None:
        return [*lines, "published  nothing yet"]
    record = read_published_record(current)
    runs = newest_runs(Lake(settings.lake))
    if runs:
        took = ", ".join(f"{run.station_name} {run.run_seconds:.1f} s" for run in runs)
        lines.append(f"last run   {runs[0].run_date}: {took}")
    return [*lines, f"published  {record['build_id']} as of {record['as_of_date']}, built {record['built_at']}"]
