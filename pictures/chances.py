"""How likely is one target under each of several ways to set it? A mark for each from 0 to 100 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import Axis
from pictures.measure import PERCENT
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_HEIGHT, _RADIUS = 26.0, 5.0
SHAPES = ("●", "■", "◆", "▲")  # of the marks in their order, as words beside the picture name them
HOLLOW = ("○", "□", "◇", "△")


@dataclass(frozen=True, slots=True)
class Mark:
    """A way and the chance under it; None where there is no target."""

    label: Text
    chance: float | None


@dataclass(frozen=True, kw_only=True)
class Chances(Picture):
    """`marks` in an order that all rows share, each with its shape; the `chosen` one is filled."""

    marks: Sequence[Mark]
    chosen: int = 0

    @property
    def sentence(self) -> Text:
        """Every chance, the chosen one first."""
        order = [self.marks[self.chosen], *(one for one in self.marks if one is not self.marks[self.chosen])]
        parts = [
            Text("{label} {p}", "{label} {p}").format(label=one.label, p=PERCENT.words(one.chance))
            for one in order
        ]
        return Text("、".join(part.ja for part in parts) + "。", ", ".join(part.en for part in parts) + ".")

    def table(self) -> Table:
        """A row for each way."""
        columns = (Column(Text("配分の仕方", "way")), Column(Text("達成確率", "chance of target"), PERCENT))
        rows: list[Sequence[Value]] = [(one.label, one.chance) for one in self.marks]
        return Table(columns, rows)

    def chart(self) -> ExcelChart:
        """Bars of the chances."""
        return ExcelChart("bar", (Series(1, "ours"),), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:  # noqa: ARG002 - it has no words
        """The line with its middle, hollow marks, and on top of them the filled one of the chosen way."""
        drawing, y = Drawing(width, _HEIGHT), _HEIGHT / 2
        xs = Axis(0.0, 1.0, _RADIUS + 2, width - _RADIUS - 2)
        drawing.line((xs.start, y), (xs.end, y), "grid")
        drawing.line((xs.at(0.5), 4), (xs.at(0.5), _HEIGHT - 4), "today")
        numbers = [number for number in range(len(self.marks)) if number != self.chosen]
        for number in (*numbers, self.chosen):
            chance = self.marks[number].chance
            if chance is not None:
                _mark(drawing, number, xs.at(chance), y, "up-mark" if number == self.chosen else "mark")
        return drawing


def _mark(drawing: Drawing, number: int, x: float, y: float, style: str) -> None:
    """A circle, a square, a diamond, a triangle."""
    size = _RADIUS
    if number == 0:
        drawing.dot(x, y, size, style)
    elif number == 1:
        drawing.box(x - size + 0.5, y - size + 0.5, 2 * size - 1, 2 * size - 1, style)
    elif number == 2:
        drawing.path(
            [(x, y - size - 1), (x + size + 1, y), (x, y + size + 1), (x - size - 1, y)], style, closed=True
        )
    else:
        drawing.path([(x, y - size), (x + size, y + size - 1), (x - size, y + size - 1)], style, closed=True)
