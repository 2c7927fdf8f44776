"""Which instant or day does a text in a file mean? One rule for both, in all the ways people write dates.

A time that names an offset is an instant: a column of days gets the organisation's day of it. What names none
is in the organisation's zone. Where all values of a column are midnight UTC, they are plain days in disguise.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crm.importing.values import Bools, Read, as_text, by_level
from crm.instants import FIRST_YEAR, LAST_YEAR

_ISO_ZONE = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"
_WRITTEN = (
    r"^\s*(?P<year>\d{4})\s*(?:-|/|\.|年)\s*(?P<month>\d{1,2})\s*(?:-|/|\.|月)\s*(?P<day>\d{1,2})\s*日?"
    r"(?:[Tt\s]\s*(?P<hour>\d{1,2})(?::|時)\s*(?P<minute>\d{1,2})分?"
    r"(?::?(?P<second>\d{1,2})秒?(?:[.,](?P<part>\d{1,9}))?)?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?\s*$"
)
_COMPACT = r"^\s*(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})\s*$"
# Years of Japanese eras, and days as a spreadsheet counts them.
_ERA = re.compile(r"\s*(令和|平成|昭和|[RHS])\s*\.?\s*(元|[0-9]{1,2})\s*(?=[-/.年])", re.IGNORECASE)
_ERAS = {"令和": (2018, 99), "平成": (1988, 31), "昭和": (1925, 64)}
_SERIAL = re.compile(r"[2-7][0-9]{4}(?:\.[0-9]+)?")
_OTHER_COUNTS = r"(?i)^\s*(?:令和|平成|昭和|[RHS])|^[2-7][0-9]{4}(?:\.[0-9]+)?$"
_SERIAL_START = datetime(1899, 12, 30)
_FIRST, _END = (np.datetime64(f"{year}-01-01", "us") for year in (FIRST_YEAR, LAST_YEAR + 1))


def moments(array: pa.Array, zone: ZoneInfo, plain_days: bool = False) -> Read:
    """Instants as int64 microseconds UTC; what names no offset is in `zone`, a plain date begins its day.

    `plain_days`: midnights UTC that are days in disguise begin that day in `zone`.
    """
    times, aware, unreadable = wall_clock(array)
    values = np.where(aware & ~np.bool_(plain_days), times, located(times, zone))
    missing = np.isnat(times)
    return Read(pa.array(values.view(np.int64), mask=missing), unreadable)


def days(array: pa.Array, zone: ZoneInfo, plain_days: bool | None = None) -> Read:
    """Calendar days as ISO text: the day as written, or of an instant with an offset its day in `zone`.

    `plain_days`: midnights UTC are the day they name; where not given, if all of the array's instants are.
    """
    times, aware, unreadable = wall_clock(array)
    if plain_days is None:
        plain_days = _all_midnight(times, aware)
    if aware.any() and not plain_days:
        times = np.where(aware, wall_times(times, zone), times)
    missing = np.isnat(times)
    stamps = pa.array(times.astype("datetime64[D]"), mask=missing)
    return Read(stamps.cast(pa.string()), unreadable)


def are_plain_days(array: pa.Array) -> bool:
    """Whether a column's instants with an offset are all midnight UTC, which is how days are exported."""
    times, aware, _ = wall_clock(array)
    return _all_midnight(times, aware)


def _all_midnight(times: NDArray[np.datetime64], aware: Bools) -> bool:
    given = times[aware & ~np.isnat(times)]
    return bool(len(given) and (given == given.astype("datetime64[D]")).all())


def is_endless(array: pa.Array) -> Bools:
    """Which texts are 9999-12-31, which stands for "no end"."""
    found = pc.match_substring_regex(_plain_texts(array), r"^9999[-/.年]?12[-/.月]?31").fill_null(False)
    mask: Bools = np.asarray(found)
    return mask


def _plain_texts(array: pa.Array) -> pa.Array:
    texts = as_text(array)
    return texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts


def wall_times(instants: NDArray[np.datetime64], zone: ZoneInfo) -> NDArray[np.datetime64]:
    """UTC times as wall-clock times of `zone`."""
    known = ~np.isnat(instants)
    out = instants.copy()
    if known.any():
        placed = pd.DatetimeIndex(instants[known]).tz_localize("UTC").tz_convert(zone)
        out[known] = placed.tz_localize(None).to_numpy("datetime64[us]")
    return out


def located(local: NDArray[np.datetime64], zone: ZoneInfo) -> NDArray[np.datetime64]:
    """Wall-clock times of `zone` as UTC: an hour that comes twice is the later, one left out moves on."""
    known = ~np.isnat(local)
    out = local.copy()
    if known.any():
        naive = pd.DatetimeIndex(local[known])
        placed = naive.tz_localize(zone, ambiguous=np.zeros(len(naive), bool), nonexistent="shift_forward")
        out[known] = placed.tz_convert(None).to_numpy("datetime64[us]")
    return out


Clock = tuple[NDArray[np.datetime64], Bools, Bools]


def wall_clock(array: pa.Array) -> Clock:
    """Times (UTC where an offset is named), which name one, which are unreadable."""
    if pa.types.is_dictionary(array.type):
        times, aware, bad = wall_clock(array.dictionary)
        codes = array.indices.fill_null(len(times)).to_numpy()
        return (
            np.append(times, np.datetime64("NaT", "us"))[codes],
            np.append(aware, False)[codes],
            np.append(bad, False)[codes],
        )
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return _typed(array)
    texts = as_text(array)
    return _iso(texts) or _any_form(texts)


def _typed(array: pa.Array) -> Clock:
    zoned = pa.types.is_timestamp(array.type) and array.type.tz is not None
    stamps = array.cast(pa.timestamp("us", array.type.tz if zoned else None), safe=False)
    times = stamps.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    outside = _outside(times)
    times = np.where(outside, np.datetime64("NaT", "us"), times)
    return times, np.full(len(array), zoned) & ~outside, outside


def _outside(times: NDArray[np.datetime64]) -> Bools:
    """Which times lie outside the years that are known."""
    with np.errstate(invalid="ignore"):
        outside: Bools = (times < _FIRST) | (times >= _END)
    return outside


def _iso(texts: pa.Array) -> Clock | None:
    """Arrow's own ISO 8601 reader, where all rows are in that form and alike in naming an offset or not."""
    zoned = pc.match_substring_regex(texts, _ISO_ZONE)
    some, every = pc.any(zoned).as_py(), pc.all(zoned).as_py()
    if some and not every:
        return None
    try:
        stamps = pc.cast(texts, pa.timestamp("us", "UTC" if some else None))
    except pa.ArrowInvalid:
        return None
    times = stamps.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    if _outside(times).any():
        return None
    return times, np.full(len(texts), bool(some)), np.zeros(len(texts), bool)


def _any_form(texts: pa.Array) -> Clock:
    """Any of the forms people use: 2026-11-20T09:00+09:00, 2026/1/5 9:05, 2026年1月5日, 20260105, R8.1.5."""
    plain = pc.utf8_normalize(texts, "NFKC")
    if pc.any(pc.match_substring_regex(plain, _OTHER_COUNTS)).as_py():
        plain = by_level(plain, _counted, pa.string())[0]
    plain = pc.replace_substring_regex(plain, r"\((?:[月火水木金土日]|[A-Za-z]{3})\)", "")
    parts = pc.extract_regex(plain, _WRITTEN)
    compact = pc.extract_regex(plain, _COMPACT)
    written = np.asarray(parts.is_valid())
    short = ~written & np.asarray(compact.is_valid())

    def part(name: str, missing: int = 0) -> NDArray[np.int64]:
        texts = parts.field(name)
        if name in ("year", "month", "day"):
            texts = pc.if_else(pa.array(short), compact.field(name), texts)
        texts = pc.if_else(pc.equal(texts, ""), None, texts)
        numbers: NDArray[np.int64] = texts.cast(pa.int64()).fill_null(missing).to_numpy()
        return numbers

    year, month, day = part("year"), part("month", 1), part("day", 1)
    hour, minute, second = part("hour"), part("minute"), part("second")
    fraction = pc.utf8_rpad(parts.field("part").fill_null(""), 6, "0")
    micro = pc.utf8_slice_codeunits(fraction, 0, 6).cast(pa.int64()).to_numpy()
    month_start = (np.clip(year, 1, LAST_YEAR) - 1970).astype("datetime64[Y]") + (
        np.clip(month, 1, 12) - 1
    ).astype("m8[M]")
    in_month = ((month_start + 1).astype("datetime64[D]") - month_start.astype("datetime64[D]")).astype(int)
    sound = (written | short) & (year >= FIRST_YEAR) & (year <= LAST_YEAR) & (month >= 1) & (month <= 12)
    sound &= (day >= 1) & (day <= in_month) & (hour < 24) & (minute < 60) & (second < 60)
    clock = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro
    times = month_start.astype("datetime64[us]") + (day - 1).astype("m8[D]") + clock.astype("m8[us]")
    offset = parts.field("zone").fill_null("")
    aware = np.asarray(pc.not_equal(offset, ""))
    if aware.any():
        times = times - _offsets(offset).astype("m8[us]")
    times[~sound] = np.datetime64("NaT")
    return times, aware & sound, ~sound & np.asarray(texts.is_valid())


def _counted(text: str) -> str:
    """令和8年3月31日, R8.3.31 or a spreadsheet's 46112 by the common calendar; other texts as they are."""
    if _SERIAL.fullmatch(text):
        at = _SERIAL_START + timedelta(seconds=round(float(text) * 86_400))
        return at.isoformat()
    found = _ERA.match(text)
    if found is None:
        return text
    name = {"R": "令和", "H": "平成", "S": "昭和"}.get(found[1].upper(), found[1])
    before, last = _ERAS[name]
    count = 1 if found[2] == "元" else int(found[2])
    return f"{before + count}{text[found.end() :]}" if 1 <= count <= last else text


def _offsets(texts: pa.Array) -> NDArray[np.int64]:
    def seconds(text: str) -> int:
        if text in ("", "Z", "z"):
            return 0
        digits = text[1:].replace(":", "")
        size = int(digits[:2]) * 3600 + int(digits[2:]) * 60
        return -size if text[0] == "-" else size

    read, _ = by_level(texts, seconds, pa.int64())
    offsets: NDArray[np.int64] = read.fill_null(0).to_numpy() * 1_000_000
    return offsets


def reformatted(texts: pa.Array, formats: tuple[str, ...]) -> pa.Array:
    """Times in forms that a mapping names (strptime), as ISO 8601; what fits none of them stays as it is."""
    plain = pc.utf8_normalize(texts, "NFKC").to_pandas()
    out = texts.to_pandas().astype(object)
    still = plain.notna()
    for form in formats:
        zoned = "%z" in form
        read = pd.to_datetime(plain[still], format=form, errors="coerce", utc=zoned).dropna()
        out[read.index] = read.map(lambda at: at.isoformat())
        still[read.index] = False
    return pa.array(out, pa.string(), from_pandas=True)
