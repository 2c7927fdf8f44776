"""How does the forecast of a period stand in a workbook? Its figures, its parts, and the page's pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crm.i18n import Text
from pictures.excel import write_picture
from service.pages.outlook.view import OutlookParts
from service.reports.workbook import MONEY, SHARE, Book, workbook_bytes

Answer = Mapping[str, Any]
_SUMMARY, _PARTS = Text("要約", "Summary"), Text("内訳", "Parts")
_PICTURES, _READING = Text("図", "Pictures"), Text("読み方", "How to read")
_LEVEL = 0.8  # of the range from p10 to p90
_UNIT = Text("単位：{unit}", "Unit: {unit}")
_Row = tuple[Text, str, Callable[[Answer], float | None]]
_ROWS: tuple[_Row, ...] = (  # of the summary: what it is called, and its value
    (Text("目標に届く確率", "Chance of reaching the target"), SHARE, lambda one: one["probability"]),
    (Text("目標", "Target"), MONEY, lambda one: one["target"]),
    (Text("受注済み", "Won so far"), MONEY, lambda one: one["closed"]),
    (Text("着地見込み（中央）", "Forecast, median"), MONEY, lambda one: one["revenue"]["p50"]),
    (Text("着地見込み（平均）", "Forecast, mean"), MONEY, lambda one: one["revenue"]["mean"]),
)
_RANGE: tuple[_Row, ...] = (
    (Text("8割の幅（下）", "80% range, low"), MONEY, lambda one: one["revenue"]["p10"]),
    (Text("8割の幅（上）", "80% range, high"), MONEY, lambda one: one["revenue"]["p90"]),
)
_REFUTED = Text(
    "8割の幅は、過去検証で実績と合わなかったため載せていません。",
    "The 80% range is left out: past forecasts have not kept it.",
)
_PART_HEADS = (
    Text("名前", "Name"),
    Text("達成確率", "Chance of target"),
    Text("受注済み", "Won so far"),
    Text("着地見込み（中央）", "Forecast, median"),
    Text("目標", "Target"),
    Text("差（平均−目標）", "Mean minus target"),
)
_LINES: tuple[tuple[Text, Callable[[Answer], str]], ...] = (
    (Text("時点", "As of"), lambda one: one["as_of"]),
    (Text("データ", "Data until"), lambda one: one["data_as_of"] or ""),
    (Text("モデル", "Model"), lambda one: f"{one['model']['name']} {one['model']['version']}"),
)
_NOTE = Text("注意", "Note")


def quarter_workbook(parts: OutlookParts, title: str) -> bytes:
    """The workbook of a forecast; without ranges that past forecasts refute."""
    return workbook_bytes(parts.lang, lambda book: _write(book, parts, title))


def _write(book: Book, parts: OutlookParts, title: str) -> None:
    shows_range = parts.shows(parts.forecast["scope"], _LEVEL)
    forecast, lang = parts.forecast, book.lang
    sheet = book.sheet(_SUMMARY)
    sheet.set_column(0, 0, 32)
    sheet.set_column(1, 1, 18)
    book.text(sheet, 0, 0, title, "title")
    book.text(sheet, 1, 0, _UNIT.format(unit=parts.currency))
    for row, (label, kind, value) in enumerate((*_ROWS, *(_RANGE if shows_range else ())), 3):
        book.text(sheet, row, 0, label)
        _number(book, sheet, row, 1, value(forecast), kind)
    if not shows_range:
        book.text(sheet, 3 + len(_ROWS), 0, _REFUTED)
    _parts(book, forecast)
    _pictures(book, parts)
    reading = book.sheet(_READING, landscape=False)
    reading.set_column(0, 0, 16)
    reading.set_column(1, 1, 80)
    lines = [(label, said(forecast)) for label, said in _LINES]
    lines += [(_NOTE, warning["message"]) for warning in forecast["warnings"]]
    for row, (label, said) in enumerate(lines):
        book.text(reading, row, 0, label.to(lang), "head")
        book.text(reading, row, 1, said, "said")


def _parts(book: Book, forecast: Answer) -> None:
    sheet = book.sheet(_PARTS)
    sheet.set_column(0, len(_PART_HEADS) - 1, 18)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    for at, head in enumerate(_PART_HEADS):
        sheet.write_string(0, at, head.to(book.lang), book.format("head"))
    for row, child in enumerate(forecast["children"], 1):
        book.text(sheet, row, 0, child["name"] or child["scope"])
        target, revenue = child["target"], child["revenue"]
        _number(book, sheet, row, 1, child["probability"], SHARE)
        for at, value in enumerate((child["closed"], revenue["p50"], target), 2):
            _number(book, sheet, row, at, value, MONEY)
        if target is not None:
            _number(book, sheet, row, 5, revenue["mean"] - target, MONEY)


def _pictures(book: Book, parts: OutlookParts) -> None:
    """The page's pictures as native charts."""
    sheet, row = book.sheet(_PICTURES), 0
    for picture in (parts.dots(), parts.fan(), parts.change(), parts.spark()):
        if picture is not None:
            row = write_picture(book.workbook, sheet, picture.chart(), picture.title, book.lang, row) + 1


def _number(book: Book, sheet: Any, row: int, column: int, value: float | None, kind: str) -> None:
    if value is not None:
        sheet.write_number(row, column, value, book.format(kind))
