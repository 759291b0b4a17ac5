"""Take the pictures of docs/images/: every view of the published marts at 1280 pixels, some of them on a phone and dark.

    python -m tests.ui.screenshots [home]

`home` is where the marts are published, by default `var/`; the day that their age is counted to is that of their clock.
"""

from __future__ import annotations

import io
import sys
from datetime import date
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from ai_finops.config import REPOSITORY, Settings
from ai_finops.ui.published import open_build
from ai_finops.ui.views import VIEWS
from tests.ui.chromium import ARGUMENTS, chromium_path, serve
from tests.ui.conftest import make_root

IMAGES = REPOSITORY / "docs" / "images"
TALLEST = 1800
"""Pixels; what lies below is tables."""
MOST_BYTES = 150_000
ON_A_PHONE = ("weekly", "features")
DARK = ("weekly", "projection")


def take(browser: Browser, address: str, *, name: str, width: int = 1280, scheme: str = "light") -> None:
    """Write one picture, with few colours so that it stays small."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(address)
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST)
    page.set_viewport_size({"width": width, "height": height})
    image = Image.open(io.BytesIO(page.screenshot()))
    page.close()
    file = IMAGES / f"page-{name}.png"
    for colours in (128, 64, 32):
        image.convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(file, optimize=True)
        if file.stat().st_size <= MOST_BYTES:
            break
    print(f"{file.relative_to(REPOSITORY)}  {width} x {height}  {file.stat().st_size:,} bytes")


def main(home: Path) -> None:
    settings = Settings.from_env({"AI_FINOPS_HOME": str(home)})
    with open_build(settings) as (_, build):
        today: date = build.as_of_date
    IMAGES.mkdir(parents=True, exist_ok=True)
    with serve(make_root(settings, today=today)) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        for slug in VIEWS:
            take(browser, f"{address}/ai-cost/{slug}", name=slug)
        for slug in ON_A_PHONE:
            take(browser, f"{address}/ai-cost/{slug}", name=f"{slug}-phone", width=390)
        for slug in DARK:
            take(browser, f"{address}/ai-cost/{slug}", name=f"{slug}-dark", scheme="dark")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "var")
