"""How are custom attributes read, stored and compared? Numbers or days where all values are, else texts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm.importing import dates, numerals
from crm.importing import values as parse
from crm.importing.numerals import Marks

_EXACT = 2**53  # whole numbers up to which a float holds every digit
# Texts that are no numbers though they are digits: 007, and ids too long for a number.
_DIGITS_MATTER = r"^[+-]?0[0-9]|^[+-]?[0-9]{16,}"
_DATED = r"^\s*(?:[0-9０-９]{4}\s*[-/.年]|令和|平成|昭和|[RHS][0-9])"


def custom_values(
    column: pa.ChunkedArray, marks: Marks | None = None, zone: ZoneInfo | None = None
) -> pa.Array:
    """A custom attribute of a whole file: numbers (50% is 0.5) or ISO days where all values are, else texts.

    Texts such as 007 stay texts: their zeros mean something. `marks` say how numbers are written; `zone` is
    the organisation's, for times that name an offset.
    """
    array = parse.whole(column)
    kind = array.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return _dated(array, zone)
    if pa.types.is_boolean(kind) or pa.types.is_nested(kind):
        return parse.as_text(array)
    if pa.types.is_integer(kind):
        largest = pc.max(pc.abs_checked(array.cast(pa.decimal128(20)))).as_py() or 0
        return parse.as_text(array) if largest > _EXACT else numerals.numbers(array).column
    if not (pa.types.is_string(kind) or pa.types.is_dictionary(kind)):
        return numerals.numbers(array).column
    texts = parse.as_text(array)
    levels = pc.unique(texts.dictionary if pa.types.is_dictionary(texts.type) else texts).drop_null()
    if pc.any(pc.match_substring_regex(levels, _DIGITS_MATTER)).as_py():
        return texts
    if len(levels) and pc.all(pc.match_substring_regex(levels, r"[0-9]\s*[%％]\s*$")).as_py():
        return _shares(texts, marks)
    read = numerals.numbers(texts, marks, strict=True)
    if not read.unreadable.any():
        return read.column
    return _dated(texts, zone) if pc.all(pc.match_substring_regex(levels, _DATED)).as_py() else texts


def _shares(texts: pa.Array, marks: Marks | None) -> pa.Array:
    plain = texts.cast(pa.string()) if pa.types.is_dictionary(texts.type) else texts
    read = numerals.numbers(pc.replace_substring_regex(plain, r"\s*[%％]\s*$", ""), marks, strict=True)
    return texts if read.unreadable.any() else numerals.times(read.column, 0.01)


def _dated(array: pa.Array, zone: ZoneInfo | None) -> pa.Array:
    """Days as ISO 8601, or times where any is given; the texts as they are where one is no date."""
    times, aware, unreadable = dates.wall_clock(array)
    if unreadable.any() or (aware.any() and zone is None):
        return parse.as_text(array)
    if aware.any() and zone is not None and not dates.are_plain_days(array):
        times = np.where(aware, dates.wall_times(times, zone), times)
    missing = np.isnat(times)
    days = times.astype("datetime64[D]")
    if (days == times)[~missing].all():
        return pa.array(days, mask=missing).cast(pa.string())
    return pa.array(np.datetime_as_string(times, unit="s").astype(object), pa.string(), mask=missing)


def same_value(one: object, other: object) -> bool:
    """Whether two values of an attribute are one, however written: 0.50 and 0.5, 2026/11/1 and 2026-11-01.

    >>> same_value("５０％", 0.5), same_value("007", 7), same_value("20", "未定")
    (True, True, False)
    """
    return one == other or _meant(one) == _meant(other)


def _meant(value: object) -> object:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return value
    text = " ".join(unicodedata.normalize("NFKC", value).split())
    if not text:
        return None
    share = text.endswith("%")
    number = numerals.numbers(pa.array([text.removesuffix("%")]), strict=True).column[0].as_py()
    if number is not None and len(text) < 16:
        return round(number / 100, 12) if share else number
    times, aware, _ = dates.wall_clock(pa.array([text]))
    if not np.isnat(times[0]):
        return ("instant" if aware[0] else "time", pd.Timestamp(times[0]).to_pydatetime())
    return text


def custom_json(columns: Mapping[str, pa.Array]) -> pa.Array:
    """One JSON object per row of its custom attributes; blank ones are null, which clears them."""
    members = [_members(name, array) for name, array in columns.items()]
    joined = pc.binary_join_element_wise(*members, ",")
    return pc.binary_join_element_wise("{", joined, "}", "")


def _members(name: str, array: pa.Array) -> pa.Array:
    label = orjson.dumps(name).decode() + ":"
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    levels = [label + ("null" if value is None else _json(value)) for value in array.dictionary.to_pylist()]
    codes = array.indices.fill_null(len(levels))
    return pa.array([*levels, label + "null"], pa.string()).take(codes)


def _json(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return orjson.dumps(value).decode()
