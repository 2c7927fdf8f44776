"""How does the person at this terminal read numbers, dates, periods and scopes?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crm.i18n import Language, Text
from crm.kpi_units import MONEY, SHARE
from service import language
from service.cli.output import print_prose, print_table

if TYPE_CHECKING:
    from crm.organisation import Organisation

_LONGEST_WHOLE = 20  # letters of a name whose parts stay in one line
NIL = ("", "–", "±0.0pt", "0.0 pt", "±0.0")  # a column of nothing else is left out


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

    def share(self, share: float | None) -> str:
        """A share that is no probability: it may be zero, or more than everything."""
        return "–" if share is None else f"{share:.1%}"

    def gap_share(self, share: float | None) -> str:
        """A share of what is missing to the target; nothing where nothing is missing."""
        if share is None:
            return "–"
        size, sign = abs(share), "−" if share < 0 else ""
        if 0 < size < 0.0005:
            return f"{sign}<0.1%"
        return f"{sign}{size:.0%}" if size >= 0.095 or not size else f"{sign}{size:.1%}"

    def points(self, points: float | None) -> str:
        """A change of a probability."""
        return language.points_text(points, self.lang)

    def money(self, value: float, signed: bool = False) -> str:
        """One amount."""
        return language.money_text(value, self.currency, self.lang, short=True, signed=signed)

    def in_one_unit(self, values: Iterable[float | None]) -> tuple[str, list[str]]:
        """The unit of these amounts, and the amounts without it."""
        amounts = list(values)
        unit = language.money_unit([one for one in amounts if one is not None], self.currency, self.lang)
        return unit.label(self.currency), [unit.cell(one) for one in amounts]

    def amounts(
        self, heading: Text, *columns: Iterable[float | None], signed: bool = False
    ) -> tuple[Text, list[str]]:
        """A heading with the unit of the amounts below it, and these; several columns stand in one cell."""
        values = [list(column) for column in columns]
        known = [one for column in values for one in column if one is not None]
        unit = language.money_unit(known, self.currency, self.lang)
        label = Text("{heading}（{unit}）", "{heading} ({unit})")
        cells = [" / ".join(unit.cell(one, signed) for one in row) for row in zip(*values, strict=True)]
        empty = " / ".join("–" for _ in values)
        name = unit.label(self.currency).replace(" ", "\u00a0")  # stays in one line
        return label.format(heading=heading, unit=name), ["–" if cell == empty else cell for cell in cells]

    def points_cell(self, points: float | None) -> str:
        """A change of a probability under a heading that says that it is in points."""
        return "–" if points is None else language.signed_text(points) if round(points, 1) else "±0.0"

    def range(self, low: str, high: str) -> str:
        """Two written numbers as a range; one where they read the same."""
        if low == high:
            return low
        return f"{low}〜{high}" if self.lang == "ja" else f"{low} to {high}"

    def kpi(self, value: float | None, unit: str) -> str:
        """A KPI's number as its unit wants it; counts are plain."""
        if value is None:
            return "–"
        if unit == SHARE.to(self.lang):
            return f"{value:.1%}"
        if unit == MONEY.to(self.lang):
            return self.money(value)
        return f"{value:,.0f}" if value == round(value) or value >= 100 else f"{value:,.1f}"

    def kpi_row(self, label: str, unit: str, values: Sequence[float | None]) -> tuple[str, list[str]]:
        """A KPI's label with its unit, and its numbers, which go without."""
        if unit == MONEY.to(self.lang):
            money = language.money_unit([one for one in values if one is not None], self.currency, self.lang)
            cells, unit = [money.cell(one) for one in values], money.label(self.currency)
        elif unit == SHARE.to(self.lang):
            cells, unit = ["–" if one is None else f"{100 * one:.1f}" for one in values], "%"
        else:
            cells = [self.kpi(one, unit) for one in values]
        return self.text("{label}（{unit}）", "{label} ({unit})", label=label, unit=unit), cells

    def title(self, answer: Mapping[str, Any]) -> str:
        """What the tables of an answer are about: its period and scope."""
        return self.text(
            "{period}　{scope}",
            "{period}, {scope}",
            period=self.period(answer["period"]),
            scope=self.named_scope(answer),
        )

    def period(self, name: str) -> str:
        """A period."""
        from crm.periods import parse_period

        return language.period_text(parse_period(name, self.fiscal_start_month), self.lang)

    def scope(self, scope: str) -> str:
        """A scope."""
        return language.scope_text(scope, self.lang)

    def named_scope(self, row: Mapping[str, Any]) -> str:
        """The scope of a row by its name, with the id that a reader types; by its id where it has none."""
        _, _, own = str(row["scope"]).partition(":")
        name = row.get("name")
        if not name or not own or name == own:
            return self.scope(row["scope"])
        return self.text("{name}（{id}）", "{name} ({id})", name=_whole(name), id=own)

    def deal(self, row: Mapping[str, Any]) -> str:
        """The deal of a row: its account and name, with the id that a reader types."""
        name, account, own = row.get("name"), row.get("account_name"), row["deal_id"]
        if account and account not in (name or ""):
            name = f"{account} {name}" if name else account
        return self.text("{name}（{id}）", "{name} ({id})", name=name, id=own) if name else str(own)

    def person(self, row: Mapping[str, Any]) -> str:
        """The owner of a row by name, else by id."""
        return _whole(str(row.get("owner_name") or row["owner_id"] or "–"))

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

    def next_step(self, ja: str, en: str, **values: object) -> None:
        """What to do next, after an answer that would else be a dead end."""
        print_prose(self.text("次の一手：" + ja, "Next: " + en, **values))

    def line(self, text: str) -> None:
        """A line between tables."""
        print_prose(text)


def _whole(name: str) -> str:
    """A person's name, whose parts stay in one line."""
    return name.replace(" ", "\u00a0") if len(name) <= _LONGEST_WHOLE else name
