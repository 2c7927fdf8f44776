"""What is a picture? One object with four faces: SVG in two widths, a sentence, a table, an Excel chart."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from crm.i18n import Language, Text
from pictures.drawing import Drawing
from pictures.excel import ExcelChart
from pictures.table import Table

WIDE, NARROW = 640.0, 350.0  # of a page and of a phone, in pixels of CSS: text is never scaled
_IN_NUMBERS = Text("数字を表で見る", "See the numbers")


@dataclass(frozen=True, kw_only=True)
class Picture(ABC):
    """What all pictures have: a `name` that is unique on its page, and a title."""

    name: str
    title: Text

    @property
    @abstractmethod
    def sentence(self) -> Text:
        """What the picture shows, in one or two sentences with its numbers."""

    @abstractmethod
    def table(self) -> Table:
        """The numbers that the picture shows."""

    @abstractmethod
    def chart(self) -> ExcelChart:
        """The same picture as a native chart over the table's cells."""

    @abstractmethod
    def drawing(self, lang: Language, width: float) -> Drawing:
        """The picture in one language, as wide as told."""

    def svg(self, lang: Language, width: float = WIDE, style: str = "picture") -> str:
        """One SVG, as wide as told; its colours come from `stylesheet()`."""
        drawing = self.drawing(lang, width)
        return drawing.svg(f"{self.name}-{width:.0f}", self.title.to(lang), self.sentence.to(lang), style)

    def figure(self, lang: Language) -> str:
        """The figure of a page: title, sentence, the SVG in both widths (CSS shows one), and the table."""
        title, sentence = escape(self.title.to(lang)), escape(self.sentence.to(lang))
        wide, narrow = self.svg(lang, WIDE, "picture wide"), self.svg(lang, NARROW, "picture narrow")
        table = self.table().html(lang, self.title.to(lang))
        return (
            f'<figure class="picture" id="{self.name}"><figcaption><b>{title}</b> {sentence}</figcaption>'
            f"{wide}{narrow}<details><summary>{_IN_NUMBERS.to(lang)}</summary>"
            f'<div class="sideways" role="region" tabindex="0" aria-label="{title}">{table}</div>'
            "</details></figure>"
        )

    def _repr_html_(self) -> str:
        """The figure in a notebook, with its own colours."""
        return f"<style>{stylesheet()}</style>{self.figure('en')}"


@cache
def stylesheet() -> str:
    """The colours and lines of all pictures, for light, dark, forced colours and print."""
    return files("pictures").joinpath("pictures.css").read_text("utf-8")
