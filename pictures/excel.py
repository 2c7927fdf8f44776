"""How does a picture stand in a workbook? Its table in cells, and a native chart over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from crm.i18n import Language, Text
from pictures.measure import Measure
from pictures.table import Table

if TYPE_CHECKING:
    from xlsxwriter.chart import Chart
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

Kind = Literal["column", "stacked_column", "bar", "stacked_bar", "line", "scatter", "stacked_area"]
Look = Literal["ours", "other", "quiet", "band50", "band80", "median", "target", "invisible"]

_COLOURS = {
    "ours": "#0B62A8",
    "other": "#B8500B",
    "quiet": "#808892",
    "band50": "#8FBBDD",
    "band80": "#C9DFF0",
    "median": "#0B62A8",
    "target": "#1B1F24",
}


@dataclass(frozen=True, slots=True)
class Series:
    """A column of the table as a series; `on_line`: as a line above columns or areas."""

    column: int
    look: Look
    on_line: bool = False


@dataclass(frozen=True, slots=True)
class ExcelChart:
    """A kind of chart and the columns it shows; the first column, or `x`, has its categories.

    `cells`: the table of the chart where it needs other columns than the picture's own (an invisible base
    below the parts of a waterfall).
    """

    kind: Kind
    series: Sequence[Series]
    cells: Table
    x: int = 0


def write_picture(
    workbook: Workbook, sheet: Worksheet, chart: ExcelChart, title: Text, lang: Language, row: int = 0
) -> int:
    """Write the chart's cells from `row` on and the chart beside them; the first free row below both."""
    _write_cells(workbook, sheet, chart.cells, lang, row)
    drawn = _drawn(workbook, sheet, chart, row)
    drawn.set_title({"name": title.to(lang), "name_font": {"size": 11}})
    drawn.set_size({"width": 640, "height": 320})
    sheet.insert_chart(row, len(chart.cells.columns) + 1, drawn, {"description": title.to(lang)})
    return row + max(len(chart.cells.rows) + 2, 18)


def _write_cells(workbook: Workbook, sheet: Worksheet, table: Table, lang: Language, row: int) -> None:
    heading = workbook.add_format({"bold": True, "bottom": 1})
    for number, column in enumerate(table.columns):
        sheet.write_string(row, number, column.head(lang), heading)
        measure = column.measure
        shown = None if measure is None else workbook.add_format({"num_format": _number_format(measure)})
        size = 1.0 if measure is None or measure.is_probability else measure.size
        for below, values in enumerate(table.rows, row + 1):
            value = values[number]
            if isinstance(value, Text):
                sheet.write_string(below, number, value.to(lang))
            elif value is not None:
                sheet.write_number(below, number, value / size, shown)


def _number_format(measure: Measure) -> str:
    if measure.is_probability:
        return "0%"
    return "#,##0" + (f".{'0' * measure.digits}" if measure.digits else "")


def _drawn(workbook: Workbook, sheet: Worksheet, chart: ExcelChart, row: int) -> Chart:
    kind, _, form = chart.kind.rpartition("_")
    options = {"type": form} | ({"subtype": "stacked"} if kind else {})
    if form == "scatter":
        options["subtype"] = "straight_with_markers"
    drawn, above = workbook.add_chart(options), workbook.add_chart({"type": "line"})
    first, last = row + 1, row + len(chart.cells.rows)
    for series in chart.series:
        target = above if series.on_line else drawn
        target.add_series(
            {
                "name": [sheet.get_name(), row, series.column],
                "categories": [sheet.get_name(), first, chart.x, last, chart.x],
                "values": [sheet.get_name(), first, series.column, last, series.column],
                **_look(series.look, form if not series.on_line else "line"),
            }
        )
    if any(series.on_line for series in chart.series):
        drawn.combine(above)
    drawn.set_legend({"position": "bottom", "delete_series": _hidden(chart.series)})
    if form == "bar":
        drawn.set_y_axis({"reverse": True})
    return drawn


def _hidden(series: Sequence[Series]) -> list[int]:
    """Series without a name in the legend."""
    return [number for number, one in enumerate(series) if one.look == "invisible"]


def _look(look: Look, form: str) -> dict[str, Any]:
    if look == "invisible":
        return {"fill": {"none": True}, "border": {"none": True}, "line": {"none": True}}
    colour = _COLOURS[look]
    if form in ("line", "scatter"):
        dash = {"dash_type": "dash"} if look == "median" else {}
        marks = (
            {"marker": {"type": "circle", "size": 5, "fill": {"color": colour}}} if form == "scatter" else {}
        )
        return {"line": {"color": colour, "width": 2.0, **dash}, **marks}
    if look == "other":  # hollow, as on the page: it must be told apart in grey print
        return {"fill": {"color": "#FFFFFF"}, "border": {"color": colour, "width": 1.5}}
    return {"fill": {"color": colour}, "border": {"none": True}}
