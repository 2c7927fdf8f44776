"""Will this deal be won, and when? The chances of won, open and lost over the days to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.fan import day_words
from pictures.layout import Axis, spread_apart, text_width
from pictures.measure import PERCENT
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_TOP, _BOTTOM, _LEFT = 26.0, 26.0, 40.0


@dataclass(frozen=True, kw_only=True)
class Curve(Picture):
    """`won` and `lost` (n,): probabilities by each of `days` (n,), not decreasing, together at most 1.

    `typed`: the closing date that the seller entered; `likely` (p10, p50, p90): when it closes if it is won;
    `end`: of the period, one of the days, for which the sentence tells the chance.
    """

    days: Sequence[date]
    won: Sequence[float]
    lost: Sequence[float]
    typed: date | None = None
    likely: tuple[date, date, date] | None = None
    end: date | None = None

    @property
    def sentence(self) -> Text:
        """The chance at the period's end, or at the last day, and when a win is likely."""
        day = self.days[-1] if self.end is None else self.end
        won = self.won[list(self.days).index(day)]
        words = Text("{day}までに受注する確率は{p}です。", "Won by {day} with probability {p}.").format(
            day=day_words(day), p=PERCENT.words(won)
        )
        if self.likely is None:
            return words
        low, middle, high = (day_words(day) for day in self.likely)
        when = Text(
            "受注するなら{m}ごろ、8割は{a}〜{b}です。",
            " If it is won, then about {m}, with 8 in 10 chances between {a} and {b}.",
        ).format(m=middle, a=low, b=high)
        return Text(words.ja + when.ja, words.en + when.en)

    def table(self) -> Table:
        """A row for each day."""
        columns = (
            Column(Text("日付", "day")),
            Column(Text("受注", "won"), PERCENT),
            Column(Text("進行中", "open"), PERCENT),
            Column(Text("失注", "lost"), PERCENT),
        )
        rows: list[Sequence[Value]] = [
            (Text(day_words(day), day_words(day)), won, max(1 - won - lost, 0.0), lost)
            for day, won, lost in zip(self.days, self.won, self.lost, strict=True)
        ]
        return Table(columns, rows)

    def chart(self) -> ExcelChart:
        """Stacked areas."""
        return ExcelChart(
            "stacked_area", (Series(1, "ours"), Series(2, "band80"), Series(3, "quiet")), self.table()
        )

    def drawing(self, lang: Language, width: float) -> Drawing:
        """Won below, lost above, open between; dates as marks on the axis."""
        drawing = Drawing(width, 220.0 if width > 500 else 200.0)
        ground = drawing.height - _BOTTOM
        names = [(Text("受注", "won"), self.won[-1] / 2), (Text("失注", "lost"), 1 - self.lost[-1] / 2)]
        middle = (self.won[-1] + 1 - self.lost[-1]) / 2
        if 1 - self.won[-1] - self.lost[-1] > 0.02:
            names.insert(1, (Text("進行中", "open"), middle))
        right = max(text_width(name.to(lang), SMALL) for name, _ in names) + 12
        first = self.days[0].toordinal()
        xs = Axis(first, max(self.days[-1].toordinal(), first + 1), _LEFT, width - right)
        ys = Axis(0.0, 1.0, ground, _TOP)
        days = [xs.at(day.toordinal()) for day in self.days]
        zero, one = [ys.at(0.0)] * len(days), [ys.at(1.0)] * len(days)
        drawing.band(days, zero, [ys.at(p) for p in self.won], "band50")
        drawing.band(days, [ys.at(1 - p) for p in self.lost], one, "lost")
        for share in (0.0, 0.5, 1.0):
            drawing.text(_LEFT - 6, ys.at(share) + 4, f"{100 * share:.0f}%", "quiet", "end")
        drawing.line((_LEFT, ground), (xs.end, ground), "axis")
        places = spread_apart([ys.at(at) for _, at in names], 15.0, _TOP, ground)
        for (name, _), y in zip(names, places, strict=True):
            drawing.text(xs.end + 8, y + 4, name.to(lang), "strong" if name.en == "won" else "quiet")
        drawing.text(days[0], ground + 18, day_words(self.days[0]), "quiet")
        drawing.text(days[-1], ground + 18, day_words(self.days[-1]), "quiet", "end")
        self._end(drawing, xs, ys, lang)
        self._marks(drawing, xs, ground, lang)
        return drawing

    def _end(self, drawing: Drawing, xs: Axis, ys: Axis, lang: Language) -> None:
        """A line at the period's end up to the chance of a win by then, and the day where there is room."""
        if self.end is None:
            return
        x, ground = xs.at(self.end.toordinal()), ys.start
        won = self.won[list(self.days).index(self.end)]
        drawing.line((x, ground), (x, ys.at(won)), "target")
        words = Text("期末 {d}", "period ends {d}").format(d=day_words(self.end)).to(lang)
        room = text_width(words, SMALL) / 2 + text_width("00/00", SMALL) + 8
        if xs.start + room <= x <= xs.end - room:
            drawing.text(x, ground + 18, words, "", "middle")

    def _marks(self, drawing: Drawing, xs: Axis, ground: float, lang: Language) -> None:
        if self.likely is not None:
            low, middle, high = (xs.at(day.toordinal()) for day in self.likely)
            drawing.line((low, ground - 6), (high, ground - 6), "interval")
            drawing.dot(middle, ground - 6, 4, "up-mark")
        if self.typed is not None and xs.low <= self.typed.toordinal() <= xs.high:
            x = xs.at(self.typed.toordinal())
            words = Text("予定 {d}", "planned {d}").format(d=day_words(self.typed)).to(lang)
            half = text_width(words, SMALL) / 2
            drawing.line((x, _TOP - 6), (x, ground), "today")
            drawing.text(min(max(x, half), drawing.width - half), 12, words, "", "middle")
