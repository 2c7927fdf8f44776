"""Does a picture stand in a workbook with its numbers and a native chart?"""

from __future__ import annotations

import openpyxl
import pytest
import xlsxwriter

from crm.i18n import LANGUAGES, Text
from pictures.excel import write_picture
from tests.support.sample_pictures import all_pictures

PICTURES = [pytest.param(picture, id=picture.name) for picture in all_pictures()]


@pytest.mark.parametrize("picture", PICTURES)
def test_the_cells_hold_the_chart_s_numbers_and_the_chart_points_at_them(picture, tmp_path) -> None:
    path, chart = tmp_path / "book.xlsx", picture.chart()
    for lang in LANGUAGES:
        with xlsxwriter.Workbook(path) as workbook:
            sheet = workbook.add_worksheet("図")
            free = write_picture(workbook, sheet, chart, picture.title, lang)
        read = openpyxl.load_workbook(path)["図"]
        cells = chart.cells
        assert free > len(cells.rows)
        assert [cell.value for cell in read[1]][: len(cells.columns)] == [
            column.head(lang) for column in cells.columns
        ]
        for below, row in enumerate(cells.rows, 2):
            for number, (column, value) in enumerate(zip(cells.columns, row, strict=True), 1):
                found = read.cell(below, number).value
                if isinstance(value, Text):
                    assert found == value.to(lang)
                elif value is None:
                    assert found is None
                else:
                    size = (
                        1 if column.measure is None or column.measure.is_probability else column.measure.size
                    )
                    assert found == pytest.approx(value / size, rel=1e-12)
        (drawn,) = read._charts
        places = [_values(series).numRef.f for each in drawn._charts for series in each.ser]
        assert sorted(places) == sorted(_place("図", len(cells.rows), one.column) for one in chart.series)


def _values(series):
    return series.yVal if series.val is None else series.val


def _place(sheet: str, rows: int, column: int) -> str:
    letter = "ABCDEFG"[column]
    last = f":${letter}${rows + 1}" if rows > 1 else ""
    return f"{sheet}!${letter}$2{last}"
