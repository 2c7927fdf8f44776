"""What value does a text in a file mean? Whole columns at a time: dates, numbers, flags, fixed choices.

Every function takes an Arrow array (text, or already typed by Parquet, JSON or Excel) and gives the values in
the form of storage plus a mask of the rows whose text cannot be read. Blank is null and never unreadable.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bools = NDArray[np.bool_]


class Read(NamedTuple):
    """Values in the form of storage (null where unreadable or blank) and which rows could not be read."""

    column: pa.Array
    unreadable: Bools


_FLAGS = {
    **dict.fromkeys(
        ("true", "t", "yes", "y", "1", "1.0", "on", "はい", "有", "あり", "○", "〇", "◯", "●", "済", "真"),
        True,
    ),
    **dict.fromkeys(
        ("false", "f", "no", "n", "0", "0.0", "off", "いいえ", "無", "なし", "×", "✕", "✖", "未", "偽"), False
    ),
}
# What Japanese and English CRMs write for the values that the schema fixes.
SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "won": ("受注", "成約", "closed won", "win"),
    "lost": ("失注", "closed lost", "loss"),
    "new": ("新規", "new business"),
    "upsell": ("アップセル", "増額"),
    "cross_sell": ("クロスセル", "cross-sell", "cross sell"),
    "renewal": ("更新", "契約更新"),
    "out": ("発信", "送信", "outbound"),
    "in": ("受信", "着信", "inbound"),
    "field": ("外勤", "フィールド", "フィールドセールス"),
    "inside": ("内勤", "インサイド", "インサイドセールス"),
    "route": ("ルート", "ルートセールス", "ルート営業"),
    "manager": ("マネージャー", "マネジャー", "管理職"),
}
_ISO_ZONE = r"(?:[Zz]|[+-]\d{2}:?\d{2})$"
_WRITTEN = (
    r"^\s*(?P<year>\d{4})\s*(?:-|/|\.|年)\s*(?P<month>\d{1,2})\s*(?:-|/|\.|月)\s*(?P<day>\d{1,2})\s*日?"
    r"(?:[Tt\s]\s*(?P<hour>\d{1,2})(?::|時)\s*(?P<minute>\d{1,2})分?"
    r"(?::?(?P<second>\d{1,2})秒?(?:[.,](?P<part>\d{1,9}))?)?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}:?\d{2})?\s*$"
)
_COMPACT = r"^\s*(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})\s*$"
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+|\d{1,3}(?:,\d{3})+(?:\.\d*)?)(?:[eE][+-]?\d{1,3})?$"
_FIRST_YEAR, _LAST_YEAR = 1900, 9999


def whole(column: pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    joined = column.combine_chunks()
    if isinstance(joined, pa.ChunkedArray):
        return joined.chunk(0) if joined.num_chunks else pa.array([], column.type)
    return joined


def as_text(array: pa.Array) -> pa.Array:
    """The array as texts without surrounding blanks, blank ones null; a dictionary stays one."""
    if pa.types.is_dictionary(array.type):
        levels = as_text(array.dictionary)
        if levels.equals(array.dictionary):
            return array
        return _relabelled(array, levels)
    if not pa.types.is_string(array.type):
        array = _written(array)
    trimmed = pc.utf8_trim_whitespace(array)
    return (
        pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)
        if _has_blank(trimmed)
        else trimmed
    )


def _has_blank(texts: pa.Array) -> bool:
    return bool(pc.any(pc.equal(texts, "")).as_py())


def _relabelled(array: pa.DictionaryArray, levels: pa.Array) -> pa.Array:
    """The same rows under other names, of which several may be alike or null."""
    return levels.take(array.indices).dictionary_encode()


def _written(array: pa.Array) -> pa.Array:
    """Typed values as texts: whole floats without a point, instants as ISO 8601."""
    kind = array.type
    if pa.types.is_null(kind):
        return pa.nulls(len(array), pa.string())
    if pa.types.is_floating(kind):
        whole = pc.and_(pc.equal(array, pc.floor(array)), pc.less(pc.abs(array), 1e15))
        numbers = pc.if_else(whole, array, None).cast(pa.int64(), safe=False).cast(pa.string())
        return pc.if_else(whole, numbers, array.cast(pa.string()))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    return array.cast(pa.string())


def by_level(array: pa.Array, mean: Callable[[str], object], kind: pa.DataType) -> tuple[pa.Array, Bools]:
    """Applies `mean` to each distinct text (None: unreadable), so that Python sees each text once."""
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    levels = [None if level is None else mean(level) for level in encoded.dictionary.to_pylist()]
    values = pa.array(levels, kind).take(encoded.indices)
    blank = np.asarray(encoded.is_null()) if encoded.null_count else np.zeros(len(array), bool)
    blank |= _null_levels(encoded)
    return values, np.asarray(values.is_null()) & ~blank


def _null_levels(encoded: pa.DictionaryArray) -> Bools:
    if encoded.dictionary.null_count == 0:
        return np.zeros(len(encoded), bool)
    named = np.append(np.asarray(encoded.dictionary.is_null()), True)
    mask: Bools = named[encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()]
    return mask


def folded(text: str) -> str:
    """Text as it is compared: full-width and half-width alike, lower case, without surrounding blanks."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def flags(array: pa.Array) -> Read:
    """True and false in the ways people write them: はい, ○, 1, true ..."""
    if pa.types.is_boolean(array.type):
        return Read(array, np.zeros(len(array), bool))
    return Read(*by_level(as_text(array), lambda text: _FLAGS.get(folded(text)), pa.bool_()))


def choices(array: pa.Array, allowed: tuple[str, ...]) -> Read:
    """Values of a fixed set, also by their usual Japanese or English names."""
    meant = {folded(choice): choice for choice in allowed}
    meant |= {folded(name): choice for choice in allowed for name in SYNONYMS.get(choice, ())}
    values, unreadable = by_level(as_text(array), lambda text: meant.get(folded(text)), pa.string())
    return Read(values.dictionary_encode(), unreadable)


def numbers(array: pa.Array) -> Read:
    """Numbers, also with ¥, 円, thousands' commas, full-width digits or ▲ for minus; finite."""
    kind = array.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        values = array.cast(pa.float64(), safe=False)
    else:
        texts = as_text(array)
        if pa.types.is_dictionary(texts.type):
            levels = numbers(texts.dictionary)
            bad = np.append(levels.unreadable, False)[texts.indices.fill_null(len(levels.column)).to_numpy()]
            return Read(levels.column.take(texts.indices), bad)
        try:
            values = pc.cast(texts, pa.float64())
        except pa.ArrowInvalid:
            return _written_numbers(texts)
    endless = np.asarray(pc.is_finite(values).fill_null(True)) == 0
    return Read(_without(values, endless), endless)


def _written_numbers(texts: pa.Array) -> Read:
    plain = pc.utf8_normalize(texts, "NFKC")
    plain = pc.replace_substring_regex(plain, r"^\s*([+-]?)\s*[¥￥$€£\\]\s*([+-]?)", r"\1\2")
    plain = pc.replace_substring_regex(plain, r"^\s*[△▲−‐–]\s*[¥￥]?", "-")
    plain = pc.replace_substring_regex(plain, r"\s*(?:円|JPY|EUR|USD|[€$])?\s*$", "")
    sound = pc.match_substring_regex(plain, _NUMBER)
    digits = pc.replace_substring(pc.if_else(sound, plain, None), ",", "")
    unreadable = np.asarray(pc.invert(sound).fill_null(False))
    values = digits.cast(pa.float64())
    endless = np.asarray(pc.is_finite(values).fill_null(True)) == 0
    return Read(_without(values, endless), unreadable | endless)


def _without(values: pa.Array, mask: Bools) -> pa.Array:
    return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values) if mask.any() else values


def moments(array: pa.Array, zone: ZoneInfo) -> Read:
    """Instants as int64 microseconds UTC; what names no offset is in `zone`, a plain date begins its day."""
    local, aware, unreadable = _wall_clock(array)
    placed = located(local, zone)
    values = np.where(aware, local, placed)
    missing = np.isnat(local)
    return Read(pa.array(values.view(np.int64), mask=missing), unreadable)


def days(array: pa.Array) -> Read:
    """Calendar days as ISO text; a time of day is set aside, the day stays as written."""
    stated, _, unreadable = _wall_clock(array, as_written=True)
    missing = np.isnat(stated)
    stamps = pa.array(stated.astype("datetime64[D]"), mask=missing)
    return Read(stamps.cast(pa.string()), unreadable)


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


def _wall_clock(array: pa.Array, as_written: bool = False) -> Clock:
    """Times (UTC where an offset is named, unless `as_written`), which name one, which are unreadable."""
    if pa.types.is_dictionary(array.type):
        times, aware, bad = _wall_clock(array.dictionary, as_written)
        codes = array.indices.fill_null(len(times)).to_numpy()
        return (
            np.append(times, np.datetime64("NaT", "us"))[codes],
            np.append(aware, False)[codes],
            np.append(bad, False)[codes],
        )
    none = np.zeros(len(array), bool)
    if pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        zoned = pa.types.is_timestamp(array.type) and array.type.tz is not None
        stamps = array.cast(pa.timestamp("us", array.type.tz if zoned else None), safe=False)
        times = stamps.to_numpy(zero_copy_only=False).astype("datetime64[us]")
        return times, none | zoned, none
    texts = as_text(array)
    return _iso(texts, as_written) or _any_form(texts, as_written)


def _iso(texts: pa.Array, as_written: bool) -> Clock | None:
    """Arrow's own ISO 8601 reader, where all rows are in that form and alike in naming an offset or not."""
    zoned = pc.match_substring_regex(texts, _ISO_ZONE)
    some, every = pc.any(zoned).as_py(), pc.all(zoned).as_py()
    if some and (not every or as_written):
        return None
    try:
        stamps = pc.cast(texts, pa.timestamp("us", "UTC" if some else None))
    except pa.ArrowInvalid:
        return None
    times = stamps.to_numpy(zero_copy_only=False).astype("datetime64[us]")
    with np.errstate(invalid="ignore"):
        early = times < np.datetime64(f"{_FIRST_YEAR}-01-01", "us")
    if early.any():
        return None
    return times, np.full(len(texts), bool(some)), np.zeros(len(texts), bool)


def _any_form(texts: pa.Array, as_written: bool) -> Clock:
    """Any of the forms people use: 2026-11-20T09:00+09:00, 2026/1/5 9:05, 2026年11月20日, 20261120."""
    plain = pc.utf8_normalize(texts, "NFKC")
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
    month_start = (np.clip(year, 1, _LAST_YEAR) - 1970).astype("datetime64[Y]") + (
        np.clip(month, 1, 12) - 1
    ).astype("m8[M]")
    in_month = ((month_start + 1).astype("datetime64[D]") - month_start.astype("datetime64[D]")).astype(int)
    sound = (written | short) & (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12)
    sound &= (day >= 1) & (day <= in_month) & (hour < 24) & (minute < 60) & (second < 60)
    clock = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro
    times = month_start.astype("datetime64[us]") + (day - 1).astype("m8[D]") + clock.astype("m8[us]")
    offset = parts.field("zone").fill_null("")
    aware = np.asarray(pc.not_equal(offset, "")) & ~as_written
    if aware.any():
        times, sound = times - _offsets(offset).astype("m8[us]"), sound & True
    times[~sound] = np.datetime64("NaT")
    return times, aware & sound, ~sound & np.asarray(texts.is_valid())


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
