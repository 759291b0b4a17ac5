"""The Data Docs as a site that works without a network and tells nobody that it was opened.

Great Expectations' pages load styles, scripts and logos from other hosts, with the time of the run in a logo's address,
and its index page is drawn by such a script. So the foreign parts go, a little style comes in, and the index is our own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from ai_finops.quality.found import Held

# Their scripts need jQuery from another host and do nothing without it.
_DROPPED = re.compile(r"<script\b.*?</script\s*>|<footer\b.*?</footer>", re.IGNORECASE | re.DOTALL)
_STYLES = re.compile(r"<style\b.*?</style", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"""<([a-z][\w-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\s+([^\s=>"'/]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
_OTHER_HOST = re.compile(r"""(?:https?:|(?<![\w:/.]))//\w""", re.IGNORECASE)
_LOADED_BY_STYLE = re.compile(
    r"""@import[^;]*?(?:https?:)?//[^;]*;?|url\(\s*["']?\s*(?:https?:)?//[^)]*\)""", re.IGNORECASE
)
_STYLE = """<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; color: #1b1f24; background: #fff; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #d4d9df; padding: .35rem .6rem; text-align: left; vertical-align: top; }
th { background: #f1f3f5; }
ul { list-style: none; padding: 0; }
.container, .container-fluid { max-width: 75rem; padding: 0; }
.navbar, .breadcrumb, .nav { display: flex; flex-wrap: wrap; gap: .75rem; }
.modal, .popover { display: none; }
.text-danger, .fail { color: #a3130a; font-weight: 600; }
.warn { color: #8a5a00; font-weight: 600; }
a { color: #0b5cad; }
@media (prefers-color-scheme: dark) {
body { color: #e6e9ec; background: #15181c; } th { background: #262b31; } a { color: #7db9f5; }
.text-danger, .fail { color: #ff8f85; } .warn { color: #f0c04c; }
}
</style>
</head>"""


def write_index(site: Path, *, held: Sequence[Held], build: dict[str, str]) -> None:
    """Make the pages below `site` self-contained and write the index: one row a check, what broke beneath it."""
    for page in site.rglob("*.html"):
        text = without_foreign_parts(page.read_text(encoding="utf-8"))
        page.write_text(text.replace("</head>", _STYLE, 1), encoding="utf-8")
    for sheet in site.rglob("*.css"):
        sheet.write_text(_LOADED_BY_STYLE.sub("none", sheet.read_text(encoding="utf-8")), encoding="utf-8")
    title = f"Audit of build {escape(build['build_id'])}"
    index = [
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>{_STYLE}',
        f"<body><h1>{title}</h1><p>As of {escape(build['as_of_date'])}. A broken <em>fail</em> stops the build, a broken",
        "<em>warn</em> is told here and in the result of the task that audits, and stops nothing.</p>",
        "<table><tr><th>Mart</th><th>Check</th><th>Expectations</th><th>Verdict</th></tr>",
        *(line for one in held for line in _rows(one, site=site)),
        "</table></body></html>",
    ]
    (site / "index.html").write_text("\n".join(index) + "\n", encoding="utf-8")


def without_foreign_parts(page: str) -> str:
    """Return a page that asks no other host for anything: links to click stay, all else that names one goes, and scripts."""
    page = _STYLES.sub(lambda style: _LOADED_BY_STYLE.sub("none", style[0]), _DROPPED.sub("", page))
    return _TAG.sub(_own_tag, page)


def _own_tag(tag: re.Match) -> str:
    """Return a start tag without attributes that name another host; without them a `link`, `img` or `base` is nothing."""
    name = tag[1].lower()

    def is_kept(attribute: re.Match) -> bool:
        is_harmless = (name, attribute[1].lower()) == ("a", "href") or attribute[1].lower().startswith("xmlns")
        return is_harmless or not _OTHER_HOST.search(attribute[2])

    attributes = _ATTRIBUTE.sub(lambda attribute: attribute[0] if is_kept(attribute) else "", tag[2])
    if attributes == tag[2]:
        return tag[0]
    return "" if name in ("base", "img", "link", "meta") else f"<{tag[1]}{attributes}>"


def _rows(held: Held, *, site: Path) -> Iterator[str]:
    pages = sorted(site.glob(f"validations/{held.check}/*/*/*.html"))
    name = escape(held.check)
    link = f'<a href="{escape(str(pages[-1].relative_to(site)))}">{name}</a>' if pages else name
    severities = {broken.severity for broken in held.broken}
    verdict = "fail" if "fail" in severities else "warn" if severities else "passed"
    cells = f"<td>{escape(held.mart)}</td><td>{link}</td><td>{held.expectation_count}</td>"
    yield f'<tr>{cells}<td class="{verdict}">{verdict}</td></tr>'
    for broken in held.broken:
        said = escape(f"{broken.expectation}, observed {broken.observed}. {broken.why}")
        yield f'<tr><td></td><td colspan="2">{said}</td><td class="{broken.severity}">{broken.severity}</td></tr>'
