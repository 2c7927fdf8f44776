"""How do all workbooks look: formats, cells of text that are no formula, pages of A4?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from crm.i18n import Language, Text
from service.csv_cells import begins_a_formula

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

MONEY, SHARE, POINTS, DAY = "money", "share", "points", "day"
_A4 = 9
_NEGATIVE = "#,##0;▲#,##0"  # the sign of Japanese accounts, in workbooks alone
_FORMATS: Mapping[str, Mapping[str, Any]] = {
    "title": {"bold": True, "font_size": 14},
    "said": {"text_wrap": True, "valign": "top"},
    "head": {"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"},
    "text": {"text_wrap": True, "valign": "top"},
    # A cell that a user may fill in: bordered, with a note; its text is never taken for a formula.
    "input": {"border": 1, "num_format": _NEGATIVE, "locked": False},
    "input_share": {"border": 1, "num_format": "0%", "locked": False},
    "quoted": {"quote_prefix": True, "text_wrap": True, "valign": "top"},
    MONEY: {"num_format": _NEGATIVE, "valign": "top"},
    SHARE: {"num_format": "0%", "valign": "top"},
    POINTS: {"num_format": "+0;▲0;0", "valign": "top"},
    DAY: {"num_format": "m/d", "valign": "top"},
    "strong": {"bold": True, "bg_color": "#F6F7F9"},
    "strong_money": {"bold": True, "bg_color": "#F6F7F9", "num_format": _NEGATIVE},
}


@dataclass
class Book:
    """A workbook that is being written, in one language."""

    workbook: Workbook
    lang: Language
    _formats: dict[str, Format] = field(default_factory=dict)

    def format(self, name: str) -> Format:
        """A format by its name."""
        if name not in self._formats:
            self._formats[name] = self.workbook.add_format(dict(_FORMATS[name]))
        return self._formats[name]

    def sheet(self, name: Text, *, landscape: bool = True) -> Worksheet:
        """A sheet that prints on A4, one page wide."""
        sheet = self.workbook.add_worksheet(name.to(self.lang))
        sheet.set_paper(_A4)
        if landscape:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer("&L&F &A&R&P / &N")
        return sheet

    def text(
        self, sheet: Worksheet, row: int, column: int, words: Text | str | None, name: str = "text"
    ) -> None:
        """A text; one that begins like a formula is marked as quoted, so that no program carries it out."""
        said = words.to(self.lang) if isinstance(words, Text) else words or ""
        if begins_a_formula(said):
            name = "quoted"
        sheet.write_string(row, column, said, self.format(name))


def workbook_bytes(lang: Language, write: Callable[[Book], None]) -> bytes:
    """A workbook as a file."""
    import xlsxwriter

    file = BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        write(Book(workbook, lang))
    return file.getvalue()
