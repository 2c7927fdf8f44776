"""In what are a picture's values measured, and how is one written?"""

from __future__ import annotations

from dataclasses import dataclass, replace

from crm.i18n import Language, Text

MISSING = "–"
_UNDER, _OVER = Text("1%未満", "under 1%"), Text("99%超", "over 99%")


@dataclass(frozen=True, slots=True)
class Measure:
    """A unit: how much of the value is one of it, its name, and how many digits are written.

    `is_probability`: the values are between 0 and 1 and are never written as certain.

    >>> OKU = Measure(1e8, Text("億円", "JPY 100M"), 2)
    >>> OKU.text(196_000_000, "ja"), OKU.number(-6e7, signed=True), PERCENT.text(0.004, "en")
    ('1.96億円', '−0.60', 'under 1%')
    """

    size: float
    unit: Text
    digits: int = 0
    is_probability: bool = False

    def number(self, value: float | None, *, signed: bool = False) -> str:
        """The number alone; a value that is missing is a dash and never 0."""
        if value is None:
            return MISSING
        written = f"{abs(value) / self.size:,.{self.digits}f}"
        if not float(written.replace(",", "")):
            return f"±{written}" if signed else written
        return ("−" if value < 0 else "+" if signed else "") + written

    def text(self, value: float | None, lang: Language, *, signed: bool = False) -> str:
        """The number with its unit."""
        if value is None:
            return MISSING
        if self.is_probability and not signed:
            if value < 0.01:
                return _UNDER.to(lang)
            if value > 0.99:
                return _OVER.to(lang)
        number, unit = self.number(value, signed=signed), self.unit.to(lang)
        return f"{number} {unit}" if unit[:1].isascii() and unit[:1].isalpha() else number + unit

    def tick(self, value: float, step: float) -> str:
        """A number on an axis whose ticks are so far apart: no digit more than that takes.

        >>> Measure(1e8, Text("億円", "JPY 100M"), 2).tick(1.5e8, 5e7)
        '1.5'
        """
        exact = (
            number
            for number in range(self.digits)
            if abs(round(step / self.size, number) - step / self.size) < 1e-9
        )
        return replace(self, digits=next(exact, self.digits)).number(value)

    def words(self, value: float | None, *, signed: bool = False) -> Text:
        """The number with its unit, in both languages."""
        return Text(self.text(value, "ja", signed=signed), self.text(value, "en", signed=signed))


PERCENT = Measure(0.01, Text("%", "%"), is_probability=True)
POINTS = Measure(0.01, Text("ポイント", "points"))
COUNT = Measure(1.0, Text("", ""))
DAYS = Measure(1.0, Text("日", "days"))
