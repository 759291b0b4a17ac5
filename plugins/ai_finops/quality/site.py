"""The Data Docs as a site that works without a network and tells nobody that it was opened.

Great Expectations' pages load styles, scripts and logos from other hosts, with the time of the run in a logo's address,
and its index page is drawn by such a script. So the foreign parts go, a little style comes in, and the index is our own
(`report.py`).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from ai_finops.quality.page import STYLE, STYLE_FILE

# Their scripts need jQuery from another host and do nothing without it.
_DROPPED = re.compile(r"<script\b.*?</script\s*>|<footer\b.*?</footer>", re.IGNORECASE | re.DOTALL)
_STYLES = re.compile(r"<style\b.*?</style", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"""<([a-z][\w-]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\s+([^\s=>"'/]+)\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
_OTHER_HOST = re.compile(r"""(?:https?:|(?<![\w:/.]))//\w""", re.IGNORECASE)
_LOADED_BY_STYLE = re.compile(
    r"""@import[^;]*?(?:https?:)?//[^;]*;?|url\(\s*["']?\s*(?:https?:)?//[^)]*\)""", re.IGNORECASE
)
_THEIR_STYLE = re.compile(r"<style\b.*?</style\s*>|<link\b[^>]*>", re.IGNORECASE | re.DOTALL)

# Pages of suites are not made: what they would say stands on the page of the results.
_TO_SUITES = re.compile(r"""<a\b[^>]*href="[^"]*expectations/[^"]*"[^>]*>(.*?)</a>""", re.IGNORECASE | re.DOTALL)


def clean_site(site: Path) -> None:
    """Make the pages of Great Expectations below `site` self-contained, readable and small."""
    shutil.rmtree(site / "static", ignore_errors=True)  # fonts, pictures and styles of what their scripts would draw
    (site / STYLE_FILE).write_text(STYLE, encoding="utf-8")
    for file in site.rglob("*.html"):
        root = "../" * (len(file.relative_to(site).parts) - 1)
        text = _THEIR_STYLE.sub("", without_foreign_parts(file.read_text(encoding="utf-8")))
        text = text.replace("</head>", f'<link rel="stylesheet" href="{root}{STYLE_FILE}"></head>', 1)
        text = _TO_SUITES.sub(r"\1", text)
        back = f'<p><a href="{root}index.html">The whole audit</a></p>'
        file.write_text(re.sub(r"(<body\b[^>]*>)", rf"\1{back}", text, count=1), encoding="utf-8")


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
