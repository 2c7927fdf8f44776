"""What did one number do over the weeks? A small line, with how much it moves anyway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.fan import day_words
from pictures.layout import Axis, spanning, text_width
from pictures.measure import PERCENT, POINTS, Measure
from pictures.picture import Picture
from pictures.table import Column, Table, Value


@dataclass(frozen=True, kw_only=True)
class Spark(Picture):
    """`values` (n,) at `days` (n,); `usual`: how far it moves in a week anyway (one standard deviation).

    `later` (n,) marks values that were computed later, from what was known on that day.
    """

    days: Sequence[date]
    values: Sequence[float]
    usual: float | None = None
    later: Sequence[bool] = ()
    measure: Measure = PERCENT
    step: Measure = POINTS

    @property
    def sentence(self) -> Text:
        """First, last, and whether the last step is within the usual wobble."""
        words = Text("{a}の{x}から{b}の{y}へ。", "From {x} ({a}) to {y} ({b}).").format(
            a=day_words(self.days[0]),
            b=day_words(self.days[-1]),
            x=self.measure.words(self.values[0]),
            y=self.measure.words(self.values[-1]),
        )
        if len(self.values) < 2 or self.usual is None:
            return words
        step = self.values[-1] - self.values[-2]
        inside = abs(step) <= self.usual
        kind = (
            Text("（ふだんの揺れの内）", ", within the usual wobble")
            if inside
            else Text("（ふだんの揺れより大きい）", ", more than the usual wobble")
        )
        last = Text("直前より{v}{kind}。", " Last step: {v}{kind}.").format(
            v=self.step.words(step, signed=True), kind=kind
        )
        return Text(words.ja + last.ja, words.en + last.en)

    def table(self) -> Table:
        """A row for each day."""
        rows: list[Sequence[Value]] = [
            (Text(day_words(day), day_words(day)), value)
            for day, value in zip(self.days, self.values, strict=True)
        ]
        return Table((Column(Text("日付", "day")), Column(self.title, self.measure)), rows)

    def chart(self) -> ExcelChart:
        """A line."""
        return ExcelChart("line", (Series(1, "ours"),), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:
        """The line, the usual wobble around the last value but one, and the last value in words."""
        drawing = Drawing(width, 72.0)
        words = self.measure.text(self.values[-1], lang)
        first, last = self.days[0].toordinal(), self.days[-1].toordinal()
        xs = Axis(first, max(last, first + 1), 8, width - text_width(words, SMALL) - 14)
        reach = list(self.values)
        if self.usual is not None and len(self.values) > 1:
            reach += [self.values[-2] - self.usual, self.values[-2] + self.usual]
        ys = spanning(reach, 50, 8, room=0.08)
        points = [
            (xs.at(day.toordinal()), ys.at(value)) for day, value in zip(self.days, self.values, strict=True)
        ]
        if self.usual is not None and len(points) > 1:
            ends = [points[-2][0], points[-1][0]]
            low, high = ys.at(self.values[-2] - self.usual), ys.at(self.values[-2] + self.usual)
            drawing.band(ends, [low, low], [high, high], "band80")
        drawing.path(points, "mine")
        for number, (x, y) in enumerate(points):
            hollow = bool(self.later) and self.later[number]
            if hollow or number == len(points) - 1:
                drawing.dot(x, y, 3.2, "mark" if hollow else "up-mark")
        drawing.text(points[-1][0] + 8, points[-1][1] + 4, words, "strong")
        drawing.text(points[0][0], 68, day_words(self.days[0]), "quiet")
        drawing.text(points[-1][0], 68, day_words(self.days[-1]), "quiet", "end")
        return drawing
