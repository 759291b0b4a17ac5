"""The frame and the look of the pages of the Data Docs: no script, no style in the page, nothing from another host."""

from __future__ import annotations

from html import escape

STYLE = """
:root { --ink: #1b1f24; --paper: #fff; --line: #d4d9df; --head: #f1f3f5; --soft: #5b646e; --link: #0b5cad;
  --fail: #a3130a; --warn: #8a5a00; --passed: #19692c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --paper: #15181c; --line: #3a4149; --head: #262b31; --soft: #a3adb8; --link: #7db9f5;
    --fail: #ff8f85; --warn: #f0c04c; --passed: #6fce87; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem auto; padding: 0 1.5rem; max-width: 80rem;
  color: var(--ink); background: var(--paper); }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { border: 1px solid var(--line); padding: .3rem .55rem; text-align: left; vertical-align: top;
  overflow-wrap: break-word; }
th { background: var(--head); }
.wide { overflow-x: auto; } .wide td, .wide th { overflow-wrap: normal; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
ul { padding-left: 1.25rem; }
.btn-info, [data-toggle], input { display: none; }
.soft { color: var(--soft); } .fail, .text-danger { color: var(--fail); font-weight: 600; }
.warn { color: var(--warn); font-weight: 600; } .passed { color: var(--passed); }
a { color: var(--link); }
"""


STYLE_FILE = "style.css"


def page(title: str, body: str) -> str:
    """Return a whole page whose style lies beside it; `body` is HTML."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><link rel="stylesheet" href="{STYLE_FILE}"></head>
<body>
{body}
</body></html>
"""
