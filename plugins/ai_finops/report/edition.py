"""The week's message in every form that it is sent or kept in: text, picture and blocks. Pure, but for drawing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from ai_finops.report.blocks import Block, build_blocks, fallback, picture_block
from ai_finops.report.chart import draw
from ai_finops.report.data_notes import data_notes
from ai_finops.report.message import compose
from ai_finops.report.metric_lines import metric_lines
from ai_finops.report.review import WeeklyReview
from ai_finops.report.spend_series import alt_text, spend_series


@dataclass(frozen=True, slots=True)
class Edition:
    """One week's message."""

    review: WeeklyReview
    text: str
    """Plain, nothing escaped."""
    picture: bytes
    """PNG."""
    alt_text: str
    page_url: str

    @property
    def week(self) -> date:
        """Return the Monday of the week that the message is about."""
        return self.review.digest.week_start_date

    @property
    def fallback(self) -> str:
        """Return the text as Slack takes it."""
        return fallback(self.text, digest=self.review.digest)

    @property
    def content_sha256(self) -> str:
        """Return what changes with anything that a reader sees."""
        said = json.dumps([self.text, self.blocks(None), self.alt_text], sort_keys=True).encode()
        return sha256(said + self.picture).hexdigest()

    @property
    def picture_sha256(self) -> str:
        """Return what changes with anything that the picture shows."""
        return sha256(self.picture).hexdigest()

    def blocks(self, file_id: str | None) -> list[Block]:
        """Return the blocks, with the picture that was uploaded as `file_id`, or without one."""
        picture = picture_block(file_id, alt_text=self.alt_text) if file_id else None
        return build_blocks(self.review, picture=picture, page_url=self.page_url)


def make_edition(review: WeeklyReview, *, page_url: str = "") -> Edition:
    """Compose and draw the week's message."""
    series = spend_series(review)
    return Edition(review, text_of(review), draw(series), alt_text(series), page_url)


def text_of(review: WeeklyReview) -> str:
    """Return the message as text: all that the blocks say."""
    names = review.feature_names
    return compose(
        review.digest, names=names, metrics=metric_lines(review.metrics, names=names), notes=data_notes(review)
    )
