"""How do stored rows become the frames of an EventLog? Column by column, texts as categories early."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from crm.schema import TABLES, Column, Kind, Table
from crm.store.tables import CUSTOM, STORED, keyed_by_all, stored_columns

_STEP = 2_000  # rows fetched at a time: few enough to stay in the processor's cache
_ARROW = {
    Kind.MOMENT: pa.int64(),
    Kind.MONEY: pa.float64(),
    Kind.NUMBER: pa.float64(),
    Kind.FLAG: pa.bool_(),
}


def arrow_table(connection: sa.Connection, name: str) -> pa.Table:
    """One canonical table as it is stored."""
    table = TABLES[name]
    data = pa.Table.from_batches(_batches(connection, table), schema=_schema(table))
    return data.unify_dictionaries().combine_chunks()


def arrow_rows(connection: sa.Connection, name: str, keys: Collection[str]) -> pa.Table:
    """Some rows of a table, by the first column of its key, in the order in which all of them are read."""
    table, schema = TABLES[name], _schema(TABLES[name])
    first = STORED[name].c[table.key[0]]
    query = _statement(connection, table, schema).where(first.in_(sorted(keys)))
    rows = [tuple(row) for row in connection.execute(query)]
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [_array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def frame_of(name: str, data: pa.Table) -> pd.DataFrame:
    """One canonical table in the schema's types, custom attributes as columns of their own."""
    table = TABLES[name]
    frame = pd.DataFrame({column.name: series(data[column.name], column) for column in table.columns})
    if table.custom:
        return frame.assign(**attributes(data[CUSTOM]))
    return frame


def _schema(table: Table) -> pa.Schema:
    kinds = {column.name: _arrow_type(column, table) for column in table.columns}
    return pa.schema([(name, kinds.get(name, pa.string())) for name in stored_columns(table)])


def _arrow_type(column: Column, table: Table) -> pa.DataType:
    if column.kind in _ARROW:
        return _ARROW[column.kind]
    plain = column.kind in (Kind.TEXT, Kind.DATE) or table.key == (column.name,)
    return pa.string() if plain else pa.dictionary(pa.int32(), pa.string())


def _batches(connection: sa.Connection, table: Table) -> Iterator[pa.RecordBatch]:
    schema = _schema(table)
    statement = _statement(connection, table, schema)
    compiled = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        cursor = driver.cursor(name="sancho_read")  # on the server's side: rows come as they are asked for
        cursor.execute(compiled)
    else:
        cursor = driver.execute(compiled)
    while rows := cursor.fetchmany(_STEP):
        columns = zip(*rows, strict=True)
        arrays = [_array(values, kind) for values, kind in zip(columns, schema.types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
    cursor.close()


def _statement(connection: sa.Connection, table: Table, schema: pa.Schema) -> sa.Select[Any]:
    """Rows in an order that does not depend on when they came, but for changes of one instant."""
    stored = STORED[table.name]
    order = (
        [stored.c.seq]
        if keyed_by_all(table)
        else [_bytewise(stored.c[name], connection) for name in table.key]
    )
    selected = (_selected(stored.c[field.name], table, field.type) for field in schema)
    return sa.select(*selected).order_by(*order)


def _bytewise(column: sa.Column[Any], connection: sa.Connection) -> sa.ColumnElement[Any]:
    text = isinstance(column.type, sa.Text)
    return column.collate("C") if text and connection.dialect.name == "postgresql" else column


def _selected(column: sa.Column[Any], table: Table, kind: pa.DataType) -> sa.ColumnElement[Any]:
    if column.name == CUSTOM:
        return sa.cast(column, sa.Text)
    text = pa.types.is_string(kind) or pa.types.is_dictionary(kind)
    return sa.func.nullif(column, "") if keyed_by_all(table) and text else column


def _array(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode()
    if pa.types.is_boolean(kind):
        return pa.array([None if value is None else bool(value) for value in values], kind)
    return pa.array(values, kind)


def series(values: pa.ChunkedArray, column: Column) -> pd.Series:
    """A stored column in the type that `eventlog.typed` gives it."""
    match column.kind:
        case Kind.MOMENT:
            return pd.Series(values.cast(pa.timestamp("us", "UTC")).to_pandas()).astype("datetime64[us, UTC]")
        case Kind.DATE:
            return pd.Series(values.cast(pa.timestamp("us")).to_pandas()).astype("datetime64[us]")
        case Kind.MONEY | Kind.NUMBER:
            return pd.Series(values.to_numpy()).astype("float64")
        case Kind.FLAG:
            return pd.Series(values.to_pandas()).astype("boolean")
        case _ if pa.types.is_dictionary(values.type):
            return pd.Series(categories(values))
        case _:
            return pd.Series(values.to_pandas()).astype("str")


def categories(values: pa.ChunkedArray) -> pd.Categorical:
    """A dictionary column as a categorical with sorted levels, blanks missing."""
    encoded = values.unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    levels = encoded.dictionary.to_numpy(zero_copy_only=False).astype(object)
    codes = encoded.indices.fill_null(-1).to_numpy()
    named = np.array([level is not None for level in levels], bool)
    order = sorted(np.flatnonzero(named), key=lambda number: levels[number])
    position = np.full(len(levels) + 1, -1, np.int32)
    position[order] = np.arange(len(order))
    return pd.Categorical.from_codes(
        position[codes], categories=pd.Index([levels[n] for n in order], dtype="str")
    )


def attributes(values: pa.ChunkedArray) -> dict[str, pd.Series]:
    """Custom attributes from their JSON: numbers where all values of one are, else a category.

    Each text is parsed once, however many rows have it.
    """
    place: dict[str, int] = {}
    row = np.array([place.setdefault(text or "{}", len(place)) for text in values.to_pylist()], np.int64)
    rows = orjson.loads("[" + ",".join(place) + "]")
    names = dict.fromkeys(chain.from_iterable(rows))
    return {
        name: attribute([one.get(name) for one in rows]).take(row).reset_index(drop=True)
        for name in sorted(names)
        if _any(rows, name)
    }


def _any(rows: list[dict[str, Any]], name: str) -> bool:
    return any(row.get(name) is not None for row in rows)


def attribute(values: list[Any]) -> pd.Series:
    """Values of one attribute as numbers where all are, else as a category of texts."""
    if all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values
    ):
        return pd.Series(values, dtype="float64")
    texts = [
        value if value is None or isinstance(value, str) else orjson.dumps(value).decode() for value in values
    ]
    return pd.Series(categories(pa.chunked_array([pa.array(texts, pa.string()).dictionary_encode()])))
