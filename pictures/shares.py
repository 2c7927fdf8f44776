"""How likely is it? Twenty dots, of which as many are filled as the probability says; they can be counted."""

from __future__ import annotations

from dataclasses import dataclass

from crm.i18n import Language, Text
from pictures.drawing import Drawing
from pictures.excel import ExcelChart, Series
from pictures.measure import COUNT, PERCENT
from pictures.picture import Picture
from pictures.table import Column, Table

_COUNT, _ROWS = 20, 2


@dataclass(frozen=True, kw_only=True)
class Shares(Picture):
    """A `probability` as round(20 p) filled dots of 20."""

    probability: float

    @property
    def filled(self) -> int:
        """How many dots are filled."""
        return int(_COUNT * self.probability + 0.5)

    @property
    def sentence(self) -> Text:
        """The count, and the probability that it stands for."""
        return Text(
            "似た商談20件のうち約{k}件が受注します（確率{p}）。",
            "Of 20 deals like this about {k} are won (probability {p}).",
        ).format(k=self.filled, p=PERCENT.words(self.probability))

    def table(self) -> Table:
        """Won and not won, of twenty."""
        columns = (Column(Text("結果", "outcome")), Column(Text("件数（20件中）", "of 20"), COUNT))
        won, not_won = float(self.filled), float(_COUNT - self.filled)
        return Table(columns, [(Text("受注", "won"), won), (Text("それ以外", "not won"), not_won)])

    def chart(self) -> ExcelChart:
        """A column for each."""
        return ExcelChart("stacked_column", (Series(1, "ours"),), self.table())

    def drawing(self, lang: Language, width: float) -> Drawing:  # noqa: ARG002 - dots have no words
        """Two rows of ten."""
        each = _COUNT // _ROWS
        step = min(22.0, width / each)
        drawing = Drawing(width, _ROWS * step)
        for number in range(_COUNT):
            x, y = (number % each + 0.5) * step, (number // each + 0.5) * step
            drawing.dot(x, y, 0.36 * step, "up-mark" if number < self.filled else "down-mark")
        return drawing
