"""Where the Data Docs of the last audits lie, and the page that lists them.

<home>/data_docs/index.html                  every kept run, the newest first: when, which build, passed or not
                /<build_id>/index.html       the site of the last audit of that build; a link, replaced in one step
                /sites/<build_id>-<hex>/     what it leads to, with run.json; what no link leads to is left of a crash

Builds go after five, their sites after thirty. A failed audit counts, and stays to be read.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from uuid import uuid4

from ai_finops.config import Settings
from ai_finops.quality.page import STYLE, STYLE_FILE, page

KEPT_RUN_COUNT = 30


@dataclass(frozen=True, slots=True)
class Run:
    """One audit, as the list of runs tells of it."""

    build_id: str
    as_of_date: str
    audited_at: str
    """UTC, ISO 8601; says when, decides nothing."""
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
    shown = {link.resolve() for link in docs.iterdir() if link.is_symlink()}
    for left in (*sites.iterdir(), *docs.glob(".*")):
        if left.resolve() not in shown or left.parent == docs:
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
    site = sites / f"{build_id}-{uuid4().hex[:8]}"
    site.mkdir()
    return site


def show_site(site: Path, *, settings: Settings, run: Run) -> None:
    """Show a finished site under its build's address, list it, and let go of the oldest. Hold the builds' lock."""
    docs = settings.home / "data_docs"
    (site / "run.json").write_text(json.dumps(asdict(run), indent=1) + "\n", encoding="utf-8")
    link = docs / run.build_id
    before = link.resolve() if link.is_symlink() else None
    scratch = docs / f".{run.build_id}-{uuid4().hex}"
    scratch.symlink_to(Path("sites", site.name))
    scratch.replace(link)
    if before:
        shutil.rmtree(before, ignore_errors=True)
    _prune(docs, but=run.build_id)
    (docs / STYLE_FILE).write_text(STYLE, encoding="utf-8")
    listed = docs / f".index-{uuid4().hex}"
    listed.write_text(_index(kept_runs(settings)), encoding="utf-8")
    listed.replace(docs / "index.html")


def kept_runs(settings: Settings) -> list[Run]:
    """Return the runs whose sites are kept, the newest build first; a site whose record is damaged is none."""
    runs = []
    for link in sorted(_links(settings.home / "data_docs"), reverse=True):
        with suppress(OSError, ValueError, TypeError):
            runs.append(Run(**json.loads((link / "run.json").read_text(encoding="utf-8"))))
    return runs


def now() -> str:
    """Return the time of an audit, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _links(docs: Path) -> list[Path]:
    return (
        [link for link in docs.iterdir() if link.is_symlink() and not link.name.startswith(".")]
        if docs.is_dir()
        else []
    )


def _prune(docs: Path, *, but: str) -> None:
    """Let go of all but the newest builds' sites; the link first, so that no address leads to half a site."""
    for link in sorted(_links(docs))[:-KEPT_RUN_COUNT]:
        if link.name != but:
            site = link.resolve()
            link.unlink()
            shutil.rmtree(site, ignore_errors=True)


def _index(runs: list[Run]) -> str:
    rows = "\n".join(_row(run) for run in runs)
    return page(
        "Audits",
        f"""<h1>Audits</h1>
<p>The last {KEPT_RUN_COUNT} builds that were audited, the newest first. A build with a broken <em>fail</em> was not published;
one with a broken <em>warn</em> was.</p>
<table><tr><th>Build</th><th>As of</th><th>Audited (UTC)</th><th>Verdict</th><th class="number">Expectations</th>
<th class="number">Failed</th><th class="number">Warned</th></tr>
{rows}
</table>""",
    )


def _row(run: Run) -> str:
    return (
        f'<tr><td><a href="{escape(run.build_id)}/index.html">{escape(run.build_id)}</a></td>'
        f"<td>{escape(run.as_of_date)}</td><td>{escape(run.audited_at[:16].replace('T', ' '))}</td>"
        f'<td class="{run.verdict}">{run.verdict}</td><td class="number">{run.expectation_count}</td>'
        f'<td class="number">{run.failure_count}</td><td class="number">{run.warning_count}</td></tr>'
    )
