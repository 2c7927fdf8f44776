"""What value does a text in a file mean? Whole columns at a time: texts, flags, fixed choices.

Every function takes an Arrow array (text, or already typed by Parquet, JSON or Excel) and gives the values in
the form of storage plus a mask of the rows whose text cannot be read. Blank is null and never unreadable.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
_EXACT = 2.0**53  # whole numbers up to which a float holds every digit


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
# Full-width signs and digits, and the blanks that a spreadsheet or a web page puts between digits.
_WIDTH = {0xFF01 + code: 0x21 + code for code in range(94)} | dict.fromkeys(
    (0x00A0, 0x2007, 0x2009, 0x202F, 0x3000), 0x20
)
_WIDTH[ord("￥")] = ord("¥")


def half_width(text: str) -> str:
    """Full-width letters, digits, signs and blanks as half-width ones; ① and ² stay what they are."""
    return text.translate(_WIDTH)


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
        whole = pc.and_(pc.equal(array, pc.floor(array)), pc.less_equal(pc.abs(array), _EXACT))
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
