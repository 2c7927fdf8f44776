"""What changed the probability? Parts in points between then and now, which add up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crm.i18n import Language, Text
from pictures.drawing import LINE, SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import from_zero, shortened, text_width, wrapped
from pictures.measure import PERCENT, POINTS, Measure
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_TOP, _ROW = 26.0, 26.0


@dataclass(frozen=True, slots=True)
class Part:
    """A named part of a change."""

    label: Text
    value: float


@dataclass(frozen=True, kw_only=True)
class Waterfall(Picture):
    """From `start` to `end` by `parts`, in the order given; a remainder is refused, so that parts add up.

    `level` is the measure of both ends, `step` that of the parts.
    """

    start: Part
    end: Part
    parts: Sequence[Part]
    level: Measure = PERCENT
    step: Measure = POINTS

    def __post_init__(self) -> None:
        """Raises ValueError where the parts do not add up to the change."""
        missing = self.end.value - self.start.value - sum(part.value for part in self.parts)
        if abs(missing) > 1e-6 * max(abs(self.start.value), abs(self.end.value), 1e-9):
            raise ValueError(
                f"waterfall: the parts leave {missing:g} of the change; add it as a part of its own"
            )

    @property
    def sentence(self) -> Text:
        """Both ends and the largest part up and down."""
        words = Text("{a}の{x}から{b}の{y}へ。", "From {x} ({a}) to {y} ({b}).").format(
            a=self.start.label,
            b=self.end.label,
            x=self.level.words(self.start.value),
            y=self.level.words(self.end.value),
        )
        moved = sorted((part for part in self.parts if part.value), key=lambda part: -abs(part.value))[:2]
        if not moved:
            return words
        largest = [
            Text("{name} {v}", "{name} {v}").format(
                name=part.label, v=self.step.words(part.value, signed=True)
            )
            for part in moved
        ]
        return Text(
            words.ja + "大きいのは" + "、".join(part.ja for part in largest) + "です。",
            words.en + " Largest parts: " + ", ".join(part.en for part in largest) + ".",
        )

    def table(self) -> Table:
        """A row for each end and part."""
        columns = (
            Column(Text("内訳", "part")),
            Column(Text("変化", "change"), self.step, signed=True),
            Column(Text("その時点", "level"), self.level),
        )
        rows: list[Sequence[Value]] = [(self.start.label, None, self.start.value)]
        level = self.start.value
        for part in self.parts:
            level += part.value
            rows.append((part.label, part.value, level))
        return Table(columns, [*rows, (self.end.label, None, self.end.value)])

    def chart(self) -> ExcelChart:
        """Stacked columns on an invisible base, as workbooks have no waterfall of their own."""
        names = (Text("土台", "base"), Text("水準", "level"), Text("増", "up"), Text("減", "down"))
        columns = (Column(Text("内訳", "part")), *(Column(name, self.level) for name in names))
        rows: list[Sequence[Value]] = [(self.start.label, 0.0, self.start.value, 0.0, 0.0)]
        level = self.start.value
        for part in self.parts:
            base = min(level, level + part.value)
            rows.append((part.label, base, 0.0, max(part.value, 0.0), max(-part.value, 0.0)))
            level += part.value
        rows.append((self.end.label, 0.0, self.end.value, 0.0, 0.0))
        series = (Series(1, "invisible"), Series(2, "quiet"), Series(3, "ours"), Series(4, "other"))
        return ExcelChart("stacked_column", series, Table(columns, rows))

    def drawing(self, lang: Language, width: float) -> Drawing:
        """Bars from zero: both ends in grey, parts filled where they raise and hollow where they lower.

        Upright with their names below; where a name does not fit there, lying with their names at the left.
        """
        ends = (self.start, *self.parts, self.end)
        slot = width / len(ends)
        labels = [wrapped(one.label.to(lang), SMALL, slot - 4, 3) for one in ends]
        if max(text_width(line, SMALL) for lines in labels for line in lines) > slot - 2:
            return self._lying(lang, width)
        return self._upright(lang, width, labels)

    def _upright(self, lang: Language, width: float, labels: Sequence[Sequence[str]]) -> Drawing:
        slot, bottom = width / len(labels), 10 + LINE * max(len(lines) for lines in labels)
        drawing = Drawing(width, (230.0 if width > 500 else 200.0) + bottom)
        ground = drawing.height - bottom
        ys = from_zero([bar.high for bar in self._bars()], ground, _TOP, room=0.0)
        for number, (bar, lines) in enumerate(zip(self._bars(), labels, strict=True)):
            middle, top = (number + 0.5) * slot, ys.at(bar.high)
            height = max(ys.at(bar.low) - top, 1.5)
            drawing.lines(middle, ground + 17, lines, "quiet", "middle")
            if number:
                drawing.line(
                    ((number - 0.12) * slot, ys.at(bar.before)),
                    ((number + 0.12) * slot, ys.at(bar.before)),
                    "join",
                )
            drawing.box((number + 0.12) * slot, top, slot * 0.76, height, bar.style)
            drawing.text(middle, top - 7, bar.words.to(lang), bar.text_style, "middle")
        drawing.line((0, ground), (width, ground), "axis")
        return drawing

    def _lying(self, lang: Language, width: float) -> Drawing:
        ends = (self.start, *self.parts, self.end)
        names = [shortened(one.label.to(lang), SMALL, 0.4 * width) for one in ends]
        drawing = Drawing(width, _ROW * len(ends) + 4)
        left = max(text_width(name, SMALL) for name in names) + 8
        room = max(text_width(bar.words.to(lang), SMALL) for bar in self._bars()) + 10
        xs = from_zero([bar.high for bar in self._bars()], left, width - room, room=0.0)
        for number, (bar, name) in enumerate(zip(self._bars(), names, strict=True)):
            top = number * _ROW
            drawing.text(left - 8, top + 17, name, "quiet", "end")
            if number:
                drawing.line((xs.at(bar.before), top - 4), (xs.at(bar.before), top + 4), "join")
            drawing.box(
                xs.at(bar.low), top + 4, max(xs.at(bar.high) - xs.at(bar.low), 1.5), _ROW - 8, bar.style
            )
            drawing.text(xs.at(bar.high) + 6, top + 17, bar.words.to(lang), bar.text_style)
        drawing.line((left, 0), (left, drawing.height), "axis")
        return drawing

    def _bars(self) -> list[_Bar]:
        """What is drawn for each end and part, from the first on."""
        level, bars = self.start.value, [_Bar.of_end(self.start, self.level)]
        for part in self.parts:
            bars.append(_Bar.of_part(part, level, self.step))
            level += part.value
        return [*bars, _Bar.of_end(self.end, self.level)]


class _Bar(NamedTuple):
    """A bar from `low` to `high`, and the level `before` it."""

    low: float
    high: float
    before: float
    words: Text
    style: str
    text_style: str

    @classmethod
    def of_end(cls, end: Part, measure: Measure) -> _Bar:
        return cls(0.0, end.value, end.value, measure.words(end.value), "level", "strong")

    @classmethod
    def of_part(cls, part: Part, before: float, measure: Measure) -> _Bar:
        number = measure.number(part.value, signed=True)
        low, high = sorted((before, before + part.value))
        mark = "up-mark" if part.value >= 0 else "down-mark"
        return cls(low, high, before, Text(number, number), mark, sign_style(part.value))


def sign_style(value: float) -> str:
    """The style of a change in words."""
    return "up" if value > 0 else "down" if value < 0 else "quiet"
