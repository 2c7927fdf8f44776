"""What rows does a workbook hold? A source per sheet, as people keep them: merged cells, titles, formulas."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
import openpyxl
import pyarrow as pa
from openpyxl.utils.cell import column_index_from_string, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.utils.exceptions import InvalidFileException

from crm.i18n import Text
from crm.importing.header import ROWS_LOOKED_AT, header_at, set_aside_notice
from crm.importing.limits import refuse_bomb, refuse_many_columns, refuse_many_rows
from crm.importing.source import (
    EXACT,
    NO_RESULT,
    Encode,
    Grid,
    Reading,
    Source,
    UnreadableError,
    cell_text,
    column_names,
)

ALL_SHEETS = "*"
_ENCRYPTED = b"\xd0\xcf\x11\xe0"  # the older container: an .xls, or a workbook with a password
_MERGED = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]*?ref=\"([A-Z]+[0-9]+:[A-Z]+[0-9]+)\"")
_FORMULA = re.compile(
    rb"<(?:\w+:)?c r=\"([A-Z]+)([0-9]+)\"([^>]*)>\s*<(?:\w+:)?f(?:\s[^>]*)?(?:/>|>([^<]*)</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
# What openpyxl and the libraries below it raise for a file that is damaged inside.
_BROKEN = (
    *(zipfile.BadZipFile, zlib.error, InvalidFileException, ParseError),
    *(KeyError, IndexError, ValueError, TypeError, AttributeError, EOFError, NotImplementedError),
)
_ERRORS = ("#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!")
_FROM_1904 = Text(
    "1904年から日を数えるブックです。日付の書式のないセルの数値は、日付として読まれると4年ずれます。"
    "日付の書式を付けて保存し直してください。",
    "the workbook counts days from 1904: numbers in cells without a date format would be read as days four "
    "years off; give such cells a date format and save it again.",
)
_DIGITS_KEPT = 10**15  # a spreadsheet keeps 15 digits of a number; further ones become zeros


def workbook(data: bytes, name: str, _encode: Encode, how: Reading) -> list[Source]:
    """The sources in a workbook, one per sheet that holds anything."""
    if data.startswith(_ENCRYPTED):
        hint = Text(
            "パスワードを外し、.xlsx として保存し直してください。",
            "Remove the password and save it again as .xlsx.",
        )
        raise UnreadableError("password-protected, or the older .xls", hint)
    with _damage_told():
        parts = zipfile.ZipFile(io.BytesIO(data))
        refuse_bomb(parts)
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    wanted = [how.sheet] if how.sheet and how.sheet != ALL_SHEETS else book.sheetnames
    if missing := [sheet for sheet in wanted if sheet not in book.sheetnames]:
        hint = Text(
            f"シートは {'、'.join(book.sheetnames)} です。", f"Its sheets are {', '.join(book.sheetnames)}."
        )
        raise UnreadableError(f"no sheet {missing[0]}", hint)
    sheets = [_sheet(book[title], parts, title, name, how) for title in wanted]
    told = (_FROM_1904,) if book.epoch == CALENDAR_MAC_1904 else ()
    return [replace(sheet, notices=(*told, *sheet.notices)) for sheet in sheets if sheet is not None]


@contextmanager
def _damage_told() -> Iterator[None]:
    """While openpyxl reads: what it raises for a file that is damaged inside says what to do."""
    try:
        yield
    except _BROKEN as error:
        hint = Text("Excel で .xlsx として保存し直してください。", "Save it again from Excel as .xlsx.")
        raise UnreadableError(str(error), hint) from error


def _sheet(sheet: Any, parts: zipfile.ZipFile, title: str, name: str, how: Reading) -> Source | None:
    if not hasattr(sheet, "iter_rows"):  # a chart
        return None
    with _damage_told():
        xml = parts.read(sheet._worksheet_path)
    grid = _grid(sheet, xml, title)
    notices: list[Text] = []
    filled = [at for at, row in enumerate(grid.rows) if grid.numbers[at] > how.skip and _says_something(row)]
    if not filled:
        return None
    header = 0
    if not how.skip:
        header = header_at([grid.rows[at] for at in filled[:ROWS_LOOKED_AT]], how.known)
        if header:
            above = [grid.rows[at] for at in filled[:header]]
            notices.append(set_aside_notice(grid.numbers[filled[header]], above))
    titles = [cell or "" for cell in grid.rows[filled[header]]]
    while titles and not titles[-1]:
        titles.pop()
    body = [grid.rows[at] for at in filled[header + 1 :]]
    numbers = np.array([grid.numbers[at] for at in filled[header + 1 :]], np.int64)
    notices += _merged_notices(grid, filled[header], titles)
    widest = max((len(row) for row in body), default=0)
    used = [
        index
        for index, title in enumerate(titles)
        if title or (index < widest and any(index < len(row) and row[index] for row in body))
    ]
    refuse_many_columns(len(used))
    names = column_names(titles)
    columns = [
        pa.array([row[index] if index < len(row) else None for row in body], pa.string()) for index in used
    ]
    no_result = any(cell is not None and NO_RESULT in cell for row in body for cell in row)
    return Source(
        name,
        pa.table(columns, names=[names[index] for index in used]),
        lambda wanted: numbers[wanted],
        sheet=title,
        damaged=no_result,
        notices=tuple(notices),
        grid=grid,
    )


def _grid(sheet: Any, xml: bytes, title: str) -> Grid:
    """All rows as texts, merged cells filled down, cells without a value of their own marked."""
    sheet.reset_dimensions()
    rows: list[list[Any]] = []
    with _damage_told():
        for number, row in enumerate(sheet.iter_rows(values_only=True), 1):
            refuse_many_rows(number)
            rows.append(list(row))
    for at, column, formula in _without_result(xml):
        if at < len(rows) and column < len(rows[at]) and rows[at][column] is None:
            rows[at][column] = f"{NO_RESULT}={formula}"
    texts = [[_text(cell) for cell in row] for row in rows]
    _mark_lost_digits(rows, texts)
    merged = [_ends(found.group(1).decode()) for found in _MERGED.finditer(xml)]
    for first, last, column, _ in merged:
        value = texts[first][column] if first < len(texts) and column < len(texts[first]) else None
        for row in texts[first + 1 : last + 1]:
            row += [None] * (column + 1 - len(row))
            row[column] = value
    return Grid(title, texts, list(range(1, len(texts) + 1)), merged)


def _says_something(row: list[str | None]) -> bool:
    """Whether a cell of a row holds more than spaces."""
    return any(cell and not cell.isspace() for cell in row)


def _text(value: Any) -> str | None:
    if isinstance(value, str) and value in _ERRORS:
        return f"{NO_RESULT}{value}"
    return cell_text(value)


def _without_result(xml: bytes) -> Iterator[tuple[int, int, str]]:
    """Row and column of formulas whose result the file does not hold, and what they are."""
    for found in _FORMULA.finditer(xml):
        letters, number, attributes, formula = found.groups()
        if b't="str"' not in attributes:  # whose result is the empty text
            text = (formula or b"").decode("utf-8", "replace")
            yield int(number) - 1, column_index_from_string(letters.decode()) - 1, text


def _ends(reference: str) -> tuple[int, int, int, int]:
    first_column, first_row, last_column, last_row = range_boundaries(reference)
    return first_row - 1, last_row - 1, first_column - 1, last_column - 1


def _mark_lost_digits(rows: list[list[Any]], texts: list[list[str | None]]) -> None:
    """Long numbers of a column, all of whose digits beyond the 15th are zeros, in the short form 4.87E+18."""
    long: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            whole = isinstance(value, int | float) and not isinstance(value, bool)
            if whole and abs(value) >= _DIGITS_KEPT:
                long.setdefault(column, []).append(at)
    for column, found in long.items():
        values = [rows[at][column] for at in found]
        inexact = any(isinstance(value, float) and abs(value) > EXACT for value in values)
        if inexact or all(int(value) % 10 ** (len(str(abs(int(value)))) - 15) == 0 for value in values):
            for at in found:
                texts[at][column] = f"{float(rows[at][column]):.14e}"


def _merged_notices(grid: Grid, header: int, titles: list[str]) -> list[Text]:
    columns = {column: 0 for first, last, column, _ in grid.merged if first > header and last > first}
    for first, last, column, _ in grid.merged:
        if first > header and last > first:
            columns[column] += last - first
    named = {titles[column]: count for column, count in sorted(columns.items()) if column < len(titles)}
    if not named:
        return []
    shown = ", ".join(named)
    return [
        Text(
            f"結合されたセル（{shown}）の値は、結合された行すべての値として読みました（{sum(named.values())}か所）。",
            f"merged cells in {shown}: their value was taken for every row they span "
            f"({sum(named.values())} cells filled).",
        )
    ]
