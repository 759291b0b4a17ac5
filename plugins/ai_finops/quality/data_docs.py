"""Where the Data Docs of the last audits lie, and the page that lists them.

<home>/data_docs/index.html                  every kept run, the last audit first: when, which build, passed or not
                /<build_id>/index.html       the site of the last audit of that build; a link, replaced in one step
                /<build_id>-<hex>/           the site of that one audit; a link
                /sites/<build_id>-<hex>/     what they lead to, with run.json; a site without it is left of a crash

Builds go after five, sites after thirty audits. A failed audit counts, and stays to be read; so does the first one of a build
that is audited twice.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from uuid import uuid4

from ai_finops.config import Settings
from ai_finops.quality.page import STYLE, STYLE_FILE, page

KEPT_RUN_COUNT = 30
RECORD_FILE = "run.json"


@dataclass(frozen=True, slots=True)
class Run:
    """One audit, as the list of runs tells of it."""

    build_id: str
    as_of_date: str
    audited_at: str
    """UTC, ISO 8601; orders the runs, and decides nothing of what is published."""
    expectation_count: int
    failure_count: int
    warning_count: int

    @property
    def verdict(self) -> str:
        """`fail`, `warn` or `passed`."""
        return "fail" if self.failure_count else "warn" if self.warning_count else "passed"


def docs_of(settings: Settings, build_id: str) -> Path:
    """Return the index page of the Data Docs of a build, whether or not it was audited."""
    return settings.home / "data_docs" / build_id / "index.html"


def new_site(settings: Settings, build_id: str) -> Path:
    """Return a folder for the site of an audit, which nobody reads yet; sweep away what a crash left. Hold the builds' lock."""
    docs = settings.home / "data_docs"
    if docs.is_symlink():  # an earlier release showed one audit, inside its build
        docs.unlink()
    sites = docs / "sites"
    sites.mkdir(parents=True, exist_ok=True)
    for left in (*(site for site in sites.iterdir() if not (site / RECORD_FILE).exists()), *docs.glob(".*")):
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    site = sites / f"{build_id}-{uuid4().hex[:8]}"
    site.mkdir()
    return site


def show_site(site: Path, *, settings: Settings, run: Run) -> None:
    """Show a finished site, under its build's address too, list it, and let go of the oldest. Hold the builds' lock."""
    docs = settings.home / "data_docs"
    draft = site / f".{RECORD_FILE}"
    draft.write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")
    draft.replace(site / RECORD_FILE)  # from here on it is a run
    # This one stays, also where the clock was set back meanwhile.
    kept = [each for number, each in enumerate(_kept(docs)) if number < KEPT_RUN_COUNT or each[0] == site]
    _let_go(docs, kept={each for each, _ in kept})
    last_of_build = {of_site.build_id: each for each, of_site in reversed(kept)}
    for name, each in (*last_of_build.items(), *((each.name, each) for each, _ in kept)):
        _lead(docs, name, site=each)
    (docs / STYLE_FILE).write_text(STYLE, encoding="utf-8")
    listed = docs / f".index-{uuid4().hex}"
    listed.write_text(_index(kept), encoding="utf-8")
    listed.replace(docs / "index.html")


def drop_runs(settings: Settings, *, but: str | None, since: date | None = None) -> int:
    """Let go of the sites of every build except the one of that id; return how many. Hold the builds' lock.

    Args:
        since: Those of builds that are of this day or a later one stay too.
    """
    docs = settings.home / "data_docs"
    if not (docs / "sites").is_dir():
        return 0
    is_new = (lambda run: run.as_of_date >= str(since)) if since else (lambda run: False)
    kept = [(site, run) for site, run in _kept(docs) if run.build_id == but or is_new(run)]
    gone = len(list((docs / "sites").iterdir())) - len(kept)
    _let_go(docs, kept={site for site, _ in kept})
    listed = docs / f".index-{uuid4().hex}"
    listed.write_text(_index(kept), encoding="utf-8")
    listed.replace(docs / "index.html")
    return gone


def kept_runs(settings: Settings) -> list[Run]:
    """Return the runs whose sites are kept, the last audit first; a site whose record is damaged is none."""
    return [run for _, run in _kept(settings.home / "data_docs")]


def now() -> str:
    """Return the time of an audit, UTC."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _kept(docs: Path) -> list[tuple[Path, Run]]:
    """Return the sites of audits with their runs, the last audit first."""
    sites = [(site, _read_run(site)) for site in (docs / "sites").glob("*")]
    return sorted([(site, run) for site, run in sites if run], key=_by_time, reverse=True)


def _by_time(kept: tuple[Path, Run]) -> tuple[datetime, str]:
    site, run = kept
    return _moment(run.audited_at), site.name


def _moment(said: str) -> datetime:
    moment = datetime.fromisoformat(said)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_run(site: Path) -> Run | None:
    try:
        run = Run(**json.loads((site / RECORD_FILE).read_text(encoding="utf-8")))
        _moment(run.audited_at)
    except (OSError, ValueError, TypeError):
        return None
    return run


def _lead(docs: Path, name: str, *, site: Path) -> None:
    """Make an address lead to a site, in one step."""
    link = docs / name
    if link.is_symlink() and link.readlink() == Path("sites", site.name):
        return
    scratch = docs / f".{name}-{uuid4().hex}"
    scratch.symlink_to(Path("sites", site.name))
    scratch.replace(link)


def _let_go(docs: Path, *, kept: set[Path]) -> None:
    """Remove all other sites; the links that lead to them first, so that no address leads to half a site."""
    gone = {site.name for site in (docs / "sites").iterdir() if site not in kept}
    for link in [link for link in docs.iterdir() if link.is_symlink()]:
        if link.readlink().name in gone or not link.exists():
            link.unlink()
    for name in sorted(gone):
        shutil.rmtree(docs / "sites" / name, ignore_errors=True)


def _index(kept: list[tuple[Path, Run]]) -> str:
    rows = "\n".join(_row(site, run) for site, run in kept)
    return page(
        "Audits",
        f"""<h1>Audits</h1>
<p>The last {KEPT_RUN_COUNT} audits, the newest first. A build with a broken <em>fail</em> was not published; one with a broken
<em>warn</em> was.</p>
<table><tr><th>Build</th><th>As of</th><th>Audited (UTC)</th><th>Verdict</th><th class="number">Expectations</th>
<th class="number">Failed</th><th class="number">Warned</th></tr>
{rows}
</table>""",
    )


def _row(site: Path, run: Run) -> str:
    return (
        f'<tr><td><a href="{escape(site.name)}/index.html">{escape(run.build_id)}</a></td>'
        f"<td>{escape(run.as_of_date)}</td><td>{escape(run.audited_at[:16].replace('T', ' '))}</td>"
        f'<td class="{run.verdict}">{run.verdict}</td><td class="number">{run.expectation_count}</td>'
        f'<td class="number">{run.failure_count}</td><td class="number">{run.warning_count}</td></tr>'
    )
