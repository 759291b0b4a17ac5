"""The week's message as Slack's Block Kit, within Slack's limits. Pure.

Whatever names stand in it are plain text, which Slack reads no markup in; they are escaped all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_finops.report.data_notes import data_notes
from ai_finops.report.digest import WeeklyDigest
from ai_finops.report.limits import MOST_ALT_TEXT, MOST_HEADER, MOST_SECTION, MOST_TEXT, cut, fit
from ai_finops.report.message import no_decision, paragraph, title
from ai_finops.report.metric_lines import metric_lines
from ai_finops.report.recommendation import recommend
from ai_finops.report.review import WeeklyReview

MOST_METRIC_LINES = 12

Block = dict[str, Any]


def build_blocks(review: WeeklyReview, *, picture: Block | None = None, page_url: str = "") -> list[Block]:
    """Return the message's blocks.

    Args:
        picture: What `picture_block` made; None for a message without a picture.
        page_url: Address of the page's weekly view; empty for no link.
    """
    digest = review.digest
    text = "\n".join(filter(None, (paragraph(digest, names=review.feature_names), no_decision(digest))))
    blocks = [
        {"type": "header", "text": _plain(cut(title(digest), MOST_HEADER))},
        _section(fit(text.splitlines(), MOST_SECTION)),
        *([picture] if picture else []),
        *_metrics(review),
        {"type": "divider"},
        _section(_decision(list(recommend(digest)))),
        *_context(data_notes(review)),
    ]
    if page_url:
        link = f"<{page_url}?week={digest.week_start_date}|Open the weekly review>"
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": link}]})
    return blocks


def picture_block(file_id: str, *, alt_text: str) -> Block:
    """Return the block that shows a picture which was uploaded to Slack."""
    return {"type": "image", "slack_file": {"id": file_id}, "alt_text": cut(alt_text, MOST_ALT_TEXT)}


def fallback(text: str, *, digest: WeeklyDigest) -> str:
    """Return the message's text as Slack shows it in notifications, escaped and no longer than Slack advises."""
    until = _until(list(recommend(digest)))
    whole = fit(text.splitlines(), MOST_TEXT)
    return whole if until.strip() in whole else fit(text.splitlines(), MOST_TEXT - len(until)) + until


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def _section(text: str) -> Block:
    return {"type": "section", "text": _plain(text)}


def _metrics(review: WeeklyReview) -> list[Block]:
    lines = metric_lines(review.metrics, names=review.feature_names)
    if not lines:
        return []
    return [_section(fit(lines, MOST_SECTION, most_lines=MOST_METRIC_LINES, thing="metric"))]


def _decision(sentences: Sequence[str]) -> str:
    """Return what is recommended and by when it is to be decided, of which the latter is never cut."""
    until = _until(sentences)
    return cut(sentences[0], MOST_SECTION - len(until)) + until


def _until(sentences: Sequence[str]) -> str:
    return "".join(f"\n{sentence}" for sentence in sentences[1:])


def _context(notes: Sequence[str]) -> list[Block]:
    if not notes:
        return []
    lines = ["Data:", *(f"• {note}" for note in notes)]
    return [{"type": "context", "elements": [_plain(fit(lines, MOST_SECTION, thing="note"))]}]
