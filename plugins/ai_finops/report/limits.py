"""Text as Slack takes it: escaped, and cut at whole lines where it is too long, saying how much is left out. Pure.

Limits are those of https://docs.slack.dev/reference/block-kit/blocks and chat.postMessage; they are held against the
escaped text, which is the longer one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ai_finops.report.wording import counted

MOST_SECTION = 3000
MOST_HEADER = 150
MOST_ALT_TEXT = 2000
MOST_TEXT = 4000
"""What Slack advises for `text`; it cuts at 40,000."""


def escaped(text: str) -> str:
    """Return plain text as Slack wants it: what starts its markup is escaped, so that no name calls anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, most: int) -> str:
    """Return a text of one line escaped, and shortened to `most` characters; it says how many it lost."""
    if len(escaped(text)) <= most:
        return escaped(text)
    note = f"… ({len(text):,} characters)"
    kept, room = [], most - len(note)
    for character in text:
        room -= len(escaped(character))
        if room < 0:
            break
        kept.append(escaped(character))
    return "".join(kept) + note


def fit(lines: Sequence[str], most: int, *, most_lines: int | None = None, thing: str = "line") -> str:
    """Return as many whole lines, escaped, as fit into `most` characters, and how many more there are.

    A first line that does not fit by itself is cut.
    """
    kept = list(lines[:most_lines])
    while len(kept) > 1 and len(_joined(kept, of=len(lines), thing=thing)) > most:
        kept.pop()
    if len(_joined(kept, of=len(lines), thing=thing)) > most:
        more = _joined([], of=len(lines) - 1, thing=thing) if len(lines) > 1 else ""
        return f"{cut(kept[0], most - len(more) - 1)}{more and chr(10)}{more}"
    return _joined(kept, of=len(lines), thing=thing)


def _joined(kept: Sequence[str], *, of: int, thing: str) -> str:
    left_out = of - len(kept)
    more = [f"… and {counted(left_out, f'more {thing}')}"] if left_out else []
    return "\n".join([*map(escaped, kept), *more])
