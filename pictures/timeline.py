"""What has happened, and when? Lanes on one axis of time: stretches that lasted, and marks of a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.fan import day_words
from pictures.layout import Axis, shortened, text_width
from pictures.measure import COUNT, DAYS
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_LANE, _TOP, _BOTTOM, _BOX = 34.0, 6.0, 24.0, 20.0
_LEAST = 14.0  # width of a stretch below which it has no words


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that lasted from a day to another, or still lasts."""

    first: date
    last: date
    words: Text


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened on a day; `words` stand beside it where there is room, `told` in the table."""

    day: date
    told: Text
    words: Text | None = None
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """Things of one kind."""

    label: Text
    stretches: Sequence[Stretch] = ()
    marks: Sequence[Mark] = field(default=())

    def __len__(self) -> int:
        """How many things happened in it."""
        return len(self.stretches) + len(self.marks)


@dataclass(frozen=True, kw_only=True)
class Timeline(Picture):
    """`lanes` below each other, from `first` to `last`."""

    lanes: Sequence[Lane]
    first: date
    last: date

    @property
    def _ends(self) -> tuple[str, str]:
        """Its first and last day, with their years where these differ."""
        write = day_words if self.first.year == self.last.year else _full
        return write(self.first), write(self.last)

    @property
    def sentence(self) -> Text:
        """From when to when, and how many things of each kind."""
        first, last = self._ends
        words = Text("{a}から{b}まで。", "From {a} to {b}.").format(a=first, b=last)
        counts = [
            Text("{what} {n}件", "{what}: {n}").format(what=lane.label, n=len(lane))
            for lane in self.lanes
            if len(lane)
        ]
        if not counts:
            return words
        return Text(
            words.ja + "、".join(one.ja for one in counts) + "。",
            f"{words.en} {', '.join(one.en for one in counts)}.",
        )

    def table(self) -> Table:
        """A row for each thing, the newest first."""
        rows = [(one.first, lane.label, one.words) for lane in self.lanes for one in lane.stretches]
        rows += [(one.day, lane.label, one.told) for lane in self.lanes for one in lane.marks]
        rows.sort(key=lambda row: row[0], reverse=True)
        columns = (
            Column(Text("日付", "day")),
            Column(Text("始まりから", "after"), DAYS),
            Column(Text("種類", "kind")),
            Column(Text("内容", "what happened")),
        )
        told: list[Sequence[Value]] = [
            (Text(_full(day), _full(day)), float((day - self.first).days), label, words)
            for day, label, words in rows
        ]
        return Table(columns, told)

    def chart(self) -> ExcelChart:
        """How many things of each kind there were; a spreadsheet has no lanes."""
        columns = (Column(Text("種類", "kind")), Column(Text("件数", "count"), COUNT))
        rows: list[Sequence[Value]] = [(lane.label, float(len(lane))) for lane in self.lanes]
        return ExcelChart("bar", (Series(1, "ours"),), Table(columns, rows))

    def drawing(self, lang: Language, width: float) -> Drawing:
        """A lane for each kind, the days below."""
        drawing = Drawing(width, _TOP + len(self.lanes) * _LANE + _BOTTOM)
        names = [lane.label.to(lang) for lane in self.lanes]
        left = max((text_width(name, SMALL) for name in names), default=0.0) + 18
        start = self.first.toordinal()
        xs = Axis(start, max(self.last.toordinal(), start + 1), left, width - 8)
        for number, (lane, name) in enumerate(zip(self.lanes, names, strict=True)):
            middle = _TOP + number * _LANE + _LANE / 2
            drawing.text(0, middle + 4, name, "quiet")
            drawing.line((left, middle), (xs.end, middle), "grid")
            for one in lane.stretches:
                self._stretch(drawing, xs, middle, one, lang)
            self._marks(drawing, xs, middle, lane.marks, lang)
        ground = drawing.height - _BOTTOM
        drawing.line((left, ground), (xs.end, ground), "axis")
        first, last = self._ends
        drawing.text(left, ground + 16, first, "quiet")
        drawing.text(xs.end, ground + 16, last, "quiet", "end")
        return drawing

    def _stretch(self, drawing: Drawing, xs: Axis, middle: float, one: Stretch, lang: Language) -> None:
        begin, end = xs.at(one.first.toordinal()), xs.at(one.last.toordinal())
        drawing.box(begin, middle - _BOX / 2, max(end - begin, 2.0), _BOX, "band80")
        if end - begin >= _LEAST:
            words = shortened(one.words.to(lang), SMALL, end - begin - 8)
            if words != "…":
                drawing.text(begin + 4, middle + 4, words)

    def _marks(
        self, drawing: Drawing, xs: Axis, middle: float, marks: Sequence[Mark], lang: Language
    ) -> None:
        """Marks, and the words of those that have room up to the next one."""
        ordered = sorted(marks, key=lambda mark: mark.day)
        places = [xs.at(mark.day.toordinal()) for mark in ordered]
        for mark, x, following in zip(ordered, places, [*places[1:], drawing.width + 6], strict=False):
            drawing.dot(x, middle, 4, "down-mark" if mark.is_bad else "up-mark")
            words = "" if mark.words is None else mark.words.to(lang)
            if words and text_width(words, SMALL) + 14 <= following - x:
                drawing.text(x + 7, middle + 4, words, "quiet")


def _full(day: date) -> str:
    """A day with its year: a deal may be older than one."""
    return f"{day.year}/{day.month}/{day.day}"
