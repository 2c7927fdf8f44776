"""What do tests of pages look for in a page?"""

from __future__ import annotations

import re
from collections.abc import Iterable

_JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_DRAWN = re.compile(r"<svg.*?</svg>", re.DOTALL)


def japanese_in(page: str, names: Iterable[str | None]) -> list[str]:
    """The Japanese letters of a page but those of names, and of the link to the other language."""
    for name in sorted({"日本語", *filter(None, names)}, key=len, reverse=True):
        page = page.replace(name, "")
    return _JAPANESE.findall(page)


def values_in(html: str) -> list[float]:
    """The exact numbers of a part of a page, in their order, but those within drawings."""
    return [float(value) for value in re.findall(r'<data value="([^"]+)"', _DRAWN.sub("", html))]


def rows_of(page: str, table: str) -> list[str]:
    """The rows of the body of the table of a class."""
    found = re.search(rf'<table class="[^"]*\b{table}\b.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    return [] if found is None else re.findall(r"<tr.*?</tr>", found.group(1), re.DOTALL)


def words_of(html: str) -> str:
    """The words that a reader sees, with one space between them."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())
