"""In which language does this reader want an answer, and how is a value written in it?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from crm.i18n import LANGUAGES, Language, Text
from models.probability_words import probability_words

if TYPE_CHECKING:
    from crm.periods import Period


def negotiate(accept_language: str | None, default: Language) -> Language:
    """The supported language that a reader prefers (RFC 9110 Accept-Language).

    >>> negotiate("fr, en-US;q=0.8, ja;q=0.7", "ja")
    'en'
    >>> negotiate(None, "ja")
    'ja'
    """
    if not accept_language:
        return default
    best, best_quality = default, 0.0
    for part in accept_language.split(","):
        name, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        for lang in LANGUAGES:
            if name.strip().lower().split("-")[0] == lang and best_quality < quality <= 1:
                best, best_quality = lang, quality
    return best


def number_text(value: float, digits: int = 1) -> str:
    """A number with thousands separated and no useless zeros.

    >>> number_text(1234567.0), number_text(0.5), number_text(12.04)
    ('1,234,567', '0.5', '12')
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Unit(NamedTuple):
    """A unit of money: size, name, digits it is written with, smallest amount it is used for."""

    size: float
    name: str
    digits: int
    smallest: float = 0.0

    def number(self, value: float) -> str:
        """The number alone, digits fixed so that a column aligns."""
        return f"{value / self.size:,.{self.digits}f}"

    def label(self, currency: str) -> str:
        """The unit as a heading has it: 億円, JPY M."""
        return self.name if self.name.endswith("円") else f"{currency} {self.name}".rstrip()

    def cell(self, value: float | None, signed: bool = False) -> str:
        """The number as it stands under its unit; one too small for it is not shown as nothing."""
        if value is None:
            return "–"
        if 0 < abs(value) < self.size / 2 / 10**self.digits:
            return ("−" if value < 0 else "") + f"<{self.number(self.size / 10**self.digits)}"
        sign = _sign(value) if signed else "−" if value < 0 else ""
        return sign + self.number(abs(value)) if value else "0"


_YEN = (Unit(1e8, "億円", 2, 1e7), Unit(1e4, "万円", 0), Unit(1.0, "円", 0))
_SHORT = (Unit(1e6, "M", 1, 1e5), Unit(1e3, "k", 0), Unit(1.0, "", 0))


def money_unit(values: Sequence[float], currency: str, lang: Language) -> Unit:
    """One unit for all these amounts: the largest that still shows the smallest of them.

    >>> money_unit([4.4e8, 1.5e7], "JPY", "ja").name, money_unit([4.4e8, 162e4], "JPY", "ja").name
    ('億円', '万円')
    """
    units = _yen_or_short(currency, lang)
    sizes = [abs(value) for value in values if value]
    largest, smallest = max(sizes, default=0.0), min(sizes, default=0.0)
    return next((unit for unit in units if largest >= unit.size and smallest >= unit.smallest), units[-1])


def money_text(
    value: float,
    currency: str,
    lang: Language,
    short: bool = False,
    unit: Unit | None = None,
    signed: bool = False,
) -> str:
    """An amount for reading: 億円, 万円 or 円 in Japanese yen; in short, millions as M.

    `unit`: the unit of a whole column; `signed`: a change, whose sign is always written.

    >>> money_text(12_300_000, "JPY", "ja"), money_text(12_300_000, "JPY", "en")
    ('1,230万円', 'JPY 12,300,000')
    >>> money_text(440_000_000, "JPY", "ja"), money_text(12_300_000, "JPY", "en", short=True)
    ('4.40億円', 'JPY 12.3M')
    >>> money_text(-5_560_000, "JPY", "ja", signed=True), money_text(1_620_000, "JPY", "ja", signed=True)
    ('−556万円', '+162万円')
    """
    yen = currency == "JPY" and lang == "ja"
    if unit is None:
        unit = money_unit([value], currency, lang) if yen or short else _SHORT[-1]
    sign = _sign(value) if signed else "−" if value < 0 else ""
    amount = abs(value)
    under = 0 < amount < unit.size / 2 / 10**unit.digits
    if not amount:
        return f"{sign}0円" if yen else f"{sign}{currency} 0"
    number = unit.number(10.0**-unit.digits * unit.size if under else amount)
    if yen:
        return f"{sign}{number}{unit.name}" + ("未満" if under else "")
    return f"{sign}{'<' if under else ''}{currency} {number}{unit.name}"


def percent_text(share: float | None, lang: Language) -> str:
    """A probability for reading; one next to certain is not shown as certain.

    >>> percent_text(0.0004, "ja"), percent_text(1.0, "en"), percent_text(0.357, "en")
    ('1%未満', 'over 99%', '35.7%')
    """
    return "–" if share is None else probability_words(share).to(lang)


def points_text(points: float | None, lang: Language) -> str:
    """A change of a probability in percentage points, its sign always written.

    >>> points_text(3.24, "ja"), points_text(-0.01, "ja"), points_text(-3.24, "en"), points_text(0.0, "en")
    ('+3.2pt', '±0.0pt', '−3.2 pt', '0.0 pt')
    """
    if points is None:
        return "–"
    number = f"{abs(points):.1f}"
    if number == "0.0":
        return Text("±0.0pt", "0.0 pt").to(lang)
    return Text("{sign}{n}pt", "{sign}{n} pt").format(sign=_sign(points), n=number).to(lang)


def signed_text(value: float, digits: int = 1) -> str:
    """A difference with its sign; no minus before a zero.

    >>> signed_text(0.72), signed_text(-2.2), signed_text(-0.01)
    ('+0.7', '−2.2', '0.0')
    """
    number = f"{abs(value):.{digits}f}"
    return number if not float(number) else _sign(value) + number


def day_text(day: date, lang: Language) -> str:
    """A day.

    >>> day_text(date(2026, 11, 5), "ja"), day_text(date(2026, 11, 5), "en")
    ('2026年11月5日', '2026-11-05')
    """
    return f"{day.year}年{day.month}月{day.day}日" if lang == "ja" else day.isoformat()


def moment_text(at: str, lang: Language) -> str:
    """An ISO time to the minute.

    >>> moment_text("2026-11-30T06:35:59.279729+09:00", "ja"), moment_text("2026-11-30T06:35+09:00", "en")
    ('2026年11月30日 6:35', '2026-11-30 06:35')
    """
    moment = datetime.fromisoformat(at)
    hour = f"{moment.hour}" if lang == "ja" else f"{moment.hour:02d}"
    return f"{day_text(moment.date(), lang)} {hour}:{moment.minute:02d}"


def as_of_text(at: str, lang: Language) -> str:
    """The as-of moment of an answer; midnight reads as the end of the day before.

    >>> as_of_text("2026-11-30T06:35:59+09:00", "ja"), as_of_text("2026-11-21T00:00:00+09:00", "ja")
    ('2026年11月30日 6:35 時点', '2026年11月20日終了時点')
    """
    if datetime.fromisoformat(at).time() == time():
        day = day_text(known_day(at), lang)
        return Text("{day}終了時点", "as of the end of {day}").format(day=day).to(lang)
    return Text("{at} 時点", "as of {at}").format(at=moment_text(at, lang)).to(lang)


def known_day(at: str) -> date:
    """The last day known as of an ISO time."""
    return (datetime.fromisoformat(at) - timedelta(microseconds=1)).date()


def period_text(period: Period, lang: Language) -> str:
    """A period as a title: its days in Japanese, followed by the name as it is typed.

    >>> from crm.periods import parse_period
    >>> period_text(parse_period("2026-Q4"), "ja"), period_text(parse_period("FY2026-H2"), "ja")
    ('2026年10〜12月期（2026-Q4）', '2026年10月〜2027年3月期（FY2026-H2）')
    >>> period_text(parse_period("2026-W47"), "ja"), period_text(parse_period("2026-11"), "en")
    ('2026年11月16日〜22日（2026-W47）', '2026-11')
    """
    if lang == "en":
        return period.name
    first, last = period.first, period.last
    whole = first.day == 1 and (last + timedelta(days=1)).day == 1
    year = "" if last.year == first.year else f"{last.year}年"
    if whole and (first.year, first.month) == (last.year, last.month):
        days = f"{first.year}年{first.month}月"
    elif whole:
        days = f"{first.year}年{first.month}{'月' if year else ''}〜{year}{last.month}月期"
    elif (first.year, first.month) == (last.year, last.month):
        days = f"{first.year}年{first.month}月{first.day}日〜{last.day}日"
    else:
        days = f"{first.year}年{first.month}月{first.day}日〜{year}{last.month}月{last.day}日"
    return days if ".." in period.name else f"{days}（{period.name}）"


_SCOPES = {"company": Text("全社", "Company"), "unassigned": Text("担当者未設定", "Unassigned")}
_KINDS = {"team": Text("チーム {id}", "team {id}"), "person": Text("担当者 {id}", "rep {id}")}


def scope_text(scope: str, lang: Language) -> str:
    """A scope for reading.

    >>> scope_text("company", "ja"), scope_text("team:T01", "en")
    ('全社', 'team T01')
    """
    if scope in _SCOPES:
        return _SCOPES[scope].to(lang)
    kind, _, name = scope.partition(":")
    return _KINDS[kind].format(id=name).to(lang) if kind in _KINDS and name else scope


def day_label(day: date) -> Text:
    """A day in both languages, for a sentence."""
    return _both(lambda lang: day_text(day, lang))


def period_label(period: Period) -> Text:
    """A period in both languages, for a sentence."""
    return _both(lambda lang: period_text(period, lang))


def scope_label(scope: str) -> Text:
    """A scope in both languages, for a sentence.

    >>> scope_label("company").en, scope_label("team:T01").ja
    ('the company', 'チーム T01')
    """
    return Text("全社", "the company") if scope == "company" else _both(lambda lang: scope_text(scope, lang))


def _both(write: Callable[[Language], str]) -> Text:
    return Text(write("ja"), write("en"))


def _yen_or_short(currency: str, lang: Language) -> tuple[Unit, Unit, Unit]:
    return _YEN if currency == "JPY" and lang == "ja" else _SHORT


def _sign(value: float) -> str:
    return "+" if value > 0 else "−" if value < 0 else "±"
