"""Why this score? Reasons as bars to both sides, from the usual chance to this deal's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import Axis, shortened, text_width
from pictures.measure import PERCENT, POINTS, Measure
from pictures.picture import Picture
from pictures.table import Column, Table, Value
from pictures.waterfall import Part, sign_style

_ROW = 26.0
_CAN_MOVE = Text("（動かせる）", " (can be moved)")


@dataclass(frozen=True, kw_only=True)
class Diverging(Picture):
    """`reasons` that lead from `reference` to `result`; `controllable` (n,) marks what the seller can move.

    What the shown reasons leave of the difference is one more bar, "all others", so that they add up.
    """

    reference: Part
    result: Part
    reasons: Sequence[Part]
    controllable: Sequence[bool] = ()
    level: Measure = PERCENT
    step: Measure = POINTS

    @property
    def bars(self) -> list[Part]:
        """The reasons and what is left."""
        left = self.result.value - self.reference.value - sum(reason.value for reason in self.reasons)
        rest = [Part(Text("その他すべて", "all others"), left)] if abs(left) > 1e-9 else []
        return [*self.reasons, *rest]

    @property
    def sentence(self) -> Text:
        """From the reference to the deal, and the strongest reason each way."""
        words = Text("{a}の{x}に対し、{b}は{y}です。", "{b}: {y}, against {x} for {a}.").format(
            a=self.reference.label,
            b=self.result.label,
            x=self.level.words(self.reference.value),
            y=self.level.words(self.result.value),
        )
        best = max(self.reasons, key=lambda reason: reason.value, default=None)
        worst = min(self.reasons, key=lambda reason: reason.value, default=None)
        named = [
            one
            for one, keep in ((best, best and best.value > 0), (worst, worst and worst.value < 0))
            if one and keep
        ]
        if not named:
            return words
        parts = [
            Text("{name} {v}", "{name} {v}").format(name=one.label, v=self.step.words(one.value, signed=True))
            for one in named
        ]
        return Text(
            words.ja + "関係が強いのは" + "、".join(part.ja for part in parts) + "です。",
            words.en + " It goes most with " + " and ".join(part.en for part in parts) + ".",
        )

    def table(self) -> Table:
        """A row for each bar."""
        columns = (
            Column(Text("理由", "reason")),
            Column(Text("効き", "effect"), self.step, signed=True),
            Column(Text("受注確率", "win probability"), self.level),
        )
        rows: list[Sequence[Value]] = [(self.reference.label, None, self.reference.value)]
        rows += [(bar.label, bar.value, None) for bar in self.bars]
        return Table(columns, [*rows, (self.result.label, None, self.result.value)])

    def chart(self) -> ExcelChart:
        """Bars."""
        return ExcelChart("bar", (Series(1, "ours"),), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:
        """Names at the left (on a phone above), bars around a common zero, both sums at the ends."""
        bars, beside = self.bars, width > 500
        row = _ROW if beside else 2 * _ROW - 6
        drawing = Drawing(width, row * len(bars) + 2 * _ROW)
        left = 260.0 if beside else 0.0
        room = (
            max((text_width(self.step.number(bar.value, signed=True), SMALL) for bar in bars), default=0.0)
            + 8
        )
        largest = max((abs(bar.value) for bar in bars), default=0.0) or 1.0
        xs = Axis(-largest, largest, left + room, width - room)
        drawing.line((xs.at(0.0), _ROW), (xs.at(0.0), drawing.height - _ROW), "axis")
        for top, end in ((0.0, self.reference), (drawing.height - _ROW, self.result)):
            drawing.text(0, top + 17, f"{end.label.to(lang)} {self.level.text(end.value, lang)}", "strong")
        for number, bar in enumerate(bars):
            top = _ROW + number * row
            marked = number < len(self.controllable) and self.controllable[number]
            mark = _CAN_MOVE.to(lang) if marked else ""
            name = shortened(bar.label.to(lang), SMALL, (left or width) - 6 - text_width(mark, SMALL))
            drawing.text(0, top + 17, name + mark)
            self._bar(drawing, xs, top if beside else top + _ROW - 6, bar)
        return drawing

    def _bar(self, drawing: Drawing, xs: Axis, top: float, bar: Part) -> None:
        zero, x, number = xs.at(0.0), xs.at(bar.value), self.step.number(bar.value, signed=True)
        raises = bar.value >= 0
        mark = "up-mark" if raises else "down-mark"
        drawing.box(min(x, zero), top + 5, abs(x - zero), _ROW - 10, mark)
        drawing.text(
            x + (6 if raises else -6), top + 17, number, sign_style(bar.value), "start" if raises else "end"
        )
