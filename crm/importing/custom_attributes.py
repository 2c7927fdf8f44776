"""How are custom attributes read and stored? Numbers where every value is one, one JSON object per row."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from crm.importing import values as parse
from crm.schema import VERSION_COLUMNS, Table


def with_custom_values(table: Table, columns: pa.Table) -> pa.Table:
    """The columns with those that the table does not name read by `custom_values`."""
    for index, name in enumerate(columns.column_names):
        if name not in table.by_name and name not in VERSION_COLUMNS:
            values = pa.chunked_array([custom_values(columns[name])])
            columns = columns.set_column(index, name, values)
    return columns


def custom_values(column: pa.ChunkedArray) -> pa.Array:
    """A custom attribute of a whole file: numbers where every value is one, else texts.

    Texts such as 007 stay texts: their zeros mean something.
    """
    array = parse.whole(column)
    if pa.types.is_boolean(array.type) or pa.types.is_timestamp(array.type) or pa.types.is_date(array.type):
        return parse.as_text(array)
    if pa.types.is_string(array.type) or pa.types.is_dictionary(array.type):
        texts = parse.as_text(array)
        levels = texts.dictionary if pa.types.is_dictionary(texts.type) else texts
        if pc.any(pc.match_substring_regex(levels, r"^[+-]?0\d")).as_py():
            return texts
        read = parse.numbers(texts)
        return texts if read.unreadable.any() else read.column
    return parse.as_text(array) if pa.types.is_nested(array.type) else parse.numbers(array).column


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
