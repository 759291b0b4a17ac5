"""The pictures of the page in docs/: small, with few colours, and each behind a link that names it."""

from __future__ import annotations

import re

import pytest
from PIL import Image

from tests.ui.screenshots import COLOURS, IMAGES, MOST_BYTES, PAGE, cuts, links, save_small, write_links

PICTURES = sorted(IMAGES.glob("page-*.png"))


def test_every_picture_is_linked_and_every_link_has_its_picture():
    linked = re.findall(r"\]\(images/(page-[\w-]+\.png)\)", PAGE.read_text())
    assert {file.name for file in PICTURES} == set(linked)


@pytest.mark.parametrize("file", PICTURES, ids=lambda file: file.stem)
def test_a_picture_is_small(file):
    assert file.stat().st_size <= MOST_BYTES
    with Image.open(file) as image:
        assert image.mode == "P"
        assert len(image.getcolors()) <= COLOURS[0]


@pytest.mark.parametrize(
    ("height", "parts"),
    [
        (900, [(0, 900)]),
        (1800, [(0, 1800)]),
        (1801, [(0, 901), (901, 1801)]),
        (3700, [(0, 1234), (1234, 2468), (2468, 3700)]),
        (99_999, [(0, 1800), (1800, 3600), (3600, 5400)]),
    ],
)
def test_a_long_view_is_cut_into_parts_of_one_height(height, parts):
    assert cuts(height) == parts


def test_a_picture_of_many_colours_keeps_the_rare_ones(tmp_path):
    # 90,000 greys, as smooth text has them, and one small swatch of each colour of a legend.
    image = Image.linear_gradient("L").resize((300, 300)).convert("RGB")
    swatches = [(43, 95, 148), (198, 95, 43), (46, 139, 116), (194, 91, 135)]
    for place, colour in enumerate(swatches):
        image.paste(colour, (10 + 20 * place, 10, 20 + 20 * place, 18))
    save_small(image, tmp_path / "it.png")
    with Image.open(tmp_path / "it.png") as kept:
        assert len(kept.getcolors()) == COLOURS[0]
        shown = [kept.convert("RGB").getpixel((15 + 20 * place, 14)) for place in range(4)]
    for was, now in zip(swatches, shown, strict=True):
        assert was == now


def test_a_picture_that_stays_too_large_is_an_error(tmp_path):
    noise = Image.effect_noise((900, 900), 100).convert("RGB")
    with pytest.raises(ValueError, match="take less of the view"):
        save_small(noise, tmp_path / "it.png")


def test_links_are_written_by_view_in_the_order_of_the_navigation(tmp_path):
    names = ["page-projection-dark.png", "page-features-2.png", "page-features.png", "page-features-phone-2.png"]
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- pictures, written by make screenshots -->\nold\n<!-- end of the pictures -->\nb\n")
    write_links(page, names)
    assert links(names) in page.read_text()
    assert "old" not in page.read_text()
    feature_cost, projection = links(names).splitlines()
    assert feature_cost.startswith("- Feature cost: [1](images/page-features.png), [2](images/page-features-2.png), ")
    assert feature_cost.endswith(", [on a phone (2)](images/page-features-phone-2.png)")
    assert projection == "- Projection: [in the dark](images/page-projection-dark.png)"
