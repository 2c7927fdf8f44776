"""In which column types are the canonical tables kept in memory?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from crm.schema import Column, Kind, Table

_MANY = 1_000  # names from which on they are looked up as Arrow texts
_TYPES = {
    Kind.DATE: "datetime64[us]",
    Kind.MONEY: "float64",
    Kind.NUMBER: "float64",
    Kind.FLAG: "boolean",
    Kind.TEXT: "str",
}


def micros(series: pd.Series) -> np.ndarray:
    """Instants of a MOMENT column as int64 microseconds UTC; missing is NEVER."""
    values: np.ndarray = series.dt.tz_convert(None).to_numpy("datetime64[us]").view(np.int64)
    return values


def typed(frame: pd.DataFrame, table: Table, zone: ZoneInfo) -> pd.DataFrame:
    """The frame with all of the table's columns, in the types of the schema.

    ID, CODE and CHOICE become category (a table's own single key stays text), TEXT str, MOMENT
    datetime64[us, UTC] (naive values are in `zone`), DATE datetime64[us], MONEY and NUMBER float64,
    FLAG boolean; a custom attribute float64 where it is a number, else category. The values must be
    sound: the import checks them. A frame that has all that already is returned as it is.
    """
    if _is_typed(frame, table):
        return frame
    columns: dict[str, pd.Series] = {}
    for column in table.columns:
        if column.name in frame:
            columns[column.name] = typed_column(frame[column.name], column, table, zone)
        else:
            empty = pd.Series([None] * len(frame), index=frame.index, dtype=object)
            columns[column.name] = typed_column(empty, column, table, zone)
    if table.custom:
        columns |= {str(name): _attribute(frame[name]) for name in frame.columns if name not in columns}
    return pd.DataFrame(columns).reset_index(drop=True)


def _is_typed(frame: pd.DataFrame, table: Table) -> bool:
    standard = len(table.columns)
    kinds = list(frame.dtypes)
    return (
        list(frame.columns[:standard]) == [column.name for column in table.columns]
        and isinstance(frame.index, pd.RangeIndex)
        and (frame.index.start, frame.index.step) == (0, 1)
        and (table.custom or len(kinds) == standard)
        and all(_has_type(kind, column, table) for kind, column in zip(kinds, table.columns, strict=False))
        and all(isinstance(kind, pd.CategoricalDtype) or kind == "float64" for kind in kinds[standard:])
    )


def _has_type(kind: Any, column: Column, table: Table) -> bool:
    if column.kind is Kind.MOMENT:
        return str(kind) == "datetime64[us, UTC]"
    if column.kind in _TYPES or table.key == (column.name,):
        return str(kind) == _TYPES.get(column.kind, "str")
    return isinstance(kind, pd.CategoricalDtype)


def typed_column(values: pd.Series, column: Column, table: Table, zone: ZoneInfo) -> pd.Series:
    """One column in the type that `typed` gives it."""
    if str(values.dtype) == _TYPES.get(column.kind):
        return values
    match column.kind:
        case Kind.MOMENT:
            return moments(values, zone)
        case Kind.DATE:
            return pd.to_datetime(values, format="ISO8601").astype("datetime64[us]")
        case Kind.MONEY | Kind.NUMBER:
            return pd.to_numeric(values).astype("float64")
        case Kind.FLAG:
            return values.astype("boolean")
        case Kind.TEXT:
            return values.astype("str")
        case _ if table.key == (column.name,):
            return values.astype("str")
        case _:
            return (
                values
                if isinstance(values.dtype, pd.CategoricalDtype)
                else values.astype("str").astype("category")
            )


def _attribute(values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        return values
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        return values.astype("float64")
    return values.astype("str").astype("category")


def moments(values: pd.Series, zone: ZoneInfo) -> pd.Series:
    """Instants or times as datetime64[us, UTC]; naive ones are in `zone`."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        there: pd.Series = values.dt.tz_convert("UTC").astype("datetime64[us, UTC]")
        return there
    if pd.api.types.is_datetime64_dtype(values.dtype):
        local = values.astype("datetime64[us]")
    else:
        aware = values.astype("str").str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", na=False)
        if aware.any():
            stamped = values.astype("str").where(aware)
            fixed = pd.to_datetime(stamped, format="ISO8601", utc=True).astype("datetime64[us, UTC]")
            return fixed.where(aware, moments(values.where(~aware), zone)) if not aware.all() else fixed
        local = pd.to_datetime(values, format="ISO8601").astype("datetime64[us]")
    # A clock turned forward or back: take the later reading, never fail.
    placed = local.dt.tz_localize(zone, ambiguous=np.zeros(len(local), bool), nonexistent="shift_forward")
    return placed.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def event_text(value: Any) -> str | None:
    """A value as events hold it: whole numbers without a point, a blank as None.

    >>> event_text(120.0), event_text("x"), event_text(None)
    ('120', 'x', None)
    """
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return orjson.dumps(value).decode()


def codes_in(values: pd.Series, ids: pd.Index) -> np.ndarray:
    """Position of each value in `ids`, int64 of shape (n,); -1 where missing or not in it."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        of_category = np.append(_positions(values.cat.categories, ids), -1)
        positions: np.ndarray = of_category[values.cat.codes.to_numpy()]
        return positions.astype(np.int64)
    return np.asarray(ids.get_indexer(pd.Index(values)), np.int64)


def _positions(names: pd.Index, ids: pd.Index) -> np.ndarray:
    """`ids.get_indexer(names)`; of two lists of texts without an object for each."""
    if len(names) < _MANY or names.dtype != "str" or ids.dtype != "str":
        return np.asarray(ids.get_indexer(names))
    # pandas makes an object of each text, which takes ten times as long.
    texts, among = (pa.array(each.array).cast(pa.large_string()) for each in (names, ids))
    found: np.ndarray = pa.compute.index_in(texts, value_set=among).fill_null(-1).to_numpy()
    return found


def attribute_column(values: pd.Series) -> pd.Series:
    """Numbers and texts of a custom attribute as a column: numbers where all are, else a category."""
    filled = values.dropna()
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in filled):
        return values.astype("float64")
    texts = values.map(event_text, na_action="ignore")
    return texts.astype("str").astype("category")


def with_own_columns(frame: pd.DataFrame, table: Table, columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """A frame with other columns; custom attributes that it lacked come among its own by their names."""
    new = [name for name in columns if name not in frame]
    grown = frame.assign(**columns)
    if not new:
        return grown
    fixed = list(frame.columns[: len(table.columns)])
    return grown[[*fixed, *sorted(grown.columns[len(fixed) :])]]


def own_columns_as_stored(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """A view's custom attributes as the store would give them: none without values, numbers where all are.

    What came later decides neither: a text that an attribute has had since, or that all its values are gone.
    """
    columns: dict[str, pd.Series] = {}
    blank: list[str] = []
    for name in frame.columns[len(table.columns) :]:
        column = frame[name]
        if not isinstance(column.dtype, pd.CategoricalDtype):
            if column.isna().all():
                blank.append(name)
            continue
        used = np.unique(column.cat.codes.to_numpy())
        names = column.cat.categories[used[used >= 0]]
        if not len(names):
            blank.append(name)
        elif all(_is_number(str(text)) for text in names):
            columns[name] = column.astype(object).astype("float64")
    if not columns and not blank:
        return frame
    return frame.assign(**columns).drop(columns=blank)


def _is_number(text: str) -> bool:
    """Whether a text is how a number is written in the history of changes.

    >>> [_is_number(text) for text in ("12", "0.5", "007", "nan", "2026-10-01")]
    [True, True, False, False, False]
    """
    try:
        number = float(text)
    except ValueError:
        return False
    return bool(np.isfinite(number)) and event_text(number) == text


def position_in(names: pd.Index, name: str | None) -> int:
    """The position of a name in an index of names without repeats; -1 = it is not there, or None."""
    try:
        position = names.get_loc(name) if name is not None else -1
    except KeyError:
        return -1
    return int(position) if isinstance(position, int | np.integer) else -1
