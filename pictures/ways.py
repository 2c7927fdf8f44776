"""How likely is each of several ways? One strip from 0 to 100 % with a mark of its own shape for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import Axis
from pictures.measure import PERCENT
from pictures.picture import Picture
from pictures.table import Column, Table

_HEIGHT, _ROOM = 22.0, 8.0


@dataclass(frozen=True, slots=True)
class Way:
    """A way and the probability under it; None where there is none."""

    label: Text
    probability: float | None


@dataclass(frozen=True, kw_only=True)
class Ways(Picture):
    """`ways`: at most four, drawn as dot, line, small dot and square in this order; `chosen` stands out."""

    ways: Sequence[Way]
    chosen: int = 0

    @property
    def sentence(self) -> Text:
        """Each way with its probability."""
        parts = [
            Text("{way} {p}", "{way} {p}").format(way=way.label, p=PERCENT.words(way.probability))
            for way in self.ways
        ]
        return Text("、".join(part.ja for part in parts) + "。", ", ".join(part.en for part in parts) + ".")

    def table(self) -> Table:
        """A row for each way."""
        columns = (Column(Text("配分", "way")), Column(Text("達成確率", "chance of target"), PERCENT))
        return Table(columns, [(way.label, way.probability) for way in self.ways])

    def chart(self) -> ExcelChart:
        """Bars beside each other."""
        return ExcelChart("bar", (Series(1, "ours"),), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:  # noqa: ARG002 - it has no words
        """The marks on a line, the chosen one last so that none covers it."""
        drawing, middle = Drawing(width, _HEIGHT), _HEIGHT / 2
        xs = Axis(0.0, 1.0, _ROOM, width - _ROOM)
        drawing.line((xs.start, middle), (xs.end, middle), "axis")
        drawing.line((xs.at(0.5), middle - 4), (xs.at(0.5), middle + 4), "axis")
        order = [number for number in range(len(self.ways)) if number != self.chosen]
        for number in (*order, self.chosen):
            probability = self.ways[number].probability
            if probability is not None:
                _mark(drawing, number, xs.at(probability), middle, number == self.chosen)
        return drawing


def _mark(drawing: Drawing, number: int, x: float, y: float, is_chosen: bool) -> None:
    style = "up-mark" if is_chosen else "luck"
    if number == 0:
        drawing.dot(x, y, 5, style)
    elif number == 1:
        drawing.line((x, y - 8), (x, y + 8), style)
    elif number == 2:
        drawing.dot(x, y, 2.5, style)
    else:
        drawing.box(x - 3.5, y - 3.5, 7, 7, style)
