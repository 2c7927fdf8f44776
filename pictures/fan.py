"""How does the period get there? Won so far as a line, what may come as bands, and the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Anchor, Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import Axis, from_zero, spread_apart, text_width
from pictures.measure import Measure
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_TOP, _BOTTOM = 24.0, 26.0


_MIDDLE = Text(
    "受注済み{now}。期末は中央で{middle}です。",
    "Won so far: {now}. By the end {middle} is the middle forecast.",
)
_WITH_RANGE = Text(
    "受注済み{now}。期末は中央で{middle}、8割の確率で{low}〜{high}です。",
    "Won so far: {now}. By the end {middle} is the middle forecast, "
    "with 8 in 10 chances between {low} and {high}.",
)


@dataclass(frozen=True, kw_only=True)
class Fan(Picture):
    """`days` (n,); `closed` (n,) until each day, None in the future; quantiles (n,) from today on.

    `p25` and `p75` may be left out; quantiles that are not shown are None throughout. `target`: at the last
    day, None without one.
    """

    days: Sequence[date]
    closed: Sequence[float | None]
    p10: Sequence[float | None]
    p50: Sequence[float | None]
    p90: Sequence[float | None]
    measure: Measure
    target: float | None = None
    p25: Sequence[float | None] = ()
    p75: Sequence[float | None] = ()

    @property
    def today(self) -> int:
        """The number of the last day that is known."""
        return max((number for number, value in enumerate(self.closed) if value is not None), default=0)

    @property
    def sentence(self) -> Text:
        """So far, the middle and the range at the end, and the target."""
        so_far = self.closed[self.today]
        values = {"now": so_far, "low": self.p10[-1], "middle": self.p50[-1], "high": self.p90[-1]}
        written = {name: self.measure.words(value) for name, value in values.items()}
        words = (_WITH_RANGE if self.p10[-1] is not None else _MIDDLE).format(**written)
        if self.target is None:
            return words
        goal = Text("目標は{v}です。", " The target is {v}.").format(v=self.measure.words(self.target))
        return Text(words.ja + goal.ja, words.en + goal.en)

    def table(self) -> Table:
        """A row for each day."""
        names = (
            Text("受注済み", "won so far"),
            Text("下限（10%）", "low (10 %)"),
            Text("中央", "middle"),
            Text("上限（90%）", "high (90 %)"),
        )
        columns = (Column(Text("日付", "day")), *(Column(name, self.measure) for name in names))
        rows: list[Sequence[Value]] = [
            (Text(day_words(day), day_words(day)), closed, low, middle, high)
            for day, closed, low, middle, high in zip(
                self.days, self.closed, self.p10, self.p50, self.p90, strict=True
            )
        ]
        return Table(columns, rows)

    def chart(self) -> ExcelChart:
        """Lines over the days."""
        return ExcelChart(
            "line",
            (Series(1, "target"), Series(2, "quiet"), Series(3, "median"), Series(4, "quiet")),
            self.table(),
        )

    def drawing(self, lang: Language, width: float) -> Drawing:
        """The line, the bands, the target, and their names at the right edge."""
        drawing = Drawing(width, 250.0 if width > 500 else 220.0)
        labels = self._labels(lang)
        right = max(text_width(words, SMALL) for words, _, _ in labels) + 10
        ground = drawing.height - _BOTTOM
        values = [value for value in (*self.closed, *self.p90, self.target) if value is not None]
        ys = from_zero(values, ground, _TOP)
        ticks = ys.ticks(5)
        step = ticks[1] - ticks[0]
        written = [self.measure.tick(value, step) for value in ticks]
        left = max(text_width(words, SMALL) for words in written) + 10
        xs = Axis(0.0, max(len(self.days) - 1.0, 1.0), left, width - right)
        for value, number in zip(ticks, written, strict=True):
            drawing.line((left, ys.at(value)), (xs.end, ys.at(value)), "axis" if value == 0 else "grid")
            drawing.text(left - 6, ys.at(value) + 4, number, "quiet", "end")
        self._days(drawing, xs, ground)
        self._bands(drawing, xs, ys)
        known = [(xs.at(n), ys.at(value)) for n, value in enumerate(self.closed) if value is not None]
        drawing.path(known, "done")
        if self.target is not None:
            drawing.line((left, ys.at(self.target)), (xs.end, ys.at(self.target)), "target")
        self._today(drawing, xs, ys, lang)
        places = spread_apart([ys.at(value) for _, value, _ in labels], 14.0, _TOP - 8, ground)
        for (words, _, style), y in zip(labels, places, strict=True):
            drawing.text(xs.end + 6, y + 4, words, style)
        return drawing

    def _labels(self, lang: Language) -> list[tuple[str, float, str]]:
        """(words, value, style) of what stands at the right edge."""
        named = [
            (Text("上", "high"), self.p90[-1], "quiet"),
            (Text("目標", "target"), self.target, "strong"),
            (Text("中央", "middle"), self.p50[-1], "strong"),
            (Text("下", "low"), self.p10[-1], "quiet"),
        ]
        return [
            (f"{name.to(lang)} {self.measure.number(value)}", value, style)
            for name, value, style in named
            if value is not None
        ] or [("", 0.0, "")]

    def _days(self, drawing: Drawing, xs: Axis, ground: float) -> None:
        last, most = len(self.days) - 1, 4 if drawing.width > 500 else 3
        for part in range(most):
            number = round(last * part / (most - 1)) if last else 0
            anchor: Anchor = "middle" if 0 < part < most - 1 else "start" if part == 0 else "end"
            drawing.text(xs.at(number), ground + 18, day_words(self.days[number]), "quiet", anchor)

    def _bands(self, drawing: Drawing, xs: Axis, ys: Axis) -> None:
        pairs = [(self.p10, self.p90, "band80")] + (
            [(self.p25, self.p75, "band50")] if self.p25 and self.p75 else []
        )
        for lower, upper, style in pairs:
            ahead = [
                n for n in range(self.today, len(self.days)) if lower[n] is not None and upper[n] is not None
            ]
            lows, highs = [lower[n] or 0.0 for n in ahead], [upper[n] or 0.0 for n in ahead]
            drawing.band(
                [xs.at(n) for n in ahead], [ys.at(v) for v in lows], [ys.at(v) for v in highs], style
            )
        middle = [(xs.at(n), ys.at(v)) for n, v in enumerate(self.p50) if v is not None and n >= self.today]
        drawing.path(middle, "median")

    def _today(self, drawing: Drawing, xs: Axis, ys: Axis, lang: Language) -> None:
        so_far = self.closed[self.today]
        if so_far is None or self.today == len(self.days) - 1:
            return
        x = xs.at(self.today)
        drawing.line((x, _TOP - 8), (x, ys.start), "today")
        drawing.text(x - 4, _TOP - 10, Text("今日", "today").to(lang), "quiet", "end" if x > 60 else "start")
        words = f"{Text('受注', 'won').to(lang)} {self.measure.number(so_far)}"
        fits = x - xs.start > text_width(words, SMALL) + 8
        drawing.text(
            x + (-6 if fits else 6),
            ys.at(so_far) + (-10 if fits else 16),
            words,
            "strong",
            "end" if fits else "start",
        )


def day_words(day: date) -> str:
    """A day of the year as both languages write it on an axis.

    >>> day_words(date(2026, 12, 1))
    '12/1'
    """
    return f"{day.month}/{day.day}"
