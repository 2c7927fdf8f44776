"""What do recorded rows look like in the version that was known at a moment, merges carried out?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute

from crm.frames import attribute_column, typed_column, with_own_columns
from crm.instants import NEVER
from crm.schema import REFERENCES, TABLES, Column, Kind, Table
from crm.versions import CUSTOM, Versions, row_keys


def standing_rows(
    recorded: Mapping[str, pd.DataFrame], versions: Mapping[str, Versions], moment: int, zone: ZoneInfo
) -> dict[str, pd.DataFrame]:
    """The recorded rows in the version known at a moment, without those gone, merges carried out."""
    frames = dict(recorded)
    for name, of_table in versions.items():
        if len(of_table) and len(frames[name]):
            frames[name] = _rows_at(frames[name], TABLES[name], of_table, moment, zone)
    for name, of_table in versions.items():
        if survivors := of_table.merged_at(moment):
            _follow_merges(frames, name, survivors)
    return frames


def _rows_at(
    frame: pd.DataFrame, table: Table, versions: Versions, moment: int, zone: ZoneInfo
) -> pd.DataFrame:
    chosen = versions.at(moment)
    absent = (chosen < 0) | versions.gone[chosen]
    differs = np.flatnonzero(absent | (chosen != versions.starts[1:] - 1))  # from what is recorded
    if not len(differs):
        return frame
    chosen, absent, row = chosen[differs], absent[differs], _rows_of(frame, table, versions.rows[differs])
    older = ~absent & (row >= 0)
    if older.any():
        contents = [versions.contents(at) for at in chosen[older]]
        frame = _overwritten(frame, table, row[older], contents, zone)
    hidden = row[absent & (row >= 0)]
    if not len(hidden):
        return frame
    kept = np.ones(len(frame), bool)
    kept[hidden] = False
    return frame[kept].reset_index(drop=True)


def _rows_of(frame: pd.DataFrame, table: Table, keys: np.ndarray) -> np.ndarray:
    """The row of each key (n,), -1 = there is none."""
    if len(table.key) > 1 or frame[table.key[0]].dtype != "str":
        return np.asarray(row_keys(frame, table).get_indexer(pd.Index(keys, dtype=object)))
    # A look at each row for a few keys costs less than an index of all rows.
    names = pa.array(frame[table.key[0]].array).cast(pa.large_string())
    number = pa.compute.index_in(names, value_set=pa.array(keys, pa.large_string()))
    found = number.fill_null(-1).to_numpy()
    there = np.flatnonzero(found >= 0)
    row = np.full(len(keys), -1)
    row[found[there]] = there
    return row


def _overwritten(
    frame: pd.DataFrame, table: Table, rows: np.ndarray, contents: list[dict[str, Any]], zone: ZoneInfo
) -> pd.DataFrame:
    """The frame with other contents of some rows; columns that no contents name keep their values."""
    columns = {}
    for column in table.columns:
        if column.name in table.key or not any(column.name in each for each in contents):
            continue
        values = pd.Series([each.get(column.name) for each in contents], dtype=object)
        columns[column.name] = put_values(
            frame[column.name], rows, typed_column(_instants(values, column), column, table, zone)
        )
    if table.custom and any(CUSTOM in each for each in contents):
        columns |= _own_columns(frame, table, rows, [each.get(CUSTOM) or {} for each in contents])
    return with_own_columns(frame, table, columns)


def _own_columns(
    frame: pd.DataFrame, table: Table, rows: np.ndarray, given: list[dict[str, Any]]
) -> dict[str, pd.Series]:
    """The custom attributes of all rows, with those given for some; they may have been numbers or texts."""
    columns = {}
    for name in dict.fromkeys(
        [*frame.columns[len(table.columns) :], *(name for own in given for name in own)]
    ):
        values: np.ndarray = np.full(len(frame), None, object)
        if name in frame:
            values = np.array(frame[name].astype(object).where(frame[name].notna(), None), object)
        values[rows] = [own.get(name) for own in given]
        columns[str(name)] = attribute_column(pd.Series(values, index=frame.index, dtype=object))
    return columns


def _instants(values: pd.Series, column: Column) -> pd.Series:
    if column.kind is not Kind.MOMENT:
        return values
    known = np.array([NEVER if value is None else int(value) for value in values], np.int64)
    return pd.Series(pd.Series(known.view("datetime64[us]")).dt.tz_localize("UTC"))


def put_values(column: pd.Series, rows: np.ndarray, values: pd.Series) -> pd.Series:
    """A column with the values at some positions; a category takes in the names it lacks, sorted."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        changed = column.copy()
        changed.iloc[rows] = values.astype(column.dtype).to_numpy() if column.dtype != "str" else values
        return changed
    texts = values.astype(object)
    names = column.cat.categories
    new = {str(text) for text in texts.dropna()} - set(names)
    index = pd.Index(sorted([*names, *new]), dtype=names.dtype) if new else names
    codes = np.append(index.get_indexer(names), -1)[column.cat.codes]
    codes[rows] = index.get_indexer(pd.Index(texts.map(str, na_action="ignore"), dtype=object))
    return pd.Series(pd.Categorical.from_codes(codes, categories=index), index=column.index)


def _follow_merges(frames: dict[str, pd.DataFrame], table: str, survivors: Mapping[str, str]) -> None:
    """Rows of other tables name the survivor where they named a row that was merged into it."""
    for other, name in REFERENCES.get(table, ()):
        frames[other] = frames[other].assign(**{name: _renamed(frames[other][name], survivors)})
    fields = [name for other, name in REFERENCES.get(table, ()) if other == "deals"]
    events = frames["deal_events"]
    if not fields or not len(events):
        return
    of_field = events["field"].isin(fields).to_numpy()
    for name in ("value", "old_value"):
        renamed = _renamed(events[name][of_field], survivors)
        frames["deal_events"] = events = events.assign(
            **{name: put_values(events[name], np.flatnonzero(of_field), renamed)}
        )


def _renamed(column: pd.Series, names: Mapping[str, str]) -> pd.Series:
    """A column of names with some of them replaced."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.map(lambda name: names.get(name, name), na_action="ignore").astype(column.dtype)
    categories = column.cat.categories
    changed = [names.get(name, name) for name in categories]
    if changed == list(categories):
        return column
    merged = pd.Index(sorted(set(changed)), dtype=categories.dtype)
    codes = merged.get_indexer(pd.Index(changed, dtype=categories.dtype))
    codes = np.where(column.cat.codes < 0, -1, np.append(codes, -1)[column.cat.codes])
    return pd.Series(pd.Categorical.from_codes(codes, categories=merged), index=column.index)
