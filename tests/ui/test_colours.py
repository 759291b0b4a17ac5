"""The style sheet's colours, light and dark: text reads on its ground, and bars can be told from it."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from ai_finops.ui.page.render import STATIC

SHEET = (STATIC / "page.css").read_text()
TEXT = [
    *((ink, ground) for ink in ("ink", "soft", "link") for ground in ("ground", "card", "head")),
    *((status, f"{status}-tint") for status in ("good", "watch", "bad", "none")),
    *((status, "card") for status in ("good", "watch", "bad", "none")),
    ("ground", "ink"),
]
BARS = [f"c{number}" for number in range(8)] + ["others", "nobody"]


def schemes() -> dict[str, dict[str, str]]:
    light, dark = (
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", SHEET, re.DOTALL)
    )
    return {"light": light, "dark": dark}


def linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_reads_on_its_ground(scheme):
    colours = schemes()[scheme]
    low = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in TEXT}
    assert {pair: value for pair, value in low.items() if value < 4.5} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_stand_out_from_the_card(scheme):
    colours = schemes()[scheme]
    assert {bar: value for bar in BARS if (value := contrast(colours[bar], colours["card"])) < 3} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_nobodys_is_neutral_and_not_all_others(scheme):
    colours = schemes()[scheme]
    parts = [int(colours["nobody"][place : place + 2], 16) for place in (1, 3, 5)]
    assert max(parts) - min(parts) < 24
    assert contrast(colours["nobody"], colours["others"]) > 1.8


def as_seen_without_red_and_green(colour: str) -> tuple[float, float, float]:
    """What somebody with deuteranopia sees, in linear light (Viénot, Brettel and Mollon 1999)."""
    red, green, blue = linear(colour)
    mixed = 0.29275 * red + 0.70725 * green
    return mixed, mixed, -0.02234 * red + 0.02234 * green + blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_four_colours_differ_without_red_and_green(scheme):
    seen = [as_seen_without_red_and_green(schemes()[scheme][f"c{number}"]) for number in range(4)]
    for first, second in combinations(seen, 2):
        assert sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5 > 0.05


def test_the_message_s_white_picture_is_dimmed_in_the_dark():
    (dimmed,) = re.findall(
        r"@media \(prefers-color-scheme: dark\) \{ \.review \{ filter: brightness\(([\d.]+)\)", SHEET
    )
    assert 0.6 <= float(dimmed) <= 0.85
