"""Of which day is a list, and in what order do lists come? By names: deals_2026-11-02.csv, 商談_9月.xlsx."""

from __future__ import annotations

import calendar
import re
import unicodedata
from datetime import date
from pathlib import PurePath

_ERAS = {"令和": 2018, "r": 2018, "平成": 1988, "h": 1988}
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name} | {
    name.lower(): number for number, name in enumerate(calendar.month_name) if name
}
_NAMED = "|".join(sorted(_MONTHS, key=len, reverse=True))
_ERA_YEAR = re.compile(r"(令和|平成|(?<![a-z])[rh])\.?(元|[0-9]{1,2})(?=[年.\-_/])")
_YEAR, _MONTH, _DAY = (
    r"(?P<year>(?:19|20|21)[0-9]{2})",
    r"(?P<month>0?[1-9]|1[0-2])",
    r"(?P<day>0?[1-9]|[12][0-9]|3[01])",
)
_FORMS = tuple(
    re.compile(rf"(?<![0-9]){form}(?![0-9])")
    for form in (
        rf"{_YEAR}\s*[-_./年]\s*{_MONTH}\s*[-_./月]\s*{_DAY}",
        rf"{_YEAR}(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12][0-9]|3[01])",
        rf"{_YEAR}[-_ ]?w(?P<week>[0-5][0-9])",
        rf"{_DAY}[-_. ]?(?P<word>{_NAMED})[-_. ]?{_YEAR}",
        rf"(?<![a-z])(?P<word>{_NAMED})[-_. ]?{_YEAR}",
        rf"{_YEAR}[-_. ]?(?P<word>{_NAMED})",
        rf"{_YEAR}\s*[-_./年]\s*{_MONTH}",
        rf"{_YEAR}(?P<month>0[1-9]|1[0-2])",
    )
)


def _plain(name: str) -> str:
    stem = unicodedata.normalize("NFKC", PurePath(name).name).casefold()
    return _ERA_YEAR.sub(_in_common_years, stem)


def _in_common_years(found: re.Match[str]) -> str:
    return str(_ERAS[found[1]] + (1 if found[2] == "元" else int(found[2])))


def list_date(name: str) -> date | None:
    """The day that a file's name says; a month or a week means its last day.

    >>> list_date("商談_2026年9月.csv"), list_date("deals_2026-11-02.csv")
    (datetime.date(2026, 9, 30), datetime.date(2026, 11, 2))
    """
    plain = _plain(name)
    for form in _FORMS:
        if (found := form.search(plain)) is not None:
            part = found.groupdict()
            year = int(part["year"])
            try:
                if part.get("week"):
                    return date.fromisocalendar(year, int(part["week"]), 7)
                month = _MONTHS[part["word"]] if part.get("word") else int(part["month"])
                day = int(part["day"]) if part.get("day") else calendar.monthrange(year, month)[1]
                return date(year, month, day)
            except ValueError:
                continue
    return None


def in_order(name: str) -> tuple[object, ...]:
    """By what files are sorted: the day in the name, and numbers as numbers, so that 9月 comes before 10月.

    >>> sorted(["b_10月.csv", "b_9月.csv", "a_2.csv"], key=in_order)
    ['a_2.csv', 'b_9月.csv', 'b_10月.csv']
    """
    plain = _plain(name)
    day = list_date(name)
    without = plain
    for form in _FORMS:
        if form.search(plain):
            without = form.sub("\0", plain, count=1)
            break
    words = re.sub(rf"(?<![a-z])(?:{_NAMED})(?![a-z])", lambda word: f"{_MONTHS[word[0]]:02d}", without)
    parts = tuple(
        (1, int(piece), "") if piece.isdecimal() else (0, 0, piece)
        for piece in re.split(r"([0-9]+)", words)
        if piece
    )
    return parts, day or date.min, plain
