"""Which numbers does a picture show? The table behind it, for reading, for screen readers and for Excel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from crm.i18n import Language, Text
from pictures.measure import MISSING, Measure


@dataclass(frozen=True, slots=True)
class Column:
    """A column of numbers in one measure, or of words where there is none."""

    heading: Text
    measure: Measure | None = None
    signed: bool = False

    def head(self, lang: Language) -> str:
        """The heading, with the unit that all numbers below have."""
        unit = "" if self.measure is None else self.measure.unit.to(lang)
        return f"{self.heading.to(lang)} ({unit})" if unit else self.heading.to(lang)


Value = float | Text | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values under columns; the first column names the row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]

    def html(self, lang: Language, caption: str) -> str:
        """The table in HTML, each number with its exact value."""
        heads = "".join(f'<th scope="col">{escape(column.head(lang))}</th>' for column in self.columns)
        rows = "".join(f"<tr>{self._cells(row, lang)}</tr>" for row in self.rows)
        return (
            f"<table><caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )

    def _cells(self, row: Sequence[Value], lang: Language) -> str:
        cells = []
        for number, (column, value) in enumerate(zip(self.columns, row, strict=True)):
            written = _written(column, value, lang)
            cells.append(f'<th scope="row">{written}</th>' if number == 0 else f"<td>{written}</td>")
        return "".join(cells)


def _written(column: Column, value: Value, lang: Language) -> str:
    if value is None:
        return MISSING
    if isinstance(value, Text):
        return escape(value.to(lang))
    measure = column.measure
    if measure is None:
        return f'<data value="{value!r}">{value:,g}</data>'
    ends = measure.is_probability and not column.signed and not 0.01 <= value <= 0.99
    words = measure.text(value, lang) if ends else measure.number(value, signed=column.signed)
    return f'<data value="{value!r}">{escape(words)}</data>'
