"""The first page of an audit: what broke, mart by kind, and every check with a link to what Great Expectations found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from ai_finops.quality.data_docs import Run
from ai_finops.quality.found import Broken, Held
from ai_finops.quality.kinds import Kind
from ai_finops.quality.page import page
from ai_finops.quality.watched import WATCHED


def write_report(site: Path, *, held: Sequence[Held], run: Run) -> None:
    """Write `index.html` of a site whose other pages are there."""
    title = f"Audit of build {run.build_id}"
    marts = [
        (mart, list(checks)) for mart, checks in groupby(sorted(held, key=_by_mart(held)), key=lambda one: one.mart)
    ]
    broken = sorted((found for one in held for found in one.broken), key=lambda found: found.severity != "fail")
    body = [
        '<p><a href="../index.html">All audits</a></p>',
        f'<h1>{escape(title)}: <span class="{run.verdict}">{run.verdict}</span></h1>',
        (
            f"<p>As of {escape(run.as_of_date)}, audited {escape(run.audited_at[:16].replace('T', ' '))} UTC. "
            f"{len(marts)} marts, {run.expectation_count} expectations: "
            f"{run.failure_count} broken that stop the build, {run.warning_count} that only warn.</p>"
        ),
        *_broken(broken),
        "<h2>Marts</h2>",
        *_matrix(marts),
        "<h2>Checks</h2>",
        *(line for mart, checks in marts for line in _mart(mart, checks, site=site)),
    ]
    (site / "index.html").write_text(page(title, "\n".join(body)), encoding="utf-8")


def _by_mart(held: Sequence[Held]):  # noqa: ANN202 - a sort key
    """Order the checks by mart, marts as they come first."""
    order = {mart: number for number, mart in enumerate(dict.fromkeys(one.mart for one in held))}
    return lambda one: order[one.mart]


def _broken(broken: Sequence[Broken]) -> Iterator[str]:
    if not broken:
        yield "<p>Nothing broke.</p>"
        return
    yield "<h2>What broke</h2><table><tr><th></th><th>Mart</th><th>Kind</th><th>Observed</th><th>Expected</th></tr>"
    for found in broken:
        yield (
            f'<tr><td class="{found.severity}">{found.severity}</td>'
            f'<td><a href="#{escape(found.mart)}">{escape(found.mart)}</a></td><td>{escape(found.kind)}</td>'
            f"<td>{escape(found.observed)}</td>"
            f'<td>{escape(found.why)}<br><span class="soft">{escape(found.expectation)}</span></td></tr>'
        )
    yield "</table>"


def _matrix(marts: Sequence[tuple[str, list[Held]]]) -> Iterator[str]:
    heads = "".join(f"<th>{kind}</th>" for kind in Kind)
    yield f'<div class="wide"><table><tr><th>Mart</th>{heads}</tr>'
    for mart, checks in marts:
        counts = Counter(kind for one in checks for kind in one.kinds)
        worst: dict[str, str] = {}
        for found in (found for one in checks for found in one.broken):
            worst[found.kind] = "fail" if "fail" in (found.severity, worst.get(found.kind)) else "warn"
        cells = "".join(_cell(counts[kind], verdict=worst.get(kind, "passed")) for kind in Kind)
        yield f'<tr><td><a href="#{escape(mart)}">{escape(mart)}</a></td>{cells}</tr>'
    yield "</table></div>"


def _cell(count: int, *, verdict: str) -> str:
    if not count and verdict == "passed":
        return '<td class="soft">–</td>'
    return f'<td class="{verdict}">{"✓" if verdict == "passed" else verdict} {count}</td>'


def _mart(mart: str, checks: Sequence[Held], *, site: Path) -> Iterator[str]:
    yield f'<h3 id="{escape(mart)}">{escape(mart)}</h3><ul>'
    for one in checks:
        pages = sorted(site.glob(f"validations/{one.check}/*/*/*.html"))
        name = escape(one.check)
        link = f'<a href="{escape(pages[-1].relative_to(site).as_posix())}">{name}</a>' if pages else name
        said = "".join(f'<br><span class="soft">{escape(note)}</span>' for note in one.notes)
        severities = {found.severity for found in one.broken}
        verdict = "fail" if "fail" in severities else "warn" if severities else "passed"
        yield f'<li>{link}: {one.expectation_count} expectations, <span class="{verdict}">{verdict}</span>{said}</li>'
    for kind, reason in (WATCHED[mart].reasons if mart in WATCHED else {}).items():
        yield f'<li class="soft">no {kind}: {escape(reason)}</li>'
    yield "</ul>"
