"""Can the probabilities be trusted? What was said against what came, with how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import Axis
from pictures.measure import COUNT, PERCENT
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_TELLING = 30  # predictions that a group needs to be told in words
_LEFT, _TOP, _BOTTOM, _COUNTS = 44.0, 12.0, 40.0, 30.0


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions that were alike: mean predicted, observed share with its 95 % interval, how many."""

    predicted: float
    observed: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, kw_only=True)
class Reliability(Picture):
    """`bins` by rising prediction."""

    bins: Sequence[Bin]

    @property
    def sentence(self) -> Text:
        """How often the diagonal lies within the bars, and one group in figures."""
        if not self.bins:
            return Text("答え合わせのできる予測がまだありません。", "No prediction can be judged yet.")
        within = sum(one.low <= one.predicted <= one.high for one in self.bins)
        told = [one for one in self.bins if one.count >= _TELLING] or self.bins
        one_told = min(told, key=lambda one: abs(one.predicted - 0.6))
        return Text(
            "{p}と予測した{n}件は、実際に{o}でした。{all}の区分のうち{k}で、予測は95%の幅の内です。",
            "Of {n} predicted at {p}, {o} came true. "
            "In {k} of {all} groups the prediction lies within the 95% range.",
        ).format(
            p=PERCENT.words(one_told.predicted),
            o=PERCENT.words(one_told.observed),
            n=f"{one_told.count:,}",
            k=within,
            all=len(self.bins),
        )

    def table(self) -> Table:
        """A row for each group."""
        names = (
            Text("予測", "predicted"),
            Text("実際", "came true"),
            Text("下限（95%）", "low (95 %)"),
            Text("上限（95%）", "high (95 %)"),
        )
        columns = (*(Column(name, PERCENT) for name in names), Column(Text("件数", "count"), COUNT))
        rows: list[Sequence[Value]] = [
            (one.predicted, one.observed, one.low, one.high, float(one.count)) for one in self.bins
        ]
        return Table(columns, rows)

    def chart(self) -> ExcelChart:
        """Points over the predictions."""
        return ExcelChart("scatter", (Series(1, "ours"), Series(0, "quiet")), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:
        """Dots with 95 % bars, the diagonal, and the counts below."""
        side = min(width - _LEFT - 14, 330.0)
        drawing = Drawing(width, _TOP + side + _BOTTOM + _COUNTS)
        ground = _TOP + side
        xs, ys = Axis(0.0, 1.0, _LEFT, _LEFT + side), Axis(0.0, 1.0, ground, _TOP)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            drawing.line((xs.start, ys.at(share)), (xs.end, ys.at(share)), "grid")
            drawing.text(xs.start - 6, ys.at(share) + 4, f"{100 * share:.0f}%", "quiet", "end")
            drawing.text(xs.at(share), ground + 18, f"{100 * share:.0f}%", "quiet", "middle")
        drawing.line((xs.start, ys.at(0.0)), (xs.end, ys.at(1.0)), "today")
        largest = max((one.count for one in self.bins), default=1)
        for one in self.bins:
            x = xs.at(one.predicted)
            drawing.line((x, ys.at(one.low)), (x, ys.at(one.high)), "interval")
            drawing.dot(
                x,
                ys.at(one.observed),
                4.5,
                "up-mark" if one.low <= one.predicted <= one.high else "down-mark",
            )
            height = (_COUNTS - 8) * one.count / largest
            drawing.box(x - 4, ground + _BOTTOM + _COUNTS - height, 8, height, "level")
        drawing.text(
            _LEFT + side / 2, ground + 33, Text("予測した確率", "predicted").to(lang), "quiet", "middle"
        )
        drawing.text(
            _LEFT - 6, ground + _BOTTOM + _COUNTS - 2, Text("件数", "count").to(lang), "quiet", "end"
        )
        return drawing
