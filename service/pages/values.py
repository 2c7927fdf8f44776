"""How is a number written on a page? Headlines short, tables in one unit, and each with its exact value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import NamedTuple

from crm.i18n import Language, Text
from pictures.measure import MISSING, PERCENT, POINTS, Measure
from service.language import money_unit

_WEEK = tuple(
    Text(ja, en)
    for ja, en in zip("月火水木金土日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True)
)
_UNIT_SIZES = {"1": 1.0, "k": 1e3, "man": 1e4, "M": 1e6}
_WEEKDAYS, _MONTHS = Text("月火水木金土日", "MonTueWedThuFriSatSun"), "JanFebMarAprMayJunJulAugSepOctNovDec"
UNIT_SIZES = {"1": 1.0, "k": 1e3, "man": 1e4, "M": 1e6}
_YEN_WORDS = {"1": "円", "k": "千円", "man": "万円", "M": "百万円"}


class Chance(NamedTuple):
    """A probability as a headline: a large number and what stands small beside it."""

    number: str
    unit: str


def chance(probability: float, lang: Language) -> Chance:
    """A probability as a headline, never as certain.

    >>> chance(0.404, "ja"), chance(0.003, "ja"), chance(0.003, "en")
    (Chance(number='40', unit='%'), Chance(number='1', unit='%未満'), Chance(number='<1', unit='%'))
    """
    if probability < 0.01:
        return Chance("1", "%未満") if lang == "ja" else Chance("<1", "%")
    if probability > 0.99:
        return Chance("99", "%超") if lang == "ja" else Chance(">99", "%")
    return Chance(PERCENT.number(probability), "%")


def unit_choices(currency: str, lang: Language) -> dict[str, str]:
    """The units that a reader can choose for tables: what the address says, and the words of it.

    >>> list(unit_choices("JPY", "ja").values()), unit_choices("EUR", "en")["M"]
    (['円', '千円', '万円', '百万円'], 'M EUR')
    """
    return {
        name: _unit_words(name, currency, lang)
        for name in UNIT_SIZES
        if name != "man" or (currency == "JPY" and lang == "ja")
    }


def money_measure(
    values: Sequence[float | None], currency: str, lang: Language, unit_asked: str | None = None
) -> Measure:
    """The unit in which all of these amounts are written: the one that is asked for, else one that fits them.

    >>> money_measure([4e8], "JPY", "ja", "k").text(4e8, "ja")
    '400,000千円'
    """
    if unit_asked is not None and unit_asked in unit_choices(currency, lang):
        words = _unit_words(unit_asked, currency, lang)
        return Measure(UNIT_SIZES[unit_asked], Text(words, words), 1 if unit_asked == "M" else 0)
    unit = money_unit([value for value in values if value is not None], currency, lang)
    name = unit.label(currency) if lang == "ja" else f"{unit.name} {currency}".strip()
    return Measure(unit.size, Text(name, name), unit.digits)


def headline_measure(value: float, currency: str, lang: Language) -> Measure:
    """The unit of one amount, with at most three significant digits.

    >>> headline_measure(412_600_000, "JPY", "ja").text(412_600_000, "ja")
    '4.13億円'
    >>> headline_measure(412_600_000, "JPY", "en").text(412_600_000, "en")
    '413 M JPY'
    """
    measure = money_measure([value], currency, lang)
    size = abs(value) / measure.size
    digits = min(measure.digits, 2 if size < 10 else 1 if size < 100 else 0)
    return Measure(measure.size, measure.unit, digits)


def short_day(day: date, lang: Language) -> str:
    """A day as it stands in a table.

    >>> short_day(date(2026, 11, 29), "ja"), short_day(date(2026, 11, 29), "en")
    ('11/29（日）', 'Sun 29 Nov')
    """
    if lang == "en":
        return f"{_WEEKDAYS.en[3 * day.weekday() :][:3]} {day.day} {_MONTHS[3 * day.month - 3 :][:3]}"
    return f"{day.month}/{day.day}（{_WEEKDAYS.ja[day.weekday()]}）"


def cell(
    value: float | None, measure: Measure, lang: Language, *, signed: bool = False, style: str = ""
) -> str:
    """A number in a table, with its exact value; HTML."""
    if value is None:
        return MISSING
    ends = measure.is_probability and not signed
    words = measure.text(value, lang) if ends else measure.number(value, signed=signed)
    marked = f' class="{style}"' if style else ""
    return f'<data value="{value!r}"{marked}>{escape(words)}</data>'


def whole_points(points: float | None, lang: Language, *, signed: bool = True) -> str:
    """An effect in whole points; one below a point is said to be so.

    >>> whole_points(9.4, "ja"), whole_points(-0.3, "ja"), whole_points(9.4, "en", signed=False)
    ('+9pt', '±1pt未満', '9 pt')
    """
    if points is None:
        return MISSING
    if 0 < abs(points) < 1:
        return Text("±1pt未満", "under ±1 pt").to(lang)
    number = POINTS.number(points / 100, signed=signed)
    return Text(f"{number}pt", f"{number} pt").to(lang)


def day_cell(day: str | None, lang: Language, year: int) -> str:
    """A date in a table, with its year where it is not this one; HTML.

    >>> day_cell("2026-11-29", "ja", 2026), day_cell("2027-01-08T10:00+09:00", "en", 2026)
    ('<time datetime="2026-11-29">11/29（日）</time>', '<time datetime="2027-01-08">2027/1/8 (Fri)</time>')
    """
    if day is None:
        return MISSING
    one = date.fromisoformat(day[:10])
    words = f"{one.month}/{one.day}" if one.year == year else f"{one.year}/{one.month}/{one.day}"
    week = _WEEK[one.weekday()]
    words += Text(f"（{week.ja}）", f" ({week.en})").to(lang)
    return f'<time datetime="{one.isoformat()}">{words}</time>'


def _unit_words(name: str, currency: str, lang: Language) -> str:
    if currency == "JPY" and lang == "ja":
        return _YEN_WORDS[name]
    return currency if name == "1" else f"{name} {currency}"
