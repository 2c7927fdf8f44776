"""Can the colours of pages and pictures be read, in both themes? Computed from the style sheets."""

from __future__ import annotations

import re

import pytest

from pictures.picture import stylesheet
from service.pages import static_files

GROUNDS = ("ground", "raised")
_DECLARED = re.compile(r"--([\w-]+):\s*(#[0-9a-fA-F]{3,6})")


def tokens(sheet: str, selector: str) -> dict[str, str]:
    """The colours that the first rule of a selector declares."""
    found = re.search(re.escape(selector) + r"\s*\{([^}]*)\}", sheet)
    assert found is not None, selector
    return dict(_DECLARED.findall(found.group(1)))


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2.

    The examples are its own: white is 1, black 0.
    """
    digits = colour.lstrip("#")
    digits = "".join(2 * one for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_on_white_is_21_and_of_grey_as_published() -> None:
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)  # WebAIM's least grey


PAGES = static_files.content(static_files.STYLE).decode()
THEMES = {
    "light": (tokens(PAGES, ":root"), tokens(stylesheet(), ".picture")),
    "dark": (
        tokens(PAGES, ':root[data-theme="dark"]'),
        tokens(stylesheet(), ':root[data-theme="dark"] .picture'),
    ),
}


@pytest.mark.parametrize("theme", THEMES)
def test_text_and_marks_stand_out_from_their_ground(theme) -> None:
    page, picture = THEMES[theme]
    for ground in (page[name] for name in GROUNDS):
        assert contrast(page["ink"], ground) >= 7
        for name in ("quiet", "link", "down"):
            assert contrast(page[name], ground) >= 4.5, name
        for name in ("ours", "line"):
            assert contrast(page[name], ground) >= 3, name
    assert contrast(page["ground"], page["link"]) >= 4.5  # of a button
    for name in ("ink", "quiet", "ours-text", "other-text"):
        assert contrast(picture.get(name, page["ink"]), picture["ground"]) >= 4.5, name
    for name in ("ours", "other", "axis"):
        assert contrast(picture[name], picture["ground"]) >= 3, name


@pytest.mark.parametrize("theme", THEMES)
def test_pages_and_pictures_have_the_same_colours(theme) -> None:
    page, picture = THEMES[theme]
    shared = page.keys() & picture.keys()
    assert {"ink", "quiet", "ours", "ground"} <= shared
    assert {name: page[name] for name in shared} == {name: picture[name] for name in shared}


def test_a_theme_that_is_chosen_is_that_of_the_system() -> None:
    system = re.search(r"prefers-color-scheme: dark\) \{\s+(:root:not[^}]*\})", PAGES)
    assert system is not None
    assert dict(_DECLARED.findall(system.group(1))) == THEMES["dark"][0]
