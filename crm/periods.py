"""Which days does a period such as 2026-Q4 or FY2026-H2 cover?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from crm.errors import SanchoError
from crm.i18n import Text
from crm.instants import is_within_years, start_of_day


@dataclass(frozen=True, slots=True)
class Period:
    """Calendar days from `first` to `last`, both included; `name` as the user wrote it."""

    name: str
    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of calendar days."""
        return (self.last - self.first).days + 1

    def start(self, zone: ZoneInfo) -> int:
        """First instant of the period."""
        return start_of_day(self.first, zone)

    def end(self, zone: ZoneInfo) -> int:
        """First instant after the period."""
        return start_of_day(self.last + timedelta(days=1), zone)


_FORMS = re.compile(
    r"(?P<fy>FY)?(?P<year>\d{4})"
    r"(?:-(?:Q(?P<quarter>[1-4])|H(?P<half>[12])|W(?P<week>\d{2})|(?P<month>\d{2})))?"
)


def parse_period(name: str, fiscal_start_month: int = 4) -> Period:
    """The period a name means: 2026-Q4, FY2026-Q3, FY2026-H2, FY2026, 2026, 2026-11, 2026-W47, first..last.

    >>> parse_period("FY2026-Q4").first, parse_period("FY2026-Q4").last
    (datetime.date(2027, 1, 1), datetime.date(2027, 3, 31))
    """
    text = name.strip()
    try:
        period = _parsed(text, fiscal_start_month)
        if not (is_within_years(period.first) and is_within_years(period.last)):
            raise ValueError
        return period
    except (ValueError, OverflowError):
        raise SanchoError(
            Text(
                "期間「{name}」を読めません。2026-Q4、FY2026-Q3、FY2026-H2、FY2026、2026-11、2026-W47、"
                "2026-10-01..2026-12-31、this-quarter のいずれかの形で指定してください。",
                "period: cannot read {name!r}; write it as 2026-Q4, FY2026-Q3, FY2026-H2, FY2026, 2026-11, "
                "2026-W47, 2026-10-01..2026-12-31 or this-quarter.",
            ).format(name=name),
            "bad_period",
        ) from None


def _parsed(text: str, fiscal_start_month: int) -> Period:
    """The period of a name in one of the forms; ValueError or OverflowError where it is none."""
    if ".." in text:
        first, last = (date.fromisoformat(part) for part in text.split(".."))
        if last < first:
            raise ValueError
        return Period(text, first, last)
    match = _FORMS.fullmatch(text)
    if match is None:
        raise ValueError
    year, fiscal = int(match["year"]), match["fy"] is not None
    if fiscal and (match["week"] or match["month"]):
        raise ValueError
    if match["week"]:
        first = date.fromisocalendar(year, int(match["week"]), 1)
        return Period(text, first, first + timedelta(days=6))
    if match["month"]:
        first = date(year, int(match["month"]), 1)
        return _months(text, year, first.month, 1)
    start = fiscal_start_month if fiscal else 1
    if match["quarter"]:
        return _months(text, year, start + 3 * (int(match["quarter"]) - 1), 3)
    if match["half"]:
        return _months(text, year, start + 6 * (int(match["half"]) - 1), 6)
    return _months(text, year, start, 12)


WORDS = ("this-quarter", "next-quarter", "this-month", "this-year")


def period_seen_from(name: str, today: date, fiscal_start_month: int = 4) -> Period:
    """The period that a name or a word means on a day; its `name` is the one it always has.

    this-quarter and next-quarter as `period_holding` has them, this-month, this-year (the fiscal year).

    >>> today = date(2026, 11, 29)
    >>> [period_seen_from(word, today).name for word in WORDS]
    ['2026-Q4', '2027-Q1', '2026-11', 'FY2026']
    """
    word = name.strip().lower()
    if word not in WORDS:
        return parse_period(name, fiscal_start_month)
    length = word.removeprefix("this-").removeprefix("next-")
    period = period_holding(today, length, fiscal_start_month)
    if word.startswith("this-"):
        return period
    return period_holding(period.last + timedelta(days=1), length, fiscal_start_month)


def period_holding(day: date, length: str = "quarter", fiscal_start_month: int = 4) -> Period:
    """The period of one length (week, month, quarter, half, year) that holds a day.

    Quarters are calendar quarters; a half and a year are of the fiscal year.
    Calendar and fiscal quarters hold the same days where the fiscal year starts in January, April, July
    or October; elsewhere the fiscal quarter is given.

    >>> period_holding(date(2026, 11, 29), "half").name
    'FY2026-H2'
    """
    if length == "month":
        return parse_period(f"{day:%Y-%m}")
    if length == "week":
        year, week, _ = day.isocalendar()
        return parse_period(f"{year}-W{week:02d}")
    fiscal_year = day.year if day.month >= fiscal_start_month else day.year - 1
    if length == "year":
        return parse_period(f"FY{fiscal_year}", fiscal_start_month)
    if length == "half":
        half = (day.month - fiscal_start_month) % 12 // 6 + 1
        return parse_period(f"FY{fiscal_year}-H{half}", fiscal_start_month)
    if (fiscal_start_month - 1) % 3 == 0:
        return parse_period(f"{day.year}-Q{(day.month - 1) // 3 + 1}")
    quarter = ((day.month - fiscal_start_month) % 12) // 3 + 1
    return parse_period(f"FY{fiscal_year}-Q{quarter}", fiscal_start_month)


def later_periods(period: Period, fiscal_start_month: int = 4) -> list[Period]:
    """The next week, month, quarter, half and year after a period, of those at least as long as it is.

    >>> [later.name for later in later_periods(parse_period("2026-Q4"))]
    ['2027-Q1', 'FY2027-H1', 'FY2027']
    >>> [later.name for later in later_periods(parse_period("2026-11"))]
    ['2026-12', '2027-Q1', 'FY2027-H1', 'FY2027']
    """
    day, found = period.last, []
    lengths = (("week", 7), ("month", 31), ("quarter", 92), ("half", 184), ("year", 366))
    for length, longest in lengths:
        if period.days <= longest:
            holding = period_holding(day + timedelta(days=1), length, fiscal_start_month)
            if holding.first <= day:  # it has begun already
                holding = period_holding(holding.last + timedelta(days=1), length, fiscal_start_month)
            found.append(holding)
    return found


def previous(period: Period, count: int = 1) -> Period:
    """The period of the same kind `count` before; whole months step by months, others by days."""
    months = _whole_months(period)
    if months:
        return _months("", period.first.year, period.first.month - months * count, months)
    shift = timedelta(days=period.days * count)
    return Period("", period.first - shift, period.last - shift)


def _whole_months(period: Period) -> int:
    after = period.last + timedelta(days=1)
    if period.first.day != 1 or after.day != 1:
        return 0
    return (after.year - period.first.year) * 12 + after.month - period.first.month


def _months(name: str, year: int, month: int, count: int) -> Period:
    """`count` whole months from a month that may lie outside 1..12 (13 = January of the next year)."""
    first = date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)
    end = month + count
    last = date(year + (end - 1) // 12, (end - 1) % 12 + 1, 1) - timedelta(days=1)
    return Period(name or f"{first}..{last}", first, last)


def months_in(period: Period) -> list[Period]:
    """The calendar months of a period, the first and last cut to its days.

    >>> [month.name for month in months_in(parse_period("2026-Q4"))]
    ['2026-10', '2026-11', '2026-12']
    """
    months, first = [], period.first
    while first <= period.last:
        last = min(_months("", first.year, first.month, 1).last, period.last)
        months.append(Period(f"{first.year}-{first.month:02d}", first, last))
        first = last + timedelta(days=1)
    return months
