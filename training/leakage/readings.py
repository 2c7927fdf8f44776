"""What do the texts of a column mean: numbers, instants, periods, or just names?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.instants import DAY
from features.arrays import Flags, Floats, floats
from features.levels import Coded, as_instants, as_numbers, finite, micros_or_nan

Meaning = Literal["number", "date", "period", "category"]
READ = 0.95  # share of the filled rows that must be readable for a column to be read as numbers or dates

_DIGIT = re.compile(r"\d")
_DATE = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})日?"
    r"(?:[T\s]+(\d{1,2})[:時](\d{1,2}).*)?"
)
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?:[T\s]+(\d{1,2}):(\d{1,2}).*)?")
_YEAR = re.compile(r"(?<!\d)(19\d\d|20\d\d)(?!\d)")
_PART = re.compile(r"(?:Q\s*([1-4])|([1-4])\s*Q|第\s*([1-4])\s*四半期)", re.IGNORECASE)
_HALF = re.compile(r"(?:H\s*([12])|(上)期|(下)期)", re.IGNORECASE)
_MONTH = re.compile(r"(?<!\d)(?:19|20)\d\d\s*[-/.年]\s*(\d{1,2})月?(?!\d)")
_NUMBER = re.compile(
    r"[¥￥$€]?\s*([-+]?[\d,]+(?:\.\d+)?)\s*(?:%|％|円|日|日間|件|回|点|days?|hours?)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Reading:
    """A column as rows (n,): its texts, and numbers and dates as `measured` (NaN = blank or unreadable).

    Dates and periods are microseconds UTC, a period by its start; `unit` is a period's length in days.
    """

    meaning: Meaning
    texts: Coded
    measured: Floats
    unit: float = 0.0

    @property
    def filled(self) -> Flags:
        """Rows that are not blank."""
        return self.texts.codes >= 0


def read(series: pd.Series, zone: ZoneInfo) -> Reading:
    """What a column of any type holds."""
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        instants = micros_or_nan(series)
        return Reading("date", _present(instants), instants)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        instants = micros_or_nan(series.dt.tz_localize(zone, ambiguous=True, nonexistent="shift_forward"))
        return Reading("date", _present(instants), instants)
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        numbers = finite(floats(series.astype("Float64").to_numpy(np.float64, na_value=np.nan)))
        return _of_numbers(numbers)
    return read_texts(Coded.of(series), zone)


def read_texts(texts: Coded, zone: ZoneInfo) -> Reading:
    """What a column of texts holds: the first meaning in which nearly all of its rows can be read."""
    used = np.unique(texts.codes[texts.codes >= 0])
    names = pd.Series(texts.names[used], dtype=object)
    rows = np.bincount(texts.codes[texts.codes >= 0], minlength=len(texts.names))[used]
    for meaning, parse in (
        ("number", _numbers),
        ("date", partial(_instants, zone=zone)),
        ("period", period_starts),
    ):
        found = parse(names)
        if rows.sum() and rows[~np.isnan(found)].sum() >= READ * rows.sum():
            table = np.full(len(texts.names), np.nan)
            table[used] = found
            if meaning == "number":
                return _of_numbers(texts.to(table))
            unit = _unit(names) if meaning == "period" else 0.0
            return Reading(meaning, texts, texts.to(table), unit)  # type: ignore[arg-type]
    return Reading("category", texts, np.full(len(texts.codes), np.nan))


def _of_numbers(values: Floats) -> Reading:
    """Numbers, named alike however they were written: 55, 55.0 and 5.5e1 are one value."""
    known = ~np.isnan(values)
    distinct, codes = np.unique(values[known], return_inverse=True)
    of_row = np.full(len(values), -1, np.int64)
    of_row[known] = codes
    return Reading("number", Coded(of_row, np.array([f"{value:.12g}" for value in distinct], object)), values)


def period_starts(texts: pd.Series) -> Floats:
    """The first instants of periods such as 2026-Q3, FY2026 Q3, Q3-2026, 2026年度下期 or 2026-07; else NaN.

    A fiscal year's offset does not matter here: only the distance between periods does.
    """
    out = np.full(len(texts), np.nan)
    for number, text in enumerate(texts.astype(str)):
        year = _YEAR.search(text)
        if year is None or len(text) > 24:
            continue
        month = _month_of(text)
        if month is not None:
            out[number] = pd.Timestamp(int(year[1]), month, 1).value / 1000
    return out


def _month_of(text: str) -> int | None:
    if part := _PART.search(text):
        return 3 * int(next(one for one in part.groups() if one)) - 2
    if half := _HALF.search(text):
        return 1 if half[1] == "1" or half[2] else 7
    if month := _MONTH.search(text):
        return int(month[1]) if 1 <= int(month[1]) <= 12 else None
    return 1 if re.fullmatch(r"\s*(?:FY\s*)?(?:19|20)\d\d\s*(?:年|年度)?\s*", text, re.IGNORECASE) else None


def _unit(names: pd.Series) -> float:
    """About how many days the column's periods last."""
    texts = names.astype(str)
    if texts.map(lambda text: _PART.search(text) is not None).mean() > 0.5:
        return 91.0
    if texts.map(lambda text: _HALF.search(text) is not None).mean() > 0.5:
        return 182.0
    return 30.0 if texts.map(lambda text: _MONTH.search(text) is not None).mean() > 0.5 else 365.0


def _numbers(texts: pd.Series) -> Floats:
    plain = as_numbers(texts)
    for row in np.flatnonzero(np.isnan(plain)):
        found = _NUMBER.fullmatch(str(texts.iloc[row]).strip())
        if found:
            plain[row] = float(found[1].replace(",", "") or "nan")
    return plain


def _instants(texts: pd.Series, zone: ZoneInfo) -> Floats:
    if not any(_DIGIT.search(str(text)) for text in texts):
        return np.full(len(texts), np.nan)
    out = as_instants(texts, zone)
    for row in np.flatnonzero(np.isnan(out)):
        out[row] = _local_instant(str(texts.iloc[row]).strip())
    return out


def _local_instant(text: str) -> float:
    """A date or time in a form other than ISO 8601; the zone's few hours do not matter here."""
    if found := _DATE.fullmatch(text):
        year, month, day = (int(part) for part in found.groups()[:3])
        hour, minute = found[4], found[5]
    elif found := _DAY_FIRST.fullmatch(text):
        first, second, year = (int(part) for part in found.groups()[:3])
        # Day first unless that is impossible: whichever it is, it is the same for the whole column.
        day, month = (second, first) if second > 12 else (first, second)
        hour, minute = found[4], found[5]
    else:
        return np.nan
    try:
        at = pd.Timestamp(year, month, day, int(hour or 0), int(minute or 0))
    except ValueError:
        return np.nan
    return float(at.value // 1000)


def _present(values: Floats) -> Coded:
    """Rows by whether they are filled; the values themselves are numbers."""
    days = np.where(np.isnan(values), -1, np.floor(np.nan_to_num(values) / DAY))
    known, codes = np.unique(days, return_inverse=True)
    names = np.array(["" if day < 0 else str(int(day)) for day in known], dtype=object)
    blank = np.append(names == "", False)
    return Coded(np.where(blank[codes], -1, codes).astype(np.int64), names)
