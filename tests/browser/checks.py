"""What is wrong with a page that is open? Each check answers with its faults, none where all is well.

What is asked of the page is in checks.js.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_JAPANESE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff][^\s]*")
_ENGLISH = re.compile(r"\b[A-Za-z][a-z]+(?: [a-z]{2,}){2,}")  # three words of a sentence
_REQUEST = re.compile(r"[0-9a-f]{32}")
_SURE = re.compile(r"(?:0|100)\s?%")

_QUESTIONS = Path(__file__).with_name("checks.js").read_text("utf-8")


def _asked(page: Page, question: str) -> Any:
    return page.evaluate(f"({_QUESTIONS}).{question}()")


def content(page: Page) -> str:
    """What the page says, without the number of the request that it answers."""
    return _REQUEST.sub("", page.locator("main").inner_text())


def small_targets(page: Page) -> list[str]:
    """What is smaller than 24 pixels and has to be hit."""
    return list(_asked(page, "smallTargets"))


def too_wide(page: Page, width: int) -> list[str]:
    """What makes the page scroll sideways in a window of some width, and what cuts its text off."""
    page.set_viewport_size({"width": width, "height": 800})
    return [*_asked(page, "wider"), *_asked(page, "cut")]


def space_text(page: Page) -> None:
    """Spaces the text as a reader may who needs that (WCAG 1.4.12)."""
    _asked(page, "spaceText")


def bad_structure(page: Page) -> list[str]:
    """Landmarks, headings and tables that lead nobody."""
    return list(_asked(page, "structure"))


def inline_code(page: Page) -> list[str]:
    """Styles and scripts within the page."""
    return list(_asked(page, "inlineCode"))


def bad_figures(page: Page) -> list[str]:
    """Figures without a name, a sentence with numbers, one picture shown, or a table."""
    faults = []
    for one in _asked(page, "figures"):
        name, shown = one["id"], [svg for svg in one["pictures"] if svg["shown"]]
        if not one["name"] or not re.search(r"\d", one["sentence"]):
            faults.append(f"{name}: no name, or a sentence without a number: {one['sentence']!r}")
        if len(shown) != 1:
            faults.append(f"{name}: {len(shown)} pictures shown")
        if not one["rows"] or not one["values"]:
            faults.append(f"{name}: no table of its values")
        for svg in one["pictures"]:
            if svg["role"] != "img" or not svg["name"] or not svg["said"] or not svg["labelled"]:
                faults.append(f"{name}: a picture without role, title or description")
            if svg["said"] and svg["said"] not in one["sentence"]:
                faults.append(f"{name}: its alternative is not the sentence above it")
        faults += [f"{name}: text of {svg['smallest']} px" for svg in shown if svg["smallest"] < 11]
    return faults


def figures(page: Page) -> set[str]:
    """The names of the figures."""
    return {one["id"] for one in _asked(page, "figures")}


def bad_numbers(page: Page) -> list[str]:
    """Numbers whose exact value is none, and probabilities that are said to be certain."""
    faults = []
    for value, words in _asked(page, "data"):
        try:
            exact = float(value)
        except (TypeError, ValueError):
            faults.append(f"{words}: value {value!r}")
            continue
        if not words:
            faults.append(f"{value}: no words")
        if 0 < exact < 1 and _SURE.fullmatch(words):
            faults.append(f"{value} is shown as {words}")
    return faults


def other_script(page: Page, lang: str, names: list[str]) -> list[str]:
    """What is in the other language and no name; `names`: the longest first."""
    looked_for = _JAPANESE if lang == "en" else _ENGLISH
    faults = []
    for text in _asked(page, "texts"):
        text = re.sub("`.*?`", "", text)  # commands
        for name in names:
            text = text.replace(name, "")
        faults += looked_for.findall(text)
    return faults


def walk_by_tab(page: Page, most: int = 400) -> tuple[list[str], list[str]]:
    """What the Tab key reaches until it leaves the page, and what is wrong on the way."""
    reached, faults = [], []
    for _ in range(most):
        page.keyboard.press("Tab")
        at: dict[str, Any] | None = _asked(page, "focused")
        if at is None or at["times"] > 1:
            return reached, faults
        reached.append(at["name"])
        wrong = [what for what in ("covered", "outside") if at[what]]
        if not at["outlined"]:
            wrong.append("no outline")
        faults += [f"{at['name']}: {', '.join(wrong)}"] if wrong else []
    return reached, [*faults, f"more than {most} stops"]


def layout_shift(page: Page) -> float:
    """How much of what was shown has moved since (CLS)."""
    return float(_asked(page, "shift"))


def moving(page: Page) -> list[str]:
    """What moves by itself, or slowly."""
    return list(_asked(page, "moving"))


def sheets(pdf: bytes) -> int:
    """The pages of a PDF that Chromium has written."""
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def focused_tag(page: Page) -> str:
    """The kind of element that has the focus, as the page's own scripts see it."""
    return str(page.evaluate("document.activeElement.tagName"))
