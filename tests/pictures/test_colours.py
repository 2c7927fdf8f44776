"""Can the colours be read, in light, in dark and in print (WCAG 2.2, 1.4.3, 1.4.6 and 1.4.11)?"""

from __future__ import annotations

import re

import pytest

from pictures.picture import stylesheet

TEXT, MARKS = ("--ink", "--quiet", "--ours-text", "--other-text"), ("--ours", "--other", "--axis")


def themes() -> list[dict[str, str]]:
    """The colours of each block that sets a ground."""
    blocks = re.findall(r"\.picture \{([^}]+)\}", stylesheet())
    found = [dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{3,6})", block)) for block in blocks]
    return [colours for colours in found if "--ground" in colours]


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_there_is_light_dark_by_system_dark_by_choice_and_print() -> None:
    grounds = [colours["--ground"] for colours in themes()]
    assert grounds == ["#ffffff", "#12161b", "#12161b", "#fff"]
    assert themes()[1] == themes()[2]


@pytest.mark.parametrize("colours", themes(), ids=["light", "dark", "chosen dark", "print"])
def test_text_and_marks_stand_out_from_the_ground(colours) -> None:
    ground = colours["--ground"]
    assert contrast(colours["--ink"], ground) >= 7
    assert all(contrast(colours[name], ground) >= 4.5 for name in TEXT)
    assert all(contrast(colours[name], ground) >= 3 for name in MARKS)
