"""How does the person at this terminal read numbers, dates, periods and scopes?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crm.i18n import Language, Text
from service import language
from service.cli.output import print_line, print_table

if TYPE_CHECKING:
    from crm.organisation import Organisation

NIL = ("", "–", "±0.0pt", "0.0 pt")  # a column of nothing else is left out


@dataclass(frozen=True)
class Reader:
    """A language, the organisation's currency and its fiscal year, as of the moment of an answer."""

    lang: Language
    currency: str
    fiscal_start_month: int = 4

    @classmethod
    def of(cls, organisation: Organisation, lang: Language) -> Reader:
        """Of an organisation."""
        return cls(lang, organisation.currency, organisation.fiscal_start_month)

    def text(self, ja: str, en: str, **values: object) -> str:
        """The one of two texts that this reader reads, filled in."""
        return Text(ja, en).format(**values).to(self.lang)

    def percent(self, share: float | None) -> str:
        """A probability."""
        return language.percent_text(share, self.lang)

    def points(self, points: float | None) -> str:
        """A change of a probability."""
        return language.points_text(points, self.lang)

    def money(self, value: float, signed: bool = False) -> str:
        """One amount."""
        return language.money_text(value, self.currency, self.lang, short=True, signed=signed)

    def money_column(self, values: Iterable[float | None], signed: bool = False) -> list[str]:
        """Amounts below each other, in one unit."""
        amounts = list(values)
        unit = language.money_unit([one for one in amounts if one is not None], self.currency, self.lang)

        def text(value: float | None) -> str:
            if value is None:
                return "–"
            return language.money_text(value, self.currency, self.lang, short=True, unit=unit, signed=signed)

        return [text(value) for value in amounts]

    def range(self, low: str, high: str) -> str:
        """Two written numbers as a range; one where they read the same."""
        if low == high:
            return low
        return f"{low}〜{high}" if self.lang == "ja" else f"{low} to {high}"

    def money_range(self, low: float, high: float, beside: Sequence[float] = ()) -> str:
        """Two amounts as a range, in the unit of the amounts beside it."""
        unit = language.money_unit([low, high, *beside], self.currency, self.lang)
        return language.money_range_text(low, high, self.currency, self.lang, unit)

    def kpi(self, value: float | None, unit: str) -> str:
        """A KPI's number as its unit wants it; counts are plain."""
        from features.kpis.definition import MONEY, SHARE

        if value is None:
            return "–"
        if unit == SHARE.to(self.lang):
            return f"{value:.1%}"
        if unit == MONEY.to(self.lang):
            return self.money(value)
        return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"

    def kpi_range(self, low: float, high: float, unit: str) -> str:
        """A KPI's range."""
        from features.kpis.definition import MONEY

        if unit == MONEY.to(self.lang):
            return self.money_range(low, high)
        return self.range(self.kpi(low, unit), self.kpi(high, unit))

    def level(self, value: float, unit: str) -> str:
        """A lever's level with its unit: 88.8日, 31.6 per working day."""
        from features.kpis.definition import MONEY, SHARE

        number = self.kpi(value, unit)
        if unit in (SHARE.to(self.lang), MONEY.to(self.lang)):
            return number
        return f"{number}{unit}" if self.lang == "ja" else f"{number} {unit}"

    def title(self, period: str, scope: str) -> str:
        """What a table is about."""
        return self.text(
            "{period}　{scope}", "{period}, {scope}", period=self.period(period), scope=self.scope(scope)
        )

    def period(self, name: str) -> str:
        """A period."""
        from crm.periods import parse_period

        return language.period_text(parse_period(name, self.fiscal_start_month), self.lang)

    def scope(self, scope: str) -> str:
        """A scope."""
        return language.scope_text(scope, self.lang)

    def as_of(self, at: str) -> str:
        """The moment an answer is of."""
        return language.as_of_text(at, self.lang)

    def list(self, words: Iterable[str]) -> str:
        """Words in a row."""
        return ("、" if self.lang == "ja" else ", ").join(words)

    def table(
        self,
        headings: Sequence[Text],
        rows: Sequence[Sequence[str]],
        right: Sequence[int] = (),
        title: str = "",
        whole: Sequence[int] = (),
    ) -> None:
        """A table, numbers to the right; columns that say nothing are left out, `whole` ones never wrap."""
        if not rows:
            return
        kept = [at for at in range(len(headings)) if at == 0 or any(row[at] not in NIL for row in rows)]
        print_table(
            title,
            [headings[at].to(self.lang) for at in kept],
            [[row[at] for at in kept] for row in rows],
            right=[new for new, at in enumerate(kept) if at in right],
            whole=[new for new, at in enumerate(kept) if at in whole],
        )

    def line(self, text: str) -> None:
        """A line between tables."""
        print_line(text)
