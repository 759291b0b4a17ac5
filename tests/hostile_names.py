"""Names that somebody may give a feature, a service or a tag to harm whoever reads them, by what they are aimed at."""

from __future__ import annotations

NAMES = {
    "parent folders": "../../../../etc/passwd",
    "absolute path": "/etc/passwd",
    "windows path": "..\\..\\windows\\win.ini",
    "encoded path": "..%2f..%2fetc%2fpasswd",
    "hidden file": ".hidden",
    "long": "x" * 300,
    "very long": "Lorem<b>" * 800,
    "right to left": "\u202egnp.exe\u202c",
    "homoglyph": "supp\u043ert_chat",  # a Cyrillic o
    "zero width": "support\u200b_chat",
    "combining": "e\u0301" * 40,
    "emoji": "\U0001f4b8\U0001f1e9\U0001f1ea",
    "sql": "'; drop table fct_llm_calls; --",
    "sql quotes": "a\"; select 1 --''",
    "dollar quotes": "$$ $tag$ ${HOME} $(id) `id`",
    "jinja": "{{ 7 * 7 }}{% raw %}{{ config.SECRET }}",
    "python format": "{0.__class__} %s %(name)s {settings}",
    "script": "<script>alert(1)</script>",
    "image": '"><img src=x onerror=alert(1)>',
    "svg": "</title></svg><svg onload=alert(1)>",
    "javascript link": "javascript:alert(1)",
    "slack channel": "<!channel> <!here>",
    "slack user": "<@U024BE7LH> <#C024BE91L>",
    "slack link": "<http://evil.example|the weekly review>",
    "slack escaped": "&lt;!channel&gt; *bold* _it_ ~no~ :moneybag:",
    "markdown": "[click](http://evil.example) ![x](http://evil.example/p.png)",
    "equals": '=HYPERLINK("http://evil.example","x")',
    "dde": "=cmd|'/c calc'!A1",
    "plus": "+1+1",
    "minus": "-2+3",
    "at": "@SUM(A1:A9)",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "semicolon": "a;=1+1",
    "log line": "a\r\n[2025-06-09T00:00:00Z] ERROR the bill was paid twice",
    "line separator": "a\u2028b\u0085c\x0bd",
    "terminal": "\x1b[31mred\x1b[0m\x1b]0;title\x07",
    "label": 'a",evil="1"} 9\\\n# HELP evil',
    "math": "$x_1$ \\frac{1}{2}",
    "blank": " ",
}
"""NUL is not among them: OTLP's JSON has it as an escape, and a name that holds one is tried where it can come from."""
NUL = "nul\x00byte"
