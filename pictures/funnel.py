"""Where do deals drop out? Stages as bars, and between them the share that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import from_zero, shortened, text_width
from pictures.measure import COUNT, DAYS, PERCENT
from pictures.picture import Picture
from pictures.table import Column, Table, Value

_BAR, _GAP, _TOP = 22.0, 24.0, 4.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: deals that reached it, share that goes on, quartiles of its days, the best quarter's share."""

    label: Text
    deals: float
    goes_on: float | None = None
    days: tuple[float, float, float] | None = None
    best: float | None = None


@dataclass(frozen=True, kw_only=True)
class Funnel(Picture):
    """`stages` in the order of the process."""

    stages: Sequence[Stage]

    @property
    def sentence(self) -> Text:
        """The step with the lowest share; where none is known, the deals of the first stage."""
        steps = [
            (one.goes_on, one, after)
            for one, after in zip(self.stages, self.stages[1:], strict=False)
            if one.goes_on is not None
        ]
        if not steps:
            first = self.stages[0]
            return Text(
                "{a}に{n}件。ステージ移行率はまだ分かりません。",
                "{a}: {n} deals. No stage conversion is known yet.",
            ).format(a=first.label, n=COUNT.number(first.deals))
        share, one, after = min(steps, key=lambda step: step[0])
        return Text(
            "いちばん細いのは{a}→{b}で、進むのは{p}です。", "Narrowest: {a} to {b}, where {p} go on."
        ).format(a=one.label, b=after.label, p=PERCENT.words(share))

    def table(self) -> Table:
        """A row for each stage."""
        columns = (
            Column(Text("ステージ", "stage")),
            Column(Text("商談数", "deals"), COUNT),
            Column(Text("ステージ移行率", "stage conversion"), PERCENT),
            Column(Text("上位25%の水準", "top quartile"), PERCENT),
            Column(Text("経過日数（中央）", "days in stage, middle"), DAYS),
        )
        rows: list[Sequence[Value]] = [
            (one.label, one.deals, one.goes_on, one.best, None if one.days is None else one.days[1])
            for one in self.stages
        ]
        return Table(columns, rows)

    def chart(self) -> ExcelChart:
        """Bars from the top."""
        return ExcelChart("bar", (Series(1, "ours"),), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:
        """Bars with counts; between two of them the conversion, the days, the top quartile."""
        drawing = Drawing(width, _TOP + len(self.stages) * _BAR + (len(self.stages) - 1) * _GAP + 4)
        names = [shortened(one.label.to(lang), SMALL, 0.3 * width) for one in self.stages]
        left = max(text_width(name, SMALL) for name in names) + 10
        right = max(text_width(COUNT.number(one.deals), SMALL) for one in self.stages) + 12
        xs = from_zero([one.deals for one in self.stages], left, width - right, room=0.0)
        for number, (one, name) in enumerate(zip(self.stages, names, strict=True)):
            top = _TOP + number * (_BAR + _GAP)
            drawing.text(left - 8, top + 15, name, "", "end")
            drawing.box(left, top, xs.at(one.deals) - left, _BAR, "band50")
            drawing.text(xs.at(one.deals) + 6, top + 15, COUNT.number(one.deals), "strong")
            if number < len(self.stages) - 1:
                drawing.text(left + 2, top + _BAR + 16, self._step(one, lang, width - left - 2), "quiet")
        return drawing

    def _step(self, one: Stage, lang: Language, width: float) -> str:
        """Share that goes on, peers' best quarter, days; as much of it as fits."""
        parts = [f"↓ {PERCENT.text(one.goes_on, lang)}"]
        if one.best is not None:
            best = Text("（上位25%は{p}）", " (top quartile {p})").format(p=PERCENT.words(one.best))
            parts.append(best.to(lang))
        if one.days is not None:
            low, middle, high = (DAYS.number(days) for days in one.days)
            days = Text(" {m}日（{a}〜{b}）", ", {m} days ({a} to {b})")
            parts.append(days.format(m=middle, a=low, b=high).to(lang))
        if text_width("".join(parts), SMALL) > width and len(parts) > 2:
            del parts[1]
        return "".join(parts)
