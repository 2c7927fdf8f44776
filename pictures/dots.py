"""Will the target be reached? Equally likely outcomes as dots, on both sides of the target.

Readers of quantile dotplots judge risks better than with densities or intervals (Kay et al. 2016, "When (ish)
is my bus?"; Fernandes et al. 2018): dots are counted, areas are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import SMALL, Drawing
from pictures.excel import ExcelChart, Series
from pictures.layout import Axis, spanning, text_width
from pictures.measure import COUNT, PERCENT, Measure
from pictures.picture import WIDE, Picture
from pictures.table import Column, Table

_SIDE, _TOP, _BOTTOM = 24.0, 44.0, 26.0
_LARGEST = 7.0  # radius of a dot and the room around it
_COLUMN, _TALLEST = 0.045, 0.36  # width of a column and height of the tallest, of the picture's width
_MISSED, _REACHED = Text("届かない", "missed"), Text("届く", "reached")


@dataclass(frozen=True, kw_only=True)
class Dots(Picture):
    """`outcomes` (n,) equally likely totals, ascending; `target` and its `probability`, or None without one.

    The number of filled dots is round(n x probability): the largest outcomes. One that the rounding puts on
    the other side of the target is drawn beside the line, on its own side.
    """

    outcomes: Sequence[float]
    measure: Measure
    target: float | None = None
    probability: float | None = None

    @property
    def reached(self) -> int:
        """How many of the dots reach the target."""
        return 0 if self.probability is None else int(len(self.outcomes) * self.probability + 0.5)

    @property
    def sentence(self) -> Text:
        """The counts on both sides, or the range without a target."""
        low, middle, high = (self.outcomes[int(q * (len(self.outcomes) - 1) + 0.5)] for q in (0.1, 0.5, 0.9))
        if self.target is None or self.probability is None:
            return Text(
                "あり得る{n}通りのうち、中央は{middle}、8割は{low}〜{high}です。",
                "Of {n} equally likely outcomes the middle one is {middle}; "
                "8 in 10 lie between {low} and {high}.",
            ).format(n=len(self.outcomes), **self._written(low=low, middle=middle, high=high))
        return Text(
            "あり得る{n}通りのうち{k}通りで目標{target}に届きます（確率{p}）。",
            "In {k} of {n} equally likely outcomes the target of {target} is reached (probability {p}).",
        ).format(
            n=len(self.outcomes),
            k=self.reached,
            p=PERCENT.words(self.probability),
            **self._written(target=self.target),
        )

    def table(self) -> Table:
        """How many outcomes lie in each range, on which side of the target."""
        columns = (
            Column(Text("以上", "from"), self.measure),
            Column(Text("未満", "below"), self.measure),
            Column(Text("届かない（通り）", "missed (outcomes)"), COUNT),
            Column(Text("届く（通り）", "reached (outcomes)"), COUNT),
        )
        step = self._step()
        counts: dict[int, list[int]] = {}
        for value, reaches in self._sides():
            number = int((value - self._anchor) // step)
            counts.setdefault(number, [0, 0])[reaches] += 1
        rows = [
            (self._anchor + number * step, self._anchor + (number + 1) * step, float(missed), float(reached))
            for number, (missed, reached) in sorted(counts.items())
        ]
        return Table(columns, rows)

    def chart(self) -> ExcelChart:
        """Stacked columns of the counts."""
        return ExcelChart("stacked_column", (Series(2, "other"), Series(3, "ours")), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:
        """Dots stacked in columns that meet at the target."""
        axis = self._axis(width)
        column, stacks = _COLUMN * width, self._stacks(axis, width)
        tallest = max((len(stack) for stack in stacks.values()), default=1)
        row = min(2.4 * _LARGEST, column, _TALLEST * width / tallest)
        ground = (_TOP if self.target is not None else 4.0) + row * tallest + 6
        drawing = Drawing(width, ground + _BOTTOM + (16.0 if lang == "en" else 0.0))
        for number, stack in stacks.items():
            x = axis.at(self._anchor) + (number + 0.5) * column
            for level, reaches in enumerate(stack):
                y = ground - (level + 0.5) * row - 2
                drawing.dot(x, y, row * 0.38, "up-mark" if reaches else "down-mark")
        drawing.line((_SIDE / 2, ground), (width - _SIDE / 2, ground), "axis")
        self._ticks(drawing, axis, lang, ground)
        if self.target is not None:
            self._target(drawing, axis, lang, ground)
        return drawing

    def _ticks(self, drawing: Drawing, axis: Axis, lang: Language, ground: float) -> None:
        ticks = axis.ticks(5 if drawing.width > 500 else 3)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 0.0
        for value in ticks:
            words = self.measure.tick(value, step) + (self.measure.unit.to(lang) if lang == "ja" else "")
            drawing.line((axis.at(value), ground), (axis.at(value), ground + 4), "axis")
            drawing.text(axis.at(value), ground + 18, words, "quiet", "middle")
        if lang == "en":
            drawing.text(drawing.width, ground + 34, self.measure.unit.en, "quiet", "end")

    def _target(self, drawing: Drawing, axis: Axis, lang: Language, ground: float) -> None:
        assert self.target is not None  # noqa: S101 - asked by who calls
        x = axis.at(self.target)
        words = Text("目標 {v}", "target {v}").format(v=self.measure.words(self.target)).to(lang)
        half = text_width(words, SMALL) / 2
        drawing.text(min(max(x, half), drawing.width - half), 12, words, "strong", "middle")
        drawing.line((x, 18), (x, ground), "target")
        counts = (len(self.outcomes) - self.reached, self.reached)
        missed, reached = (
            f"{word.to(lang)} {count}" for word, count in zip((_MISSED, _REACHED), counts, strict=True)
        )
        if x > text_width(missed, SMALL) + 10:
            drawing.text(x - 10, 34, missed, "", "end")
        if drawing.width - x > text_width(reached, SMALL) + 10:
            drawing.text(x + 10, 34, reached, "strong", "start")

    def _axis(self, width: float) -> Axis:
        values = [*self.outcomes, *([] if self.target is None else [self.target])]
        return spanning(values, _SIDE, width - _SIDE, room=_COLUMN)

    @property
    def _anchor(self) -> float:
        """Where two columns meet: at the target, so that no column stands on both sides."""
        return self.outcomes[0] if self.target is None else self.target

    def _sides(self) -> list[tuple[float, bool]]:
        """Each outcome with its side; one on the wrong side of the target is moved next to the line."""
        missed = len(self.outcomes) - self.reached
        if self.target is None:
            return [(value, True) for value in self.outcomes]
        below = self.target - 1e-9 * max(abs(self.target), 1.0)
        return [
            (max(value, self.target), True) if number >= missed else (min(value, below), False)
            for number, value in enumerate(self.outcomes)
        ]

    def _step(self, axis: Axis | None = None, width: float = WIDE) -> float:
        """How much revenue a column of dots is wide."""
        axis = axis or self._axis(width)
        return (axis.high - axis.low) / (axis.end - axis.start) * _COLUMN * width

    def _stacks(self, axis: Axis, width: float) -> dict[int, list[bool]]:
        """The dots of each column from below, by its number from the target on."""
        step, stacks = self._step(axis, width), dict[int, list[bool]]()
        for value, reaches in self._sides():
            stacks.setdefault(int((value - self._anchor) // step), []).append(reaches)
        return stacks

    def _written(self, **values: float) -> dict[str, Text]:
        return {name: self.measure.words(value) for name, value in values.items()}
