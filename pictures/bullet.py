"""Where does one number stand against its target? A bar so far, a band of what is likely, a line."""

from __future__ import annotations

from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import from_zero
from pictures.measure import Measure
from pictures.picture import Picture
from pictures.table import Column, Table

_HEIGHT = 26.0
_MIDDLE = Text("着地見込み{p50}", "forecast {p50}")
_WITH_RANGE = Text("着地見込み{p50}（8割の幅 {p10}〜{p90}）", "forecast {p50} (80% range {p10} to {p90})")


@dataclass(frozen=True, kw_only=True)
class Bullet(Picture):
    """`value` so far; `p10`, `p50`, `p90` of the forecast; `target`; `end` of an axis that many share."""

    measure: Measure
    value: float | None
    p10: float | None = None
    p50: float | None = None
    p90: float | None = None
    target: float | None = None
    end: float | None = None

    @property
    def sentence(self) -> Text:
        """So far, forecast and target."""
        parts = [Text("いま{v}", "{v} so far").format(v=self.measure.words(self.value))]
        if self.p50 is not None:
            written = {name: self.measure.words(getattr(self, name)) for name in ("p10", "p50", "p90")}
            parts.append((_MIDDLE if self.p10 is None else _WITH_RANGE).format(**written))
        if self.target is not None:
            parts.append(Text("目標{v}", "target {v}").format(v=self.measure.words(self.target)))
        return Text("、".join(part.ja for part in parts) + "。", ", ".join(part.en for part in parts) + ".")

    def table(self) -> Table:
        """One row."""
        names = (
            (Text("いままで", "so far"), self.value),
            (Text("下限（10%）", "low (10 %)"), self.p10),
            (Text("中央", "middle"), self.p50),
            (Text("上限（90%）", "high (90 %)"), self.p90),
            (Text("目標", "target"), self.target),
        )
        columns = (Column(Text("項目", "item")), *(Column(name, self.measure) for name, _ in names))
        return Table(columns, [(self.title, *(value for _, value in names))])

    def chart(self) -> ExcelChart:
        """Bars beside each other."""
        return ExcelChart("bar", (Series(1, "ours"), Series(3, "band50"), Series(5, "target")), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:  # noqa: ARG002 - it has no words
        """Thin bar, band, dashed middle, thick target; its numbers stand beside it in the page's table."""
        drawing, middle = Drawing(width, _HEIGHT), _HEIGHT / 2
        values = [v for v in (self.value, self.p90, self.target, self.end) if v is not None]
        xs = from_zero(values, 2, width - 4, room=0.02)
        if self.p10 is not None and self.p90 is not None:
            drawing.box(xs.at(self.p10), middle - 9, xs.at(self.p90) - xs.at(self.p10), 18, "band80")
        if self.value is not None:
            drawing.box(xs.start, middle - 3.5, xs.at(self.value) - xs.start, 7, "up-mark")
        if self.p50 is not None:
            drawing.line((xs.at(self.p50), middle - 9), (xs.at(self.p50), middle + 9), "median")
        if self.target is not None:
            drawing.box(xs.at(self.target) - 1.5, middle - 12, 3, 24, "level")
        return drawing
