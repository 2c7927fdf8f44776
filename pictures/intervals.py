"""Whose results differ by more than luck? Values with their intervals around what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import shortened, spanning, text_width
from pictures.measure import Measure
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_ROW, _BOTTOM = 26.0, 30.0


@dataclass(frozen=True, slots=True)
class Ranged:
    """A named value above (or below) what was expected, and its interval."""

    label: Text
    value: float
    low: float
    high: float

    @property
    def is_luck(self) -> bool:
        """Whether the interval covers 0."""
        return self.low <= 0 <= self.high


@dataclass(frozen=True, kw_only=True)
class Intervals(Picture):
    """`rows` in the order given; `level`: share of true values that the intervals hold."""

    rows: Sequence[Ranged]
    measure: Measure
    level: float = 0.8

    @property
    def sentence(self) -> Text:
        """How many differ by more than luck."""
        differ = sum(not row.is_luck for row in self.rows)
        return Text(
            "運を除いた差が見えるのは{n}人中{k}人です。", "{k} of {n} differ by more than luck."
        ).format(n=len(self.rows), k=differ)

    def table(self) -> Table:
        """A row for each value."""
        share = f"{100 * self.level:.0f}"
        columns = (
            Column(Text("担当者", "rep")),
            Column(Text("期待との差", "above expectation"), self.measure, signed=True),
            Column(Text(f"下限（{share}%の幅）", f"low ({share}% range)"), self.measure, signed=True),
            Column(Text(f"上限（{share}%の幅）", f"high ({share}% range)"), self.measure, signed=True),
        )
        rows: list[Sequence[Value]] = [(row.label, row.value, row.low, row.high) for row in self.rows]
        return Table(columns, rows)

    def chart(self) -> ExcelChart:
        """Bars of the values."""
        return ExcelChart("bar", (Series(1, "ours"),), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:
        """A dot with its interval in each row; grey where it may be luck, hollow below, filled above."""
        drawing = Drawing(width, _ROW * len(self.rows) + _BOTTOM)
        names = [shortened(row.label.to(lang), SMALL, 0.32 * width) for row in self.rows]
        left = max((text_width(name, SMALL) for name in names), default=0.0) + 16
        xs = spanning([0.0, *(end for row in self.rows for end in (row.low, row.high))], left, width - 16)
        ground = _ROW * len(self.rows)
        drawing.line((xs.at(0.0), 0), (xs.at(0.0), ground), "axis")
        for number, (row, name) in enumerate(zip(self.rows, names, strict=True)):
            y = (number + 0.5) * _ROW
            drawing.text(0, y + 4, name)
            drawing.line((xs.at(row.low), y), (xs.at(row.high), y), "interval")
            drawing.dot(
                xs.at(row.value), y, 5, "luck" if row.is_luck else "up-mark" if row.value > 0 else "down-mark"
            )
        for value in xs.ticks(5 if width > 500 else 3):
            drawing.text(
                xs.at(value), ground + 18, self.measure.number(value, signed=True), "quiet", "middle"
            )
        return drawing
